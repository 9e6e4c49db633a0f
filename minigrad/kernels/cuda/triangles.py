"""Triangles of matrices."""

import functools
from typing import Any

import numpy as np

from minigrad.kernels.cuda import driver
from minigrad.kernels.cuda.array import CudaArray, empty
from minigrad.kernels.cuda.runtime import cuda, kernel

Dtype = np.dtype[Any]


def tril(x: CudaArray, diagonal: int) -> CudaArray:
    """The lower triangles of the matrices in the last two axes; zeros above."""
    return kept(lower_kernel(x.dtype), x, diagonal)


def triu(x: CudaArray, diagonal: int) -> CudaArray:
    """The upper triangles of the matrices in the last two axes; zeros below."""
    return kept(upper_kernel(x.dtype), x, diagonal)


def kept(run: Any, x: CudaArray, diagonal: int) -> CudaArray:
    x = x.contiguous()
    out = empty(x.shape, x.dtype)
    rows, columns = x.shape[-2:]
    sizes = (x.size, rows, columns, diagonal)
    driver.launch_over(x.size, run, *sizes, out.buffer, x.buffer, x.offset)
    return out


@functools.cache
def lower_kernel(dtype: Dtype) -> Any:
    @kernel
    def tril(n, rows, columns, diagonal, out, x, x_offset):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            row, column = i // columns % rows, i % columns
            out[i] = 0
            if column - row <= diagonal:
                out[i] = x[x_offset + i]

    return tril


@functools.cache
def upper_kernel(dtype: Dtype) -> Any:
    @kernel
    def triu(n, rows, columns, diagonal, out, x, x_offset):
        for i in range(cuda.grid(1), n, cuda.gridsize(1)):
            row, column = i // columns % rows, i % columns
            out[i] = 0
            if column - row >= diagonal:
                out[i] = x[x_offset + i]

    return triu
