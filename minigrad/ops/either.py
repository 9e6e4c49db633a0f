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


def check_are_tensors(function: str, **arguments: Any) -> None:
    """TypeError that names an argument which is no Tensor."""
    for name, x in arguments.items():
        if type(x) not in TENSORS:
            kind = type(x).__name__
            raise TypeError(f"{function}(): argument '{name}' must be Tensor, not {kind}")
