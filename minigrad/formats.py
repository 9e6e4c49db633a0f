"""Arguments that say what memory a result is to have: layouts, memory formats, out=.  Tensors here
are strided, in no special order."""

from __future__ import annotations

from typing import Any


class layout:  # torch's name
    """How a tensor's elements are kept: `strided` is the only way here."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"


class memory_format:  # torch's name
    """In which order a copy keeps its elements."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")  # the last dimension's lie side by side
preserve_format = memory_format("preserve_format")  # as in what is copied, where that has no gaps


def check_format(function: str, given: Any, *known: memory_format) -> None:
    """TypeError for what is no memory format, NotImplementedError for one that is not known."""
    if not isinstance(given, memory_format):
        raise TypeError(
            f"{function}(): argument 'memory_format' must be minigrad.memory_format, not "
            f"{type(given).__name__}"
        )
    if given not in known:
        raise NotImplementedError(f"{function}(): memory_format={given} is not supported")


def check_no_out(function: str, out: Any) -> None:
    """TypeError where a result is wanted in memory that exists."""
    if out is not None:
        raise TypeError(f"{function}(): out= is not supported")


def check_usual(function: str, layout: Any, pin_memory: Any = False) -> None:
    """NotImplementedError unless a new tensor is wanted strided, in ordinary memory."""
    if layout is not None and layout is not strided:
        raise NotImplementedError(f"{function}(): layout={layout!r} is not supported")
    if pin_memory:
        raise NotImplementedError(f"{function}(): pin_memory=True is not supported")
