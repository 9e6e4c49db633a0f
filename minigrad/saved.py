"""What nodes saved of the forward pass, as tensors again: each with the history it had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minigrad.leaf import AccumulateGrad
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.tensor import TENSORS, Tensor, constant

Array = Any  # numpy.ndarray or CudaArray


def saved_values(node: Node, like: Any) -> tuple[Any, ...]:
    """What `node` saved, as arrays or, beside a gradient that is a Tensor, as Tensors."""
    if type(like) not in TENSORS:
        return node.saved_arrays()
    return with_histories(node.saved_arrays(), node.saved_edges())


def with_histories(
    arrays: Iterable[Array | None], edges: Iterable[Edge]
) -> tuple[Tensor | None, ...]:
    """The Tensors that saved arrays were, from the edge of each."""
    return tuple(
        None if array is None else saved_tensor(array, edge)
        for array, edge in zip(arrays, edges, strict=False)
    )


_history: ContextVar[bool] = ContextVar("history_of_saved_tensors", default=True)


@contextmanager
def saved_without_history() -> Iterator[None]:
    """Inside, what nodes saved counts as constants."""
    outer = _history.set(False)
    try:
        yield
    finally:
        _history.reset(outer)


def saved_tensor(array: Array, edge: Edge) -> Tensor:
    """A saved array with the history it had."""
    if not _history.get():
        return constant(array)
    if type(edge[0]) is AccumulateGrad and edge[0].variable.array is array:
        return edge[0].variable
    x = constant(array)  # an unpack hook may have made another array of it
    x.edge = edge if edge[0] is not None else NO_EDGE
    return x
