"""Arrays under other strides: any view of their memory, by address arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
Shape = tuple[int, ...]


class Memory:
    """Tells NumPy of memory in the terms of its array interface; `base` keeps it alive."""

    __slots__ = ("__array_interface__", "base")

    def __init__(self, base: np.ndarray[Any, Any], address: int, shape: Shape, strides: Shape):
        self.base = base
        self.__array_interface__ = {
            "version": 3,
            "typestr": base.dtype.str,
            "data": (address, False),
            "shape": shape,
            "strides": strides,
        }


def as_strided(x: Array, shape: Shape, strides: Shape, shift: int) -> Array:
    """The memory of x from `shift` bytes after its first element.  Nothing is checked."""
    if type(x) is np.ndarray:
        address = x.__array_interface__["data"][0] + shift
        return np.asarray(Memory(x, address, shape, strides))
    return x.as_strided(shape, strides, shift)
