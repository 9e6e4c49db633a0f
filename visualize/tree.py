"""The whole graph as a tree of plain lines: what print() shows, and the picture of last resort."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby

from visualize.walk import Box, Drawing, Edge

LONGEST_RUN = 3


def tree(drawing: Drawing) -> str:
    """Return the graph as lines; a box met before is named with its number and not repeated.

    Only a fork indents, so that a long chain stays in one column. No recursion.
    """
    boxes = {box.id: box for box in drawing.boxes}
    leaving: dict[str, list[Edge]] = defaultdict(list)
    for edge in drawing.edges:
        leaving[edge.source].append(edge)
    arrivals = Counter(edge.target for edge in drawing.edges)
    starts = [box.id for box in drawing.boxes if not arrivals[box.id]]
    pending = [(Edge("", start), "", "") for start in reversed(starts)]
    seen: set[str] = set()
    lines = []
    while pending:
        edge, first, rest = pending.pop()
        box = boxes[edge.target]
        lines.append(first + _line(box, edge, arrivals[box.id] > 1, box.id in seen))
        if box.id not in seen:
            seen.add(box.id)
            pending.extend(reversed(_branches(leaving[box.id], rest)))
    return "\n".join([*_without_long_runs(lines), *drawing.notes])


def _branches(edges: list[Edge], rest: str) -> list[tuple[Edge, str, str]]:
    """Return each edge with the prefix of its own line and the prefix of the lines below it."""
    if len(edges) == 1:
        return [(edges[0], rest, rest)]
    last = len(edges) - 1
    return [
        (edge, rest + ("`- " if i == last else "|- "), rest + ("   " if i == last else "|  "))
        for i, edge in enumerate(edges)
    ]


def _line(box: Box, edge: Edge, shared: bool, again: bool) -> str:
    title = f"{edge.label} of {box.title}" if edge.label else box.title
    if box.kind == "saved" and box.title != "saved":
        title = f"saved {box.title}"
    number = f"[{box.id}]" if shared else ""
    words = [title, number, "(see above)"] if again else [title, *box.details, number]
    return "  ".join(word for word in words if word)


def _without_long_runs(lines: list[str]) -> list[str]:
    """Write a line that comes many times in a row once, with its number."""
    short = []
    for line, run in groupby(lines):
        count = len(list(run))
        short += [line] * count if count <= LONGEST_RUN else [f"{line}  ({count} in a row)"]
    return short
