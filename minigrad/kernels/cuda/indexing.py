"""Reading and adding by index.  An index out of range raises IndexError, on a GPU with a delay
(see driver.check_faults), and leaves the element out."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.determinism import are_deterministic_algorithms_enabled
from minigrad.kernels.cpu import indexing as on_host
from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty, full, to_device, zeros
from minigrad.kernels.cuda.runtime import cuda, device, kernel
from minigrad.shapes import inverse

Dtype = np.dtype[Any]
Shape = tuple[int, ...]


@device
def row_of(index, size, fault):
    """An index into an axis of `size`; -1 after noting a fault.  Negative ones are out of range."""
    if index < 0 or index >= size:
        fault[0] = 1
        return -1
    return index


# ----------------------------------------------------------------------------- along one axis


def take_rows(x: CudaArray, index: CudaArray, axis: int) -> CudaArray:
    """x.shape with `axis` replaced by the shape of `index` (int64)."""
    x, index = x.contiguous(), index.contiguous()
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    out = empty((*before, *index.shape, *after), x.dtype)
    start_rows(take_kernel(x.dtype), out.size, x.shape, axis, index, out, x)
    return out


def add_rows(shape: Shape, index: CudaArray, grad: CudaArray, axis: int) -> CudaArray:
    """Zeros of `shape`, to which every row of `grad` is added at its index.

    Sums are made with atomic additions, so their order, and with it the last digit of a float,
    may differ from run to run, as torch's do, unless deterministic results are asked for.
    """
    return with_rows_added(zeros(shape, sum_dtype(grad.dtype)), index, grad, axis)


def index_add(x: CudaArray, index: CudaArray, source: CudaArray, axis: int) -> CudaArray:
    """A copy of x with the rows of `source` added at `index`, in any order."""
    return with_rows_added(x.astype(sum_dtype(x.dtype)), index, source, axis)


def with_rows_added(out: CudaArray, index: CudaArray, rows: CudaArray, axis: int) -> CudaArray:
    """`out`, which is new, with rows added, in the dtype of those."""
    index, rows = index.contiguous(), rows.contiguous()
    run, threads = add_kernel(rows.dtype, out.dtype), rows.size
    if are_deterministic_algorithms_enabled():
        run, threads = add_in_order_kernel(rows.dtype, out.dtype), rows.size // max(index.size, 1)
    start_rows(run, threads, out.shape, axis, index, out, rows)
    return out.astype(rows.dtype, copy=False)


def sum_dtype(dtype: Dtype) -> Dtype:
    """What elements of a dtype are added up in: atomic additions want 32 bits or more."""
    if dtype.kind == "f":
        return runtime.computed_in(dtype)
    return dtype if dtype.itemsize >= 4 else np.dtype(np.int32)


def start_rows(
    run: Any, n: int, shape: Shape, axis: int, index: CudaArray, target: CudaArray, x: CudaArray
) -> None:
    after = int(np.prod(shape[axis + 1 :], dtype=np.int64))
    sizes = (n, shape[axis], index.size, after)
    arguments = (target.buffer, x.buffer, x.offset, index.buffer, index.offset)
    driver.launch_over(n, run, *sizes, *arguments, driver.fault_flag())
    driver.expect_faults()


@functools.cache
def take_kernel(dtype: Dtype) -> Any:
    @kernel
    def take_rows(n, rows, picks, after, out, x, x_offset, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, pick, block = i % after, i // after % picks, i // after // picks
            row = row_of(index[index_offset + pick], rows, fault)
            if row >= 0:
                out[i] = x[x_offset + (block * rows + row) * after + column]

    return take_rows


@functools.cache
def add_kernel(dtype: Dtype, total: Dtype) -> Any:
    computed = runtime.dtype_of(total)

    @kernel
    def add_rows(n, rows, picks, after, out, grad, grad_offset, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, pick, block = i % after, i // after % picks, i // after // picks
            row = row_of(index[index_offset + pick], rows, fault)
            if row >= 0:
                place = (block * rows + row) * after + column
                cuda.atomic.add(out, place, computed(grad[grad_offset + i]))

    return add_rows


@functools.cache
def add_in_order_kernel(dtype: Dtype, total: Dtype) -> Any:
    """The same with one thread for all that comes to a column of a block."""
    computed = runtime.dtype_of(total)

    @kernel
    def add_in_order(n, rows, picks, after, out, grad, grad_offset, index, index_offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            column, block = i % after, i // after
            for pick in range(picks):
                row = row_of(index[index_offset + pick], rows, fault)
                if row >= 0:
                    place = (block * rows + row) * after + column
                    source = (block * picks + pick) * after + column
                    out[place] += computed(grad[grad_offset + source])

    return add_in_order


# --------------------------------------------------------------------- along the leading axes


def gather_nd(x: CudaArray, indices: tuple[CudaArray, ...]) -> CudaArray:
    """x[indices] for int64 arrays of one broadcast shape, one for each leading axis of `x`."""
    x, places = x.contiguous(), flat_places(x.shape, indices)
    rest = x.shape[len(indices) :]
    out = empty((*places.shape, *rest), x.dtype)
    after = int(np.prod(rest, dtype=np.int64))
    run = take_kernel(x.dtype)
    rows = x.size // max(after, 1)
    start_rows(run, out.size, (rows, after), 0, places, out, x)
    return out


def scatter_add_nd(
    shape: Shape, dtype: Any, indices: tuple[CudaArray, ...], values: CudaArray
) -> CudaArray:
    """Zeros of `shape`, to which `values` are added at `indices`."""
    places = flat_places(shape, indices)
    rest = shape[len(indices) :]
    after = int(np.prod(rest, dtype=np.int64))
    rows = int(np.prod(shape[: len(indices)], dtype=np.int64))
    values = values.broadcast_to((*places.shape, *rest))
    out = add_rows((rows, after), places, values, 0)
    return out.reshape(shape).astype(dtype, copy=False)


def flat_places(shape: Shape, indices: tuple[CudaArray, ...]) -> CudaArray:
    """One index in place of several: the row number in an array whose leading axes are merged.

    Here negative indices count from the end.
    """
    common = np.broadcast_shapes(*(index.shape for index in indices))
    flat = zeros(common, np.int64)
    n = flat.size
    for size, index in zip(shape, indices, strict=False):
        index = index.broadcast_to(common).contiguous()
        arguments = (n, size, flat.buffer, index.buffer, index.offset, driver.fault_flag())
        driver.launch_over(n, flatten_kernel(index.dtype), *arguments)
    driver.expect_faults()
    return flat


@functools.cache
def flatten_kernel(dtype: Dtype) -> Any:
    @kernel
    def flatten(n, size, flat, index, offset, fault):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            one = index[offset + i]
            row = row_of(one + size if one < 0 else one, size, fault)
            flat[i] = flat[i] * size + row if row >= 0 and flat[i] >= 0 else -1

    return flatten


# ----------------------------------------------------------------------------- values put in place


def index_put(x: CudaArray, indices: Sequence[CudaArray | None], values: CudaArray) -> CudaArray:
    """A copy of x with `values` at the indices; the last one stays where places are equal."""
    axes = [i for i, index in enumerate(indices) if index is not None]
    order = (*axes, *(i for i in range(x.ndim) if i not in axes))
    moved = x.transpose(order)
    places = flat_places(moved.shape, tuple(indices[i] for i in axes))  # type: ignore[misc]
    inner = math.prod(moved.shape[len(axes) :])
    values = values.transpose(index_first(axes, places.ndim, values.ndim))
    rows = moved.reshape(math.prod(moved.shape[: len(axes)]), inner)
    result = put_rows_at(rows, places.reshape(-1), values.reshape(places.size, inner))
    return result.reshape(moved.shape).transpose(inverse(order)).contiguous()


def index_first(axes: list[int], index_ndim: int, ndim: int) -> tuple[int, ...]:
    """The order that moves the dimensions of the index to the front of what it picks."""
    neighbours = axes == list(range(axes[0], axes[-1] + 1))
    start = axes[0] if neighbours else 0
    stop = start + index_ndim
    return (*range(start, stop), *range(start), *range(stop, ndim))


def put_rows_at(x: CudaArray, places: CudaArray, values: CudaArray) -> CudaArray:
    """A copy of x (rows, inner) with values (n, inner) in the rows that `places` (n,) numbers; the
    last value stays, -1 is left out.  So that it is the last one, whichever thread comes when,
    each place first finds the largest number of a value that wants it."""
    (n, inner), size = values.shape, x.size
    winners = full((x.shape[0],), -1, np.int64)
    driver.launch_over(n, claim_kernel(), n, winners.buffer, places.buffer, places.offset)
    x, values, out = x.contiguous(), values.contiguous(), empty(x.shape, x.dtype)
    arrays = (out.buffer, x.buffer, x.offset, values.buffer, values.offset, winners.buffer)
    driver.launch_over(size, put_kernel(x.dtype), size, inner, *arrays)
    return out


@functools.cache
def claim_kernel() -> Any:
    @kernel
    def claim_rows(n, winners, places, offset):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            if places[offset + i] >= 0:
                cuda.atomic.max(winners, places[offset + i], i)

    return claim_rows


@functools.cache
def put_kernel(dtype: Dtype) -> Any:
    @kernel
    def put_rows(n, inner, out, x, x_offset, values, offset, winners):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            winner = winners[i // inner]
            if winner < 0:
                out[i] = x[x_offset + i]
            else:
                out[i] = values[offset + winner * inner + i % inner]

    return put_rows


def repeat_places(repeats: CudaArray, output_size: int) -> CudaArray:
    """Each place of `repeats` as often as it says there.  As their number is not known before, they
    are worked out on the host."""
    return to_device(on_host.repeat_places(repeats.to_host(), output_size), repeats.device)
