"""Other names of arguments, which torch takes for the sake of programs written for NumPy."""

from __future__ import annotations

from minigrad.ops.arguments import Operation, typed

TORCH_NAMES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "a": "input",
    "x": "input",
    "x1": "input",
    "x2": "other",
}


def numpy_names(op: Operation) -> Operation:
    """A typed operation that takes axis= for dim=, keepdims= for keepdim= and x= for input=."""
    return typed(op, TORCH_NAMES)
