"""Which nodes lead where.  Graphs are walked without recursion, however deep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigrad.node import Edge, Node


def next_functions(node: Node) -> Sequence[Edge]:
    return node.next_functions


def walk(
    roots: Iterable[Node | None],
    enters: Callable[[Node], bool] | None = None,
    edges_of: Callable[[Node], Sequence[Edge]] = next_functions,
) -> Iterator[Node]:
    """The roots and all nodes behind them, each once; the walk goes around those that `enters` is
    false for.  A node's edges may be changed while it is looked at: the walk knows the old ones.
    """
    found: set[Node] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node is None or node in found or (enters is not None and not enters(node)):
            continue
        found.add(node)
        waiting += [target for target, _ in edges_of(node)]
        yield node


def leading_to(nodes: Iterable[Node], is_target: Callable[[Edge], bool]) -> set[Node]:
    """Those of the nodes that must run for gradients to reach a target.

    Inputs of a node are older than the node, so going through all nodes from the oldest to the
    youngest meets a node after everything it leads to.
    """
    needed: set[Node] = set()
    for node in sorted(nodes, key=sequence_nr):
        if any(edge[0] in needed or is_target(edge) for edge in node.next_functions):
            needed.add(node)
    return needed


def sequence_nr(node: Node) -> int:
    return node.sequence_nr
