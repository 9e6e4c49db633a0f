"""Drawing and SVG -> a page on its own (light and dark, pan and zoom), or a notebook's output.

The page is page.html, page.css and page.js put into one file. Without its script it is still a
picture that scrolls, with the browser's own tooltips. Nothing comes from the network.
"""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

from visualize.dot import caption
from visualize.style import DARK_LOOKS, LOOKS, Look
from visualize.walk import Drawing

HERE = Path(__file__).parent


def page(drawing: Drawing, svg: str, title: str) -> str:
    """Return the whole page as text. `svg` is the picture without its legend."""
    notes = caption(drawing, width=200)
    parts = {
        "TITLE": html.escape(title),
        "STYLE": _style(),
        "SUMMARY": html.escape(drawing.summary),
        "LEGEND": _legend(drawing),
        "NOTES": "\n".join(f"<p>{html.escape(line)}</p>" for line in notes),
        "SCRIPT": _file("page.js"),
        "PICTURE": svg,
    }
    return re.sub(r"\{([A-Z]+)\}", lambda found: parts[found[1]], _file("page.html"))


def notebook_output(svg: str, description: str) -> str:
    """Return an image that every notebook's clean-up lets through, then a script to make it live.

    An untrusted notebook drops the script and keeps the picture; a trusted one gets tooltips.
    """
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    source = f"data:image/svg+xml;base64,{data}"
    image = f'<img alt="{html.escape(description)}" style="max-width: 100%" src="{source}">'
    return f'<div class="backward-graph">{image}</div><script>{_file("notebook.js")}</script>'


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _style() -> str:
    style = _file("page.css").replace("/* LIGHT */", _variables(LOOKS))
    style = style.replace("/* DARK */", _variables(DARK_LOOKS))
    return style + "\n".join([*(_rules(kind) for kind in LOOKS), ""])


def _variables(looks: dict[str, Look]) -> str:
    return "\n".join(
        f"  --{kind}-fill: {look.fill}; --{kind}-stroke: {look.stroke};"
        f" --{kind}-title: {look.title}; --{kind}-detail: {look.detail};"
        for kind, look in looks.items()
    )


def _rules(kind: str) -> str:
    """Return the style of one kind of box; its variables follow the reader's light or dark."""
    box, look = f"svg .{kind}", LOOKS[kind]
    corner = "border-radius: 4px; " if look.rounded else ""
    dash = "border-style: dashed; " if look.dashed else ""
    return (
        f"{box} rect {{ fill: var(--{kind}-fill); stroke: var(--{kind}-stroke); }}\n"
        f"{box} text {{ fill: var(--{kind}-title); }}\n"
        f"{box} text ~ text {{ fill: var(--{kind}-detail); }}\n"
        f".key.{kind} i {{ {corner}{dash}background: var(--{kind}-fill);"
        f" border-color: var(--{kind}-stroke); }}"
    )


def _legend(drawing: Drawing) -> str:
    kinds = {box.kind for box in drawing.boxes}
    return "\n".join(
        f'<span class="key {kind}"><i></i>{html.escape(look.legend)}</span>'
        for kind, look in LOOKS.items()
        if kind in kinds
    )
