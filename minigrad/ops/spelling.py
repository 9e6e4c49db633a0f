"""Other names of arguments, which torch takes for the sake of programs written for NumPy; and what
is said where an argument is no tensor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

TORCH_NAMES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "a": "input",
    "x": "input",
    "x1": "input",
    "x2": "other",
}
Operation = TypeVar("Operation", bound=Callable[..., Any])
NO_TENSORS = (list, tuple, int, float, np.ndarray, type(None))


def numpy_names(op: Operation) -> Operation:
    """An operation that takes axis= for dim=, keepdims= for keepdim= and x= for input=."""

    @functools.wraps(op)
    def run(*args: Any, **named: Any) -> Any:
        try:
            return op(*args, **(torch_names(op, named) if named else named))
        except AttributeError as error:
            given = args[0] if args else torch_names(op, named).get("input")
            if isinstance(given, NO_TENSORS):
                raise no_tensor(op.__name__, given) from error
            raise

    return run  # type: ignore[return-value]


def torch_names(op: Callable[..., Any], named: dict[str, Any]) -> dict[str, Any]:
    """Named arguments under torch's names.  TypeError where one is given twice."""
    if TORCH_NAMES.keys().isdisjoint(named):
        return named
    renamed = {TORCH_NAMES.get(name, name): value for name, value in named.items()}
    if len(renamed) < len(named):
        raise TypeError(f"{op.__name__}() got an argument twice, under two names: {list(named)}")
    return renamed


def no_tensor(name: str, given: Any) -> TypeError:
    return TypeError(
        f"{name}(): argument 'input' (position 1) must be Tensor, not {type(given).__name__}. "
        "Make a tensor of it first, with minigrad.tensor()."
    )
