"""Seeds and generators: one default generator, and as many of your own as you make.

The names are torch's.  The numbers are Philox's (docs/random.md): a seed gives the same ones on
every device and platform, but not those of torch.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad.tensor import Tensor, constant

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

DEFAULT_SEED = 67280421310721  # torch's: a program that sets no seed is repeatable

WORD = 2**64
STATE = 16  # bytes: the seed and the offset


class Generator:
    """A stream of random numbers, made again from the same seed whenever you like.

    It is two numbers, the seed and the offset: how many blocks were taken so far.
    """

    def __init__(self, device: object = "cpu") -> None:
        self.device = devices.device(device)
        self._seed, self._offset = DEFAULT_SEED, 0

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`; a negative one counts from 2**64 down, as in torch."""
        number = int(seed)
        if not -WORD // 2 <= number < WORD:
            raise ValueError(f"Overflow: a seed lies from -2**63 to 2**64 - 1, but got {number}")
        self._seed, self._offset = number % WORD, 0
        return self

    def seed(self) -> int:
        """Start again from a seed that the operating system chooses, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    def take(self, blocks: int) -> tuple[int, int]:
        """The seed, and the number of the first of so many blocks that nobody else will get."""
        first = self._offset
        self._offset = (first + blocks) % WORD
        return self._seed, first

    def get_offset(self) -> int:
        """How many blocks were taken since the seed was set."""
        return self._offset

    def set_offset(self, offset: int) -> Generator:
        """Go on as after so many blocks."""
        self._offset = int(offset) % WORD
        return self

    def get_state(self) -> Tensor:
        """Where the stream stands, as a tensor of bytes for set_state()."""
        return constant(np.array([self._seed, self._offset], "<u8").view(np.uint8))

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on from where a generator was when get_state() was called."""
        self._seed, self._offset = words_of(new_state)
        return self

    def clone_state(self) -> Generator:
        """Another generator that will draw the same numbers."""
        return Generator(self.device).set_state(self.get_state())


def words_of(state: Tensor) -> list[int]:
    """The two numbers of a state; TypeError or RuntimeError if it is not one."""
    if not isinstance(state, Tensor):
        raise TypeError(f"expected a minigrad.ByteTensor, but got {type(state).__name__}")
    if state.array.dtype != np.uint8:
        raise TypeError(f"RNG state must be a minigrad.ByteTensor (uint8), but it is {state.dtype}")
    if state.array.size != STATE:
        raise RuntimeError(
            f"Expected a generator state of size {STATE} but found the input RNG state size to be "
            f"{state.array.size}: pass what get_state() or get_rng_state() returned"
        )
    words: list[int] = np.ascontiguousarray(state.host_array()).ravel().view("<u8").tolist()
    return words


default_generator = Generator()


def chosen_generator(given: Generator | None) -> Generator:
    """The argument `generator`, or the one for all."""
    if given is None:
        return default_generator
    if not isinstance(given, Generator):
        raise TypeError(f"argument 'generator' must be Generator, not {type(given).__name__}")
    return given


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
