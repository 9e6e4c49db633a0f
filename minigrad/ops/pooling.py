"""Pooling: the average or the largest number of each window of an image.

A sequence is an image of height 1.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats, not_implemented
from minigrad.grad_mode import is_recording
from minigrad.kernels.taps import Taps, constant_taps, identity
from minigrad.node import LinearNode, Node
from minigrad.ops.arguments import Ints, typed
from minigrad.ops.either import Either
from minigrad.ops.padding import constant_pad
from minigrad.ops.pointwise import maximum
from minigrad.ops.reduction import mean
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.shapes import int_of
from minigrad.tensor import TENSORS, Tensor, constant, has_history, record

Array = Any
Pair = tuple[int, ...]  # of height and width
Windows = tuple[Array, Array, int]  # along a dimension: starts, counts, step inside


# ---------------------------------------------------------------------------------- weighted sums


class ResampleNode(LinearNode):
    """Weighted sums along height and width; the derivative is the same with transposed weights."""

    __slots__ = ("columns", "rows")
    rows: Taps
    columns: Taps

    def vjp(self, grad: Either) -> Any:
        return (resample(grad, self.rows.transposed, self.columns.transposed, type(self)),)

    def jvp(self, tangent: Either) -> Either:
        return resample(tangent, self.rows, self.columns, type(self))


class AvgPool2DBackward0(ResampleNode):
    __slots__ = ()


class AdaptiveAvgPool2DBackward0(ResampleNode):
    __slots__ = ()


def resample(x: Either, rows: Taps, columns: Taps, node_type: type[ResampleNode]) -> Either:
    if type(x) not in TENSORS:
        return kernels.resample(x, rows, columns)
    result = kernels.resample(x.array, rows, columns)
    return record(node_type, result, (x,), rows=rows, columns=columns)


# --------------------------------------------------------------------------------------- averages


@typed
def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The average of each window of (N, C, L) or (C, L)."""
    check_sequence("avg_pool1d", input)
    (k,) = ints("avg_pool1d", "kernel_size", kernel_size, 1)
    (s,) = ints("avg_pool1d", "stride", k if is_omitted(stride) else stride, 1)
    (p,) = ints("avg_pool1d", "padding", padding, 1)
    rows = unsqueeze(input, -2)
    pooled = avg_pool2d(rows, (1, k), (1, s), (0, p), ceil_mode, count_include_pad)
    return squeeze(pooled, -2)


