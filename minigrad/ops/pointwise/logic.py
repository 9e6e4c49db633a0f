"""Logical operations, and those on the bits of integers."""

from __future__ import annotations

from typing import Any

from minigrad.ops.define import pointwise


@pointwise(tensors_only=True)
def logical_and(x, y):
    return x != 0 and y != 0


@pointwise(tensors_only=True)
def logical_or(x, y):
    return x != 0 or y != 0


@pointwise(tensors_only=True)
def logical_xor(x, y):
    return (x != 0) != (y != 0)


@pointwise()
def logical_not(x):
    return x == 0


@pointwise(integers_only=True)
def bitwise_and(x, y):
    return x & y


@pointwise(integers_only=True)
def bitwise_or(x, y):
    return x | y


@pointwise(integers_only=True)
def bitwise_xor(x, y):
    return x ^ y


@pointwise(integers_only=True)
def bitwise_invert(x):
    return ~x


def bitwise_not(input: Any) -> Any:
    """~x: the bits of an integer, the opposite of a bool"""
    return logical_not(input) if input.array.dtype.kind == "b" else bitwise_invert(input)


def invert(x: Any) -> Any:
    """The operator ~"""
    if x.array.dtype.kind == "f":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return bitwise_not(x)
