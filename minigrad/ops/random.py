"""Random tensors, drawn from a Generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.kernels.batched.array import batched, has_level
from minigrad.kernels.batched.levels import RANDOM_IN_VMAP, Level, running
from minigrad.node import Node
from minigrad.ops.creation import Device, Dtype, finish, numpy_dtype
from minigrad.ops.inplace import OverwriteNode, check_writable, overwrite
from minigrad.ops.move import to_device_array
from minigrad.ops.pointwise import add, lt, mul
from minigrad.random import Generator, default_generator
from minigrad.shapes import shape_argument
from minigrad.tensor import Tensor, constant


def source(generator: Generator | None) -> Any:
    """What draws the numbers: NumPy's generator, or inside vmap one that knows of samples."""
    stream = (default_generator if generator is None else generator).numpy
    levels = running()
    return SampleStream(stream, levels) if levels else stream


class SampleStream:
    """Draws for every sample of the running calls of vmap, as their `randomness` says."""

    def __init__(self, stream: np.random.Generator, levels: list[Level]):
        if any(level.randomness == "error" for level in levels):
            raise RuntimeError(RANDOM_IN_VMAP)
        self.stream = stream
        self.levels = [level for level in levels if level.randomness == "different"]
        self.sizes = tuple(level.size for level in self.levels)

    def hidden(self, drawn: Any) -> Any:
        """Numbers with the dimensions of the samples in front, and those hidden."""
        for level in self.levels:
            drawn = batched(drawn, level.number)
        return drawn

    def random(self, shape: Sequence[int], dtype: Any = np.float64) -> Any:
        return self.hidden(self.stream.random((*self.sizes, *shape), dtype))

    def standard_normal(self, shape: Sequence[int], dtype: Any = np.float64) -> Any:
        return self.hidden(self.stream.standard_normal((*self.sizes, *shape), dtype))

    def normal(self, mean: float, std: float, shape: Sequence[int]) -> Any:
        return self.hidden(self.stream.normal(mean, std, (*self.sizes, *shape)))

    def integers(self, low: int, high: int, shape: Sequence[int]) -> Any:
        return self.hidden(self.stream.integers(low, high, (*self.sizes, *shape)))

    def permutation(self, n: int) -> Any:
        ordered = np.broadcast_to(np.arange(n), (*self.sizes, n))
        return self.hidden(self.stream.permuted(ordered, axis=-1))


def rand(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1)."""
    array = source(generator).random(shape_argument(sizes or (size,)), np.float32)
    return finish(array.astype(numpy_dtype(dtype), copy=False), device, requires_grad)


def randn(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    kind = numpy_dtype(dtype)
    drawn: Any = np.float64 if kind == np.float64 else np.float32
    array = source(generator).standard_normal(shape_argument(sizes or (size,)), drawn)
    return finish(array.astype(kind, copy=False), device, requires_grad)


def randint(
    *bounds: Any,
    low: int = 0,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
) -> Tensor:
    """randint(high, size) or randint(low, high, size): integers from low (0) to high - 1."""
    numbers = list(bounds)
    if size is None:
        size = numbers.pop()
    if high is None:
        high = numbers.pop()
    low = numbers[0] if numbers else low
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got {low} >= {high}")
    array = source(generator).integers(low, high, tuple(size))
    return finish(array.astype(numpy_dtype(dtype, dtypes.int64)), device, False)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Dtype = None, device: Device = None
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    array = source(generator).permutation(n)
    return finish(array.astype(numpy_dtype(dtype, dtypes.int64)), device, False)


def rand_like(input: Tensor) -> Tensor:
    """rand() with the shape, dtype and device of `input`."""
    return rand(input.array.shape, dtype=input.dtype, device=input.device)


def randn_like(input: Tensor) -> Tensor:
    """randn() with the shape, dtype and device of `input`."""
    return randn(input.array.shape, dtype=input.dtype, device=input.device)


def normal(
    mean: float, std: float, size: Sequence[int], *, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn from the normal distribution of this mean and standard deviation."""
    array = source(generator).normal(mean, std, tuple(size)).astype(numpy_dtype(None))
    return constant(array)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element says, else 0."""
    chances = input.array
    for level in running():
        if level.randomness == "same" and has_level(chances, level.number):
            raise RuntimeError(
                "Vmap does not currently support same randomness with a batched tensor input: "
                "draw numbers with rand(x.shape) and compare, or use randomness='different'"
            )
    if input.is_cuda:
        chances = input.host_array()
    drawn = lt(source(generator).random(chances.shape), chances)
    return finish(drawn.astype(input.array.dtype), input.device, False)


class UniformBackward0(OverwriteNode):
    __slots__ = ()


class NormalBackward0(OverwriteNode):
    __slots__ = ()


def draw_into(x: Tensor, values: Any, node_type: type[Node]) -> Tensor:
    """Fill a tensor in place with values that no gradient flows to."""
    check_writable(x)
    for level in running():
        if has_level(values, level.number) and not has_level(x.array, level.number):
            raise RuntimeError(
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This "
                "will appear like same randomness: make a new tensor, as randn_like(x) does"
            )
    return overwrite(x, to_device_array(values, x.device), node_type)


def uniform_(
    x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers drawn uniformly from [a, b)."""
    drawn = source(generator).random(x.array.shape, np.float32)
    return draw_into(x, add(mul(drawn, b - a), a), UniformBackward0)


def normal_(
    x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers drawn from the normal distribution."""
    drawn = source(generator).standard_normal(x.array.shape, np.float32)
    return draw_into(x, add(mul(drawn, std), mean), NormalBackward0)
