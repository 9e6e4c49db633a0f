"""What is checked: a function at a point."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.tensor import Tensor, constant

Matrix = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Subject:
    """A function and its arguments, with the tolerances that its derivatives are held to."""

    func: Callable[..., Any]
    inputs: tuple[Any, ...]
    eps: float
    rtol: float
    atol: float
    of_gradients: bool = False  # whether func is a gradient, as it is in gradgradcheck

    @property
    def wanted(self) -> list[Tensor]:
        """The inputs that derivatives are taken with respect to."""
        return [x for x in self.inputs if is_variable(x)]

    def outputs(self) -> tuple[Tensor, ...]:
        """What func returns now, always as a tuple."""
        results = as_tuple(self.func(*self.inputs))
        for number, x in enumerate(results):
            if not isinstance(x, Tensor):
                raise AttributeError(
                    f"{type(x).__name__!r} object has no attribute 'requires_grad': func returned "
                    f"it as output {number}, and gradcheck needs Tensors. Let func return the "
                    "Tensor itself, not item(), float() or numpy() of it."
                )
        return results

    def values(self) -> list[Matrix]:
        """Copies of the outputs: func may return an input as it is."""
        return [np.array(x.host_array()) for x in self.outputs()]

    def close(self, given: Matrix, true: Matrix) -> bool:
        """Whether two Jacobians are equal within the tolerances; nan is equal to nothing."""
        return bool(np.allclose(given, true, self.rtol, self.atol))


def is_variable(x: object) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def as_tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def tensor_like(values: Matrix, like: Tensor) -> Tensor:
    """A constant tensor of these numbers, with the shape, dtype and device of another one."""
    array = np.asarray(values, like.array.dtype).reshape(like.array.shape)
    return constant(kernels.to_device_of(array, like.array))


def check_inputs(inputs: tuple[Any, ...]) -> None:
    """At least one input must require a gradient; none may show an element twice."""
    wanted = [(i, x) for i, x in enumerate(inputs) if is_variable(x)]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of them have requires_grad=True."
        )
    for number, x in wanted:
        if x.array.dtype != np.float64:
            warnings.warn(
                f"Input #{number} requires gradient and is not a double precision floating point "
                "or complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. Make them with dtype=minigrad.float64: "
                f"differences of {x.dtype} numbers are mostly rounding.",
                stacklevel=3,
            )
        steps = zip(x.array.strides, x.array.shape, strict=True)
        if x.array.size and any(step <= 0 and length > 1 for step, length in steps):
            raise RuntimeError(
                f"The {number}th input has a dimension with stride 0. gradcheck only supports "
                "inputs that are non-overlapping to be able to compute the numerical gradients "
                "correctly. You should call .contiguous on the input before passing it to "
                "gradcheck: here, moving one element moves all that share its memory."
            )
