"""Kernels that normalise channels: x is (N, C, S), and a channel has N pieces of S elements.

Four of them serve batch, instance and group normalisation: mean and variance, the normalised
result, the sums that a gradient needs, and the gradient.  Where S is 1, channels are columns, and
loops run along a row instead.  float16 computes in float32; sums of pieces are kept in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels import threads
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import narrowed

Array = np.ndarray[Any, Any]

LARGE = 1 << 18  # elements from which threads pay
GROUP = 64  # rows whose columns are added in their own type; the groups in float64
PIECE = 4096  # elements that stay in the first-level cache while they are read twice


# ----------------------------------------------------------------------- channels of many elements
@kernel(reassoc=True)
def channel_statistics_kernel(x, mean, var, start, stop):
    """The mean of each channel and its variance (divided by N S), piece by piece: Chan, Golub and
    LeVeque 1979."""
    kind = x.dtype.type
    length = x.shape[2]
    for c in range(start, stop):
        count, center, squares = 0.0, 0.0, 0.0
        for n in range(x.shape[0]):
            for first in range(0, length, PIECE):
                piece = x[n, c, first : first + PIECE]
                total, spread = kind(0), kind(0)
                for j in range(piece.size):
                    total += piece[j]
                middle = total / kind(piece.size)
                for j in range(piece.size):
                    difference = piece[j] - middle
                    spread += difference * difference
                size = float(piece.size)
                both, apart = count + size, float(middle) - center
                squares += float(spread) + apart * apart * count * size / both
                center += apart * size / both
                count = both
        mean[c], var[c] = center, squares / count


@kernel
def normalise_rows(x, mean, scale, shift, out, start, stop):
    """out = (x - mean) scale + shift for rows (N C, S), whose channels repeat."""
    channels = mean.size
    for i in range(start, stop):
        row, result = x[i], out[i]
        center, factor, bias = mean[i % channels], scale[i % channels], shift[i % channels]
        for j in range(row.size):
            result[j] = (row[j] - center) * factor + bias


@kernel(reassoc=True)
def channel_sums_kernel(grad, x, mean, grads, products, start, stop):
    """The sums of grad and of grad (x - mean) over each channel."""
    kind = x.dtype.type
    length = x.shape[2]
    for c in range(start, stop):
        center = mean[c]
        all_grads, all_products = 0.0, 0.0
        for n in range(x.shape[0]):
            for first in range(0, length, PIECE):
                g, piece = grad[n, c, first : first + PIECE], x[n, c, first : first + PIECE]
                total, product = kind(0), kind(0)
                for j in range(piece.size):
                    total += g[j]
                    product += g[j] * (piece[j] - center)
                all_grads += float(total)
                all_products += float(product)
        grads[c], products[c] = all_grads, all_products


@kernel
def gradient_of_rows(grad, x, mean, scale, shift, slope, out, start, stop):
    """out = scale grad - shift - slope (x - mean), for rows (N C, S) whose channels repeat."""
    channels = mean.size
    for i in range(start, stop):
        g, row, result = grad[i], x[i], out[i]
        c = i % channels
        center, factor, constant, steep = mean[c], scale[c], shift[c], slope[c]
        for j in range(row.size):
            result[j] = factor * g[j] - constant - steep * (row[j] - center)


# ------------------------------------------------------------------------------ channels as columns
@kernel
def column_statistics_kernel(x, mean, var, start, stop):
    """The same for (N, C): sums of what the first row is exceeded by, and of its square; in the
    array's own type over GROUP rows, in float64 over groups."""
    zero = x.dtype.type(0)
    base = x[0, start:stop]
    totals, squares = mean[start:stop], var[start:stop]
    part, part_squares = np.empty_like(base), np.empty_like(base)
    totals[:], squares[:] = 0.0, 0.0
    for first in range(0, x.shape[0], GROUP):
        part[:], part_squares[:] = zero, zero
        for n in range(first, min(first + GROUP, x.shape[0])):
            row = x[n, start:stop]
            for c in range(row.size):
                difference = row[c] - base[c]
                part[c] += difference
                part_squares[c] += difference * difference
        for c in range(part.size):
            totals[c] += part[c]
            squares[c] += part_squares[c]
    count = float(x.shape[0])
    for c in range(totals.size):
        shift = totals[c] / count
        spread = squares[c] / count - shift * shift
        squares[c] = 0.0 if spread < 0.0 else spread  # and not max(), which would hide nan
        totals[c] = base[c] + shift


