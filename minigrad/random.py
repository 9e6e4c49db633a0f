"""Random numbers: one default generator, and as many of your own as you make.

The names are torch's; the numbers are NumPy's (PCG64), so a seed gives others than in torch.
Numbers for any device are drawn on the CPU: there is no second stream whose state could matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.tensor import Tensor, constant

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

DEFAULT_SEED = 67280421310721  # torch's: a program that sets no seed is repeatable

# A state: the seed, PCG64's two numbers of 128 bits, and half a draw that is kept for later.
WORD, WORDS = 2**64, 7


class Generator:
    """A stream of random numbers, made again from the same seed whenever you like."""

    def __init__(self, device: object = "cpu") -> None:
        self.device = device
        self._seed = DEFAULT_SEED
        self._stream: np.random.Generator | None = None

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`; a negative one counts from 2**64 down, as in torch."""
        number = int(seed)
        if not -WORD // 2 <= number < WORD:
            raise ValueError(f"Overflow: a seed lies from -2**63 to 2**64 - 1, but got {number}")
        self._seed = number % WORD
        self._stream = None
        return self

    def seed(self) -> int:
        """Start again from a seed that the operating system chooses, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    @property
    def numpy(self) -> np.random.Generator:
        """The NumPy generator that draws the numbers."""
        if self._stream is None:
            self._stream = np.random.default_rng(self._seed)
        return self._stream

    def get_state(self) -> Tensor:
        """Where the stream stands, as a tensor of bytes for set_state()."""
        pcg: Any = self.numpy.bit_generator.state
        numbers = pcg["state"]["state"], pcg["state"]["inc"]
        halves = [half for number in numbers for half in (number % WORD, number // WORD)]
        words = [self._seed, *halves, pcg["has_uint32"], pcg["uinteger"]]
        return constant(np.array(words, "<u8").view(np.uint8))

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on from where a generator was when get_state() was called."""
        self._seed, low, high, low_inc, high_inc, has_half, half = words_of(new_state)
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": low + WORD * high, "inc": low_inc + WORD * high_inc},
            "has_uint32": has_half,
            "uinteger": half,
        }
        return self

    def clone_state(self) -> Generator:
        """Another generator that will draw the same numbers."""
        return Generator(self.device).set_state(self.get_state())


def words_of(state: Tensor) -> list[int]:
    """The numbers of a state; TypeError or RuntimeError if it is not one."""
    if not isinstance(state, Tensor):
        raise TypeError(f"expected a minigrad.ByteTensor, but got {type(state).__name__}")
    if state.array.dtype != np.uint8:
        raise TypeError(f"RNG state must be a minigrad.ByteTensor (uint8), but it is {state.dtype}")
    if state.array.size != 8 * WORDS:
        raise RuntimeError(
            f"Expected a generator state of size {8 * WORDS} but found the input RNG state size to "
            f"be {state.array.size}: pass what get_state() or get_rng_state() returned"
        )
    words: list[int] = np.ascontiguousarray(state.host_array()).ravel().view("<u8").tolist()
    return words


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything random draws unless told otherwise."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator again from a seed that the operating system chooses."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Where the default generator stands, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Take the default generator back to where it was when get_rng_state() was called."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str | None = None
) -> Iterator[None]:
    """Whatever is drawn in the block leaves the default generator as it was before.

    `devices` and `device_type` are accepted as in torch: all devices draw from one generator.
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
