"""Powers in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import type_name
from minigrad.ops.arguments import typed
from minigrad.ops.define import NUMBERS, into
from minigrad.ops.inplace import in_place
from minigrad.ops.pointwise import pow
from minigrad.ops.reduction import cast
from minigrad.tensor import Tensor

FLOAT64 = np.dtype(np.float64)


@typed
def float_power(
    input: Tensor | float, exponent: Tensor | float, *, out: Tensor | None = None
) -> Tensor:
    """input ** exponent in float64, whatever the dtypes; either may be a number."""
    if type(input) in NUMBERS and type(exponent) in NUMBERS:
        raise TypeError("float_power(): one of the arguments must be a Tensor")
    if out is not None:
        check_float64(out, "the output given to float_power")
        return into(float_power, out, input, exponent)
    result: Tensor = pow(wide(input), wide(exponent))
    return result


def wide(x: Any) -> Any:
    """A tensor in float64, a number as a float."""
    if type(x) in NUMBERS:
        return float(x)
    return x if x.array.dtype == FLOAT64 else cast(x, FLOAT64)


def check_float64(x: Any, what: str) -> None:
    if x.array.dtype != FLOAT64:
        raise RuntimeError(
            f"{what} has dtype {type_name(x.array.dtype)} but the operation's result requires "
            "dtype Double"
        )


write_power = in_place(float_power)


def float_power_(x: Tensor, exponent: Any) -> Tensor:
    """The in-place form of float_power, of float64."""
    check_float64(x, "the base given to float_power_")
    return write_power(x, exponent)
