"""Whether tensors are equal, exactly or nearly."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import type_name
from minigrad.ops import reduction
from minigrad.ops.arguments import typed
from minigrad.ops.pointwise import (
    abs,
    add,
    bitwise_and,
    bitwise_or,
    eq,
    isfinite,
    isnan,
    le,
    mul,
    sub,
)
from minigrad.tensor import Tensor


@typed
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|, or both are equal."""
    check_closeness(input, other, rtol, atol)
    close: Tensor = eq(input, other)
    if equal_nan and input.array.dtype.kind == "f":
        close = bitwise_or(close, bitwise_and(isnan(input), isnan(other)))
    if rtol == 0 and atol == 0:
        return close
    if input.array.dtype.kind == "b":  # which cannot be subtracted
        input, other = mul(input, 1), mul(other, 1)
    error, allowed = abs(sub(input, other)), add(abs(mul(other, rtol)), atol)
    near: Tensor = bitwise_or(close, bitwise_and(isfinite(error), le(error, allowed)))
    return near


def check_closeness(input: Any, other: Any, rtol: float, atol: float) -> None:
    if input.array.dtype != other.array.dtype:
        names = type_name(input.array.dtype), type_name(other.array.dtype)
        raise RuntimeError(f"{names[0]} did not match {names[1]}")
    for value, name in ((rtol, "rtol"), (atol, "atol")):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")


@typed
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Whether isclose() holds everywhere."""
    return bool(reduction.all(isclose(input, other, rtol, atol, equal_nan)))


@typed
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements."""
    if input.array.shape != other.array.shape:
        return False
    return bool(reduction.all(eq(input, other)))
