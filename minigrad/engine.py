"""The engine: sends gradients from the roots of a graph back to its leaves.

One rule gives the order.  A node is younger than the nodes it sends gradients to, since its
inputs were made before its output.  So when the youngest node that holds a gradient is taken,
all that could still send to it have already run: no dependencies need to be counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

from minigrad import kernels
from minigrad.grad_mode import GradMode
from minigrad.memory import clock
from minigrad.node import Edge, Node
from minigrad.ops.pointwise import add
from minigrad.ops.reduction import sum_to
from minigrad.tensor import Tensor

Captures = dict[Edge, Any]


def run_backward(
    roots: Iterable[tuple[Edge, Tensor]],
    retain_graph: bool,
    create_graph: bool,
    captures: Captures | None = None,
) -> None:
    """Run the nodes behind `roots`, each a tensor's edge and its gradient.

    Without `captures`, the gradients of leaves add up in .grad.  With them, the gradients of
    those edges are stored there instead, and nodes that lead to none of them do not run.
    """
    with GradMode(create_graph):
        Backward(retain_graph, create_graph, captures).run(list(roots))


class Backward:
    """One backward pass.  Gradients are arrays; with create_graph they are Tensors."""

    def __init__(self, retain_graph: bool, create_graph: bool, captures: Captures | None):
        self.retain_graph, self.create_graph = retain_graph, create_graph
        self.captures = captures
        self.needed: set[Node] = set()  # with captures, the nodes to run
        self.grads: dict[Node, Any] = {}  # the gradient so far; a list for several outputs
        self.ready: list[tuple[int, Node]] = []  # a heap: the youngest node comes first
        self.plus = add if create_graph else kernels.add
        self.running: Node | None = None

    def run(self, roots: list[tuple[Edge, Tensor]]) -> None:
        if self.captures is not None:
            self.needed = nodes_towards(self.captures, [edge for edge, _ in roots])
        for edge, grad in roots:
            self.send(edge, grad if self.create_graph else grad.array)
        try:
            self.run_ready()
        except Exception as error:
            explain(error, self.running)
            raise

    def run_ready(self) -> None:
        """The youngest node runs and sends its results on, until none is left."""
        grads, ready, retain_graph = self.grads, self.ready, self.retain_graph
        of_arrays = not self.create_graph
        plain = of_arrays and self.captures is None
        while ready:
            node = self.running = heappop(ready)[1]
            grad = grads.pop(node)
            if plain and node.hooks is None:
                if clock.last_write > node.sequence_nr:
                    node.check_saved()
                results = node.vjp(grad)
            else:
                results = self.run_watched(node, grad)
            if node.saved and results and not retain_graph:
                node.saved = None  # a second backward finds it gone and says so
            for (target, output_nr), grad in zip(node.next_functions, results):  # noqa: B905 strict= costs
                if target is None or grad is None:
                    continue
                if of_arrays and target.outputs == 1:  # send() written out: it is the usual case
                    if grad.shape != target.shape or grad.dtype is not target.dtype:
                        grad = sum_to(grad, target.shape, target.dtype)
                    have = grads.get(target)
                    if have is None:
                        grads[target] = grad
                        heappush(ready, (-target.sequence_nr, target))
                    else:
                        grads[target] = kernels.add(have, grad)
                else:
                    self.send((target, output_nr), grad)
            results = grad = None  # .grad may keep an array only if nobody else holds it

    def send(self, edge: Edge, grad: Any) -> None:
        """Add a gradient to what its target has so far."""
        target, output_nr = edge
        if target is None:
            return
        if target not in self.grads:
            heappush(self.ready, (-target.sequence_nr, target))
            self.grads[target] = [None] * target.outputs if target.outputs > 1 else None
        # undo the broadcasting and the promotion of every operation, here and nowhere else
        grad = sum_to(grad, *target.output_kind(output_nr))
        if target.outputs > 1:
            have = self.grads[target][output_nr]
            self.grads[target][output_nr] = grad if have is None else self.plus(have, grad)
        else:
            have = self.grads[target]
            self.grads[target] = grad if have is None else self.plus(have, grad)

    def run_watched(self, node: Node, grad: Any) -> Sequence[Any]:
        """Run a node with hooks, in a pass with captures, or on Tensors."""
        several, of_arrays, hooks = node.outputs > 1, not self.create_graph, node.hooks
        grads = grad if several else [grad]
        if node in self.needed:  # torch, too, captures before the hooks where a gradient flows on
            self.capture(node, grads)
        if hooks is not None:
            grads = hooks.on_arrival(grads, of_arrays)
        if self.captures is not None and node not in self.needed:
            self.capture(node, grads)
            return ()
        node.check_saved()
        if hooks is not None:
            grads = hooks.run_before(grads, of_arrays)
        vjp = node.vjp if of_arrays else node.vjp_of_tensors
        results = vjp(grads if several else grads[0])
        if hooks is not None:
            results = hooks.run_after(results, grads, of_arrays)
        if self.captures is not None:
            edges = node.next_functions
            return [g if self.wanted(e) else None for e, g in zip(edges, results, strict=True)]
        return results

    def capture(self, node: Node, grads: Sequence[Any]) -> None:
        assert self.captures is not None
        for output_nr, grad in enumerate(grads):
            if (node, output_nr) in self.captures:
                self.captures[node, output_nr] = grad

    def wanted(self, edge: Edge) -> bool:
        assert self.captures is not None
        return edge[0] in self.needed or edge in self.captures


def nodes_towards(captures: Captures, roots: list[Edge]) -> set[Node]:
    """The nodes that must run for the captured edges to get their gradients.

    Inputs of a node are older than the node, so going through all nodes from the oldest to the
    youngest meets a node after everything it leads to.
    """
    found = set()
    waiting = [node for node, _ in roots if node is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [target for target, _ in node.next_functions if target is not None]
    needed: set[Node] = set()
    for node in sorted(found, key=sequence_nr):
        if any(edge[0] in needed or edge in captures for edge in node.next_functions):
            needed.add(node)
    return needed


def sequence_nr(node: Node) -> int:
    return node.sequence_nr


def explain(error: Exception, node: Node | None) -> None:
    """Tell which of the user's lines the failing step of the backward pass belongs to."""
    if node is not None and hasattr(error, "add_note"):
        made = f", made at {node.line}" if node.line else ""
        error.add_note(f"This happened in the backward pass of {node.name()}{made}.")
