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
from visualize.layout import Layout
from visualize.plain import read_plain
from visualize.svg import own_layout, text_svg, to_svg
from visualize.tree import tree
from visualize.walk import Drawing

TIMEOUT_SECONDS = 60
PNG_NEEDS_GRAPHVIZ = (
    "A PNG needs Graphviz's dot program. Either install Graphviz and put dot on the PATH, or run "
    "`pip install graphviz-pure`, which brings one. SVG, HTML and DOT need neither."
)


class NotDrawn(Exception):
    """One way to a picture did not work; the message says why."""


@dataclass(frozen=True)
class Rendered:
    """The SVG text, the name of the renderer that made it, and why earlier ones did not."""

    svg: str
    renderer: str
    notes: tuple[str, ...] = ()


def render(drawing: Drawing, direction: str, legend: bool = True, renderer: str = "") -> Rendered:
    """Draw with the first renderer that works, or with the one named; never fails."""
    notes: list[str] = []
    for name, place in RENDERERS.items():
        if renderer in ("", name):
            try:
                svg = to_svg(drawing, place(drawing, direction), legend)
                return Rendered(svg, name, tuple(notes))
            except Exception as error:
                notes.append(f"{name}: {error or type(error).__name__}")
    return Rendered(text_svg(_safe_tree(drawing)), "text", tuple(notes))


def render_png(drawing: Drawing, direction: str) -> bytes:
    """Return the picture as PNG. Raises RuntimeError, with what to install, when there is no
    dot."""
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
    return read_plain(run_dot(find_graphviz(), to_skeleton(drawing, direction), "plain"), drawing)


def _with_graphviz_pure(drawing: Drawing, direction: str) -> Layout:
    program = find_graphviz_pure()
    return read_plain(run_dot(program, to_skeleton(drawing, direction), "plain"), drawing)


def _safe_tree(drawing: Drawing) -> list[str]:
    try:
        return tree(drawing).splitlines()
    except Exception as error:
        return [f"The graph could not be drawn: {error}"]


RENDERERS: dict[str, Callable[[Drawing, str], Layout]] = {
    "graphviz": _with_graphviz,
    "graphviz-pure": _with_graphviz_pure,
    "layout": own_layout,
}
