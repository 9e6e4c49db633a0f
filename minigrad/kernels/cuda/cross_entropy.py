"""Cross entropy of rows of scores: the lanes of a block walk along a row, as in rows.py.

Of log_softmax two numbers a row are kept, in the dtype that it is computed in: the largest score,
`top`, and the logarithm of the sum of exp(x - top), `shift`.
"""

import functools
from typing import Any

import numpy as np

from minigrad.kernels.cuda import blocks, driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, zeros
from minigrad.kernels.cuda.reductions import added
from minigrad.kernels.cuda.rows import largest_and_sum, vector
from minigrad.kernels.cuda.runtime import cuda, kernel

Dtype = np.dtype[Any]
Maybe = CudaArray | None


def cross_entropy_rows(
    x: CudaArray, target: CudaArray, weight: Maybe
) -> tuple[CudaArray, CudaArray, CudaArray, CudaArray]:
    """(losses, spread, top, shift), each (N,), of scores x (N, C) and int64 targets (N,).

    losses: -log p at the target; spread: -sum of weight log p over all classes, for weight (C,).
    Both are 0 where the target is not in 0 .. C - 1, as for an ignored one.
    """
    rows, computed = x.shape[0], runtime.computed_in(x.dtype)
    losses, spread = empty((rows,), x.dtype), empty((rows,), x.dtype)
    top, shift = empty((rows,), computed), empty((rows,), computed)
    make = functools.partial(class_losses, weight is not None)
    given = (*vector(target, x), *vector(weight, x), losses.buffer, spread.buffer)
    launch_rows(make, x, *given, top.buffer, shift.buffer)
    return losses, spread, top, shift


def cross_entropy_backward(
    x: CudaArray,
    top: CudaArray,
    shift: CudaArray,
    target: CudaArray,
    weight: Maybe,
    pull: CudaArray,
    level: CudaArray,
    fall: CudaArray,
) -> CudaArray:
    """fall p - level weight - pull at the target, for `pull`, `level` and `fall` (N,)."""
    out = empty(x.shape, x.dtype)
    make = functools.partial(class_gradients, weight is not None)
    vectors = (top, shift, target, weight, pull, level, fall)
    launch_rows(make, x, out.buffer, *places(x, *vectors))
    return out


def soft_cross_entropy_rows(
    x: CudaArray, target: CudaArray, weight: Maybe, smoothing: float
) -> tuple[CudaArray, CudaArray, CudaArray]:
    """(losses, top, shift), each (N,), of scores and target probabilities (N, C), with a part
    `smoothing` of the target spread over all classes."""
    rows, computed = x.shape[0], runtime.computed_in(x.dtype)
    losses = empty((rows,), x.dtype)
    top, shift = empty((rows,), computed), empty((rows,), computed)
    target = target.astype(x.dtype, copy=False)
    make = functools.partial(probability_losses, weight is not None)
    given = (*matrix(target), *vector(weight, x), *parts(smoothing, x))
    launch_rows(make, x, *given, losses.buffer, top.buffer, shift.buffer)
    return losses, top, shift


def soft_cross_entropy_backward(
    x: CudaArray,
    top: CudaArray,
    shift: CudaArray,
    target: CudaArray,
    weight: Maybe,
    smoothing: float,
    grad: CudaArray,
) -> CudaArray:
    """The gradient of the scores, from those of the losses (N,)."""
    out = empty(x.shape, x.dtype)
    target = target.astype(x.dtype, copy=False)
    make = functools.partial(probability_gradients, weight is not None)
    given = (out.buffer, *matrix(target), *parts(smoothing, x))
    launch_rows(make, x, *given, *places(x, top, shift, weight, grad))
    return out


def scores_backward(x: CudaArray, top: CudaArray, shift: CudaArray, grad: CudaArray) -> CudaArray:
    """The gradient of log_softmax from its input (N, C) and what cross_entropy_rows kept of it."""
    out = empty(x.shape, x.dtype)
    given = (out.buffer, *matrix(grad), *places(x, top, shift))
    launch_rows(log_softmax_gradients, x, *given)
    return out


