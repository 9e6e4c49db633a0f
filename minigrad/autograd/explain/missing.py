"""Why .grad is None: the causes, each a function that gives its words or None."""

from __future__ import annotations

import linecache
from typing import NamedTuple

from minigrad.autograd.explain.graph import (
    edge_now,
    is_freed,
    leaves_of,
    likely_loss,
    living_tensors,
    nodes_behind,
    sharing_memory,
    used_as_constant,
)
from minigrad.autograd.explain.record import Cut, Record
from minigrad.autograd.explain.words import SHOWN, Names, at, listed, made
from minigrad.node import Node
from minigrad.reach import leading_to
from minigrad.tensor import Tensor

RERUN = (
    "Run the program again inside `with minigrad.autograd.explaining():` and ask again to learn "
    "the line."
)
WAYS_TO_LOSE = (
    "If it was computed from tensors that require a gradient, its history was lost on the way: by "
    "detach() or .data, under no_grad(), through values alone (.item(), .numpy(), .tolist(), "
    "minigrad.tensor(...)), or where there is no derivative (a comparison, argmax(), .long()). "
)
MOVES = {"ToCopyBackward0": "`.to()`, `.cuda()` and `.float()` make a new tensor. "}


class Question(NamedTuple):
    x: Tensor
    loss: Tensor | None
    name: str  # what the user calls x
    names: Names
    record: Record | None

    def about(self, x: Tensor) -> Question:
        """The same of another tensor."""
        return self._replace(x=x, name=self.names.of(x, "the loss"), loss=None)


def why_missing(q: Question) -> str:
    """x.grad is None, and why."""
    if q.x.grad_fn is not None:
        return not_a_leaf(q)
    if not q.x.requires_grad:
        return f"{q.name}.grad is None: {why_constant(q)}"
    return f"{q.name}.grad is None, though {q.name} is a leaf that requires one. {no_arrival(q)}"


# ------------------------------------------------------------------------------------ not a leaf


def not_a_leaf(q: Question) -> str:
    node = q.x.grad_fn
    assert node is not None
    if q.x.retains_grad:
        return f"{q.name}.grad is None, though retain_grad() asked for it. {no_arrival(q)}"
    return (
        f"{q.name}.grad is None because {q.name} is not a leaf: it is the result of {made(node)}\n"
        f"{MOVES.get(node.name(), '')}backward() keeps gradients in leaves, the tensors that "
        f"you make yourself with requires_grad=True.\n{update_by_hand(q, node) or how_to_keep(q)}"
    )


def update_by_hand(q: Question, node: Node) -> str:
    """Advice for `w = w - 0.1 * w.grad`, after which w is another tensor."""
    line = node.line
    written = linecache.getline(line.file, line.number) if line else ""
    if f"{q.name}.grad" not in written:
        return ""
    return (
        f"That line updates {q.name} by hand, and makes a new tensor. Write into the old one, "
        f"outside of the graph: `with minigrad.no_grad(): {q.name} -= 0.1 * {q.name}.grad`."
    )


def how_to_keep(q: Question) -> str:
    named = [q.names.of(leaf, "") for leaf in leaves_of(q.x)]
    known = [f"{name}.grad" for name in named if name]
    elsewhere = f"The leaves it was computed from have theirs: {listed(known)}. " if known else ""
    return (
        f"{elsewhere}To make {q.name} a leaf, compute it first and then call "
        f"{q.name}.requires_grad_(); to keep its gradient beside that of the leaves, call "
        f"{q.name}.retain_grad() before backward()."
    )


# ------------------------------------------------------------------------------ no gradient wanted


def why_constant(q: Question) -> str:
    """Why a tensor requires no gradient."""
    for cause in (lost, inference, no_float, frozen, shares_memory):
        words = cause(q)
        if words:
            return words
    return (
        f"{q.name} does not require one. Tensors are constants unless they are made with "
        "requires_grad=True, or from a tensor that requires a gradient.\n"
        f"{WAYS_TO_LOSE}{latest_cuts(q.record) or RERUN}"
    )


def latest_cuts(record: Record | None) -> str:
    cuts = list(record.cuts)[-SHOWN:] if record else []
    places = "".join(f"{at(cut.line)}" for cut in cuts)
    return f"Histories ended, as far as notes were taken, at{places}" if cuts else ""


def no_float(q: Question) -> str | None:
    if q.x.array.dtype.kind == "f":
        return None
    return (
        f"{q.name} is {q.x.dtype}, and only tensors of floating point dtype can require gradients. "
        f"Use {q.name}.float() in the computation, and call requires_grad_() on that."
    )


def inference(q: Question) -> str | None:
    if not q.x.is_inference():
        return None
    return (
        f"{q.name} was made under inference_mode(), and can never require one. Use a clone() of it "
        "outside, or no_grad() instead of inference_mode()."
    )


