"""What each kind of child process is given of its parent's environment: the variables named here and no others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal

from unstill_config.sources import PREFIX

Kind = Literal["ffmpeg", "valkey", "guard", "nvidia-smi", "picture", "rating", "model", "engine"]

# Names are fnmatch patterns. A prefix stands only where no other program is known to keep a secret under it:
# NVIDIA_API_KEY is one, so NVIDIA_* does not.
_PROGRAM = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*")
_PYTHON = (
    *_PROGRAM,
    "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONUTF8", "PYTHONIOENCODING",
    "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS", "PYTHONDEVMODE",
    "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONMALLOC", "VIRTUAL_ENV",
)  # fmt: skip
_CARDS = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_REQUIRE_*", "NVIDIA_DISABLE_REQUIRE", "NVIDIA_TF32_OVERRIDE",
)  # fmt: skip
# HF_TOKEN and a proxy's password are secrets that the download of a model cannot do without.
_DOWNLOADS = (
    "HF_*", "HUGGINGFACE_HUB_*", "TRANSFORMERS_*", "DIFFUSERS_*", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    *(name for proxy in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{proxy}_PROXY", f"{proxy}_proxy".lower())),
)  # fmt: skip
_MODEL = (
    *_PYTHON, *_CARDS, *_DOWNLOADS,
    "HOME", "USER", "LOGNAME", "XDG_CACHE_HOME",  # where torch and Triton keep what they compiled
    "CUDA_*", "CUBLAS_*", "CUDNN_*", "NCCL_*", "TORCH_*", "TORCHINDUCTOR_*", "PYTORCH_*", "TRITON_*", "CC", "CXX",
    "OMP_*", "MKL_*", "OPENBLAS_*", "GOTO_NUM_THREADS", "KMP_*", "MALLOC_*",
    "COVERAGE_PROCESS_*",  # the name of coverage's settings, so that it can count what runs in a child
)  # fmt: skip
_ENGINE = (
    *_MODEL,
    "AWS_*",  # obstore takes what the settings of S3 do not say from there
    "IMAGEIO_FFMPEG_EXE", "TERM", "NO_COLOR",
)  # fmt: skip

VARIABLES: dict[Kind, tuple[str, ...]] = {
    "ffmpeg": _PROGRAM,
    "valkey": _PROGRAM,
    "guard": _PROGRAM,
    "nvidia-smi": (*_PROGRAM, *_CARDS),
    "picture": _PYTHON,
    "rating": _PYTHON,
    "model": _MODEL,
    "engine": _ENGINE,
}
SETTINGS: dict[Kind, tuple[str, ...]] = {
    "engine": ("redis", "storage", "catalog", "engine", "queue", "log", "metrics", "sentry", "credentials", "label"),
}
"""The groups of our own settings that a kind reads; none where it is not named."""


def child_environ(kind: Kind, environ: Mapping[str, str] | None = None, *, also: Iterable[str] = ()) -> dict[str, str]:
    """What of `environ` (os.environ) a child of that kind is given.

    `also` are further names, which a host has set; a setting of ours is never among them.
    """
    patterns = (*VARIABLES[kind], *also)
    groups = tuple(f"{PREFIX}{group}__".upper() for group in SETTINGS.get(kind, ()))

    def given(name: str) -> bool:
        if name.upper().startswith(PREFIX):
            return name.upper().startswith(groups)
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return {name: value for name, value in (os.environ if environ is None else environ).items() if given(name)}
