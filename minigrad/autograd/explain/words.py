"""How an explanation is put: text that prints as it reads, lines of source, values in short."""

from __future__ import annotations

import linecache
from types import FrameType
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import Line, Node

SHOWN = 3  # of a long list


class Explanation(str):
    """A str that shows itself as text, in a terminal and in a notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Names:
    """What tensors are called in the code that asks: `w`, or `model.weight`."""

    def __init__(self, frame: FrameType):
        self.variables = {**frame.f_globals, **frame.f_locals}

    def of(self, x: Any, otherwise: str) -> str:
        for name, value in self.variables.items():
            if value is x and not name.startswith("_"):
                return name
        for name, value in self.variables.items():
            for path, parameter in parameters_of(value):
                if parameter is x:
                    return f"{name}.{path}"
        return otherwise


def parameters_of(module: Any) -> list[tuple[str, Any]]:
    """The parameters of a module, with their names; of anything else, none."""
    if not hasattr(type(module), "named_parameters"):
        return []
    try:
        return list(module.named_parameters())
    except Exception:  # half made: its class forgot super().__init__()
        return []


def at(line: Line | None) -> str:
    """A place in the user's code, with what is written there, on lines of its own."""
    if line is None:
        return ""
    written = linecache.getline(line.file, line.number).strip()
    return f"\n    {line}" + (f"\n        {written}" if written else "")


def made(node: Node) -> str:
    """The operation behind a node, and its line."""
    return f"{node.name()}, made at{at(node.line)}"


def listed(things: list[str]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(things[:SHOWN]) + more


def values_of(array: Any) -> np.ndarray[Any, Any]:
    """The values of any kind of array; of one inside vmap, those of all samples."""
    while hasattr(array, "values"):
        array = array.values
    return np.asarray(array) if isinstance(array, np.generic) else kernels.to_host(array)


def in_short(array: Any) -> str:
    """Shape and range of an array, and how many of its elements are no numbers."""
    values = values_of(array)
    if values.dtype.kind != "f":
        return f"{values.dtype} of shape {list(values.shape)}"
    finite = values[np.isfinite(values)]
    span = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "no finite value"
    if values.size == 1:
        return f"{values.item():.4g}"
    strange = {"NaN": np.isnan(values).sum(), "infinite": np.isinf(values).sum()}
    counts = "".join(f", {count} {name}" for name, count in strange.items() if count)
    return f"{span}{counts} in shape {list(values.shape)}"