def at_targets(values: CudaArray, target: CudaArray, classes: int) -> CudaArray:
    """(N, C) zeros, with values (N,), or one for all, at the targets (N,) that are classes."""
    out = zeros((target.size, classes), values.dtype)
    step = values.steps[0] if values.ndim else 0
    given = (values.buffer, values.offset, step, *vector(target, target))
    driver.launch_over(
        target.size, put_at_targets(values.dtype), target.size, classes, out.buffer, *given
    )
    return out


def launch_rows(make_kernel: Any, x: CudaArray, *arguments: Any) -> None:
    """Start a kernel with a group of lanes for each row of x (N, C)."""
    rows, length = x.shape
    if not rows:
        return
    block = blocks.share(length)
    driver.launch(
        make_kernel(x.dtype, block.threads),
        driver.ceil_div(rows, block.columns),
        block.threads,
        *(rows, length, block.lanes, block.columns, *matrix(x)),
        *arguments,
    )


def matrix(x: CudaArray) -> tuple[Any, ...]:
    """The arguments of a 2-D array: buffer, offset, and the steps of a row and of a column."""
    return (x.buffer, x.offset, *x.steps)


def places(x: CudaArray, *vectors: Maybe) -> tuple[Any, ...]:
    """The arguments of 1-D arrays."""
    return tuple(argument for v in vectors for argument in vector(v, x))


def parts(smoothing: float, x: CudaArray) -> tuple[Any, Any]:
    """What is left of a target, and what every class gets of it."""
    kind = runtime.computed_in(x.dtype).type
    return kind(1 - smoothing), kind(smoothing / max(x.shape[1], 1))


# ---------------------------------------------------------------------------------------- kernels


