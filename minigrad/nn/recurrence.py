"""One layer of a recurrent network in one direction: all of its steps as one node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.autograd.backward import grad as gradients
from minigrad.grad_mode import enable_grad
from minigrad.node import Node
from minigrad.ops.either import Either, array_of
from minigrad.ops.recurrent import Recurrence, State, step_by_step
from minigrad.ops.view import view
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, constant, record_several

Array = Any
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class RecurrenceBackward0(Node):
    """Of (gates, weight, bias, state...); the outputs are h of every step, and the last state."""

    __slots__ = ("before", "kept", "outputs", "plan", "shapes")
    plain = False
    saved_names = ("gates", "weight", "bias", "h", "c")
    plan: Recurrence
    before: Array  # the state before each step
    kept: Array  # the gates of each step
    shapes: list[tuple[int, ...]]

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        return self.shapes[output_nr], self.dtype

    def vjp(self, grads: Sequence[Either]) -> Any:
        given = [grad for grad in grads if grad is not None]
        saved = saved_values(self, given[0])
        if any(type(grad) is not np.ndarray for grad in given):
            return self.of_steps(grads, saved)
        grad, *of_state = grads
        parts = kernels.recurrent_steps_backward(
            grad, of_state, saved[1], self.before, self.kept, *self.plan
        )
        of_gates, of_weight, of_bias, slopes = parts
        return of_gates, of_weight, None if saved[2] is None else of_bias, *slopes

    def of_steps(self, grads: Sequence[Either], saved: Sequence[Either]) -> list[Either]:
        """The same by the nodes of every step, made again: for higher derivatives, and under
        vmap."""
        graph = any(type(grad) in TENSORS for grad in grads)
        inputs: list[Any] = [None if x is None else own(x) for x in saved]
        gates, weight, bias, *state = inputs
        with enable_grad():
            out, last = step_by_step(self.plan, gates, weight, bias, tuple(state))
            used = [place for place, grad in enumerate(grads) if grad is not None]
            outputs = [(out, *last)[place] for place in used]
            given = [grads[place] if graph else constant(grads[place]) for place in used]
            wanted = [x for x in inputs if x is not None]
            found = iter(gradients(outputs, wanted, given, create_graph=graph, allow_unused=True))
        results = [None if x is None else next(found) for x in inputs]
        return results if graph else [None if x is None else x.array for x in results]


def own(x: Either) -> Tensor:
    """x as a tensor that requires a gradient, and that nothing else leads through."""
    if type(x) not in TENSORS or not x.requires_grad:
        return constant(array_of(x)).requires_grad_()
    return view(x, x.shape)


def recurrence(
    plan: Recurrence,
    gates: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: State,
    projection: Tensor | None = None,
) -> tuple[Tensor, State]:
    """What step_by_step() gives, as one node where the CPU's kernel can do it."""
    arrays = [x.array for x in (gates, weight, bias, *state) if x is not None]
    dtype = gates.array.dtype
    fits = dtype in FLOATS and all(type(x) is np.ndarray and x.dtype == dtype for x in arrays)
    if projection is not None or not fits:
        return step_by_step(plan, gates, weight, bias, state, projection)
    states = tuple(x.array for x in state)
    b = None if bias is None else bias.array
    out, last, before, kept = kernels.recurrent_steps(gates.array, weight.array, b, states, *plan)
    no_bias = constant(out)  # any constant: it keeps the place of the bias, and gets no gradient
    results = record_several(
        RecurrenceBackward0,
        (out, *last),
        (gates, weight, no_bias if bias is None else bias, *state),
        (gates.array, weight.array, b, *states),
        plan=plan,
        before=before,
        kept=kept,
        outputs=1 + len(last),
        shapes=[out.shape, *(part.shape for part in last)],
    )
    return results[0], results[1:]