@typed
def avg_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The average of each window of (N, C, H, W) or (C, H, W): the sum over the number of places
    (those in the padding, too, if count_include_pad), or over divisor_override."""
    kernel, steps, around = pooling_arguments("avg_pool2d", kernel_size, stride, padding)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    sizes = output_sizes("avg_pool2d", input, kernel, steps, around, (1, 1), ceil_mode)
    if input.array.dtype != np.int64:
        check_floats("avg_pool2d", input.array.dtype)
    height, width = input.array.shape[-2:]
    how = count_include_pad, divisor_override is not None
    rows = average_taps(height, sizes[0], kernel[0], steps[0], around[0], *how)
    columns = average_taps(width, sizes[1], kernel[1], steps[1], around[1], *how)
    if divisor_override is not None:
        rows = rows.scaled(1 / divisor_override)
    return resample(input, rows, columns, AvgPool2DBackward0)


@functools.lru_cache(maxsize=256)
def average_taps(
    size: int, count: int, kernel: int, stride: int, padding: int, with_padding: bool, sums: bool
) -> Taps:
    """The windows of an average along a dimension; with `sums`, nothing is divided."""
    starts = np.arange(count) * stride - padding
    stops = np.minimum(starts + kernel, size + padding)
    places = stops - starts
    starts, stops = starts.clip(0, size), stops.clip(0, size)
    divisors = places if with_padding else stops - starts
    weights = np.ones(count) if sums else 1 / np.maximum(divisors, 1)
    return constant_taps(starts, stops, weights, size)


@typed
def adaptive_avg_pool1d(input: Tensor, output_size: Ints) -> Tensor:
    """Averages of windows that make (N, C, L) or (C, L) as long as output_size."""
    check_sequence("adaptive_avg_pool1d", input)
    (length,) = ints("adaptive_avg_pool1d", "output_size", output_size, 1)
    return squeeze(adaptive_avg_pool2d(unsqueeze(input, -2), (1, length)), -2)


@typed
def adaptive_avg_pool2d(input: Tensor, output_size: Ints) -> Tensor:
    """Averages of windows that make (N, C, H, W) or (C, H, W) as large as output_size (an int, or
    two; None keeps a size)."""
    sizes = adaptive_sizes("adaptive_avg_pool2d: output_size must be 2", input, output_size)
    if min(sizes) < 0:
        given = ", ".join(map(str, sizes))
        raise RuntimeError(
            "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but "
            f"received {{{given}}}"
        )
    check_adaptive("adaptive_avg_pool2d", input, 2, ", but got ")
    check_floats("adaptive_avg_pool2d", input.array.dtype)
    if sizes == (1, 1):
        average: Tensor = mean(input, (-2, -1), True)
        return average
    height, width = input.array.shape[-2:]
    taps = adaptive_taps(height, sizes[0]), adaptive_taps(width, sizes[1])
    return resample(input, *taps, AdaptiveAvgPool2DBackward0)


@functools.lru_cache(maxsize=256)
def adaptive_taps(size: int, count: int) -> Taps:
    if size == count:
        return identity(size)
    starts, counts, _ = adaptive_windows(size, count)
    return constant_taps(starts, starts + counts, 1 / np.maximum(counts, 1), size)


def adaptive_windows(size: int, count: int) -> Windows:
    """Windows that together cover a dimension; they overlap where the sizes do not divide."""
    places = np.arange(count)
    starts = places * size // max(count, 1)
    return starts, -(-(places + 1) * size // max(count, 1)) - starts, 1


# ---------------------------------------------------------------------------------------- maxima


class MaxPoolNode(Node):
    """The gradient goes to the place that was the largest."""

    __slots__ = ("size",)
    saved_names = ("self", "result1")
    size: Pair

    def vjp(self, grad: Either) -> Any:
        _, indices = self.saved_arrays()
        return (put_places(grad, indices, self.size),)


class MaxPool2DWithIndicesBackward0(MaxPoolNode):
    __slots__ = ()


class AdaptiveMaxPool2DBackward0(MaxPoolNode):
    __slots__ = ()


class PutPlacesBackward0(Node):
    """The derivative of put_places: what was put is picked again."""

    __slots__ = ("size",)
    size: Pair

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        return (pick_places(grad, indices),)


def put_places(grad: Either, indices: Array, size: Pair) -> Either:
    if type(grad) not in TENSORS:
        return kernels.put_places(grad, indices, size)
    result = kernels.put_places(grad.array, indices, size)
    return record(PutPlacesBackward0, result, (grad,), (indices,), size=size)


def pick_places(x: Either, indices: Array) -> Either:
    if type(x) not in TENSORS:
        return kernels.pick_places(x, indices)
    result, size = kernels.pick_places(x.array, indices), x.array.shape[-2:]
    return record(MaxPool2DWithIndicesBackward0, result, (x,), (None, indices), size=size)


@typed
def max_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest number of each window of (N, C, L) or (C, L); with return_indices also where it
    is."""
    name = "max_pool1d"
    kernel = int_of_sequence(name, "kernel_size", kernel_size)
    step = kernel if is_omitted(stride) else int_of_sequence(name, "stride", stride)
    around = int_of_sequence(name, "padding", padding)
    spread = int_of_sequence(name, "dilation", dilation)
    check_max_pool1d(input, kernel, step, around, spread)
    if not return_indices:
        check_floats("max_pool1d_impl", input.array.dtype)
    length = pooled_size(input.array.shape[-1], kernel, step, around, spread, ceil_mode)
    if length < 1:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {length}")
    if not return_indices and not (is_recording() and has_history(input)):
        return constant(largest_of_slices(input.array, length, kernel, step, around, spread))
    options = (1, kernel), (1, step), (0, around), (1, spread), ceil_mode
    values, places = max_pool2d(unsqueeze(input, -2), *options, return_indices=True)
    pooled = squeeze(values, -2)
    return (pooled, squeeze(places, -2)) if return_indices else pooled


