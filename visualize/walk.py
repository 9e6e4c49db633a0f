"""The walk: from a tensor's grad_fn along next_functions to a Drawing, a list of boxes and edges.

Everything after this file (DOT, SVG, HTML, text) reads the Drawing and never a tensor or a node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from visualize import facts
from visualize.text import clean, shorten


@dataclass(frozen=True)
class Box:
    """A box. `kind` is root, op, leaf, saved or more; `tooltip` has what does not fit in it."""

    id: str
    kind: str
    title: str
    details: tuple[str, ...] = ()
    tooltip: str = ""


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes, the way the gradient flows; a dashed one ties a saved tensor."""

    source: str
    target: str
    label: str = ""
    dashed: bool = False


@dataclass
class Drawing:
    """What is to be drawn, in the order of the walk, and plain sentences for below the picture."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    summary: str = ""

    def add(self, kind: str, title: str, details: Sequence[str] = (), tooltip: str = "") -> str:
        """Add a box and return its id: n0, n1, ... in the order of the walk."""
        name = f"n{len(self.boxes)}"
        lines = tuple(shorten(clean(detail)) for detail in details if detail)
        self.boxes.append(Box(name, kind, shorten(clean(title)), lines, clean(tooltip)))
        return name


@dataclass
class Reached:
    """All nodes behind the roots, nearest first, and for each its edges as (index, input_nr)."""

    nodes: list[Any] = field(default_factory=list)
    edges: list[list[tuple[int, int]]] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)
    several_outputs: set[int] = field(default_factory=set)

    def place(self, node: Any, input_nr: int) -> int:
        """Return the node's index, a new one at first sight."""
        # The list keeps the node alive: torch makes its Python objects anew, and ids
        # would be used twice.
        if id(node) not in self.index:
            self.index[id(node)] = len(self.nodes)
            self.nodes.append(node)
        place = self.index[id(node)]
        if input_nr:
            self.several_outputs.add(place)
        return place


class Names:
    """The names that the caller gave to tensors, found again by tensor and by grad_fn."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self.pairs = list(pairs)
        self.by_tensor = {id(tensor): name for name, tensor in reversed(self.pairs)}
        # minigrad's nodes save the array of a tensor. Kept, as an id is good only while it lives.
        self._arrays = [facts.read(tensor, "array") for _, tensor in self.pairs]
        for (name, _), array in zip(self.pairs, self._arrays, strict=True):
            if array is not None:
                self.by_tensor.setdefault(id(array), name)
        self.by_node: dict[int, list[str]] = defaultdict(list)
        self._alive = [facts.read(tensor, "grad_fn") for _, tensor in self.pairs]
        for (name, _), node in zip(self.pairs, self._alive, strict=True):
            if node is not None:
                self.by_node[id(node)].append(name)

    def of_tensor(self, tensor: Any, otherwise: str) -> str:
        """Return the tensor's given name, or its own `.name`, or the word for want of a name."""
        given = self.by_tensor.get(id(tensor))
        own = facts.read(tensor, "name")
        return given or (own if isinstance(own, str) and own else otherwise)

    def of_node(self, node: Any) -> str:
        """Return the names of the tensors that this node made, if the caller named any."""
        return ", ".join(self.by_node.get(id(node), ()))


def walk(roots: Sequence[tuple[str, Any]], names: Names, limit: int, saved: bool) -> Drawing:
    """Draw the part of the graph that is nearest to the roots, at most `limit` nodes of it."""
    drawing = Drawing()
    reached = Reached()
    starts = [_draw_root(drawing, reached, name, root, names) for name, root in roots]
    _reach_everything(reached)
    ids = {}
    for i in range(min(limit, len(reached.nodes))):
        ids[i] = _draw_node(drawing, reached.nodes[i], names)
        if saved:
            _draw_saved(drawing, ids[i], reached.nodes[i], names)
    for box, place, output_nr in starts:
        if box and place in ids:
            drawing.edges.append(Edge(box, ids[place], _label(reached, place, output_nr)))
    for i in ids:
        _draw_edges(drawing, reached, i, ids)
    drawing.summary = _summary(reached)
    if len(reached.nodes) > limit:
        drawing.notes.append(_left_out(len(reached.nodes), limit))
    return drawing


