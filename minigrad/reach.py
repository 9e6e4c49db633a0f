"""Which nodes a backward pass reaches.  Graphs are walked without recursion, however deep."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minigrad.node import Edge, Node


def sequence_nr(node: Node) -> int:
    return node.sequence_nr


def reachable(roots: Iterable[Edge], oldest: int = 0) -> set[Node]:
    """All nodes that the roots lead to, except those that are older than `oldest`."""
    found: set[Node] = set()
    waiting = [node for node, _ in roots]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found and node.sequence_nr >= oldest:
            found.add(node)
            waiting += [target for target, _ in node.next_functions]
    return found


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
