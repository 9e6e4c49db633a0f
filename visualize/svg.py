"""Drawing and places -> SVG: one look, whether Graphviz or our own layout found the places."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from visualize.dot import caption
from visualize.layout import Layout, Point, layout
from visualize.style import (
    BACKGROUND,
    DETAIL_SIZE,
    EDGE_COLOR,
    FONTS,
    LINE_GAP,
    LOOKS,
    NODE_GAP,
    PADDING_Y,
    QUIET_COLOR,
    RANK_GAP,
    TITLE_SIZE,
    Look,
    box_size,
    text_width,
)
from visualize.walk import Box, Drawing, Edge

MARGIN = 14.0
ARROW = 7.0
SWATCH = 14.0


@dataclass
class Canvas:
    """The pieces of the picture so far, and its size without the margin."""

    pieces: list[str]
    width: float
    height: float


def own_layout(drawing: Drawing, direction: str = "TB") -> Layout:
    """Return the places of the boxes and lines, found in pure Python."""
    sizes = {box.id: box_size(box.title, box.details) for box in drawing.boxes}
    edges = [(edge.source, edge.target) for edge in drawing.edges]
    labels = {
        number: (text_width(edge.label, DETAIL_SIZE) + 16, DETAIL_SIZE + 2.0)
        for number, edge in enumerate(drawing.edges)
        if edge.label
    }
    return layout(sizes, edges, labels, direction, NODE_GAP, RANK_GAP)


def to_svg(drawing: Drawing, placed: Layout, legend: bool = True) -> str:
    """Return the drawing as SVG text, its boxes and lines placed as given."""
    canvas = Canvas([], placed.width, placed.height)
    for number, edge in enumerate(drawing.edges):
        _draw_edge(canvas, edge, placed.curves[number], placed.labels.get(number))
    for box in drawing.boxes:
        _draw_box(canvas, box, placed, box_size(box.title, box.details))
    if legend:
        _draw_legend(canvas, drawing)
    return _document(canvas)


def _document(canvas: Canvas) -> str:
    width, height = canvas.width + 2 * MARGIN, canvas.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}" font-family="{FONTS}">'
    )
    paper = (
        f'<rect class="paper" x="{-MARGIN:g}" y="{-MARGIN:g}" width="{width:.0f}" '
        f'height="{height:.0f}" fill="{BACKGROUND}"/>'
    )
    return "\n".join([head, paper, *canvas.pieces, "</svg>", ""])


def _draw_box(canvas: Canvas, box: Box, placed: Layout, size: tuple[float, float]) -> None:
    look = LOOKS[box.kind]
    (x, y), (width, height) = placed.centres[box.id], size
    canvas.pieces.append(f'<g id="{box.id}" class="node {box.kind}">')
    if box.tooltip:
        canvas.pieces.append(f"<title>{html.escape(box.tooltip)}</title>")
    canvas.pieces.append(_rectangle(x - width / 2, y - height / 2, width, height, look))
    baseline = y - height / 2 + PADDING_Y + TITLE_SIZE * 0.85
    canvas.pieces.append(_text(x, baseline, box.title, look.title, TITLE_SIZE, "bold"))
    for detail in box.details:
        baseline += DETAIL_SIZE + LINE_GAP
        canvas.pieces.append(_text(x, baseline, detail, look.detail, DETAIL_SIZE))
    canvas.pieces.append("</g>")


def _rectangle(x: float, y: float, width: float, height: float, look: Look) -> str:
    corner = f' rx="{min(7.0, height / 2):g}"' if look.rounded else ""
    dash = ' stroke-dasharray="5,3"' if look.dashed else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corner} '
        f'fill="{look.fill}" stroke="{look.stroke}" stroke-width="{look.border:g}"{dash}/>'
    )


def _text(
    x: float, y: float, text: str, color: str, size: int, weight: str = "", anchor: str = "middle"
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{bold} '
        f'fill="{color}">{html.escape(text)}</text>'
    )


def _draw_edge(canvas: Canvas, edge: Edge, curve: list[Point], label: Point | None) -> None:
    """Draw the line, short of its end by the arrow's length, the arrow's head and the label."""
    tip, before = curve[-1], curve[-2]
    back = tip if edge.dashed else _toward(tip, before, ARROW)
    points = [*curve[:-1], back]
    path = f"M{_xy(points[0])}" + "".join(
        f"C{_xy(points[i])} {_xy(points[i + 1])} {_xy(points[i + 2])}"
        for i in range(1, len(points), 3)
    )
    dash = ' stroke-dasharray="5,3"' if edge.dashed else ""
    canvas.pieces.append('<g class="edge">')
    canvas.pieces.append(f'<path d="{path}" fill="none" stroke="{EDGE_COLOR}"{dash}/>')
    if not edge.dashed:
        canvas.pieces.append(_arrow(tip, back))
    if label:
        x, y = label[0], label[1] + DETAIL_SIZE * 0.35
        canvas.pieces.append(_text(x, y, edge.label, QUIET_COLOR, DETAIL_SIZE))
    canvas.pieces.append("</g>")


def _xy(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _toward(start: Point, other: Point, distance: float) -> Point:
    """Return the point that lies `distance` from `start` on the way to `other`."""
    dx, dy = other[0] - start[0], other[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    return start[0] + dx * distance / length, start[1] + dy * distance / length


def _arrow(tip: Point, back: Point) -> str:
    """Return the arrow's head: a slim triangle from `back` to its tip."""
    dx, dy = (tip[0] - back[0]) * 0.45, (tip[1] - back[1]) * 0.45
    corners = [tip, (back[0] - dy, back[1] + dx), (back[0] + dy, back[1] - dx)]
    points = " ".join(_xy(corner) for corner in corners)
    return f'<polygon points="{points}" fill="{EDGE_COLOR}"/>'


