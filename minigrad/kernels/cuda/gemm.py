"""Matrix products: tiles of both operands in shared memory, a small square of results a thread."""

import functools
from typing import Any, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.kernels.codegen import SCALARS
from minigrad.kernels.cuda import driver, runtime
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.pointwise import merge_axes
from minigrad.kernels.cuda.runtime import cuda, device, kernel, place

Dtype = np.dtype[Any]
MOST_BATCHES = 65535  # of a grid's third axis; the kernel loops over what is beyond


class Tiling(NamedTuple):
    """side * side threads; each makes each * each results, `depth` products at a time."""

    side: int
    each: int
    depth: int

    @property
    def tile(self) -> int:
        return self.side * self.each


GPU, SIMULATOR = Tiling(side=16, each=4, depth=16), Tiling(side=2, each=2, depth=4)


def tiling() -> Tiling:
    return SIMULATOR if driver.is_simulator() else GPU


def matmul(a: CudaArray, b: CudaArray) -> CudaArray:
    """(..., M, K) @ (..., K, N) -> (..., M, N), contiguous; batch axes broadcast, any strides.

    float16 is multiplied and added in float32.
    """
    (m, k), n = a.shape[-2:], b.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = a.broadcast_to((*batch, m, k)), b.broadcast_to((*batch, k, n))
    out = empty((*batch, m, n), a.dtype)
    shape, (a_steps, b_steps) = merge_axes(batch, [a.steps[:-2], b.steps[:-2]])
    batches = int(np.prod(batch, dtype=np.int64))
    size = tiling()
    tiles = driver.ceil_div(m, size.tile) * driver.ceil_div(n, size.tile)
    if out.size:
        driver.launch(
            matmul_kernel(a.dtype, *size),
            (tiles, 1, min(batches, MOST_BATCHES)),
            size.side**2,
            *(out.buffer, m, n, k, batches, shape),
            *(a.buffer, a.offset, a_steps, *a.steps[-2:]),
            *(b.buffer, b.offset, b_steps, *b.steps[-2:]),
        )
    return out


def outer(x: CudaArray, y: CudaArray) -> CudaArray:
    """All products of an element of one vector and one of another."""
    result: CudaArray = kernels.launch2(SCALARS["mul"].ufunc, x.reshape((-1, 1)), y)
    return result


@functools.cache
def tile_loader(computed: Any, tile: int, depth: int, threads: int) -> Any:
    """A device function by which a block's threads copy a tile of an operand to shared memory."""

    @device
    def load_tile(target, source, first, thread, size, length, step, depth_step):
        """target[j, i] = source[i * step + j * depth_step], zero beyond size and length.

        Neighbouring threads load neighbouring elements, whichever way they lie.
        """
        for element in range(thread, depth * tile, threads):
            i, j = element % tile, element // tile
            if depth_step == 1:
                i, j = element // depth, element % depth
            value = computed(0)
            if i < size and j < length:
                value = computed(source[first + i * step + j * depth_step])
            target[j, i] = value

    return load_tile


@functools.cache
def matmul_kernel(dtype: Dtype, side: int, each: int, depth: int) -> Any:
    tile, threads = side * each, side * side
    computed, stored = runtime.dtype_of(runtime.computed_in(dtype)), runtime.dtype_of(dtype)
    padded = tile + 1  # so that a column of a tile lies in as many memory banks as a row
    load_tile = tile_loader(computed, tile, depth, threads)

    @kernel
    def matmul(
        out, m, n, k, batches, shape,
        a, a_offset, a_steps, a_row, a_column,
        b, b_offset, b_steps, b_row, b_column,
    ):  # fmt: skip
        a_tile = cuda.shared.array((depth, padded), computed)
        b_tile = cuda.shared.array((depth, padded), computed)
        sums = cuda.local.array((each, each), computed)  # in registers, as all loops over it unroll
        thread = cuda.threadIdx.x
        row, column = thread // side, thread % side
        across = (n + tile - 1) // tile
        top, left = cuda.blockIdx.x // across * tile, cuda.blockIdx.x % across * tile

        for batch in range(cuda.blockIdx.z, batches, cuda.gridDim.z):
            a_first = place(batch, shape, a_offset, a_steps) + top * a_row
            b_first = place(batch, shape, b_offset, b_steps) + left * b_column
            for p in range(each):
                for q in range(each):
                    sums[p, q] = computed(0)

            for start in range(0, k, depth):
                a_start, b_start = a_first + start * a_column, b_first + start * b_row
                load_tile(a_tile, a, a_start, thread, m - top, k - start, a_row, a_column)
                load_tile(b_tile, b, b_start, thread, n - left, k - start, b_column, b_row)
                cuda.syncthreads()
                for j in range(depth):
                    for p in range(each):
                        for q in range(each):
                            sums[p, q] += a_tile[j, row + p * side] * b_tile[j, column + q * side]
                cuda.syncthreads()

            for p in range(each):
                for q in range(each):
                    i, j = top + row + p * side, left + column + q * side
                    if i < m and j < n:
                        out[(batch * m + i) * n + j] = stored(sums[p, q])

    return matmul
