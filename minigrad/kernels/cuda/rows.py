"""Kernels that need a whole row at a time: softmax, its logarithm, layer normalisation.

The lanes of a block walk along a row as often as needed: for its largest element, its sum, its
result.  A thread without a row still meets every barrier, with a row of length 0.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.kernels.cuda import blocks, driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.pointwise import merge_axes
from minigrad.kernels.cuda.reductions import added
from minigrad.kernels.cuda.reductions import sum as sum_over
from minigrad.kernels.cuda.runtime import cuda, device, kernel, maximum, place

Dtype = np.dtype[Any]


def softmax(x: CudaArray, axis: int) -> CudaArray:
    """exp(x) / sum(exp(x)) along an axis."""
    return along_rows(softmax_kernel, False, axis, x)


def log_softmax(x: CudaArray, axis: int) -> CudaArray:
    """x - log(sum(exp(x))) along an axis."""
    return along_rows(softmax_kernel, True, axis, x)


def softmax_backward(grad: CudaArray, result: CudaArray, axis: int) -> CudaArray:
    """result * (grad - sum(grad * result))"""
    return along_rows(softmax_backward_kernel, False, axis, grad, result)


def log_softmax_backward(grad: CudaArray, result: CudaArray, axis: int) -> CudaArray:
    """grad - exp(result) * sum(grad)"""
    return along_rows(softmax_backward_kernel, True, axis, grad, result)


# ------------------------------------------------------------------------------------------ softmax


def along_rows(make_kernel: Any, log: bool, axis: int, *arrays: CudaArray) -> CudaArray:
    """Launch a kernel over all rows along `axis` of arrays of one shape; the result has it too."""
    first = arrays[0]
    if first.ndim == 0:
        return along_rows(make_kernel, log, 0, *(x.reshape(1) for x in arrays)).reshape(())
    out = empty(first.shape, first.dtype)
    if out.size == 0:
        return out
    length = first.shape[axis]
    every = (out, *arrays)
    shape, steps = merge_axes(without(first.shape, axis), [without(x.steps, axis) for x in every])
    block, size = blocks.share(length), out.size // length
    places = [(x.buffer, x.offset, s, x.steps[axis]) for x, s in zip(every, steps, strict=True)]
    driver.launch(
        make_kernel(first.dtype, block.threads, log),
        driver.ceil_div(size, block.columns),
        block.threads,
        *(size, length, shape, block.lanes, block.columns),
        *(argument for place in places for argument in place),
    )
    return out


def without(values: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*values[:axis], *values[axis + 1 :])


@functools.cache
def largest_and_sum(dtype: Dtype) -> Any:
    """A device function: the largest element of a row, and the sum of exp(x - largest).

    Every thread of the block must call it; `shared` may be used again after.
    """
    computed, exp = (
        runtime.dtype_of(runtime.computed_in(dtype)),
        runtime.math_function("exp", dtype),
    )
    largest_of_lanes, sum_of_lanes = blocks.tree(maximum), blocks.tree(added)

    @device
    def walk(shared, thread, lane, lanes, x, first, step, length):
        largest = computed(-math.inf)
        for i in range(lane, length, lanes):
            largest = maximum(largest, computed(x[first + i * step]))
        shared[thread] = largest
        largest_of_lanes(shared, thread, lane, lanes, 1)
        largest = shared[thread - lane]
        cuda.syncthreads()

        total = computed(0)
        for i in range(lane, length, lanes):
            total += exp(computed(x[first + i * step]) - largest)
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        total = shared[thread - lane]
        cuda.syncthreads()
        return largest, total

    return walk


@functools.cache
def softmax_kernel(dtype: Dtype, threads: int, log: bool) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    exp, ln = (runtime.math_function(name, dtype) for name in ("exp", "log"))
    walk = largest_and_sum(dtype)

    @kernel
    def softmax(
        size, length, shape, lanes, columns,
        out, out_offset, out_steps, out_step, x, x_offset, x_steps, x_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        length = length if row < size else 0
        first = place(row, shape, x_offset, x_steps)

        largest, total = walk(shared, thread, lane, lanes, x, first, x_step, length)
        target = place(row, shape, out_offset, out_steps)
        for i in range(lane, length, lanes):
            value = computed(x[first + i * x_step]) - largest
            value = value - ln(total) if log else exp(value) / total
            out[target + i * out_step] = stored(value)

    return softmax


@functools.cache
def softmax_backward_kernel(dtype: Dtype, threads: int, log: bool) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    exp = runtime.math_function("exp", dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def softmax_backward(
        size, length, shape, lanes, columns,
        out, out_offset, out_steps, out_step,
        grad, grad_offset, grad_steps, grad_step, y, y_offset, y_steps, y_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        length = length if row < size else 0
        g_first = place(row, shape, grad_offset, grad_steps)
        y_first = place(row, shape, y_offset, y_steps)

        total = computed(0)
        for i in range(lane, length, lanes):
            g = computed(grad[g_first + i * grad_step])
            total += g if log else g * computed(y[y_first + i * y_step])
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        total = shared[thread - lane]

        target = place(row, shape, out_offset, out_steps)
        for i in range(lane, length, lanes):
            g, value = computed(grad[g_first + i * grad_step]), computed(y[y_first + i * y_step])
            value = g - exp(value) * total if log else value * (g - total)
            out[target + i * out_step] = stored(value)

    return softmax_backward


# ------------------------------------------------------------------------------ layer normalisation

Maybe = CudaArray | None


def layer_norm(
    x: CudaArray, weight: Maybe, bias: Maybe, eps: float
) -> tuple[CudaArray, CudaArray, CudaArray]:
    """Rows of (N, D) shifted and scaled to mean 0 and variance 1, times weight, plus bias.

    Returns (out, mean, 1 / standard deviation); a mean is in the dtype it is computed in.
    """
    (rows, length), computed = x.shape, runtime.computed_in(x.dtype)
    out, mean, rstd = empty(x.shape, x.dtype), empty(rows, computed), empty(rows, computed)
    block = blocks.share(length)
    if out.size:
        driver.launch(
            layer_norm_kernel(x.dtype, block.threads, weight is not None, bias is not None),
            driver.ceil_div(rows, block.columns),
            block.threads,
            *(rows, length, block.lanes, block.columns, computed.type(eps)),
            *(out.buffer, mean.buffer, rstd.buffer),
            *(x.buffer, x.offset, *x.steps),
            *vector(weight, x),
            *vector(bias, x),
        )
    return out, mean, rstd


def vector(x: Maybe, stand_in: CudaArray) -> tuple[Any, int, int]:
    """The arguments of a 1-D array, or of one that will not be read."""
    return (x.buffer, x.offset, x.steps[0]) if x is not None else (stand_in.buffer, 0, 0)


@functools.cache
def mean_and_rstd(dtype: Dtype) -> Any:
    """The device function (mean, 1 / deviation) of a row, by the lanes that share it."""
    computed = runtime.dtype_of(runtime.computed_in(dtype))
    sqrt, sum_of_lanes = runtime.math_function("sqrt", dtype), blocks.tree(added)

    @device
    def statistics(shared, thread, lane, lanes, x, first, step, n, length, eps):
        total = computed(0)
        for i in range(lane, n, lanes):
            total += computed(x[first + i * step])
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        mean = shared[thread - lane] / computed(length)
        cuda.syncthreads()

        total = computed(0)
        for i in range(lane, n, lanes):
            difference = computed(x[first + i * step]) - mean
            total += difference * difference
        shared[thread] = total
        sum_of_lanes(shared, thread, lane, lanes, 1)
        return mean, computed(1) / sqrt(shared[thread - lane] / computed(length) + eps)

    return statistics


@functools.cache
def layer_norm_kernel(dtype: Dtype, threads: int, has_weight: bool, has_bias: bool) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    statistics = mean_and_rstd(dtype)

    @kernel
    def layer_norm(
        rows, length, lanes, columns, eps, out, means, rstds,
        x, x_offset, x_row, x_step,
        weight, weight_offset, weight_step, bias, bias_offset, bias_step,
    ):  # fmt: skip
        shared = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n = length if row < rows else 0
        first = x_offset + row * x_row
        mean, rstd = statistics(shared, thread, lane, lanes, x, first, x_step, n, length, eps)
        for i in range(lane, n, lanes):
            value = (computed(x[first + i * x_step]) - mean) * rstd
            if has_weight:
                value *= computed(weight[weight_offset + i * weight_step])
            if has_bias:
                value += computed(bias[bias_offset + i * bias_step])
            out[row * length + i] = stored(value)
        if lane == 0 and row < rows:
            means[row] = mean
            rstds[row] = rstd

    return layer_norm


def layer_norm_backward(
    grad: CudaArray,
    x: CudaArray,
    mean: CudaArray,
    rstd: CudaArray,
    weight: Maybe,
    mask: tuple[bool, bool, bool],
) -> tuple[Maybe, Maybe, Maybe]:
    """Gradients of x (N, D), weight (D,) and bias (D,): those that `mask` asks for.

    With h = (x - mean) * rstd and g = grad * weight:
    rstd * (g - mean(g) - h * mean(g * h)), sum(grad * h), sum(grad).
    """
    (rows, length), computed = x.shape, runtime.computed_in(x.dtype)
    dx = empty(x.shape, x.dtype)
    products = empty(x.shape if mask[1] else (0, length), computed)
    block = blocks.share(length)
    if dx.size and (mask[0] or mask[1]):
        driver.launch(
            layer_norm_backward_kernel(x.dtype, block.threads, weight is not None, mask[1]),
            driver.ceil_div(rows, block.columns),
            block.threads,
            *(rows, length, block.lanes, block.columns, dx.buffer, products.buffer),
            *(grad.buffer, grad.offset, *grad.steps),
            *(x.buffer, x.offset, *x.steps),
            *vector(mean, x),
            *vector(rstd, x),
            *vector(weight, x),
        )
    dweight = sum_over(products, (0,)).astype(x.dtype, copy=False) if mask[1] else None
    dbias = sum_over(grad, (0,)) if mask[2] else None
    return dx if mask[0] else None, dweight, dbias


@functools.cache
def layer_norm_backward_kernel(
    dtype: Dtype, threads: int, has_weight: bool, keeps_products: bool
) -> Any:
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    sum_of_lanes = blocks.tree(added)

    @kernel
    def layer_norm_backward(
        rows, length, lanes, columns, out, products,
        grad, grad_offset, grad_row, grad_step, x, x_offset, x_row, x_step,
        means, means_offset, means_step, rstds, rstds_offset, rstds_step,
        weight, weight_offset, weight_step,
    ):  # fmt: skip
        shared_g = cuda.shared.array(threads, computed)
        shared_gh = cuda.shared.array(threads, computed)
        thread = cuda.threadIdx.x
        lane, row = thread % lanes, cuda.blockIdx.x * columns + thread // lanes
        n, row = (length, row) if row < rows else (0, 0)
        g_first, x_first = grad_offset + row * grad_row, x_offset + row * x_row
        mean, rstd = means[means_offset + row * means_step], rstds[rstds_offset + row * rstds_step]

        sum_g, sum_gh = computed(0), computed(0)
        for i in range(lane, n, lanes):
            g = computed(grad[g_first + i * grad_step])
            h = (computed(x[x_first + i * x_step]) - mean) * rstd
            if keeps_products:
                products[row * length + i] = g * h
            if has_weight:
                g *= computed(weight[weight_offset + i * weight_step])
            sum_g += g
            sum_gh += g * h
        shared_g[thread] = sum_g
        shared_gh[thread] = sum_gh
        sum_of_lanes(shared_g, thread, lane, lanes, 1)
        sum_of_lanes(shared_gh, thread, lane, lanes, 1)
        mean_g = shared_g[thread - lane] / computed(length)
        mean_gh = shared_gh[thread - lane] / computed(length)

        for i in range(lane, n, lanes):
            g = computed(grad[g_first + i * grad_step])
            h = (computed(x[x_first + i * x_step]) - mean) * rstd
            if has_weight:
                g *= computed(weight[weight_offset + i * weight_step])
            out[row * length + i] = stored(rstd * (g - mean_g - h * mean_gh))

    return layer_norm_backward
