"""The whole-array kernels for BatchedArrays, made of those for plain arrays.

A reduction works on the axis after; rows are flattened together with the samples; indexing gets the
number of the sample as one more index.  Names and arguments are those of kernels/cpu/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.batched.array import (
    BatchedArray,
    aligned,
    highest,
    level_of,
    samples_of,
    spread,
)
from minigrad.kernels.batched.levels import DYNAMIC_SHAPE
from minigrad.kernels.codegen import SCALARS

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
Maybe = Array | None


# -------------------------------------------------------------------------------------- reductions


def over_axes(kernel: Callable[..., Array]) -> Callable[..., Array]:
    def run(x: BatchedArray, axes: tuple[int, ...], keepdim: bool) -> BatchedArray:
        return x.with_values(kernel(x.values, tuple(axis + 1 for axis in axes), keepdim))

    return run


def along_axis(kernel: Callable[..., Array]) -> Callable[..., Array]:
    def run(x: BatchedArray, axis: int, *options: Any) -> BatchedArray:
        return x.with_values(kernel(x.values, axis + 1, *options))

    return run


sum = over_axes(kernels.sum)
nansum = over_axes(kernels.nansum)
prod = over_axes(kernels.prod)
amax = over_axes(kernels.amax)
amin = over_axes(kernels.amin)
any = over_axes(kernels.any)
all = over_axes(kernels.all)
two_norm = over_axes(kernels.two_norm)
one_norm = over_axes(kernels.one_norm)
largest_size = over_axes(kernels.largest_size)
smallest_size = over_axes(kernels.smallest_size)
argmax = along_axis(kernels.argmax)
argmin = along_axis(kernels.argmin)
cumsum = along_axis(kernels.cumsum)
cumprod = along_axis(kernels.cumprod)
logcumsumexp = along_axis(kernels.logcumsumexp)
softmax = along_axis(kernels.softmax)
log_softmax = along_axis(kernels.log_softmax)


# --------------------------------------------------------------------------------- matrix products


def matmul(a: Array, b: Array) -> BatchedArray:
    """Samples are one more dimension of the batch.  Where all share a matrix, the rows (or single
    columns) of the others are one matrix, too."""
    level = highest((a, b))
    ndim = max(a.ndim, b.ndim)
    left, right = aligned(a, level, ndim), aligned(b, level, ndim)
    if level_of(b) != level and b.ndim == 2:
        rows = left.reshape((math.prod(left.shape[:-1]), left.shape[-1]))
        product = kernels.matmul(rows, right)
        return BatchedArray(product.reshape((*left.shape[:-1], right.shape[-1])), level)
    if level_of(a) != level and a.ndim == b.ndim == 2 and b.shape[1] == 1:
        rows = right.reshape(right.shape[:2])
        product = kernels.matmul(rows, left.swapaxes(0, 1))
        return BatchedArray(product.reshape((*product.shape, 1)), level)
    return BatchedArray(kernels.matmul(left, right), level)


def outer(x: Array, y: Array) -> Array:
    return formula("mul", x.reshape((-1, 1)), y)


def over_batches(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that takes batches of matrices: samples are one more dimension of the batch."""

    def run(x: BatchedArray, *options: Any) -> Any:
        result = kernel(x.values, *options)
        if isinstance(result, tuple):
            return tuple(x.with_values(part) for part in result)
        return x.with_values(result)

    return run


inverse = over_batches(kernels.inverse)
det = over_batches(kernels.det)
slogdet = over_batches(kernels.slogdet)
log_cofactors = over_batches(kernels.log_cofactors)
cholesky = over_batches(kernels.cholesky)


