"""Pointwise loops over large operands that are stretched, row by row.

NumPy's iterator takes 80 ns from one inner loop to the next, in which a row of 400 floats is done.
Here it gives whole matrices to a generalised ufunc, whose own loop takes 10 ns to the next row.
"""

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from minigrad.kernels import jit, ufunc
from minigrad.kernels.jit import LOOP, types

NUMBERS = types.CPointer(types.intp)


@intrinsic
def run_loop(typing_context: Any, loop: Any, places: Any, length: Any, steps: Any) -> Any:
    """Call the inner loop of a ufunc, which is at the address `loop`; the others are arrays."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in LOOP.args]
        function = ir.FunctionType(context.get_value_type(LOOP.return_type), kinds)
        numbers = [
            builder.bitcast(context.make_array(array)(context, builder, value).data, kind)
            for array, value, kind in zip(signature.args[1:], args[1:], kinds[1:4], strict=True)
        ]
        nothing = ir.Constant(kinds[0], None)
        address = builder.inttoptr(args[0], function.as_pointer())
        return builder.call(address, [nothing, *numbers, nothing])

    return LOOP.return_type(types.intp, places, length, steps), code


def walk(args, dims, steps, data):
    """The loop of a generalised ufunc on matrices: data[0] is that of a ufunc, for data[1] arrays.
    The steps are those from matrix to matrix, of the arrays and of what the generalised ufunc
    returns (nothing), then two for each array: down, and along a row."""
    loop, arrays = data[0], data[1]
    matrices, rows, length = dims[0], dims[1], np.array([dims[2]])
    places, down, along = np.empty((3, arrays), np.intp)
    without_gaps = True
    for i in range(arrays):
        down[i], along[i] = steps[arrays + 1 + 2 * i], steps[arrays + 2 + 2 * i]
        without_gaps = without_gaps and down[i] == along[i] * length[0]
    if without_gaps:  # a matrix is one long row
        rows, length[0] = 1, rows * length[0]
    for matrix in range(matrices):
        for row in range(rows):
            for i in range(arrays):
                places[i] = args[i] + matrix * steps[i] + row * down[i]
            run_loop(loop, places, length, along)


@functools.cache
def address_of_walk() -> int:
    """Where the machine code of `walk` is, which all formulas share."""
    address: int = jit.compiled(walk, types.void(NUMBERS, NUMBERS, NUMBERS, NUMBERS)).address
    return address


def by_rows(name: str, loop: int, dtypes: list[np.dtype[Any]]) -> np.ufunc:
    """A ufunc of matrices that runs the inner loop at the address `loop`; the last of its arguments
    is the result.  To NumPy it is one more operand, so that it may be one of the others, too."""
    data = np.array([loop, len(dtypes)], np.intp)
    return ufunc.matrix_ufunc(name, address_of_walk(), data, dtypes)
