"""Padding: numbers put around an image or a sequence."""

from __future__ import annotations

from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensor import Tensor


class Pad(Module):
    """What all have.  padding: one int for all sides, or (left, right, top, bottom, ...)."""

    dims: int  # that are padded: the last ones
    mode: str
    value: float | None = None  # of the new numbers, in mode "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        given = tuple(padding) if isinstance(padding, tuple | list) else None
        self.padding = (padding,) * (2 * self.dims) if given is None else given

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad(Pad):
    """Pads with one value."""

    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPad):
    """One value around the last dimension."""

    dims = 1


class ConstantPad2d(ConstantPad):
    """One value around the last two dimensions."""

    dims = 2


class ConstantPad3d(ConstantPad):
    """One value around the last three dimensions."""

    dims = 3


class ZeroPad(ConstantPad):
    """Pads with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(ZeroPad, ConstantPad1d):
    """Zeros around the last dimension."""


class ZeroPad2d(ZeroPad, ConstantPad2d):
    """Zeros around the last two dimensions."""


class ZeroPad3d(ZeroPad, ConstantPad3d):
    """Zeros around the last three dimensions."""


class ReflectionPad1d(Pad):
    """The last dimension mirrored at its ends."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(Pad):
    """The last two dimensions mirrored at their ends."""

    dims, mode = 2, "reflect"


class ReflectionPad3d(Pad):
    """The last three dimensions mirrored at their ends."""

    dims, mode = 3, "reflect"


class ReplicationPad1d(Pad):
    """The last dimension, whose first and last numbers are repeated."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(Pad):
    """The last two dimensions, whose first and last numbers are repeated."""

    dims, mode = 2, "replicate"


class ReplicationPad3d(Pad):
    """The last three dimensions, whose first and last numbers are repeated."""

    dims, mode = 3, "replicate"


class CircularPad(Pad):
    """Goes on at the other end."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        few, many = self.dims + 1, self.dims + 2
        if input.dim() not in (few, many):
            raise ValueError(f"expected {few}D or {many}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(CircularPad):
    """The last dimension, going on at its other end."""

    dims = 1


class CircularPad2d(CircularPad):
    """The last two dimensions, going on at their other ends."""

    dims = 2


class CircularPad3d(CircularPad):
    """The last three dimensions, going on at their other ends."""

    dims = 3