def largest_of_slices(
    x: Array, count: int, kernel: int, stride: int, padding: int, dilation: int
) -> Array:
    """The largest numbers of windows along the last dimension, without their places."""
    reach = (count - 1) * stride + 1
    after = max(reach + (kernel - 1) * dilation - x.shape[-1] - padding, 0)
    sides = ((0, 0),) * (x.ndim - 1) + ((padding, after),)
    x = constant_pad(x, sides, -math.inf) if padding or after else x
    slices = (x[..., k : k + reach : stride] for k in range(0, kernel * dilation, dilation))
    return functools.reduce(maximum, slices) if kernel > 1 else next(slices).copy()


@typed
def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest number of each window of (N, C, H, W) or (C, H, W); with return_indices also its
    place in its plane, row by row.  Of equals the first counts, and NaN is larger than all."""
    kernel, steps, around = pooling_arguments("max_pool2d", kernel_size, stride, padding)
    spread = ints("max_pool2d", "dilation", dilation, 2)
    if min(spread) < 1:
        raise RuntimeError(
            f"dilation should be greater than zero, but got dilationH: {spread[0]} "
            f"dilationW: {spread[1]}"
        )
    sizes = output_sizes("max_pool2d", input, kernel, steps, around, spread, ceil_mode)
    if input.array.dtype.kind == "b":
        raise not_implemented("max_pool2d", input.array.dtype)
    each = zip(input.array.shape[-2:], sizes, kernel, steps, around, spread, strict=True)
    rows, columns = (max_windows(*axis) for axis in each)
    return max_pool(input, rows, columns, MaxPool2DWithIndicesBackward0, return_indices)


def max_windows(
    size: int, count: int, kernel: int, stride: int, padding: int, dilation: int
) -> Windows:
    """The windows along a dimension, without their places in the padding."""
    starts = np.arange(count) * stride - padding
    stops = np.minimum(starts + (kernel - 1) * dilation + 1, size)
    starts += np.maximum(-starts + dilation - 1, 0) // dilation * dilation
    return starts, -(-(stops - starts) // dilation), dilation


def max_pool(
    x: Tensor, rows: Windows, columns: Windows, node_type: type[MaxPoolNode], with_indices: bool
) -> Any:
    values, indices = kernels.max_pool(x.array, rows, columns)
    pooled = record(node_type, values, (x,), (None, indices), size=x.array.shape[-2:])
    return (pooled, constant(indices)) if with_indices else pooled


@typed
def adaptive_max_pool1d(input: Tensor, output_size: Ints, return_indices: bool = False) -> Any:
    """The largest numbers of windows that make (N, C, L) or (C, L) as long as output_size."""
    check_sequence("adaptive_max_pool1d", input)
    (length,) = ints("adaptive_max_pool1d", "output_size", output_size, 1)
    check_adaptive("adaptive_max_pool1d", input, 1, ", but got: ")
    values, places = adaptive_max_pool2d(unsqueeze(input, -2), (1, length), True)
    pooled = squeeze(values, -2)
    return (pooled, squeeze(places, -2)) if return_indices else pooled


@typed
def adaptive_max_pool2d(input: Tensor, output_size: Ints, return_indices: bool = False) -> Any:
    """The largest numbers of windows that make (N, C, H, W) or (C, H, W) as large as output_size
    (an int, or two; None keeps a size)."""
    wrong = "adaptive_max_pool2d(): internal error: output_size.size() must be 2"
    sizes = adaptive_sizes(wrong, input, output_size)
    check_adaptive("adaptive_max_pool2d", input, 3, ", but got: ")
    shape = input.array.shape
    if min(sizes) < 0:
        wanted = [*shape[:-2], *sizes]
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(sizes)}: {wanted}"
        )
    check_floats("adaptive_max_pool2d", input.array.dtype)
    windows = adaptive_windows(shape[-2], sizes[0]), adaptive_windows(shape[-1], sizes[1])
    return max_pool(input, *windows, AdaptiveMaxPool2DBackward0, return_indices)


# ------------------------------------------------------------------------------------- arguments


def is_omitted(stride: Any) -> bool:
    return stride is None or (isinstance(stride, tuple | list) and not stride)


def ints(name: str, argument: str, value: Any, count: int) -> tuple[int, ...]:
    """An int for all dimensions, or one for each."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = tuple(int_of(f"{name}(): each number of {argument}", n) for n in values)
    if len(values) not in (1, count):
        if count == 1:
            raise RuntimeError(
                f"{name}() argument '{argument}' should contain one int (got {len(values)})"
            )
        form = "be omitted, a single int," if argument == "stride" else "be a single int,"
        raise RuntimeError(f"{name}: {argument} must either {form} or a tuple of two ints")
    return values * (count if len(values) == 1 else 1)


