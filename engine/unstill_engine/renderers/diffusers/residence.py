"""Moves a pipeline's parts: they are on the device always, while they work, or a layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers.hooks import HookRegistry
from torch import Tensor, nn

from unstill_config.pipelines import Pipeline, Placing

_PROCESSOR = torch.device("cpu")
_GROUP_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")


class Movable:
    """Moves one part. Its weights stay in the processor's memory too, so that leaving the device copies nothing."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self._module = module
        self._device = device
        self._kept: dict[int, Tensor] = {}

    def come(self) -> None:
        """Bring all weights onto the device."""
        for tensor in self._tensors():
            if tensor.device != self._device:
                self._kept[id(tensor)] = tensor.data
                tensor.data = tensor.data.to(self._device)

    def go(self) -> None:
        """Leave the device."""
        if self._device == _PROCESSOR:
            return
        for tensor in self._tensors():
            if tensor.device.type != "cpu":
                kept = self._kept.get(id(tensor))
                tensor.data = kept if kept is not None and kept.dtype == tensor.dtype else tensor.data.to(_PROCESSOR)

    def forget(self) -> None:
        """Keep nothing: the weights are other ones now, or somebody else moves them."""
        self._kept.clear()

    def _tensors(self) -> list[Tensor]:
        return [*self._module.parameters(), *self._module.buffers()]


class Residence:
    """Moves the parts of one pipeline. `more` are modules that belong to the VAE. `accelerate` is called where the
    denoisers are whole while they work, on the pipeline's own forwards; it cannot be on weights in 8 bits.

    With 8-bit storage the weights are rounded for good: `rounded`.
    """

    def __init__(
        self,
        pipeline: Any,
        table: Pipeline,
        device: torch.device,
        more: Mapping[str, nn.Module],
        accelerate: Callable[[Any, torch.device], None] | None,
    ) -> None:
        self._pipeline = pipeline
        self._table = table
        self._device = device
        self._accelerate = accelerate
        self._placing: Placing | None = None
        self.rounded = False
        self._leaf = False
        parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
        self._modules = {**parts, **more}
        self._movable = {name: Movable(module, device) for name, module in self._modules.items()}
        self._stays: frozenset[str] = frozenset()
        self._elsewhere: frozenset[str] = frozenset()
        self._forwards: dict[nn.Module, tuple[Any, Any]] | None = None
        for name, module in self._modules.items():
            module.register_forward_pre_hook(self._before(name), with_kwargs=True)
            if hasattr(module, "encode"):
                self._wrap_encode(name, module)

    def enter(self, placing: Placing) -> None:
        """Place the parts for a clip."""
        if placing == self._placing:
            return
        former, self._placing = self._placing, None  # where it fails, the next begins from nothing
        if self._leaf and (placing.denoiser != "leaf" or former is None):
            self._end_leaf()
        stays = set(self._table.encoders) if placing.words == "resident" else set()
        if placing.denoiser == "resident":
            stays |= {*self._modules} - {*self._table.encoders}
        self._elsewhere = frozenset(self._table.encoders if placing.words == "processor" else ())
        self._stays = frozenset(stays & {*self._modules})
        self.empty()
        if placing.denoiser in ("eight_bit", "leaf"):
            self._plain()
        if placing.denoiser == "eight_bit" and not self.rounded:
            self._round()
        if placing.denoiser == "leaf" and not self._leaf:
            self._begin_leaf()
        if placing.denoiser == "leaf":
            self._elsewhere |= frozenset(self._table.denoisers)
        for name in self._stays:
            self._movable[name].come()
        if placing.denoiser in ("resident", "moved"):
            self._speed_up()
        self._placing = placing

    def visit(self, name: str) -> None:
        """Bring a part that is to work now; those that do not stay leave first."""
        if name in self._elsewhere:
            return
        for other, movable in self._movable.items():
            if other != name and other not in self._stays and other not in self._elsewhere:
                movable.go()
        if name in self._movable:  # a pipeline may have no part of that name
            self._movable[name].come()

    def empty(self) -> None:
        """Have all parts leave the device that do not stay there."""
        leaf = self._table.denoisers if self._placing and self._placing.denoiser == "leaf" else ()
        self.forget()
        for name, movable in self._movable.items():
            if name not in self._stays and name not in leaf:
                movable.go()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def reuse(self, threshold: float) -> None:
        """Begin a clip whose steps may take over what changes less than by that share, where a forward can do that."""
        for denoiser in self._denoisers():
            getattr(denoiser.forward, "reuse", float)(threshold)

    def reused(self) -> int:
        """Return how many of a hundred forwards of the clip were taken over, rounded."""
        counts = [getattr(denoiser.forward, "reused", lambda: (0, 0))() for denoiser in self._denoisers()]
        return round(100 * sum(taken for taken, _ in counts) / max(1, sum(asked for _, asked in counts)))

    def forget(self) -> None:
        """Give up what accelerated forwards keep between the halves of a step, and between steps."""
        for denoiser in self._denoisers():
            getattr(denoiser.forward, "forget", int)()

    def _before(self, name: str) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
        def hook(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            self.visit(name)
            where = _PROCESSOR if name in self._elsewhere and name in self._table.encoders else self._device
            return tuple(_on(where, value) for value in given), {key: _on(where, value) for key, value in named.items()}

        return hook

    def _wrap_encode(self, name: str, module: Any) -> None:
        """A VAE is called by `encode`, which no hook of torch sees."""
        encode = module.encode

        def visited(x: Tensor, *given: Any, **named: Any) -> Any:
            self.visit(name)
            return encode(x.to(self._device), *given, **named)

        module.encode = visited

    def _denoisers(self) -> list[Any]:
        return [self._modules[name] for name in self._table.denoisers if name in self._modules]

    def _speed_up(self) -> None:
        if self._accelerate is None or self._forwards is not None or self.rounded:
            return
        modules = [module for denoiser in self._denoisers() for module in denoiser.modules()]
        self._forwards = {
            module: (module.__dict__.get("forward"), module.__dict__.get("_compiled_call_impl")) for module in modules
        }
        self._accelerate(self._pipeline, self._device)

    def _plain(self) -> None:
        """Take back what `accelerate` put in the denoisers' place: their layers are to be reached one by one."""
        for module, (forward, compiled) in (self._forwards or {}).items():
            for attribute, value in (("forward", forward), ("_compiled_call_impl", compiled)):
                module.__dict__.pop(attribute, None)
                if value is not None:
                    module.__dict__[attribute] = value
        self._forwards = None

    def _round(self) -> None:
        for name, denoiser in zip(self._table.denoisers, self._denoisers(), strict=False):
            denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=denoiser.dtype)
            self._movable[name].forget()
        self.rounded = True

    def _begin_leaf(self) -> None:
        self._leaf = True
        for name, denoiser in zip(self._table.denoisers, self._denoisers(), strict=False):
            self._movable[name].forget()
            denoiser.enable_group_offload(
                onload_device=self._device,
                offload_device=_PROCESSOR,
                offload_type="leaf_level",
                use_stream=self._device.type == "cuda",
            )

    def _end_leaf(self) -> None:
        for denoiser in self._denoisers():
            registry = HookRegistry.check_if_exists_or_initialize(denoiser)
            for hook in _GROUP_HOOKS:
                registry.remove_hook(hook, recurse=True)
            denoiser.to(_PROCESSOR)
        self._leaf = False


def _on(device: torch.device, value: Any) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
