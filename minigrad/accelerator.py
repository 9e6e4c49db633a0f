"""The GPU, if there is one, by the names of torch.accelerator."""

from __future__ import annotations

from typing import Any

from minigrad import cuda
from minigrad.device import device

__all__ = [
    "current_accelerator",
    "current_device_index",
    "device_count",
    "is_available",
    "synchronize",
]


def is_available() -> bool:
    """Whether there is a GPU."""
    return cuda.is_available()


def current_accelerator(check_available: bool = False) -> device | None:
    """The device "cuda", or None without one."""
    return device("cuda") if cuda.is_available() else None


def device_count() -> int:
    """How many GPUs can be used."""
    return cuda.device_count() if cuda.is_available() else 0


def current_device_index() -> int:
    """The index of the GPU that "cuda" means."""
    return cuda.current_device()


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has done all that it was given."""
    cuda.synchronize(device)