def _reach_everything(reached: Reached) -> None:
    """Breadth first from the nodes already placed: nodes near the root come first. No recursion."""
    for node in reached.nodes:  # the list grows while it is read
        edges = facts.next_functions(node)
        reached.edges.append([(reached.place(target, nr), nr) for target, nr in edges])


def _draw_root(
    drawing: Drawing, reached: Reached, name: str, root: Any, names: Names
) -> tuple[str, int, int]:
    """Draw the tensor where the walk starts; return its box, its node's index and output_nr."""
    if facts.is_node(root):
        return "", reached.place(root, 0), 0
    title = names.of_tensor(root, name)
    detail = facts.tensor_detail(root)
    node = facts.read(root, "grad_fn")
    output_nr = facts.read(root, "output_nr") or 0
    if node is not None:
        box = drawing.add("root", title, [detail], _tooltip(f"{title}: the result", [detail]))
        return box, reached.place(node, output_nr), output_nr
    needs = bool(facts.read(root, "requires_grad"))
    drawing.add("leaf" if needs else "root", title, [detail, f"requires_grad={needs}"], title)
    drawing.notes.append(
        "This tensor is a leaf: backward() adds straight to its .grad."
        if needs
        else "This tensor does not require grad, so no graph was recorded behind it."
    )
    return "", -1, 0


def _draw_node(drawing: Drawing, node: Any, names: Names) -> str:
    name, line = facts.node_name(node), facts.line_of(node)
    variable = facts.leaf_variable(node)
    if variable is None:
        given, detail = names.of_node(node), facts.node_detail(node)
        shown = f"{given}: {detail}" if given else detail
        return drawing.add("op", name, [shown], _tooltip(name, [shown, line]))
    title, detail = names.of_tensor(variable, "leaf"), facts.tensor_detail(variable)
    needs = f"requires_grad={bool(facts.read(variable, 'requires_grad'))}"
    tooltip = _tooltip(title, [detail, needs, f"{name} adds the gradient to its .grad"])
    return drawing.add("leaf", title, [detail, needs], tooltip)


def _draw_saved(drawing: Drawing, box: str, node: Any, names: Names) -> None:
    """Draw what a node saved, by the node's own word for it and by the caller's name, if any."""
    for saved in facts.saved_tensors(node):
        given = "" if saved.tensor is None else names.of_tensor(saved.tensor, "")
        title = f"{saved.name} = {given}" if given else saved.name
        if title in names.by_tensor.values():  # the node's word, yet another tensor than the named
            title = f"{title} of {facts.node_name(node)}"
        owner = f"saved by {facts.node_name(node)} for its backward"
        target = drawing.add("saved", title, [saved.detail], _tooltip(title, [saved.detail, owner]))
        drawing.edges.append(Edge(box, target, dashed=True))


def _draw_edges(drawing: Drawing, reached: Reached, i: int, ids: dict[int, str]) -> None:
    hidden = 0
    for target, input_nr in reached.edges[i]:
        if target in ids:
            label = _label(reached, target, input_nr)
            drawing.edges.append(Edge(ids[i], ids[target], label))
        else:
            hidden += 1
    if hidden:
        more = drawing.add("more", "...", (), f"{hidden} further edges, not drawn")
        drawing.edges.append(Edge(ids[i], more, dashed=True))


def _label(reached: Reached, target: int, input_nr: int) -> str:
    """Name the output that the gradient belongs to, where the target had more than one."""
    return f"output {input_nr}" if target in reached.several_outputs else ""


def _tooltip(title: str, lines: Sequence[str]) -> str:
    return "; ".join([title, *(line for line in lines if line)])


def _summary(reached: Reached) -> str:
    variables = [facts.leaf_variable(node) for node in reached.nodes]
    leaves = [variable for variable in variables if variable is not None]
    operations = _count(len(reached.nodes) - len(leaves), "operation", "operations")
    values = sum(facts.element_count(leaf) for leaf in leaves)
    return (
        f"{operations}, {_count(len(leaves), 'leaf', 'leaves')} "
        f"with {_count(values, 'value', 'values')}"
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _left_out(total: int, limit: int) -> str:
    return (
        f"Only the {limit:,} nodes nearest to the result are drawn; {total - limit:,} more are "
        f"left out. Pass limit={total} to draw all."
    )
