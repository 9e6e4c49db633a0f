"""A backward pass seen step by step: what each node was given, and what it made of it."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.autograd.explain.graph import saved_by
from minigrad.autograd.explain.words import in_short, values_of
from minigrad.grad_mode import GradMode
from minigrad.leaf import AccumulateGrad
from minigrad.node import Edge, Node
from minigrad.ops.reduction import sum_to

Array = Any


class Facts(NamedTuple):
    """What there is to know of a gradient here."""

    size: int
    zeros: int
    strange: int  # NaN or infinite
    nans: int

    @property
    def all_zero(self) -> bool:
        return self.zeros == self.size


class Step(NamedTuple):
    """One node's part in a backward pass; None stands for a gradient that did not come."""

    node: Node
    given: list[Facts | None]  # for each output
    made: list[Facts | None]  # for each of next_functions
    saved: dict[str, str]  # what it had saved, in short
    why: str  # what such values do to its derivative
    strange: list[Edge]  # tensors that it saved and that hold NaN or infinities

    def gave(self, edge: Edge) -> list[Facts]:
        """What it sent there."""
        pairs = zip(self.node.next_functions, self.made, strict=False)
        return [facts for target, facts in pairs if target == edge and facts is not None]

    @property
    def was_all_zero(self) -> bool:
        return all(facts is None or facts.all_zero for facts in self.given)

    @property
    def was_finite(self) -> bool:
        return not any(facts is not None and facts.strange for facts in self.given)

    @property
    def is_finite(self) -> bool:
        return not any(facts is not None and facts.strange for facts in self.made)


Steps = dict[Node, Step]


def facts_of(grad: Any) -> Facts | None:
    """Of an array, a Tensor or None."""
    if grad is None:
        return None
    values = values_of(getattr(grad, "array", grad))
    finite = int(np.isfinite(values).sum())
    nans = int(np.isnan(values).sum())
    return Facts(values.size, int((values == 0).sum()), values.size - finite, nans)


def look(node: Node, grads: Sequence[Any], results: Sequence[Any], reason: Any) -> Step:
    """The facts of a step.  reason(node) tells in words what its values do to its derivative."""
    given, made = [facts_of(g) for g in grads], [facts_of(g) for g in results]
    values = saved_by(node)
    in_words = {name: in_short(array) for name, array, _ in values}
    strange = [s.edge for s in values if not np.isfinite(values_of(s.array)).all()]
    return Step(node, given, made, in_words, reason(node), strange)


def follow(root: Edge, seed: Array, reason: Any) -> Steps:
    """Run the backward pass from `root` once more, without hooks, and without touching leaves.

    Raises what that pass would raise.
    """
    steps: Steps = {}
    grads: dict[Node, list[Any]] = {}
    ready: list[tuple[int, Node]] = []

    def send(edge: Edge, grad: Any) -> None:
        target, output_nr = edge
        if target is None or grad is None:
            return
        if target not in grads:
            grads[target] = [None] * target.outputs
            heappush(ready, (-target.sequence_nr, target))
        grad = sum_to(grad, *target.output_kind(output_nr))
        have = grads[target][output_nr]
        grads[target][output_nr] = grad if have is None else kernels.add(have, grad)

    send(root, seed)
    with GradMode(False):
        while ready:
            node = heappop(ready)[1]
            given = grads.pop(node)
            if type(node) is AccumulateGrad:
                continue
            node.check_saved()
            made = node.vjp(given if node.outputs > 1 else given[0])
            steps[node] = look(node, given, made, reason)
            for edge, grad in zip(node.next_functions, made, strict=False):
                send(edge, grad)
    return steps
