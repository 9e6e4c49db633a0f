"""Random numbers: one default generator, and as many of your own as you make.

The names are torch's; the numbers are NumPy's (PCG64), so a seed gives others than in torch.
"""

import secrets

import numpy as np

DEFAULT_SEED = 67280421310721  # torch's: a program that sets no seed is repeatable


class Generator:
    """A stream of random numbers, made again from the same seed whenever you like."""

    def __init__(self, device: object = "cpu") -> None:
        self.device = device
        self._seed = DEFAULT_SEED
        self._stream: np.random.Generator | None = None

    def manual_seed(self, seed: int) -> "Generator":
        """Start again from `seed`."""
        self._seed = int(seed)
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
            self._stream = np.random.default_rng(self._seed % 2**64)
        return self._stream


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything random draws unless told otherwise."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    return default_generator.seed()


def initial_seed() -> int:
    return default_generator.initial_seed()
