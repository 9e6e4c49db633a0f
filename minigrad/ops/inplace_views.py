"""t_(), squeeze_() and the like: they give a tensor other dimensions, and leave its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.memory import clock, note_write
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops import strided, view
from minigrad.ops.inplace import check_history
from minigrad.ops.shared_memory import View, keep_retaining
from minigrad.tensor import Tensor, edge_of

# torch numbers the nodes of in-place forms on their own.
NODES: dict[type[Node], type[Node]] = {
    strided.StridedNode: strided.AsStridedBackward1,
    view.SqueezeBackward0: view.SqueezeBackward3,
    view.SqueezeBackward1: view.SqueezeBackward4,
    view.SqueezeBackward2: view.SqueezeBackward5,
    view.TBackward0: view.TBackward1,
    view.TransposeBackward0: view.TransposeBackward1,
    view.UnsqueezeBackward0: view.UnsqueezeBackward1,
}


def rename(edge: Edge) -> None:
    """Give the new node of an in-place form its name: a class of the same slots."""
    node = edge[0]
    if node is not None:
        node.__class__ = NODES.get(type(node), type(node))


def view_in_place(op: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method x.op_(...) of an operation that makes a view: x becomes that view, and takes over
    its place in the graph.  It counts as a write, so that who saved x notices."""

    def method(x: Tensor, *arguments: Any, **named: Any) -> Tensor:
        check_history(x)
        old, shown = edge_of(x), op(x, *arguments, **named)
        note_write(x.array)
        made = shown.edge
        if type(x.edge) is View:
            made.seen = clock.last_write  # this write leaves its history as it is
            x.edge = made
            rename(made.edge)
        elif made.edge is not NO_EDGE:
            x.edge = made.edge
            rename(made.edge)
        x.array = shown.array
        keep_retaining(x, old)
        return x

    method.__name__, method.__doc__ = op.__name__ + "_", f"The in-place form of {op.__name__}."
    return method
