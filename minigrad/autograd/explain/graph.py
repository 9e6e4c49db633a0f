"""What a graph tells without being run, and what is alive beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any, NamedTuple

from minigrad.leaf import AccumulateGrad, Leaf
from minigrad.memory import owner_of
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.reach import leading_to, sequence_nr, walk
from minigrad.tensor import TENSORS, Tensor


def edge_now(x: Tensor) -> Edge:
    """The edge of `x`; unlike edge_of(), it makes no node that is not there yet."""
    edge = x.edge
    if type(edge) is tuple:
        return edge
    if type(edge) is Leaf:
        node = edge.node()
        return NO_EDGE if node is None else (node, 0)
    return getattr(edge, "edge", NO_EDGE)


def nodes_behind(roots: Iterable[Node | None]) -> list[Node]:
    """All nodes that `roots` send gradients to, and these themselves, the oldest first."""
    return sorted(walk(roots), key=sequence_nr)


def leaves_of(x: Tensor) -> list[Tensor]:
    nodes = nodes_behind([edge_now(x)[0]])
    return [node.variable for node in nodes if type(node) is AccumulateGrad]


def living_tensors() -> list[Tensor]:
    """Every Tensor there is."""
    return [x for x in gc.get_objects() if type(x) in TENSORS and hasattr(x, "edge")]


def living_results(x: Tensor) -> list[Tensor]:
    """The tensors, the youngest first, that were computed from `x` and are still there."""
    edge = edge_now(x)
    if edge is NO_EDGE:
        return []
    results = [y for y in living_tensors() if y is not x and edge_now(y)[0] is not None]
    leading = leading_to(walk(edge_now(y)[0] for y in results), lambda other: other == edge)
    found = [y for y in results if edge_now(y)[0] in leading or edge_now(y) == edge]
    return sorted(found, key=lambda y: -edge_now(y)[0].sequence_nr)  # type: ignore[union-attr]


def likely_loss(x: Tensor) -> Tensor | None:
    """The youngest scalar that was computed from `x`, or else the youngest tensor."""
    results = living_results(x)
    return next((y for y in results if y.array.size == 1), results[0] if results else None)


def sharing_memory(x: Tensor) -> Tensor | None:
    """A living tensor that requires a gradient and shows the memory of `x`."""
    owner = owner_of(x.array)
    for y in living_tensors():
        if y is not x and y.requires_grad and owner_of(y.array) is owner:
            return y
    return None


class SavedArray(NamedTuple):
    """An array that a node saved: its name, and the edge of the tensor that it was."""

    name: str
    array: Any
    edge: Edge


def saved_by(node: Node) -> list[SavedArray]:
    """What a node saved: its inputs in their order, then its result; nothing once it is freed, or
    where hooks for saved tensors packed it."""
    arrays = node.saved
    if not isinstance(arrays, tuple):
        return []
    names = [*node.saved_names, *(f"saved {n}" for n in range(len(node.saved_names), len(arrays)))]
    triples = zip(names, arrays, node.saved_edges(), strict=False)
    return [SavedArray(*triple) for triple in triples if hasattr(triple[1], "dtype")]


def used_as_constant(x: Tensor, nodes: list[Node]) -> Node | None:
    """A node that saved the memory of `x` as an input, but sends it no gradient."""
    owner, edge = owner_of(x.array), edge_now(x)
    for node in nodes:
        for saved in saved_by(node):
            is_input = saved.edge[0] is not node and edge[0] is not node
            without_history = saved.edge != edge or edge is NO_EDGE
            if is_input and without_history and owner_of(saved.array) is owner:
                return node
    return None


def is_freed(nodes: Iterable[Node]) -> bool:
    """Whether a backward pass went through these nodes and freed what they had saved."""
    return any(node.saved is None for node in nodes)
