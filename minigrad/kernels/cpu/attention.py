"""Attention without its T x T matrix: a block of query rows at a time.

A block's scores stay in the cache: product, softmax, product.  What is kept is the logarithm of
each row's sum of exponentials, from which the backward pass makes the same weights again (Dao et
al. 2022; here whole rows fit a block, so that nothing is rescaled).  Arrays are (N, H, L, E):
batch, heads, positions, features.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.kernels import threads
from minigrad.kernels.cpu.gemm import matmul
from minigrad.kernels.cpu.vector_math import exp_nonpositive, log, maximum
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]
Maybe = Array | None
Block = tuple[slice, slice, slice]  # which of the batch, of the heads, of the rows

SCORES = 1 << 17  # of a block: with their gradients, 1 MB in float32
LEAST_ROWS = 32  # fewer make products slow
LARGE = 1 << 16  # scores from which threads pay


# ------------------------------------------------------------------------------------------ kernels
@kernel(reassoc=True)
def weights_of_scores(scores, scale, mask, first, causal, sums, start, stop):
    """scores (H, R, S) become the softmax of each row times scale, and `sums` (H, R) get the
    logarithms of their sums.  The mask is added, if it has elements; row i sees keys up to
    first + i if causal.  A row that sees nothing gets zeros, and an infinite sum."""
    kind = scores.dtype.type
    factor = kind(scale)
    for i in range(start, stop):
        h, r = i // scores.shape[1], i % scores.shape[1]
        row = scores[h, r]
        seen = min(row.size, first + r + 1) if causal else row.size
        for j in range(seen):
            row[j] *= factor
        if mask.size:
            added = mask[h, r]
            for j in range(seen):
                row[j] += added[j]
        top = kind(-np.inf)
        for j in range(seen):
            top = maximum(top, row[j])
        if top == kind(-np.inf):
            row[:] = 0
            sums[h, r] = np.inf
            continue
        total = kind(0)
        for j in range(seen):
            power = exp_nonpositive(row[j] - top)
            row[j] = power
            total += power
        share = kind(1) / total
        for j in range(seen):
            row[j] *= share
        row[seen:] = 0
        sums[h, r] = top + log(total)


@kernel(reassoc=True)
def gradient_of_scores(scores, slopes, scale, mask, first, causal, sums, grad, out, start, stop):
    """scores become the weights P again, and `slopes`, the gradient of the weights, that of the
    scores: P (slopes - sum(P slopes)) scale, where the sum is that of grad times out."""
    kind = scores.dtype.type
    factor = kind(scale)
    for i in range(start, stop):
        h, r = i // scores.shape[1], i % scores.shape[1]
        row, slope, g, y = scores[h, r], slopes[h, r], grad[h, r], out[h, r]
        seen = min(row.size, first + r + 1) if causal else row.size
        for j in range(seen):
            row[j] *= factor
        if mask.size:
            added = mask[h, r]
            for j in range(seen):
                row[j] += added[j]
        mean = kind(0)
        for j in range(g.size):
            mean += g[j] * y[j]
        shift = sums[h, r]
        for j in range(seen):
            weight = exp_nonpositive(row[j] - shift)
            row[j] = weight
            slope[j] = weight * (slope[j] - mean) * factor
        row[seen:] = 0
        slope[seen:] = 0


# ------------------------------------------------------------------------------------------- blocks
def blocks(shape: tuple[int, ...], columns: int) -> Iterator[Block]:
    """Several samples with all of their heads at once, or some heads, or some rows of a head."""
    batch, heads, rows = shape[:3]
    height = min(rows, max(LEAST_ROWS, SCORES // max(columns, 1)))
    width = max(1, SCORES // max(height * columns, 1)) if height == rows else 1
    depth = max(1, width // heads)
    for n in pieces(batch, depth):
        for h in pieces(heads, width):
            for r in pieces(rows, height):
                yield n, h, r


def pieces(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def over_rows(run: Any, scores: Array, *arguments: Any) -> None:
    rows = scores.shape[0] * scores.shape[1]
    if scores.size < LARGE:
        run(scores, *arguments, 0, rows)
    else:
        grain = max(1, LARGE // 2 // scores.shape[2])
        threads.split(rows, grain, lambda start, stop: run(scores, *arguments, start, stop))


def part_of_mask(mask: Maybe, block: Block, columns: int, dtype: Any) -> Array:
    """The mask of a block, contiguous, as it is read more than once; without elements if None."""
    if mask is None:
        return np.empty((0, 0, 0), dtype)
    return merged(mask[block][..., :columns].astype(dtype, copy=False))


def merged(x: Array) -> Array:
    """A block, contiguous, with samples and heads as one dimension: x itself where it lies so."""
    return np.ascontiguousarray(x).reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def by_positions(shape: tuple[int, ...], dtype: Any) -> Array:
    """A new (N, H, L, E) that lies in memory as (N, L, H, E), where the heads side by side are what
    a Linear takes."""
    batch, heads, length, width = shape
    return np.empty((batch, length, heads, width), dtype).transpose(0, 2, 1, 3)


def computed(x: Array) -> Array:
    return x.astype(np.promote_types(x.dtype, np.float32), copy=False)


# ----------------------------------------------------------------------------------------- routines
def attention(
    query: Array, key: Array, value: Array, mask: Maybe, causal: bool, scale: float
) -> tuple[Array, Array]:
    """(softmax(query key^T scale + mask) value, logarithms of the rows' sums (N, H, L)).

    query (N, H, L, E), key (N, H, S, E), value (N, H, S, F), mask (N, H, L, S) to be added.
    """
    q, k, v = computed(query), computed(key), computed(value)
    shape, dtype = q.shape, q.dtype
    out = by_positions((*shape[:3], v.shape[3]), dtype)
    sums = np.empty(shape[:3], dtype)
    for block in blocks(shape, k.shape[2]):
        n, h, r = block
        columns = min(k.shape[2], r.stop) if causal else k.shape[2]
        scores = matmul(q[block], k[n, h, :columns].swapaxes(2, 3))
        added = part_of_mask(mask, block, columns, dtype)
        rows = merged(sums[block])
        over_rows(weights_of_scores, merged(scores), scale, added, r.start, causal, rows)
        out[block] = matmul(scores, v[n, h, :columns])
    return out.astype(query.dtype, copy=False), sums


def attention_backward(
    grad: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Maybe,
    out: Array,
    sums: Array,
    causal: bool,
    scale: float,
) -> tuple[Array, Array, Array]:
    """The gradients of query, key and value."""
    g, q, k, v, y = (computed(x) for x in (grad, query, key, value, out))
    dtype = q.dtype
    dq, dk, dv = (by_positions(x.shape, dtype) for x in (q, k, v))
    dk.fill(0)
    dv.fill(0)
    for block in blocks(q.shape, k.shape[2]):
        n, h, r = block
        columns = min(k.shape[2], r.stop) if causal else k.shape[2]
        keys = k[n, h, :columns]
        scores = matmul(q[block], keys.swapaxes(2, 3))
        slopes = matmul(g[block], v[n, h, :columns].swapaxes(2, 3))
        rows = sums[block], g[block], y[block]
        scored = merged(scores), merged(slopes), scale, part_of_mask(mask, block, columns, dtype)
        over_rows(gradient_of_scores, *scored, r.start, causal, *map(merged, rows))
        dq[block] = matmul(slopes, keys)
        dk[n, h, :columns] += matmul(slopes.swapaxes(2, 3), q[block])
        dv[n, h, :columns] += matmul(scores.swapaxes(2, 3), g[block])
    dq, dk, dv = (d.astype(query.dtype, copy=False) for d in (dq, dk, dv))
    return dq, dk, dv
