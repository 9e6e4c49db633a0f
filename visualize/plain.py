"""Reads what `dot -Tplain` writes: where Graphviz put the boxes, the lines and the labels."""

from __future__ import annotations

import shlex
from collections import defaultdict

from visualize.layout import Layout, Point
from visualize.style import POINTS_PER_INCH
from visualize.walk import Drawing


def read_plain(output: bytes, drawing: Drawing) -> Layout:
    """Return the places in pixels, y downwards. Raises ValueError when a box or line is missing."""
    lines = [shlex.split(line) for line in output.decode("utf-8").splitlines()]
    width, height = (float(word) * POINTS_PER_INCH for word in lines[0][2:4])
    centres: dict[str, Point] = {}
    found: dict[tuple[str, str, str], list[tuple[list[Point], Point]]] = defaultdict(list)
    for words in lines[1:]:
        if words[0] == "node":
            centres[words[1]] = _point(words[2:4], height)
        elif words[0] == "edge":
            end = 4 + 2 * int(words[3])
            points = [_point(words[i : i + 2], height) for i in range(4, end, 2)]
            labelled = len(words) - end > 2  # label, x and y come before style and colour
            label = words[end].strip() if labelled else ""
            place = _point(words[end + 1 : end + 3], height) if labelled else (0.0, 0.0)
            found[words[1], words[2], label].append((points, place))
    curves, labels = [], {}
    for number, edge in enumerate(drawing.edges):
        places = found[edge.source, edge.target, edge.label]
        if not places:
            raise ValueError(f"the line from {edge.source} to {edge.target} is missing")
        curve, label_place = places.pop(0)
        curves.append(curve)
        if edge.label:
            labels[number] = label_place
    missing = {box.id for box in drawing.boxes} - set(centres)
    if missing:
        raise ValueError(f"the boxes {', '.join(sorted(missing))} are missing")
    return Layout(centres, curves, labels, width, height)


def _point(words: list[str], height: float) -> Point:
    """Return a point of dot, which measures in inches from below, in pixels from above."""
    return float(words[0]) * POINTS_PER_INCH, height - float(words[1]) * POINTS_PER_INCH
