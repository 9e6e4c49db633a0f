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
Block = tuple[int, slice, slice]  # which of the batch, of the heads, of the rows

SCORES = 1 << 17  # of a block: with their gradients, 1 MB in float32
LEAST_ROWS = 32  # fewer make products slow
LARGE = 1 << 16  # scores from which threads pay


# ------------------------------------------------------------------------------------------ kernels
@kernel(reassoc=True)
def weights_of_scores(scores, mask, first, causal, sums, start, stop):
    """scores (H, R, S) become the softmax of each row, and `sums` (H, R) get the logarithms of
    their sums.  The mask is added, if it has elements; row i sees keys up to first + i if causal.
    A row that sees nothing gets zeros, and an infinite sum."""
    kind = scores.dtype.type
    for i in range(start, stop):
        h, r = i // scores.shape[1], i % scores.shape[1]
        row = scores[h, r]
        seen = min(row.size, first + r + 1) if causal else row.size
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
        scale = kind(1) / total
        for j in range(seen):
            row[j] *= scale
        row[seen:] = 0
        sums[h, r] = top + log(total)


@kernel(reassoc=True)
def gradient_of_scores(scores, slopes, mask, first, causal, sums, grad, out, start, stop):
    """scores become the weights P again, and `slopes`, the gradient of the weights, that of the
    scores: P (slopes - sum(P slopes)), where the sum is that of grad times out."""
    kind = scores.dtype.type
    for i in range(start, stop):
        h, r = i // scores.shape[1], i % scores.shape[1]
        row, slope, g, y = scores[h, r], slopes[h, r], grad[h, r], out[h, r]
        seen = min(row.size, first + r + 1) if causal else row.size
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
            slope[j] = weight * (slope[j] - mean)
        row[seen:] = 0
        slope[seen:] = 0


# ------------------------------------------------------------------------------------------- blocks
def blocks(shape: tuple[int, ...], columns: int) -> Iterator[Block]:
    """Several heads at once, or some rows of one head."""
    batch, heads, rows = shape[:3]
    height = min(rows, max(LEAST_ROWS, SCORES // max(columns, 1)))
    width = max(1, SCORES // max(height * columns, 1)) if height == rows else 1
    for n in range(batch):
        for h in range(0, heads, width):
            for r in range(0, rows, height):
                yield n, slice(h, min(h + width, heads)), slice(r, min(r + height, rows))


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
    n, h, r = block
    return np.ascontiguousarray(mask[n, h, r, :columns], dtype)


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
    out = np.empty((*shape[:3], v.shape[3]), dtype)
    sums = np.empty(shape[:3], dtype)
    for block in blocks(shape, k.shape[2]):
        n, h, r = block
        columns = min(k.shape[2], r.stop) if causal else k.shape[2]
        scores = matmul(q[n, h, r] * dtype.type(scale), k[n, h, :columns].swapaxes(1, 2))
        added = part_of_mask(mask, block, columns, dtype)
        over_rows(weights_of_scores, scores, added, r.start, causal, sums[n, h, r])
        out[n, h, r] = matmul(scores, v[n, h, :columns])
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
    dq, dk, dv = np.empty(q.shape, dtype), np.zeros(k.shape, dtype), np.zeros(v.shape, dtype)
    for block in blocks(q.shape, k.shape[2]):
        n, h, r = block
        columns = min(k.shape[2], r.stop) if causal else k.shape[2]
        scaled, keys = q[n, h, r] * dtype.type(scale), k[n, h, :columns]
        scores = matmul(scaled, keys.swapaxes(1, 2))
        slopes = matmul(g[n, h, r], v[n, h, :columns].swapaxes(1, 2))
        added = part_of_mask(mask, block, columns, dtype)
        rows = sums[n, h, r], np.ascontiguousarray(g[n, h, r]), y[n, h, r]
        over_rows(gradient_of_scores, scores, slopes, added, r.start, causal, *rows)
        dq[n, h, r] = matmul(slopes, keys) * dtype.type(scale)
        dk[n, h, :columns] += matmul(slopes.swapaxes(1, 2), scaled)
        dv[n, h, :columns] += matmul(scores.swapaxes(1, 2), g[n, h, r])
    dq, dk, dv = (d.astype(query.dtype, copy=False) for d in (dq, dk, dv))
    return dq, dk, dv