@functools.cache
def class_losses(has_weight: bool, dtype: Dtype, threads: int) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    ln, walk = runtime.math_function("log", dtype), largest_and_sum(dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def class_losses(
        rows, length, lanes, columns, x, x_offset, x_row, x_step,
        targets, targets_offset, targets_step, weight, weight_offset, weight_step,
        losses, spread, tops, shifts,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n = length if row < rows else 0
        first = x_offset + row * x_row

        largest, total = walk(shared, thread, lane, lanes, x, first, x_step, n)
        shift = ln(total)
        total = computed(0)
        if has_weight:
            for i in range(lane, n, lanes):
                share = computed(weight[weight_offset + i * weight_step])
                total += share * (shift - (computed(x[first + i * x_step]) - largest))
            shared[thread] = total
            sum_of_lanes(shared, thread, lane, lanes, 1)
            total = shared[thread - lane]

        if lane == 0 and row < rows:
            target, loss = targets[targets_offset + row * targets_step], computed(0)
            if target >= 0 and target < length:
                loss = shift - (computed(x[first + target * x_step]) - largest)
            else:
                total = computed(0)
            losses[row] = stored(loss)
            spread[row] = stored(total)
            tops[row] = largest
            shifts[row] = shift

    return class_losses


@functools.cache
def put_at_targets(dtype: Dtype) -> Any:
    @kernel
    def put_at_targets(
        n, classes, out, values, offset, step, targets, targets_offset, targets_step
    ):  # fmt: skip
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            target = targets[targets_offset + i * targets_step]
            if target >= 0 and target < classes:
                out[i * classes + target] = values[offset + i * step]

    return put_at_targets


@functools.cache
def class_gradients(has_weight: bool, dtype: Dtype, threads: int) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    exp = runtime.math_function("exp", dtype)

    @kernel
    def class_gradients(
        rows, length, lanes, columns, x, x_offset, x_row, x_step, out,
        tops, tops_offset, tops_step, shifts, shifts_offset, shifts_step,
        targets, targets_offset, targets_step, weight, weight_offset, weight_step,
        pulls, pulls_offset, pulls_step, levels, levels_offset, levels_step,
        falls, falls_offset, falls_step,
    ):  # fmt: skip
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        if row < rows:
            first = x_offset + row * x_row
            top = tops[tops_offset + row * tops_step]
            shift = shifts[shifts_offset + row * shifts_step]
            level = computed(levels[levels_offset + row * levels_step])
            fall = computed(falls[falls_offset + row * falls_step])
            target = targets[targets_offset + row * targets_step]
            for i in range(lane, length, lanes):
                value = fall * exp((computed(x[first + i * x_step]) - top) - shift)
                if has_weight:
                    value -= level * computed(weight[weight_offset + i * weight_step])
                else:
                    value -= level
                if i == target:
                    value -= computed(pulls[pulls_offset + row * pulls_step])
                out[row * length + i] = stored(value)

    return class_gradients


@functools.cache
def probability_losses(has_weight: bool, dtype: Dtype, threads: int) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    ln, walk = runtime.math_function("log", dtype), largest_and_sum(dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def probability_losses(
        rows, length, lanes, columns, x, x_offset, x_row, x_step,
        targets, t_offset, t_row, t_step, weight, weight_offset, weight_step, kept, even,
        losses, tops, shifts,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n = length if row < rows else 0
        first, t_first = x_offset + row * x_row, t_offset + row * t_row

        largest, total = walk(shared, thread, lane, lanes, x, first, x_step, n)
        shift = ln(total)
        total = computed(0)
        for i in range(lane, n, lanes):
            share = computed(targets[t_first + i * t_step]) * kept + even
            if has_weight:
                share *= computed(weight[weight_offset + i * weight_step])
            total += share * (shift - (computed(x[first + i * x_step]) - largest))
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        if lane == 0 and row < rows:
            losses[row] = stored(shared[thread])
            tops[row] = largest
            shifts[row] = shift

    return probability_losses


@functools.cache
def probability_gradients(has_weight: bool, dtype: Dtype, threads: int) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    exp = runtime.math_function("exp", dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def probability_gradients(
        rows, length, lanes, columns, x, x_offset, x_row, x_step, out,
        targets, t_offset, t_row, t_step, kept, even,
        tops, tops_offset, tops_step, shifts, shifts_offset, shifts_step,
        weight, weight_offset, weight_step, grads, grads_offset, grads_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n, row = (length, row) if row < rows else (0, 0)
        first, t_first = x_offset + row * x_row, t_offset + row * t_row
        top = tops[tops_offset + row * tops_step]
        shift = shifts[shifts_offset + row * shifts_step]
        grad = computed(grads[grads_offset + row * grads_step])

        total = computed(0)
        for i in range(lane, n, lanes):
            share = computed(targets[t_first + i * t_step]) * kept + even
            if has_weight:
                share *= computed(weight[weight_offset + i * weight_step])
            total += share
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        total = shared[thread - lane]

        for i in range(lane, n, lanes):
            share = computed(targets[t_first + i * t_step]) * kept + even
            if has_weight:
                share *= computed(weight[weight_offset + i * weight_step])
            power = exp((computed(x[first + i * x_step]) - top) - shift)
            out[row * length + i] = stored(grad * (power * total - share))

    return probability_gradients


@functools.cache
def log_softmax_gradients(dtype: Dtype, threads: int) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    exp = runtime.math_function("exp", dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def log_softmax_gradients(
        rows, length, lanes, columns, x, x_offset, x_row, x_step, out,
        grad, g_offset, g_row, g_step,
        tops, tops_offset, tops_step, shifts, shifts_offset, shifts_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n, row = (length, row) if row < rows else (0, 0)
        first, g_first = x_offset + row * x_row, g_offset + row * g_row
        top = tops[tops_offset + row * tops_step]
        shift = shifts[shifts_offset + row * shifts_step]

        total = computed(0)
        for i in range(lane, n, lanes):
            total += computed(grad[g_first + i * g_step])
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        total = shared[thread - lane]

        for i in range(lane, n, lanes):
            power = exp((computed(x[first + i * x_step]) - top) - shift)
            out[row * length + i] = stored(computed(grad[g_first + i * g_step]) - power * total)

    return log_softmax_gradients