def of_systems(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """A kernel that solves batches of linear systems."""

    def run(a: Array, b: Array, *options: Any) -> BatchedArray:
        level = highest((a, b))
        ndim = max(a.ndim, b.ndim)
        values = [aligned(x, level, ndim) for x in (a, b)]
        return BatchedArray(kernel(*values, *options), level)

    return run


solve = of_systems(kernels.solve)
solve_triangular = of_systems(kernels.solve_triangular)


# -------------------------------------------------------------------------------------------- rows


def on_both(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """A kernel of a gradient and a result of one shape, along an axis."""

    def run(grad: Array, result: Array, axis: int, *options: Any) -> BatchedArray:
        level = highest((grad, result))
        samples = samples_of((grad, result), level)
        values = [spread(x, level, samples) for x in (grad, result)]
        return BatchedArray(kernel(*values, axis + 1, *options), level)

    return run


recurrence = on_both(kernels.recurrence)
softmax_backward = on_both(kernels.softmax_backward)
log_softmax_backward = on_both(kernels.log_softmax_backward)


def flat(x: Array, level: int, samples: int) -> Array:
    """The samples' rows one after the other."""
    values = spread(x, level, samples)
    return values.reshape((samples * values.shape[1], *values.shape[2:]))


def split_up(rows: Array, level: int, samples: int) -> BatchedArray:
    """The inverse of flat()."""
    shape = (samples, rows.shape[0] // max(samples, 1), *rows.shape[1:])
    return BatchedArray(rows.reshape(shape), level)


def on_rows(kernel: Callable[..., Any], weight: int = -1) -> Callable[..., Any]:
    """A kernel of arrays with one row (or number) each, for the rows of all samples; at place
    `weight` are the weights of columns, which the rows share."""

    def run(*arguments: Any) -> Any:
        level = highest(arguments)
        if weight >= 0 and level_of(arguments[weight]) == level:
            return one_after_the_other(kernel)(*arguments)
        samples = samples_of(arguments, level)
        results = kernel(
            *[
                flat(x, level, samples) if hasattr(x, "dtype") and place != weight else x
                for place, x in enumerate(arguments)
            ]
        )
        if isinstance(results, tuple):
            return tuple(split_up(part, level, samples) for part in results)
        return split_up(results, level, samples)

    return run


cross_entropy_rows = on_rows(kernels.cross_entropy_rows, weight=2)
cross_entropy_backward = on_rows(kernels.cross_entropy_backward, weight=4)
soft_cross_entropy_rows = on_rows(kernels.soft_cross_entropy_rows, weight=2)
soft_cross_entropy_backward = on_rows(kernels.soft_cross_entropy_backward, weight=4)
scores_backward = on_rows(kernels.scores_backward)


def at_targets(values: Array, target: Array, classes: int) -> BatchedArray:
    level = highest((values, target))
    samples, rows = samples_of((values, target), level), target.shape[0]
    given = spread(values, level, samples).reshape((samples, -1))
    repeated = kernels.broadcast_to(given, (samples, rows)).reshape((samples * rows,))
    result = kernels.at_targets(repeated, flat(target, level, samples), classes)
    return split_up(result, level, samples)


def layer_norm(x: Array, weight: Maybe, bias: Maybe, eps: float) -> tuple[Array, Array, Array]:
    level = highest((x, weight, bias))
    samples = samples_of((x, weight, bias), level)
    shared = level not in (level_of(weight), level_of(bias))
    parameters = (weight, bias) if shared else (None, None)
    results = kernels.layer_norm(flat(x, level, samples), *parameters, eps)
    out, mean, rstd = (split_up(part, level, samples) for part in results)
    if not shared:
        out = out if weight is None else formula("mul", out, weight)
        out = out if bias is None else formula("add", out, bias)
    return out, mean, rstd


def layer_norm_backward(
    grad: Array,
    x: Array,
    mean: Array,
    rstd: Array,
    weight: Maybe,
    mask: tuple[bool, bool, bool],
) -> tuple[Maybe, Maybe, Maybe]:
    """Gradients of weight and bias are one for each sample: they are not left to the kernel."""
    arrays = (grad, x, mean, rstd, weight)
    level = highest(arrays)
    samples = samples_of(arrays, level)
    dx = dweight = dbias = None
    if mask[0]:
        inner = grad if weight is None else formula("mul", grad, weight)
        rows = [flat(part, level, samples) for part in (inner, x, mean, rstd)]
        dx, _, _ = kernels.layer_norm_backward(*rows, None, (True, False, False))
        dx = split_up(dx, level, samples)
    if mask[1]:
        centred = formula("sub", x, mean.reshape(-1, 1))
        normal = formula("mul", centred, rstd.reshape(-1, 1))
        dweight = kernels.sum(formula("mul", grad, normal), (0,), False)
    if mask[2]:
        dbias = kernels.sum(grad, (0,), False)
    return dx, dweight, dbias


def formula(name: str, x: Array, y: Array) -> Array:
    """A pointwise operation by its name."""
    return kernels.launch2(SCALARS[name].ufunc, x, y)


# ------------------------------------------------------------------------------------- convolution


def convolve(x: Array, weight: Array, bias: Maybe, windows: Any, groups: int) -> BatchedArray:
    """Samples that share the weight are so many more images."""
    level = highest((x, weight, bias))
    if level in (level_of(weight), level_of(bias)):
        return one_after_the_other(kernels.convolve)(x, weight, bias, windows, groups)
    out = kernels.convolve(flat(x, level, x.samples), weight, bias, windows, groups)
    return split_up(out, level, x.samples)


def convolve_input(grad: Array, weight: Array, windows: Any, groups: int) -> BatchedArray:
    level = highest((grad, weight))
    if level == level_of(weight):
        return one_after_the_other(kernels.convolve_input)(grad, weight, windows, groups)
    out = kernels.convolve_input(flat(grad, level, grad.samples), weight, windows, groups)
    return split_up(out, level, grad.samples)


def resample(x: BatchedArray, rows: Any, columns: Any) -> BatchedArray:
    return x.with_values(kernels.resample(x.values, rows, columns))


def max_pool(x: BatchedArray, rows: Any, columns: Any) -> tuple[Array, Array]:
    values, indices = kernels.max_pool(x.values, rows, columns)
    return x.with_values(values), x.with_values(indices)


def pick_places(x: Array, indices: Array) -> BatchedArray:
    level = highest((x, indices))
    samples = samples_of((x, indices), level)
    values = [spread(part, level, samples) for part in (x, indices)]
    return BatchedArray(kernels.pick_places(*values), level)


def put_places(grad: Array, indices: Array, size: tuple[int, int]) -> BatchedArray:
    level = highest((grad, indices))
    samples = samples_of((grad, indices), level)
    values = [spread(part, level, samples) for part in (grad, indices)]
    return BatchedArray(kernels.put_places(*values, size), level)


# ---------------------------------------------------------------------------------------- channels


def over_channels(kernel: Callable[..., Any], images: int) -> Callable[..., Any]:
    """A kernel whose first arguments, `images` of them, are (N, C, S) and the others (C,).  To it
    the channels of all samples are channels of one array."""

    def run(*arguments: Array) -> Any:
        level = highest(arguments)
        samples = samples_of(arguments, level)
        n, channels, length = arguments[0].shape
        spread_out = [spread(x, level, samples) for x in arguments]
        wide = [
            x.swapaxes(0, 1).reshape((n, samples * channels, length)) for x in spread_out[:images]
        ]
        numbers = [x.reshape((samples * channels,)) for x in spread_out[images:]]
        results = kernel(*wide, *numbers)
        if isinstance(results, tuple):
            return tuple(BatchedArray(x.reshape((samples, channels)), level) for x in results)
        apart = results.reshape((n, samples, channels, length))
        return BatchedArray(apart.swapaxes(0, 1), level)

    return run


channel_statistics = over_channels(kernels.channel_statistics, 1)
normalise_channels = over_channels(kernels.normalise_channels, 1)
channel_sums = over_channels(kernels.channel_sums, 2)
channel_gradient = over_channels(kernels.channel_gradient, 2)


# ---------------------------------------------------------------------------------------- indexing


def sample_numbers(level: int, samples: int, indices: Sequence[Array]) -> list[Array]:
    """The number of the sample and the index arrays, all in one shape with the samples first."""
    spread_out = [spread(index, level, samples) for index in indices]
    first = spread_out[0]
    numbers = kernels.to_device_of(np.arange(samples), first)
    numbers = numbers.reshape((samples,) + (1,) * (first.ndim - 1))
    return [kernels.broadcast_to(numbers, first.shape), *spread_out]


def gather_nd(x: Array, indices: tuple[Array, ...]) -> BatchedArray:
    level = highest((x, *indices))
    samples = samples_of((x, *indices), level)
    if level_of(x) != level:
        places = [spread(index, level, samples) for index in indices]
        return BatchedArray(kernels.gather_nd(x, tuple(places)), level)
    places = sample_numbers(level, samples, indices)
    return BatchedArray(kernels.gather_nd(x.values, tuple(places)), level)


def scatter_add_nd(
    shape: tuple[int, ...], dtype: Any, indices: tuple[Array, ...], values: Array
) -> BatchedArray:
    level = highest((*indices, values))
    samples = samples_of((*indices, values), level)
    places = sample_numbers(level, samples, indices)
    source = spread(values, level, samples)
    total = kernels.scatter_add_nd((samples, *shape), dtype, tuple(places), source)
    return BatchedArray(total, level)


def gather(x: Array, index: Array, axis: int) -> BatchedArray:
    """Along an axis, the samples are one more dimension before it."""
    level, (values, places) = on_one_level(x, index)
    result = kernels.gather(values, places, axis + 1)
    return BatchedArray(result.reshape((result.shape[0], *index.shape)), level)


def scatter(x: Array, index: Array, values: Array, axis: int, mode: str) -> BatchedArray:
    level, arrays = on_one_level(x, index, values)
    result = kernels.scatter(*arrays, axis + 1, mode)
    return BatchedArray(result.reshape((result.shape[0], *x.shape)), level)


def add_along(shape: tuple[int, ...], index: Array, values: Array, axis: int) -> BatchedArray:
    level, (places, given) = on_one_level(index, values)
    whole = (places.shape[0], *(shape or (1,)))
    result = kernels.add_along(whole, places, given, axis + 1)
    return BatchedArray(result.reshape((result.shape[0], *shape)), level)


def on_one_level(*arrays: Array) -> tuple[int, list[Array]]:
    """The highest level, and the values of each there; all have a dimension beside the samples."""
    level = highest(arrays)
    samples = samples_of(arrays, level)
    parts = [spread(x, level, samples) for x in arrays]
    return level, [x if x.ndim > 1 else x.reshape((samples, 1)) for x in parts]


def take_rows(x: Array, index: Array, axis: int) -> BatchedArray:
    level = highest((x, index))
    if level_of(index) != level:
        return BatchedArray(kernels.take_rows(x.values, index, axis + 1), level)
    rest = [i for i in range(x.ndim) if i != axis]
    picked = kernels.gather_nd(x.transpose((axis, *rest)), (index,))
    first = range(index.ndim, index.ndim + axis)
    last = range(index.ndim + axis, picked.ndim)
    result: BatchedArray = picked.transpose((*first, *range(index.ndim), *last))
    return result


def add_rows(shape: tuple[int, ...], index: Array, grad: Array, axis: int) -> BatchedArray:
    level = highest((index, grad))
    if level_of(index) != level:
        whole = (grad.samples, *shape)
        return BatchedArray(kernels.add_rows(whole, index, grad.values, axis + 1), level)
    rest = [i for i in range(len(shape)) if i != axis]
    moved = tuple(shape[i] for i in (axis, *rest))
    places = range(axis, axis + index.ndim)
    others = [i for i in range(grad.ndim) if i not in places]
    values = grad.transpose((*places, *others))
    total = kernels.scatter_add_nd(moved, grad.dtype, (index,), values)
    back = [*range(1, axis + 1), 0, *range(axis + 1, len(shape))]
    result: BatchedArray = total.transpose(back)
    return result


def nonzero(mask: BatchedArray) -> Array:
    raise RuntimeError(DYNAMIC_SHAPE)


def tril(x: BatchedArray, diagonal: int) -> BatchedArray:
    return x.with_values(kernels.tril(x.values, diagonal))


def triu(x: BatchedArray, diagonal: int) -> BatchedArray:
    return x.with_values(kernels.triu(x.values, diagonal))


# ----------------------------------------------------------------------------------- joined, filled


def concatenate(arrays: Sequence[Array], axis: int) -> BatchedArray:
    level = highest(arrays)
    samples = samples_of(arrays, level)
    parts = [spread(x, level, samples) for x in arrays]
    return BatchedArray(kernels.concatenate(parts, axis + 1), level)


def full(shape: tuple[int, ...], value: float, dtype: Any, like: BatchedArray) -> BatchedArray:
    """One for each sample, so that it may be written to."""
    return like.with_values(kernels.full((like.samples, *shape), value, dtype, like.values))


def index_put(x: Array, indices: Sequence[Maybe], values: Array) -> BatchedArray:
    """A copy of x with values[...] put at the indices, sample by sample."""
    arrays = [a for a in (x, values, *indices) if a is not None]
    level = highest(arrays)
    samples = []
    for number in range(samples_of(arrays, level)):
        chosen = [sample(index, level, number) for index in indices]
        source, value = sample(x, level, number), sample(values, level, number)
        samples.append(kernels.index_put(source, chosen, value)[None])
    return BatchedArray(kernels.concatenate(samples, 0), level)


def sample(x: Maybe, level: int, number: int) -> Maybe:
    """One sample of a level, with all its dimensions even where there are none."""
    if level_of(x) != level:
        return x
    assert x is not None
    return x.values[(number, ...)]


# ------------------------------------------------------------------------------ any other kernel


def one_after_the_other(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that knows nothing of samples, run on each; its arguments may be arrays, tuples and
    lists of them, and anything else, and its result an array or a tuple of arrays."""

    def run(*arguments: Any) -> Any:
        arrays = [x for x in leaves_of(arguments) if level_of(x) >= 0]
        level = highest(arrays)
        results = [
            kernel(*[sample_of(a, level, number) for a in arguments])
            for number in range(samples_of(arrays, level))
        ]
        if not isinstance(results[0], tuple):
            return joined(results, level)
        return tuple(joined(parts, level) for parts in zip(*results, strict=True))

    return run


def leaves_of(arguments: Sequence[Any]) -> list[Any]:
    """Arguments with those in tuples and lists in their places."""
    found = []
    for x in arguments:
        found += leaves_of(x) if isinstance(x, tuple | list) else [x]
    return found


def sample_of(x: Any, level: int, number: int) -> Any:
    """One sample of an argument of any kind."""
    if isinstance(x, tuple | list):
        return type(x)(sample_of(part, level, number) for part in x)
    return sample(x, level, number)


def joined(results: Sequence[Maybe], level: int) -> Maybe:
    """The results of all samples as one array; None where there are none."""
    if results[0] is None:
        return None
    return BatchedArray(kernels.concatenate([x[None] for x in results if x is not None], 0), level)
