"""Seeds of the GPU.  All devices draw from one generator: seeding the GPU seeds it for all; without
a GPU nothing happens, as in torch."""

from __future__ import annotations

from typing import Any

from minigrad import kernels, random
from minigrad.tensor import Tensor


def manual_seed(seed: int) -> None:
    """Seed the default generator, if there is a GPU."""
    if has_gpu():
        random.manual_seed(seed)


def seed() -> None:
    """Seed the default generator from the operating system, if there is a GPU."""
    if has_gpu():
        random.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return random.initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """Where the default generator stands."""
    return random.get_rng_state()


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Take the default generator back."""
    random.set_rng_state(new_state)


def get_rng_state_all() -> list[Tensor]:
    """The state of the one generator, for each GPU."""
    count = kernels.cuda_module("driver").device_count() if has_gpu() else 0
    return [random.get_rng_state() for _ in range(count)]


def set_rng_state_all(new_states: Any) -> None:
    """Take the default generator back to the state of the first GPU."""
    for state in list(new_states)[:1]:
        random.set_rng_state(state)


def has_gpu() -> bool:
    return bool(kernels.cuda_module("driver").is_available())


manual_seed_all, seed_all = manual_seed, seed
