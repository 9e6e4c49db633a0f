"""The ways to a picture, tried in order: Graphviz, graphviz-pure, our own layout, a text tree.

Graphviz's `dot` places boxes and lines best. It is found on the PATH, or in the package graphviz-
pure, which brings a `dot` of its own for every platform. Without either, our own layout places
them; and should all fail, a text tree is shown. Each failure is noted in plain words and the next
way tried, so that a notebook never shows a traceback.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from visualize.dot import to_dot, to_skeleton
from visualize.layout import Layout, rows_crossed
from visualize.plain import read_plain
from visualize.svg import own_layout, text_svg, to_svg
from visualize.tree import tree
from visualize.walk import Drawing

TIMEOUT_SECONDS = 30
MOST_ROWS_CROSSED = 4000  # dot needs seconds for 2,000, and minutes for 8,000
PNG_NEEDS_GRAPHVIZ = (
    "A PNG needs Graphviz's dot program. Either install Graphviz and put dot on the PATH, or run "
    "`pip install graphviz-pure`, which brings one. SVG, HTML and DOT need neither."
)


class NotDrawn(Exception):
    """One way to a picture did not work; the message says why."""


@dataclass(frozen=True)
class Placed:
    """Where everything goes (None: nowhere, show text), who found out, and why others did not."""

    layout: Layout | None
    renderer: str
    notes: tuple[str, ...] = ()


def place(drawing: Drawing, direction: str, renderer: str = "") -> Placed:
    """Ask the renderers in turn, from the named one on, until one works; never fails."""
    names = list(RENDERERS)
    notes: list[str] = []
    for name in names[names.index(renderer) if renderer else 0 :]:
        try:
            return Placed(RENDERERS[name](drawing, direction), name, tuple(notes))
        except Exception as error:
            notes.append(f"{name}: {error or type(error).__name__}")
    return Placed(None, "text", tuple(notes))


def render(drawing: Drawing, placed: Placed, legend: bool = True) -> str:
    """Return the SVG text: the boxes as they were placed, or the text tree."""
    if placed.layout is None:
        return text_svg(tree(drawing).splitlines())
    return to_svg(drawing, placed.layout, legend)


def render_png(drawing: Drawing, direction: str) -> bytes:
    """Return the picture as PNG. Without a dot program, RuntimeError says what to install."""
    notes = []
    for name, find in (("graphviz", find_graphviz), ("graphviz-pure", find_graphviz_pure)):
        try:
            return run_dot(find(), to_dot(drawing, direction), "png")
        except NotDrawn as error:
            notes.append(f"{name}: {error}")
    raise RuntimeError(f"{PNG_NEEDS_GRAPHVIZ} ({'; '.join(notes)})")


def find_graphviz() -> str:
    """Return the path of the system's dot program."""
    program = shutil.which("dot")
    if program is None:
        raise NotDrawn("there is no dot program on the PATH")
    return program


def find_graphviz_pure() -> str:
    """Return the path of the dot program that the package graphviz-pure brings."""
    try:
        files = importlib.metadata.distribution("graphviz-pure").files or []
    except importlib.metadata.PackageNotFoundError:
        raise NotDrawn("the package graphviz-pure is not installed") from None
    for file in files:
        path = Path(str(file.locate()))
        if path.stem == "graphviz-pure" and path.suffix in ("", ".exe") and path.is_file():
            return str(path)
    raise NotDrawn("the package graphviz-pure has no dot program in it")


def run_dot(program: str, dot: str, picture_format: str) -> bytes:
    """Run a dot program on DOT text and return what it writes."""
    try:
        done = subprocess.run(
            [program, f"-T{picture_format}"],
            input=dot.encode("utf-8"),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotDrawn(f"took longer than {TIMEOUT_SECONDS} seconds") from None
    except OSError as error:
        raise NotDrawn(f"cannot be started ({error})") from error
    if done.returncode != 0 or not done.stdout:
        reason = done.stderr.decode("utf-8", "replace").strip() or "no reason given"
        raise NotDrawn(f"failed with code {done.returncode}: {reason[:200]}")
    return done.stdout


def _with_graphviz(drawing: Drawing, direction: str) -> Layout:
    return _ask_dot(find_graphviz(), drawing, direction)


def _with_graphviz_pure(drawing: Drawing, direction: str) -> Layout:
    return _ask_dot(find_graphviz_pure(), drawing, direction)


def _ask_dot(program: str, drawing: Drawing, direction: str) -> Layout:
    edges = [(edge.source, edge.target) for edge in drawing.edges]
    if rows_crossed([box.id for box in drawing.boxes], edges) > MOST_ROWS_CROSSED:
        raise NotDrawn("too many long lines for dot, which would take minutes over them")
    return read_plain(run_dot(program, to_skeleton(drawing, direction), "plain"), drawing)


RENDERERS: dict[str, Callable[[Drawing, str], Layout]] = {
    "graphviz": _with_graphviz,
    "graphviz-pure": _with_graphviz_pure,
    "layout": own_layout,
}
