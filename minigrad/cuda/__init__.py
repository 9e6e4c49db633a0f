"""The GPU: whether there is one, and waiting for it.  Tensors move with .to("cuda")."""

from typing import Any

from minigrad import kernels
from minigrad.cuda.random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
    "synchronize",
]


def is_available() -> bool:
    """Whether tensors can be moved to a GPU, or to Numba's simulator of one."""
    return bool(driver().is_available())


def device_count() -> int:
    """How many GPUs can be used."""
    return int(driver().device_count())


def get_device_name(device: Any = None) -> str:
    """The name of the GPU."""
    driver().require()
    return str(driver().device_name())


def current_device() -> int:
    """The index of the GPU that "cuda" means."""
    driver().require()
    return 0


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has done all that it was given."""
    driver().require()
    kernels.cuda_module("driver").synchronize()


def empty_cache() -> None:
    """Nothing: memory that is not used is given back at once, there is no cache."""


def driver() -> Any:
    return kernels.cuda_module("driver")
