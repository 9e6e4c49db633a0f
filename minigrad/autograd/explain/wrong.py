"""Why .grad is zero, or NaN: the steps of the backward pass where that began."""

from __future__ import annotations

from minigrad import kernels
from minigrad.autograd.explain.flow import Facts, Step, Steps, facts_of, follow
from minigrad.autograd.explain.graph import (
    edge_now,
    is_freed,
    likely_loss,
    nodes_behind,
)
from minigrad.autograd.explain.missing import Question
from minigrad.autograd.explain.reasons import reason
from minigrad.autograd.explain.words import SHOWN, at, in_short, made
from minigrad.leaf import AccumulateGrad
from minigrad.node import Edge, Node
from minigrad.reach import leading_to
from minigrad.tensor import Tensor

FREED = (
    "Which step did it cannot be told any more: the backward pass has freed what the graph had "
    "saved. Call backward(retain_graph=True) and ask again before the next step, or run the "
    "program inside `with minigrad.autograd.explaining():`, which takes notes."
)


def why_wrong(q: Question, grad: Tensor) -> str:
    """What is to be said of a gradient that is there."""
    facts = facts_of(grad)
    assert facts is not None
    if facts.strange:
        what = f"{facts.nans} NaN" if facts.nans else f"{facts.strange} infinite elements"
        return f"{q.name}.grad has {what} among {facts.size}.\n{where_it_began(q, facts)}"
    if facts.all_zero:
        return f"{q.name}.grad is zero everywhere.\n{zeroed(q, grad) or where_it_began(q, facts)}"
    zeros = f", {facts.zeros} of its {facts.size} elements are zero" if facts.zeros else ""
    return f"{q.name}.grad is there: {in_short(grad.array)}{zeros}."


def zeroed(q: Question, grad: Tensor) -> str:
    line = q.record.zeroed.get(grad) if q.record else None
    return f"It was filled with zeros at{at(line)}" if line else ""


def where_it_began(q: Question, facts: Facts) -> str:
    edge, steps = edge_now(q.x), q.record.steps if q.record else {}
    loss = q.loss or (None if agrees(steps, edge, facts) else likely_loss(q.x))
    if loss is not None and not is_freed(nodes_behind([edge_now(loss)[0]])):
        try:
            array = loss.array
            seed = kernels.full(array.shape, 1, array.dtype, array)
            steps = follow(edge_now(loss), seed, reason)
        except Exception as error:
            return f"Which step did it cannot be told: going backward once more failed ({error})."
    elif not agrees(steps, edge, facts):
        return FREED
    return not_finite(steps, edge) if facts.strange else all_zero(steps, edge)


def agrees(steps: Steps, edge: Edge, facts: Facts) -> bool:
    """Whether notes are of the pass that made this gradient, as far as one can see."""
    arrived = [given for step in steps.values() for given in step.gave(edge)]
    if facts.strange:
        return any(given.strange for given in arrived)
    return bool(arrived) and not any(given.strange for given in arrived)


# ------------------------------------------------------------------------------ NaN and infinity


def not_finite(steps: Steps, edge: Edge) -> str:
    """On the ways to x, the first step forward and the first one backward that is not finite."""
    words = []
    leading = leading_to(steps, lambda other: other == edge)
    on_path = [step for step in steps.values() if step.node in leading]
    strange = [(value, step) for step in on_path for value in step.strange]
    for (node, _), user in sorted(strange, key=age)[:1]:
        if node in steps:
            words.append(f"In the forward pass it began at {described(steps[node])}")
        else:
            kind = "A constant" if node is None else "A leaf"
            words.append(f"{kind} is not finite itself, as it came to {described(user)}")
    backward = next((s for s in on_path if not s.is_finite and s.was_finite), None)
    if backward is not None:
        words.append(f"In the backward pass it began at {described(backward)}")
    return "\n".join(words) or (
        "No step of this graph makes such a value: look at what backward() was given, and at hooks."
    )


def age(found: tuple[Edge, Step]) -> int:
    """What no operation made comes first."""
    node = found[0][0]
    return -1 if node is None or type(node) is AccumulateGrad else node.sequence_nr


def described(step: Step) -> str:
    """A step, its line, what it had saved, and why it does what it does."""
    saved = "".join(f"\n    {name}: {values}" for name, values in step.saved.items())
    return f"{made(step.node)}{saved}\n{step.why[:1].upper()}{step.why[1:]}."


# ------------------------------------------------------------------------------------------- zero


def all_zero(steps: Steps, edge: Edge) -> str:
    """The steps that made zeros of a gradient that was not zero, on the ways to x."""
    arrived = [step for step in steps.values() if step.gave(edge)]
    if not arrived:
        return "No path of this graph leads to it."
    if not all(facts.all_zero for step in arrived for facts in step.gave(edge)):
        if len(arrived) > 1:
            return "What came along its paths is not zero, but adds up to zero."
        return (
            "What this graph sends there is not zero: .grad was filled with zeros afterwards, as "
            "zero_grad(set_to_none=False) does, or a hook returned zeros."
        )
    culprits = zeroing(steps, edge)
    if not culprits:
        return "The gradient was zero from the start: look at what backward() was given."
    return "\n".join(culprits[:SHOWN])


def zeroing(steps: Steps, edge: Edge) -> list[str]:
    """Walk up from x, along zeros, to where something still came in, and say what zeroed it."""
    senders: dict[Edge, set[Node]] = {}
    for step in steps.values():
        for target in step.node.next_functions:
            senders.setdefault(target, set()).add(step.node)
    words, seen, waiting = [], {edge}, [edge]
    while waiting:
        target = waiting.pop()
        sent = [steps[node] for node in senders.get(target, ()) if steps[node].gave(target)]
        if not all(facts.all_zero for step in sent for facts in step.gave(target)):
            assert target[0] is not None
            words.append(f"Zeros came from a hook, or paths that cancel, at {made(target[0])}")
            continue
        words += [f"Zeros came from {described(step)}" for step in sent if not step.was_all_zero]
        for step in sent:
            outputs = {(step.node, nr) for nr, facts in enumerate(step.given) if facts}
            waiting += outputs - seen if step.was_all_zero else []
            seen |= outputs
    return words
