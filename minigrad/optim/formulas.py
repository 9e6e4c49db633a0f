"""The update rules as formulas of one element, each compiled into one kernel for every device.

What is written over in place comes first.  Numbers such as 1 - beta are handed in, since a
float32 kernel would lose digits that the double-precision number has.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels import Array, launch, launch_into
from minigrad.kernels.codegen import Formula, Number
from minigrad.memory import note_write
from minigrad.ops.define import NUMBERS, function_source, number
from minigrad.tensor import Tensor

Kernel = Callable[..., Any]


def formula_of(function: Kernel) -> Formula:
    return Formula(function.__name__, function, functools.cache(lambda: function_source(function)))


def update(function: Kernel) -> Kernel:
    """A formula that is written over its first operand, a tensor."""
    formula = formula_of(function)

    def write(target: Tensor, *operands: Any) -> None:
        array = target.array
        launch_into(formula.ufunc, array, array, *with_arrays(operands, array.dtype))
        note_write(array)

    return write


def combination(function: Kernel) -> Kernel:
    """A formula of arrays and numbers, which gives a new array."""
    formula = formula_of(function)
    return lambda *operands: launch(formula.ufunc, *with_arrays(operands, operands[0].dtype))


def with_arrays(operands: tuple[Any, ...], dtype: Any) -> list[Array]:
    """The operands with every Python number as a 0-d array."""
    return [scalar(x, dtype) if type(x) in NUMBERS else x for x in operands]


def scalar(x: float, dtype: Any) -> Array:
    return number(x, dtype).array if type(x) is float and x else np.array(x, dtype)


@combination
def negated(grad: Any) -> Any:
    return -grad


@combination
def decayed(grad: Any, param: Any, weight_decay: Number) -> Any:
    """The gradient of loss + weight_decay / 2 * param**2."""
    return grad + weight_decay * param


@update
def descend(param: Any, direction: Any, lr: Number) -> Any:
    return param - lr * direction


@update
def accumulate(velocity: Any, grad: Any, momentum: Number, share: Number) -> Any:
    return momentum * velocity + share * grad


@update
def approach(mean: Any, grad: Any, weight: Number) -> Any:
    """A running mean comes closer to the new value."""
    return mean + weight * (grad - mean)


@update
def approach_square(mean: Any, grad: Any, beta: Number, weight: Number) -> Any:
    return beta * mean + weight * (grad * grad)


@update
def largest(so_far: Any, value: Any) -> Any:
    return max(so_far, value)


@update
def adam_step(
    param: Any, mean: Any, square: Any, size: Number, correction: Number, eps: Number
) -> Any:
    return param - size * (mean / (math.sqrt(square) / correction + eps))
