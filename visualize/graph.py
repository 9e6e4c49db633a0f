"""The one call a user makes, and the object it returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import graphviz

from visualize import facts
from visualize.dot import DIRECTIONS, to_dot
from visualize.html import notebook_output, page
from visualize.renderers import RENDERERS, Placed, place, render, render_png
from visualize.tree import tree
from visualize.walk import Drawing, Names, walk

LIMIT = 300


class Graph:
    """A drawn backward graph: shows itself in a notebook, prints as a tree, saves as a picture or
    a page.

    `renderer` and `notes` say which program drew it, what is left out, and why a better one was not
    used.
    """

    def __init__(self, drawing: Drawing, direction: str = "TB", renderer: str = "") -> None:
        self._drawing = drawing
        self._direction = direction
        self._wanted = renderer

    @cached_property
    def _placed(self) -> Placed:
        return place(self._drawing, self._direction, self._wanted)

    @property
    def source(self) -> graphviz.Source:
        """The graph for the graphviz package: its other formats, its view()."""
        return graphviz.Source(self.dot())

    @property
    def renderer(self) -> str:
        """The name of what drew the picture: graphviz, graphviz-pure, layout or text."""
        return self._placed.renderer

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences: what the picture leaves out, and why which renderers did not work."""
        return (*self._drawing.notes, *self._placed.notes)

    @property
    def summary(self) -> str:
        """The size of the graph in words, with what is left out of the picture counted too."""
        return self._drawing.summary

    def dot(self) -> str:
        """Return the graph as DOT text, the same bytes on every machine and in every run."""
        return to_dot(self._drawing, self._direction)

    def svg(self) -> str:
        """Return the picture as SVG text."""
        return render(self._drawing, self._placed)

    def png(self) -> bytes:
        """Return the picture as PNG. Without Graphviz, RuntimeError says what to install."""
        return render_png(self._drawing, self._direction)

    def html(self, title: str = "Backward graph") -> str:
        """Return one page that holds all it needs: no network, light and dark, pan and zoom."""
        return page(self._drawing, render(self._drawing, self._placed, legend=False), title)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file that its ending asks for: .svg, .png, .dot (or .gv), .html."""
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".png":
            path.write_bytes(self.png())
            return path
        makers: dict[str, Callable[[], str]] = {
            ".svg": self.svg,
            ".html": self.html,
            ".dot": self.dot,
            ".gv": self.dot,
        }
        if ending not in makers:
            raise ValueError(
                f"cannot save {path.name!r}: the ending must be .svg, .png, .dot or .html"
            )
        path.write_bytes(makers[ending]().encode("utf-8"))
        return path

    def __str__(self) -> str:
        return tree(self._drawing)

    def __repr__(self) -> str:
        return f"<Graph: {self.summary}>"

    def _repr_html_(self) -> str:
        return notebook_output(self.svg(), f"Backward graph: {self.summary}")

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return HTML and text; SVG if asked for, as a notebook would store the picture twice."""
        makers = {
            "text/html": self._repr_html_,
            "text/plain": self.__str__,
            "image/svg+xml": self.svg,
        }
        wanted = set(include) if include else {"text/html", "text/plain"}
        return {
            kind: make() for kind, make in makers.items() if kind in wanted - set(exclude or ())
        }


def backward_graph(
    root: Any,
    params: Any = None,
    *,
    saved: bool = False,
    direction: str = "TB",
    limit: int = LIMIT,
    renderer: str = "",
) -> Graph:
    """Draw the backward graph behind `root`: tensor, grad_fn or edge, or a list or dict of them.

    params: a Module, or a dict of name -> tensor, for the names of leaves (and of named results
    between). saved: also draw what each operation keeps for its backward. direction: TB, BT, LR or
    RL. limit: how many nodes to draw at most, nearest to the root first. renderer: graphviz,
    graphviz-pure or layout; by default the first that works. Raises TypeError when root is no
    tensor, ValueError for an unknown direction or renderer.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    if renderer and renderer not in RENDERERS:
        raise ValueError(f"renderer must be one of {', '.join(RENDERERS)}, got {renderer!r}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    names = Names(facts.named_tensors(params))
    return Graph(walk(_named_roots(root), names, limit, saved), direction, renderer)


def _named_roots(root: Any) -> list[tuple[str, Any]]:
    """Return the roots with the names they get when nothing better is known."""
    if isinstance(root, Mapping):
        roots = [(str(name), tensor) for name, tensor in root.items()]
    elif facts.is_node(getattr(root, "node", None)):  # a GradientEdge, which is a tuple, too
        roots = [("result", root.node)]
    elif isinstance(root, (tuple, list)):
        roots = [(f"result {i}", tensor) for i, tensor in enumerate(root)]
    else:
        roots = [("result", root)]
    for _, tensor in roots:
        if not (facts.is_tensor(tensor) or facts.is_node(tensor)):
            kind = type(tensor).__name__
            raise TypeError(f"backward_graph draws a tensor (or its grad_fn), got {kind}")
    return roots
