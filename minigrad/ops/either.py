"""Operations serve Tensors and arrays alike, so that a derivative is written once for both."""

from __future__ import annotations

from typing import Any

from minigrad.tensor import TENSORS, constant

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
Either = Any  # a Tensor or an array: the same comes out as went in


def array_of(x: Either) -> Array:
    """The array of a Tensor; an array itself."""
    return x.array if type(x) in TENSORS else x


def constant_like(array: Array, x: Either) -> Either:
    """An array as what x is: a Tensor without a history, where x is a Tensor."""
    return constant(array) if type(x) in TENSORS else array


def check_are_arrays(function: str, **arguments: Any) -> None:
    """TypeError unless all are the arrays of a derivative's formula: none of them is a Tensor."""
    mixed = any(type(x) in TENSORS for x in arguments.values())
    wrong = {n: x for n, x in arguments.items() if mixed or not hasattr(x, "strides")}
    check_are_tensors(function, **wrong)


def check_are_tensors(function: str, **arguments: Any) -> None:
    """TypeError that names an argument which is no Tensor."""
    for name, x in arguments.items():
        if type(x) not in TENSORS:
            kind = type(x).__name__
            raise TypeError(f"{function}(): argument '{name}' must be Tensor, not {kind}")
