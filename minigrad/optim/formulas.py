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
from minigrad.kernels.codegen import Formula
from minigrad.memory import note_write
from minigrad.ops.define import NUMBERS, function_source
from minigrad.tensor import Tensor


class Update:
    """A formula of arrays and numbers: call it for a new array, or let it change a tensor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        find = functools.cache(lambda: function_source(function))
        self.ufunc = Formula(function.__name__, function, find).ufunc

    def __call__(self, *operands: Any) -> Array:
        return launch(self.ufunc, *with_arrays(operands, operands[0].dtype))

    def into(self, target: Tensor, *operands: Any) -> None:
        """Write formula(target, *operands) over the memory of `target`."""
        array = target.array
        launch_into(self.ufunc, array, array, *with_arrays(operands, array.dtype))
        note_write(array)


def with_arrays(operands: tuple[Any, ...], dtype: Any) -> list[Array]:
    """The operands with every Python number as a 0-d array."""
    return [np.array(x, dtype) if type(x) in NUMBERS else x for x in operands]


@Update
def negated(grad: Any) -> Any:
    return -grad


@Update
def decayed(grad: Any, param: Any, weight_decay: Any) -> Any:
    """The gradient of loss + weight_decay / 2 * param**2."""
    return grad + weight_decay * param


@Update
def descend(param: Any, direction: Any, lr: Any) -> Any:
    return param - lr * direction


@Update
def accumulate(velocity: Any, grad: Any, momentum: Any, share: Any) -> Any:
    return momentum * velocity + share * grad


@Update
def approach(mean: Any, grad: Any, weight: Any) -> Any:
    """A running mean comes closer to the new value."""
    return mean + weight * (grad - mean)


@Update
def approach_square(mean: Any, grad: Any, beta: Any, weight: Any) -> Any:
    return beta * mean + weight * (grad * grad)


@Update
def largest(so_far: Any, value: Any) -> Any:
    return max(so_far, value)


@Update
def adam_step(param: Any, mean: Any, square: Any, size: Any, correction: Any, eps: Any) -> Any:
    return param - size * (mean / (math.sqrt(square) / correction + eps))
