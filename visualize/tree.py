"""The whole graph as a tree of plain lines: what print() shows, and the picture of last resort."""

from __future__ import annotations

from collections import defaultdict

from visualize.walk import Box, Drawing


def tree(drawing: Drawing) -> str:
    """Return the graph as indented lines; a box met before is named with its number and not
    repeated.

    Only a fork indents, so that a long chain stays in one column. No recursion.
    """
    boxes = {box.id: box for box in drawing.boxes}
    targets: dict[str, list[str]] = defaultdict(list)
    for edge in drawing.edges:
        targets[edge.source].append(edge.target)
    arrived = {edge.target for edge in drawing.edges}
    pending = [(box.id, "", "") for box in reversed(drawing.boxes) if box.id not in arrived]
    shared = _shared_boxes(drawing)
    seen: set[str] = set()
    lines = []
    while pending:
        here, first, rest = pending.pop()
        lines.append(first + _tree_line(boxes[here], here in shared, here in seen))
        if here not in seen:
            seen.add(here)
            pending.extend(reversed(_children(targets[here], rest)))
    return "\n".join([*lines, *drawing.notes])


def _children(targets: list[str], rest: str) -> list[tuple[str, str, str]]:
    """Return (box id, prefix of its own line, prefix of the lines below it)."""
    if len(targets) == 1:
        return [(targets[0], rest, rest)]
    last = len(targets) - 1
    return [
        (target, rest + ("`- " if i == last else "|- "), rest + ("   " if i == last else "|  "))
        for i, target in enumerate(targets)
    ]


def _shared_boxes(drawing: Drawing) -> set[str]:
    """Return the ids of the boxes to which more than one edge leads."""
    once: set[str] = set()
    more: set[str] = set()
    for edge in drawing.edges:
        (more if edge.target in once else once).add(edge.target)
    return more


def _tree_line(box: Box, shared: bool, again: bool) -> str:
    number = f"  [{box.id}]" if shared else ""
    if again:
        return f"{box.title}{number} (see above)"
    words = [box.title, *box.details]
    return "  ".join(word for word in words if word) + number
