"""Norms over axes, made of pointwise kernels and reductions."""

from minigrad import kernels
from minigrad.kernels.codegen import SCALARS
from minigrad.kernels.cuda import reductions
from minigrad.kernels.cuda.array import CudaArray

Axes = tuple[int, ...]


def two_norm(x: CudaArray, axes: Axes, keepdim: bool) -> CudaArray:
    squares = kernels.launch2(SCALARS["mul"].ufunc, x, x)
    root: CudaArray = kernels.launch1(SCALARS["sqrt"].ufunc, reductions.sum(squares, axes, keepdim))
    return root


def one_norm(x: CudaArray, axes: Axes, keepdim: bool) -> CudaArray:
    return reductions.sum(sizes(x), axes, keepdim)


def largest_size(x: CudaArray, axes: Axes, keepdim: bool) -> CudaArray:
    return reductions.amax(sizes(x), axes, keepdim)


def smallest_size(x: CudaArray, axes: Axes, keepdim: bool) -> CudaArray:
    return reductions.amin(sizes(x), axes, keepdim)


def sizes(x: CudaArray) -> CudaArray:
    absolute: CudaArray = kernels.launch1(SCALARS["abs"].ufunc, x)
    return absolute