@kernel
def normalise_columns(x, mean, scale, shift, out, start, stop):
    for n in range(start, stop):
        row, result = x[n], out[n]
        for c in range(row.size):
            result[c] = (row[c] - mean[c]) * scale[c] + shift[c]


@kernel
def column_sums_kernel(grad, x, mean, grads, products, start, stop):
    zero = x.dtype.type(0)
    center = mean[start:stop]
    totals, all_products = grads[start:stop], products[start:stop]
    part, part_products = np.empty_like(center), np.empty_like(center)
    totals[:], all_products[:] = 0.0, 0.0
    for first in range(0, x.shape[0], GROUP):
        part[:], part_products[:] = zero, zero
        for n in range(first, min(first + GROUP, x.shape[0])):
            g, row = grad[n, start:stop], x[n, start:stop]
            for c in range(row.size):
                part[c] += g[c]
                part_products[c] += g[c] * (row[c] - center[c])
        for c in range(part.size):
            totals[c] += part[c]
            all_products[c] += part_products[c]


@kernel
def gradient_of_columns(grad, x, mean, scale, shift, slope, out, start, stop):
    for n in range(start, stop):
        g, row, result = grad[n], x[n], out[n]
        for c in range(row.size):
            result[c] = scale[c] * g[c] - shift[c] - slope[c] * (row[c] - mean[c])


# ------------------------------------------------------------------------------------------- layout
def contiguous(x: Array) -> Array:
    """x in C order, float16 as float32."""
    return np.ascontiguousarray(x, np.promote_types(x.dtype, np.float32))


def over(count: int, size: int, run: Callable[[int, int], object]) -> None:
    """run(start, stop) over a range, on several threads if there are many elements."""
    if size < LARGE:
        run(0, count)
    else:
        threads.split(count, max(1, count * (LARGE // 2) // size), run)


# ----------------------------------------------------------------------------------------- routines
def channel_statistics(x: Array) -> tuple[Array, Array]:
    """(mean (C,), variance (C,)) of x (N, C, S), in the dtype that is computed in."""
    source = contiguous(x)
    n, channels, length = x.shape
    mean, var = np.empty(channels), np.empty(channels)
    if length == 1:
        columns = source.reshape(n, channels)
        over(channels, x.size, lambda a, b: column_statistics_kernel(columns, mean, var, a, b))
    else:
        over(channels, x.size, lambda a, b: channel_statistics_kernel(source, mean, var, a, b))
    return mean.astype(source.dtype), var.astype(source.dtype)


def normalise_channels(x: Array, mean: Array, scale: Array, shift: Array) -> Array:
    """(x - mean) scale + shift, for x (N, C, S) and (C,)."""
    source = contiguous(x)
    n, channels, length = x.shape
    out = np.empty_like(source)
    numbers = [np.ascontiguousarray(v, source.dtype) for v in (mean, scale, shift)]
    run, shape = normalise_rows, (n * channels, length)
    if length == 1:
        run, shape = normalise_columns, (n, channels)
    arguments = source.reshape(shape), *numbers, out.reshape(shape)
    over(shape[0], x.size, lambda a, b: run(*arguments, a, b))
    return narrowed(out, x.dtype)


def channel_sums(grad: Array, x: Array, mean: Array) -> tuple[Array, Array]:
    """Sums of grad and of grad (x - mean) over the channels of (N, C, S), each (C,)."""
    grads, source = contiguous(grad), contiguous(x)
    n, channels, length = x.shape
    totals, products = np.empty(channels), np.empty(channels)
    center = np.ascontiguousarray(mean, source.dtype)
    run = channel_sums_kernel
    if length == 1:
        run = column_sums_kernel
        grads, source = grads.reshape(n, channels), source.reshape(n, channels)
    arguments = grads, source, center, totals, products
    over(channels, x.size, lambda a, b: run(*arguments, a, b))
    return totals.astype(source.dtype), products.astype(source.dtype)


def channel_gradient(
    grad: Array, x: Array, mean: Array, scale: Array, shift: Array, slope: Array
) -> Array:
    """scale grad - shift - slope (x - mean), for (N, C, S) and (C,)."""
    grads, source = contiguous(grad), contiguous(x)
    n, channels, length = x.shape
    out = np.empty_like(source)
    numbers = [np.ascontiguousarray(v, source.dtype) for v in (mean, scale, shift, slope)]
    run, shape = gradient_of_rows, (n * channels, length)
    if length == 1:
        run, shape = gradient_of_columns, (n, channels)
    arguments = grads.reshape(shape), source.reshape(shape), *numbers, out.reshape(shape)
    over(shape[0], x.size, lambda a, b: run(*arguments, a, b))
    return narrowed(out, x.dtype)
