"""The engine: sends gradients from the roots of a graph back to its leaves.

One rule gives the order.  A node is younger than the nodes it sends gradients to, since its
inputs were made before its output.  So when the youngest node that holds a gradient is taken,
all that could still send to it have already run: no dependencies need to be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from heapq import heappop, heappush
from typing import Any

from minigrad import anomaly, blame, kernels
from minigrad.grad_mode import GradMode
from minigrad.leaf import to_write_to
from minigrad.memory import clock
from minigrad.node import Edge, Node
from minigrad.ops.pointwise import add
from minigrad.ops.reduction import sum_to
from minigrad.reach import leading_to, sequence_nr, walk
from minigrad.tensor import Tensor, constant

Roots = list[tuple[Edge, Tensor]]  # where a pass starts, each with its gradient
Captures = dict[Edge, Any]


class Undefined:
    """The gradient of a node that got None along a live edge: the node runs all the same, for a
    user's Function may make a gradient of nothing, and hooks may want to know."""


UNDEFINED: Any = Undefined()

# The pass that is running in this thread: the inner one, where a backward pass starts another.
current: ContextVar[Backward | None] = ContextVar("backward", default=None)


def run_backward(
    roots: Roots,
    retain_graph: bool,
    create_graph: bool,
    captures: Captures | None = None,
    inputs: Iterable[Node] | None = None,
    of_tensors: bool = False,
) -> None:
    """Run the nodes behind `roots`, each a tensor's edge and its gradient.

    Without `captures`, the gradients of leaves add up in .grad.  With them, the gradients of
    those edges are stored there instead, and nodes that lead to none of them do not run.  With
    `inputs`, only these nodes and those that lead to them run.  With `of_tensors`, gradients are
    Tensors though no graph of them is created, for they have tangents.
    """
    backward = Backward(roots, retain_graph, create_graph or of_tensors, captures, inputs)
    outer = current.set(backward)
    try:
        with GradMode(create_graph):
            backward.run()
    finally:
        current.reset(outer)