def pooling_arguments(
    name: str, kernel_size: Any, stride: Any, padding: Any
) -> tuple[Any, Any, Any]:
    kernel = ints(name, "kernel_size", kernel_size, 2)
    steps = kernel if is_omitted(stride) else ints(name, "stride", stride, 2)
    return kernel, steps, ints(name, "padding", padding, 2)


def pooled_size(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """How many windows there are; with `ceil` also one that begins inside and ends beyond."""
    reach = n + 2 * padding - dilation * (kernel - 1) - 1
    count = (reach + (stride - 1 if ceil else 0)) // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= n + padding else count


def output_sizes(
    name: str, x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool
) -> Pair:
    """The output's height and width, after torch's checks."""
    shape = x.array.shape
    if x.array.ndim not in (3, 4) and name == "max_pool2d":
        raise RuntimeError("non-empty 3D or 4D (batch mode) tensor expected for input")
    if 0 in stride:
        raise RuntimeError("stride should not be zero")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={p}, kernel_size={k} and dilation={d}"
            )
    if x.array.ndim not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but "
            f"got:{list(shape)}"
        )
    if min(*kernel, *stride) < 1:
        raise RuntimeError(
            f"kernel size and stride should be greater than zero, but got {kernel} and {stride}"
        )
    kernels.check_on_cpu(name, x.array)
    each = zip(shape[-2:], kernel, stride, padding, dilation, strict=True)
    high, wide = (pooled_size(*sizes, ceil) for sizes in each)
    if high < 1 or wide < 1:
        planes, height, width = shape[-3:]
        raise RuntimeError(
            f"Given input size: ({planes}x{height}x{width}). Calculated output size: "
            f"({planes}x{max(high, 0)}x{max(wide, 0)}). Output size is too small"
        )
    return high, wide


def adaptive_sizes(wrong: str, x: Tensor, output_size: Ints) -> Pair:
    many = isinstance(output_size, tuple | list)
    given = tuple(output_size) if many else (output_size, output_size)
    name = wrong.partition(":")[0].rstrip("()")
    if len(given) != 2:
        ints(name, "output_size", output_size, len(given))
        raise RuntimeError(wrong)
    sizes = x.array.shape[-2:] if x.array.ndim >= 2 else (1, 1)
    chosen = [n if size is None else size for size, n in zip(given, sizes, strict=True)]
    high, wide = ints(name, "output_size", chosen, 2)
    return high, wide


def check_adaptive(name: str, x: Tensor, first: int, but: str) -> None:
    """`first`: how many dimensions from the end on must not be empty."""
    dims = 2 if name.endswith("2d") else 1
    shape = x.array.shape
    if len(shape) not in (dims + 1, dims + 2):
        kinds = f"{dims + 1}D or {dims + 2}D"
        raise RuntimeError(f"{name}(): Expected {kinds} tensor{but}{list(shape)}")
    for axis in range(len(shape) - first, len(shape)):
        if shape[axis] == 0:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but "
                f"input has sizes {list(shape)} with dimension {axis} being empty"
            )
    kernels.check_on_cpu(name, x.array)


def check_sequence(name: str, x: Tensor) -> None:
    if x.array.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {x.array.ndim}-dimensional tensor for argument "
            f"#1 'self' (while checking arguments for {name})"
        )
    kernels.check_on_cpu(name, x.array)


def int_of_sequence(name: str, argument: str, value: Any) -> int:
    if isinstance(value, tuple | list) and len(value) != 1:
        raise RuntimeError(
            f"{name}() {argument} must be an int, list of ints or tuple of ints of size 1 but got "
            f"size {len(value)}"
        )
    (n,) = ints(name, argument, value, 1)
    return n


def check_max_pool1d(x: Tensor, kernel: int, stride: int, padding: int, dilation: int) -> None:
    shape = x.array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(shape)}"
        )
    for name, n in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if n < 1:
            raise RuntimeError(f"max_pool1d() {name} must be greater than zero, but got {n}")
    if padding < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {padding}")
    if padding > kernel // 2:
        raise RuntimeError(
            "max_pool1d() padding should be at most half of kernel size, but got padding="
            f"{padding} and kernel_size={kernel}"
        )
    kernels.check_on_cpu("max_pool1d", x.array)
