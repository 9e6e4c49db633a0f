"""The update of all parameters by one launch of an optimizer's rule."""

import ctypes
import functools
from typing import Any

import numpy as np

from minigrad.kernels import threads
from minigrad.kernels.cpu.runtime import HEADER
from minigrad.kernels.rules import Variant

Array = np.ndarray[Any, Any]
Pair = tuple[list[Array], list[Array]]
GRAIN = 1 << 18  # elements for a thread


def update(
    param: Array,
    variant: Variant,
    operands: list[list[Array]],
    which: list[int],
    numbers: list[tuple[float, ...]],
) -> None:
    """Apply a rule to parameters of one dtype.

    operands: for each parameter its array, its gradient and its state, of one shape; which: for
    each the number of its line of `numbers`.  `param` is the first of the parameters.
    """
    check_layout()
    kernel, size = variant.kernel(param.dtype), 0
    copies: list[Pair] = []
    places: list[int] = []
    for arrays, line in zip(operands, which, strict=True):
        ordered = arrays
        for x in arrays:
            if not x.flags.carray:  # elements in order, aligned
                ordered = [x.copy() for x in arrays]
                copies.append((arrays, ordered))
                break
        places += [*map(id, ordered), ordered[0].size, line]
        size += ordered[0].size
    table = np.array(places, np.int64).reshape(len(operands), -1)
    lines = np.array(numbers, np.float64)
    threads.split(size, GRAIN, lambda start, stop: kernel(table, lines, start, stop))
    for arrays, ordered in copies:
        for i in variant.written:
            arrays[i][...] = ordered[i]


@functools.cache
def check_layout() -> None:
    """The kernels read an array's address where NumPy's header files say that it stands."""
    sample = np.zeros(1)
    found = ctypes.c_void_p.from_address(id(sample) + HEADER).value
    if found != sample.__array_interface__["data"][0]:
        raise RuntimeError("optimizers expect CPython, and arrays as NumPy 1 and 2 have them")
