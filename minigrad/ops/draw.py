"""Where random numbers come from: arrays drawn on a device, for every sample of a running vmap."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad import kernels
from minigrad.dtypes import check_floats
from minigrad.kernels import philox
from minigrad.kernels.batched.array import batched, has_level
from minigrad.kernels.batched.levels import RANDOM_IN_VMAP, Level, running
from minigrad.kernels.promotion import computed_in
from minigrad.random import Generator, chosen_generator

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
FLOAT32 = np.dtype(np.float32)
SAME_FOR_SAMPLES = (
    "Vmap does not currently support same randomness with a batched tensor input: draw numbers "
    "with rand(x.shape) and compute with them, or use randomness='different'"
)


def source(generator: Generator | None) -> Source:
    """What draws the numbers, for the samples of the running calls of vmap."""
    return Source(chosen_generator(generator), running())


class Source:
    """Draws arrays; inside vmap for each sample or one for all, as its `randomness` says."""

    def __init__(self, generator: Generator, levels: list[Level]):
        self.generator, self.levels = generator, levels
        self.sizes: tuple[int, ...] = ()
        if not levels:
            return
        if any(level.randomness == "error" for level in levels):
            raise RuntimeError(RANDOM_IN_VMAP)
        self.levels = [level for level in levels if level.randomness == "different"]
        self.sizes = tuple(level.size for level in self.levels)

    def hidden(self, drawn: Array) -> Array:
        """Numbers with the dimensions of the samples in front, and those hidden."""
        for level in self.levels:
            drawn = batched(drawn, level.number)
        return drawn

    def drawn(
        self, name: str, shape: Sequence[int], dtype: Any, device: Any, a: Any, b: Any
    ) -> Array:
        out = kernels.empty((*self.sizes, *shape), dtype, device)
        seed, offset = self.generator.take(philox.blocks_for(name, out.size))
        if out.size:
            kernels.fill_random(out, name, seed, offset, a, b)
        return self.hidden(out)

    def uniform(
        self, shape: Sequence[int], dtype: Any, device: Any = None, low: float = 0, high: float = 1
    ) -> Array:
        """Numbers from [low, high) of a floating (NumPy) dtype."""
        check_floats("check_uniform_bounds", dtype)
        real = computed_in(dtype).type
        numbers = real(low), real(high - low)
        return self.drawn(named("uniform", dtype), shape, dtype, device, *numbers)

    def normal(
        self, shape: Sequence[int], dtype: Any, device: Any = None, mean: float = 0, std: float = 1
    ) -> Array:
        """Normally distributed numbers."""
        check_floats("normal_kernel", dtype)
        computed = computed_in(dtype)
        numbers = computed.type(mean), computed.type(std)
        return self.drawn(named("normal", computed), shape, dtype, device, *numbers)

    def exponential(
        self, shape: Sequence[int], dtype: Any, device: Any = None, rate: float = 1
    ) -> Array:
        """Exponentially distributed numbers, whose mean is 1 / rate."""
        computed = computed_in(dtype)
        numbers = computed.type(rate), computed.type(0)
        return self.drawn(named("exponential", computed), shape, dtype, device, *numbers)

    def integers(self, low: int, high: int, shape: Sequence[int], device: Any = None) -> Array:
        """int64 from low to high - 1."""
        numbers = np.int64(low), np.uint64(high - low)
        return self.drawn("integers_int64", shape, np.dtype(np.int64), device, *numbers)

    def permutation(self, n: int) -> Array:
        """The numbers 0 to n - 1 in random order (int64, on the CPU)."""
        rows = math.prod(self.sizes)
        seed, offset = self.generator.take(rows * philox.blocks_for("integers_int64", n))
        order = kernels.permutations(rows, n, seed, offset)
        return self.hidden(order.reshape((*self.sizes, n)))


@functools.cache
def named(distribution: str, dtype: Any) -> str:
    return f"{distribution}_{dtype}"


def place_of(device: Any) -> devices.device | None:
    """A `device=` argument as a device; None stays None, for the CPU."""
    return None if device is None else devices.device(device)


def check_one_draw_a_sample(array: Array) -> None:
    """RuntimeError where one draw for all samples should depend on what is each sample's own."""
    for level in running():
        if level.randomness == "same" and has_level(array, level.number):
            raise RuntimeError(SAME_FOR_SAMPLES)