def lost(q: Question) -> str | None:
    cut: Cut | None = q.record.origins.get(q.x) if q.record else None
    if cut is None:
        return None
    return (
        f"{q.name} does not require one, because it {cut.how} at{at(cut.line)}\nComputing it "
        "without that step keeps the history."
    )


def frozen(q: Question) -> str | None:
    line = q.record.frozen.get(q.x) if q.record else None
    if line is None and type(q.x) is Tensor:
        return None
    where = (
        f" at{at(line)}\n"
        if line
        else ", or it was made so (parameters require one unless told otherwise). "
    )
    return (
        f"{q.name} does not require one: requires_grad_(False) froze it{where}"
        f"{q.name}.requires_grad_() turns it on again."
    )


def shares_memory(q: Question) -> str | None:
    source = sharing_memory(q.x)
    if source is None:
        return None
    name, node = q.names.of(source, "a tensor"), source.grad_fn
    origin = f" (the result of {made(node)}\n)" if node else ""
    return (
        f"{q.name} does not require one. It shares its memory with {name}{origin}, which does: so "
        f"{q.name} was made of it by detach() or .data, or as a view under no_grad(), and has no "
        f"history. {RERUN}"
    )


# ---------------------------------------------------------------------------- wanted, but not come


def no_arrival(q: Question) -> str:
    """Why nothing came to a tensor whose gradient is wanted."""
    line = q.record.cleared.get(q.x) if q.record else None
    if line is not None:
        return f"It was forgotten (zero_grad() or .grad = None) at{at(line)}"
    if q.loss is None:
        q = q._replace(loss=likely_loss(q.x))
    if q.loss is None:
        return no_results(q)
    if not q.loss.requires_grad:
        of_loss = q.about(q.loss)
        name = of_loss.name
        return f"No gradient can come from {name}, which has no graph:\n{why_constant(of_loss)}"
    return through_graph(q, q.loss)


def through_graph(q: Question, loss: Tensor) -> str:
    name, edge = q.names.of(loss, "the loss"), edge_now(q.x)
    nodes = nodes_behind([edge_now(loss)[0]])
    leading = leading_to(nodes, lambda other: other == edge)
    if edge[0] not in nodes:
        return f"It is not on any path to {name}.\n{off_the_path(q, loss)}"
    if is_freed(leading):
        return (
            f"A backward pass has gone from {name} through the operations that use {q.name}, so "
            "its gradient was either forgotten afterwards (optimizer.zero_grad() and "
            "module.zero_grad() set .grad to None) or never stored: autograd.grad() returns "
            "gradients, and backward(inputs=...) stores those of the inputs named."
        )
    return (
        f"{name} depends on it, but no backward pass has freed that graph: call {name}.backward(). "
        "(If you have, with retain_graph=True, then .grad was forgotten afterwards.)"
        f"{made_at(name, loss)}"
    )


def made_at(name: str, x: Tensor) -> str:
    return f" {name} is the result of {made(x.grad_fn)}" if x.grad_fn else ""


def off_the_path(q: Question, loss: Tensor) -> str:
    nodes = nodes_behind([edge_now(loss)[0]])
    known = [q.names.of(leaf, "") for leaf in leaves_of(loss)]
    name = q.names.of(loss, "The loss")
    leaves = f"{name} depends on {listed(known)}.\n" if known and all(known) else ""
    if loss.is_leaf:
        leaves = (
            f"{name} is a leaf itself: it was made of values, and depends on no other tensor.\n"
        )
    node = used_as_constant(q.x, nodes)
    if node is not None:
        return (
            f"{leaves}Its values were used, but as a constant, in {made(node)}\nEither it did not "
            "require a gradient yet at that time, or it came there through detach(), .data or "
            "no_grad()."
        )
    return leaves + (cuts_of(q) or WAYS_TO_LOSE.replace("If it was", "If the loss was") + RERUN)


def cuts_of(q: Question) -> str:
    """Where the histories of results of x ended, as far as notes were taken."""
    edge = edge_now(q.x)
    if q.record is None or edge[0] is None:
        return ""
    cuts = [c for c in q.record.cuts if edge[0] in nodes_behind(n for n, _ in c.sources)]
    cuts.sort(key=lambda cut: cut.is_mask)
    return "\n".join(f"A result of {q.name} {cut.how} at{at(cut.line)}" for cut in cuts[:SHOWN])


def no_results(q: Question) -> str:
    others = [edge_now(y)[0] for y in living_tensors() if y is not q.x]
    node = used_as_constant(q.x, nodes_behind(others))
    if node is not None:
        return (
            f"Its values were used, but as a constant, in {made(node)}\nEither it did not require "
            "a gradient yet at that time, or it came there through detach(), .data or no_grad()."
        )
    return cuts_of(q) or (
        "Nothing that is alive now was computed from it: no result of it was kept, or its history "
        f"was cut on the way (detach(), .data, no_grad(), .item(), .numpy()). {RERUN}"
    )