def _draw_legend(canvas: Canvas, drawing: Drawing) -> None:
    """Write samples and notes below the graph, centred; widen the picture if need be."""
    kinds = {box.kind for box in drawing.boxes}
    looks = [look for kind, look in LOOKS.items() if kind in kinds]
    lines = caption(drawing)
    sample_widths = [SWATCH + 6 + text_width(look.legend, DETAIL_SIZE) + 14 for look in looks]
    needed = [sum(sample_widths), *(text_width(line, DETAIL_SIZE) for line in lines)]
    graph_width, canvas.width = canvas.width, max(canvas.width, *needed)
    shift = (canvas.width - graph_width) / 2
    if shift > 0:
        canvas.pieces = [f'<g transform="translate({shift:.1f},0)">', *canvas.pieces, "</g>"]
    x, y = (canvas.width - sum(sample_widths)) / 2 + 7, canvas.height + 26
    canvas.pieces.append('<g class="legend">')
    for look, width in zip(looks, sample_widths, strict=True):
        canvas.pieces.append(_rectangle(x, y - 9, SWATCH, 11, look))
        text = _text(x + SWATCH + 6, y, look.legend, QUIET_COLOR, DETAIL_SIZE, anchor="start")
        canvas.pieces.append(text)
        x += width
    for line in lines:
        y += DETAIL_SIZE + LINE_GAP + 2
        canvas.pieces.append(_text(canvas.width / 2, y, line, QUIET_COLOR, DETAIL_SIZE))
    canvas.pieces.append("</g>")
    canvas.height = y + 4


def text_svg(lines: Sequence[str]) -> str:
    """Return lines of text as an SVG: the picture of last resort."""
    canvas = Canvas([], 0.0, 0.0)
    for line in lines:
        canvas.height += 16
        canvas.width = max(canvas.width, 7.5 * len(line))
        canvas.pieces.append(
            f'<text x="0" y="{canvas.height - 4:.0f}" font-family="monospace" font-size="12" '
            f'xml:space="preserve" fill="#0f172a">{html.escape(line)}</text>'
        )
    return _document(canvas)
