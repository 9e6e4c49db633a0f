"""Other names of arguments, which torch takes for the sake of programs written for NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

TORCH_NAMES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "a": "input",
    "x": "input",
    "x1": "input",
    "x2": "other",
}
Operation = TypeVar("Operation", bound=Callable[..., Any])


def numpy_names(op: Operation) -> Operation:
    """An operation that takes axis= for dim=, keepdims= for keepdim= and x= for input=."""

    @functools.wraps(op)
    def run(*args: Any, **named: Any) -> Any:
        return op(*args, **(torch_names(op, named) if named else named))

    return run  # type: ignore[return-value]


def torch_names(op: Callable[..., Any], named: dict[str, Any]) -> dict[str, Any]:
    """Named arguments under torch's names.  TypeError where one is given twice."""
    if TORCH_NAMES.keys().isdisjoint(named):
        return named
    renamed = {TORCH_NAMES.get(name, name): value for name, value in named.items()}
    if len(renamed) < len(named):
        raise TypeError(f"{op.__name__}() got an argument twice, under two names: {list(named)}")
    return renamed
