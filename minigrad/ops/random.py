"""Random tensors, drawn from a Generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.memory import note_write
from minigrad.ops.creation import Device, Dtype, finish, numpy_dtype
from minigrad.ops.inplace import check_writable
from minigrad.ops.move import to_device_array
from minigrad.random import Generator, default_generator
from minigrad.shapes import shape_argument
from minigrad.tensor import Tensor, constant


def source(generator: Generator | None) -> np.random.Generator:
    return (default_generator if generator is None else generator).numpy


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
    return finish(np.asarray(array, kind), device, requires_grad)


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
    return rand(input.array.shape, dtype=input.dtype, device=input.device)


def randn_like(input: Tensor) -> Tensor:
    return randn(input.array.shape, dtype=input.dtype, device=input.device)


def normal(
    mean: float, std: float, size: Sequence[int], *, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn from the normal distribution of this mean and standard deviation."""
    array = source(generator).normal(mean, std, tuple(size)).astype(numpy_dtype(None))
    return constant(array)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element says, else 0."""
    drawn = source(generator).random(input.array.shape) < input.host_array()
    return finish(drawn.astype(input.array.dtype), input.device, False)


def overwrite(x: Tensor, values: np.ndarray[Any, Any]) -> Tensor:
    """Fill a tensor in place with values that no gradient flows to."""
    check_writable(x)
    x.array[...] = to_device_array(values.astype(x.array.dtype), x.device)
    note_write(x.array)
    return x


def uniform_(
    x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers drawn uniformly from [a, b)."""
    return overwrite(x, a + (b - a) * source(generator).random(x.array.shape, np.float32))


def normal_(
    x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers drawn from the normal distribution."""
    return overwrite(x, mean + std * source(generator).standard_normal(x.array.shape, np.float32))
