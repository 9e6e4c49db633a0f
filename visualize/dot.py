"""Drawing -> DOT, the text that Graphviz reads. The same drawing always gives the same bytes."""

from __future__ import annotations

from visualize.style import (
    BACKGROUND,
    DETAIL_SIZE,
    EDGE_COLOR,
    FONT,
    LOOKS,
    NODE_GAP,
    POINTS_PER_INCH,
    QUIET_COLOR,
    RANK_GAP,
    TITLE_SIZE,
    Look,
    box_size,
)
from visualize.walk import Box, Drawing, Edge

DIRECTIONS = ("TB", "BT", "LR", "RL")


def to_dot(drawing: Drawing, direction: str = "TB", legend: bool = True) -> str:
    """Return the drawing as DOT text; `legend` adds a row of samples and the notes below it."""
    lines = ["digraph backward {", f"  graph [{_graph_attributes(drawing, direction, legend)}];"]
    lines.append(f"  node [{_node_defaults()}];")
    lines.append(
        f'  edge [color="{EDGE_COLOR}", arrowsize=0.7, fontname="{FONT}", '
        f'fontsize={DETAIL_SIZE}, fontcolor="{QUIET_COLOR}"];'
    )
    lines += [f"  {_node(box)}" for box in drawing.boxes]
    lines += [f"  {_edge(edge)}" for edge in drawing.edges]
    return "\n".join([*lines, "}", ""])


def to_skeleton(drawing: Drawing, direction: str = "TB") -> str:
    """Return DOT text with the sizes only, no words: Graphviz is asked where to put boxes and
    lines.

    Sizes are our own, so the places do not hang on the fonts of the machine that draws.
    """
    graph = f"graph [rankdir={direction}, nodesep={_inches(NODE_GAP)}, ranksep={_inches(RANK_GAP)}]"
    lines = ["digraph skeleton {", f"  {graph};", '  node [shape=box, fixedsize=true, label=""];']
    lines.append(f'  edge [arrowhead=none, fontname="{FONT}", fontsize={DETAIL_SIZE}];')
    for box in drawing.boxes:
        width, height = box_size(box.title, box.details)
        lines.append(f"  {box.id} [width={_inches(width)}, height={_inches(height)}];")
    for edge in drawing.edges:
        label = f' [label="  {quoted(edge.label)}  "]' if edge.label else ""
        lines.append(f"  {edge.source} -> {edge.target}{label};")
    return "\n".join([*lines, "}", ""])


def _inches(pixels: float) -> str:
    return f"{pixels / POINTS_PER_INCH:.4f}"


def _graph_attributes(drawing: Drawing, direction: str, legend: bool) -> str:
    attributes = [
        f"rankdir={direction}",
        f"nodesep={NODE_GAP / POINTS_PER_INCH:.2f}",
        f"ranksep={RANK_GAP / POINTS_PER_INCH:.2f}",
        f'bgcolor="{BACKGROUND}"',
        "pad=0.2",
        f'fontname="{FONT}"',
    ]
    if legend:
        attributes += [f"label=<{_legend(drawing)}>", "labelloc=b"]
    return ", ".join(attributes)


def _node_defaults() -> str:
    """Return the look of an operation, so that only other boxes need say how they look."""
    font = f'fontname="{FONT}", fontsize={TITLE_SIZE}, margin="0.1,0.06"'
    return f"shape=box, {font}, {', '.join(_look(LOOKS['op']))}"


def _look(look: Look) -> list[str]:
    style = ["filled", *(["rounded"] if look.rounded else []), *(["dashed"] if look.dashed else [])]
    return [
        f'style="{",".join(style)}"',
        f'fillcolor="{look.fill}"',
        f'color="{look.stroke}"',
        f'fontcolor="{look.title}"',
        f"penwidth={look.border:g}",
    ]


def _node(box: Box) -> str:
    width, height = box_size(box.title, box.details)
    attributes = [
        f'id="{box.id}"',
        f'class="{box.kind}"',
        f"label=<{_label(box)}>",
        f'tooltip="{quoted(box.tooltip)}"',
        f"width={width / POINTS_PER_INCH:.2f}",
        f"height={height / POINTS_PER_INCH:.2f}",
        *([] if box.kind == "op" else _look(LOOKS[box.kind])),
    ]
    return f"{box.id} [{', '.join(attributes)}];"


def _label(box: Box) -> str:
    font = f'<FONT POINT-SIZE="{DETAIL_SIZE}" COLOR="{LOOKS[box.kind].detail}">'
    lines = [f"<B>{markup(box.title)}</B>"]
    lines += [f"{font}{markup(detail)}</FONT>" for detail in box.details]
    return "<BR/>".join(lines)


def _edge(edge: Edge) -> str:
    attributes = []
    if edge.label:
        attributes.append(f'label=" {quoted(edge.label)} "')
    if edge.dashed:
        attributes += ["style=dashed", "arrowhead=none"]
    end = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{edge.source} -> {edge.target}{end};"


def _legend(drawing: Drawing) -> str:
    """Return the legend as an HTML-like table: one sample for each kind of box that is drawn."""
    kinds = {box.kind for box in drawing.boxes}
    cells = "".join(
        f'<TD WIDTH="14" HEIGHT="10" FIXEDSIZE="TRUE" BGCOLOR="{look.fill}" '
        f'COLOR="{look.stroke}" BORDER="1"></TD><TD>{_small(look.legend)}  </TD>'
        for kind, look in LOOKS.items()
        if kind in kinds
    )
    samples = f'<TABLE BORDER="0" CELLSPACING="3"><TR>{cells}</TR></TABLE>'
    rows = [f"<TR><TD>{samples}</TD></TR>"]
    rows += [f"<TR><TD>{_small(line)}</TD></TR>" for line in caption(drawing)]
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>'


def caption(drawing: Drawing, width: int = 60) -> list[str]:
    """Return the sentences below the picture, broken into short lines."""
    sentences = list(drawing.notes)
    if drawing.edges:
        sentences.insert(0, "Arrows: the way the gradient flows.")
    return [line for sentence in sentences for line in wrap(sentence, width)]


def wrap(sentence: str, width: int) -> list[str]:
    """Break a sentence at its spaces into lines of at most `width` characters."""
    lines = [""]
    for word in sentence.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="{DETAIL_SIZE}" COLOR="{QUIET_COLOR}">{markup(text)}</FONT>'


def markup(text: str) -> str:
    """Escape text for an HTML-like label, where Graphviz reads \\N as the node's name."""
    return _entities(text).replace("\\", "\\\\")


def quoted(text: str) -> str:
    """Escape text for a quoted string: Graphviz reads its backslashes and entities twice."""
    return _entities(text).replace("\\", "\\\\\\\\")


def _entities(text: str) -> str:
    replaced = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return replaced.replace('"', "&quot;")
