"""A camera that moves through a still picture, whose depth a small network judges: no GPU, no torch."""

from unstill_engine.renderers.depth.renderer import Depth

__all__ = ["Depth"]