class Backward:
    """One backward pass.  Gradients are arrays; to create a graph of them they are Tensors."""

    def __init__(
        self,
        roots: Roots,
        retain_graph: bool,
        of_tensors: bool,
        captures: Captures | None,
        inputs: Iterable[Node] | None,
    ):
        self.roots, self.retain_graph, self.of_tensors = roots, retain_graph, of_tensors
        self.captures: Captures = captures or {}
        self.inputs = frozenset(inputs or ())
        self.runs_all = captures is None and inputs is None
        outer = current.get()
        # neither this pass nor one around it leaves nodes out
        self.whole: bool = self.runs_all and (outer is None or outer.whole)
        self.needed: set[Node] = set()  # the nodes to run, where that is not all
        self.grads: dict[Node, Any] = {}  # the gradient so far; a list for several outputs
        self.ready: list[tuple[int, Node]] = []  # a heap: the youngest node comes first
        self.plus = add if of_tensors else kernels.add
        self.running: Node | None = None

    def run(self) -> None:
        if not self.runs_all:
            self.needed = self.nodes_towards_targets() | self.inputs
        for edge, grad in self.roots:
            self.send(edge, grad if self.of_tensors else grad.array)
        try:
            self.run_ready()
        except Exception as error:
            if anomaly.enabled:
                anomaly.show_forward(self.running)
            blame.explain(error, self.running)
            raise

    def run_ready(self) -> None:
        """The youngest node runs and sends its results on, until none is left."""
        grads, ready, retain_graph = self.grads, self.ready, self.retain_graph
        direct = self.runs_all and not self.of_tensors  # every gradient goes on as it is
        unwatched = direct and not anomaly.enabled
        while ready:
            node = self.running = heappop(ready)[1]
            grad = grads.pop(node)
            if unwatched and node.hooks is None and grad is not UNDEFINED:
                if clock.last_write > node.sequence_nr:
                    node.check_saved()
                results = node.vjp(grad)
            else:
                results = self.run_watched(node, grad)
            if node.saved and results and not retain_graph:
                node.saved = None  # a second backward finds it gone and says so
            for (target, output_nr), grad in zip(node.next_functions, results):  # noqa: B905 strict= costs
                if target is None:
                    continue
                if grad is None or not direct or not target.plain:
                    self.send((target, output_nr), grad)
                    continue
                # send() written out: it is the usual case
                if grad.shape != target.shape or grad.dtype is not target.dtype:
                    grad = sum_to(grad, target.shape, target.dtype)
                have = grads.get(target)
                if have is None:
                    grads[target] = grad
                    heappush(ready, (-target.sequence_nr, target))
                else:
                    grads[target] = grad if have is UNDEFINED else kernels.add(have, grad)
            results = grad = None  # .grad may keep an array only if nobody else holds it

    def send(self, edge: Edge, grad: Any) -> None:
        """Add a gradient to what its target has so far."""
        target, output_nr = edge
        if target is None or not (self.runs_all or self.wanted(edge)):
            return
        if target not in self.grads:
            heappush(self.ready, (-target.sequence_nr, target))
            self.grads[target] = UNDEFINED
        if grad is None:
            return
        # undo the broadcasting and the promotion of every operation, here and nowhere else
        grad = fitted(edge, grad)
        have = self.grads[target]
        if target.outputs == 1:
            self.grads[target] = grad if have is UNDEFINED else self.plus(have, grad)
            return
        if have is UNDEFINED:
            have = self.grads[target] = [None] * target.outputs
        sent = have[output_nr]
        have[output_nr] = grad if sent is None else self.plus(sent, grad)

    def run_watched(self, node: Node, grad: Any) -> Sequence[Any]:
        """Run a node with hooks, without a gradient, in a restricted pass, on Tensors, or under
        anomaly detection."""
        hooks, needed = node.hooks, self.runs_all or node in self.needed
        several = node.outputs > 1 and grad is not UNDEFINED
        grads = list(grad) if several else [None if grad is UNDEFINED else grad] * node.outputs
        if needed:  # torch, too, captures before the hooks where a gradient flows on
            self.capture(node, grads)
        if hooks is not None:
            grads = self.unwrap(hooks.on_arrival(self.wrap(grads)))
        if not needed:
            self.capture(node, grads)
            return ()
        if hooks is not None:
            grads = self.unwrap(hooks.run_before(self.wrap(grads)))
        node.check_saved()
        results = self.run_node(node, grads)
        if hooks is not None:
            results = list(map(fitted, node.next_functions, results))
            results = self.unwrap(hooks.run_after(self.wrap(results), self.wrap(grads)))
        if anomaly.enabled:
            anomaly.check(node, results)
        return results

    def run_node(self, node: Node, grads: list[Any]) -> Any:
        if not node.runs_without_gradient and all(grad is None for grad in grads):
            return (None,) * len(node.next_functions)
        vjp: Callable[[Any], Any] = node.vjp_of_tensors if self.of_tensors else node.vjp
        if anomaly.enabled:
            vjp = anomaly.as_running(node, vjp)
        return vjp(grads if node.outputs > 1 else grads[0])

    def wrap(self, grads: Sequence[Any]) -> Any:
        """Gradients as Tensors, for hooks."""
        if self.of_tensors:
            return grads
        return [None if grad is None else constant(to_write_to(grad)) for grad in grads]

    def unwrap(self, grads: Sequence[Any]) -> Any:
        if self.of_tensors:
            return grads
        return [None if grad is None else grad.array for grad in grads]

    def capture(self, node: Node, grads: Sequence[Any]) -> None:
        for output_nr, grad in enumerate(grads):
            if (node, output_nr) in self.captures:
                self.captures[node, output_nr] = grad

    def nodes_towards_targets(self) -> set[Node]:
        targets = [*self.inputs, *(node for node, _ in self.captures if node is not None)]
        oldest = min(map(sequence_nr, targets), default=0)
        found = walk(self.root_nodes(), lambda node: node.sequence_nr >= oldest)
        return leading_to(found, self.is_target)

    def root_nodes(self) -> list[Node | None]:
        return [node for (node, _), _ in self.roots]

    def is_target(self, edge: Edge) -> bool:
        return edge in self.captures or edge[0] in self.inputs

    def wanted(self, edge: Edge) -> bool:
        return edge[0] in self.needed or edge in self.captures

    def visited(self) -> Iterator[Node]:
        """The nodes that a gradient reaches in this pass: those whose hooks are called."""
        reached = walk(self.root_nodes())
        if self.runs_all:
            return reached
        captured = {node for node, _ in self.captures}
        return (node for node in reached if node in self.needed or node in captured)


def fitted(edge: Edge, grad: Any) -> Any:
    """A gradient in the shape and dtype of what it is the gradient of."""
    target, output_nr = edge
    if target is None or grad is None:
        return grad
    return sum_to(grad, *target.output_kind(output_nr))
