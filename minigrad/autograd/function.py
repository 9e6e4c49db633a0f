"""torch.autograd.function's names: what goes with a user's Function, beside the class itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.context import FunctionCtx, Kind, type_name
from minigrad.function import BackwardCFunction, Function
from minigrad.grad_mode import GradMode, is_grad_enabled
from minigrad.leaf import Leaf
from minigrad.memory import owner_of, version
from minigrad.node import Node
from minigrad.ops.shared_memory import is_view
from minigrad.saved import with_histories
from minigrad.tensor import Tensor, constant, has_history, record

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "InplaceFunction",
    "once_differentiable",
]


class InplaceFunction(Function):
    """A Function with an attribute `inplace`, as old programs have it."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


# -------------------------------------------------------------------- derivatives of first order


class Error(Node):
    """Raises when a gradient comes."""

    __slots__ = ()

    def vjp(self, grad: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable. "
            f"Its gradient was made at {self.line}: take the mark away if its backward consists of "
            "operations that have derivatives themselves."
        )


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward that computes with something else than differentiable operations: its
    results are right, but a derivative of them raises."""

    @functools.wraps(fn)
    def backward(ctx: Any, *grads: Any) -> Any:
        with GradMode(False):
            outputs = fn(ctx, *grads)
        differentiated = any(isinstance(g, Tensor) and has_history(g) for g in grads)
        if not is_grad_enabled() or not differentiated:
            return outputs
        if isinstance(outputs, tuple):
            return tuple(refusing(g) for g in outputs)
        return refusing(outputs)

    return backward


def refusing(grad: Tensor | None) -> Tensor | None:
    """The same values, but with a derivative that raises."""
    if grad is None:
        return None
    origin = constant(grad.array)
    origin.edge = Leaf()
    return record(Error, grad.array, (origin,))


# --------------------------------------------------------------------------------- forward mode


def run_jvp(node: BackwardCFunction, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The tangents of a Function's results, by its author's jvp, from those of its arguments that
    are tensors."""
    given = full_tangents(node, tangents)
    versions = [0 if t is None else version(t.array) for t in tangents]
    arrays, places = node._for_forward
    node.saved_for_forward = with_histories(arrays, node.edges_at(places))
    try:
        results = node.apply_jvp(*given)
    except Exception as error:
        if hasattr(error, "add_note"):  # since Python 3.11
            error.add_note(f"This happened in the jvp of {node.name()}, made at {node.line}.")
        raise
    finally:
        node.saved_for_forward = ()
    results = results if isinstance(results, tuple) else (results,)
    if len(results) != node.outputs:
        raise RuntimeError(
            "Function's jvp returned an invalid number of forward gradients (expected "
            f"{node.outputs} but got {len(results)}). {node.name()} was made at {node.line}: jvp "
            "returns one for each result of forward, None for those that have none."
        )
    for position, (tangent, kind) in enumerate(zip(results, node._output_kinds, strict=True)):
        check_tangent(node, tangent, kind, position)
    for position, place in node._modified.items():
        check_modified(node, tangents[place], results[position], versions[place])
    for position, place in node._shown.items():
        check_view(node, tangents[place], results[position])
    return list(results)


def full_tangents(node: BackwardCFunction, tangents: Sequence[Tensor | None]) -> list[Any]:
    """One an argument: None for what is no tensor, zeros for one without a tangent."""
    remaining = iter(tangents)
    given: list[Any] = []
    for kind in node._input_kinds:
        tangent = None if kind is None else next(remaining)
        if tangent is None and kind and kind.differentiable and node.materialize_grads:
            tangent = kind.zeros()
        given.append(tangent)
    return given


def check_tangent(node: BackwardCFunction, tangent: Any, kind: Kind | None, position: int) -> None:
    if tangent is None:
        return
    if not isinstance(tangent, Tensor):
        raise RuntimeError(
            f"expected Variable or None (got {type_name(tangent)}) for grad output {position}. "
            f"{node.name()} was made at {node.line}."
        )
    if kind is None or not node._differentiable[position]:
        raise RuntimeError(
            f"Function's jvp returned a gradient at position {position}, but the corresponding "
            "forward output is not a differentiable Tensor. You should return None at that "
            f"position instead. {node.name()} was made at {node.line}."
        )
    if tangent.array.shape != kind.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(kind.shape)} while the given "
            f"forward gradient is of size {list(tangent.shape)}. {node.name()} was made at "
            f"{node.line}."
        )


def check_modified(node: Node, given: Any, result: Any, before: int) -> None:
    """Where forward modified an argument, jvp must modify its tangent."""
    if given is None:
        return
    if version(given.array) == before:
        raise RuntimeError(
            "An inplace custom Function is not modifying the forward mode gradients inplace. If "
            "the forward is modifying an input inplace, then the jvp function must modify the "
            f"corresponding gradient inplace. {node.name()} was made at {node.line}."
        )
    if result is not given:
        raise RuntimeError(
            "An inplace custom Function is not returning the forward mode gradients as-is. If the "
            "forward is modifying an input inplace, then the jvp function must modify the gradient "
            f"inplace and return it as-is. {node.name()} was made at {node.line}."
        )


def check_view(node: Node, given: Any, result: Any) -> None:
    """Where forward returned a view of an argument, jvp must return one of its tangent."""
    if given is None or result is None:
        return
    if not is_view(result):
        raise RuntimeError(
            "A custom Function's forward is returning a view (or an input as-is) but the jvp is "
            f"not returning a view. {node.name()} was made at {node.line}: use t.view_as(t) for t."
        )
    if owner_of(result.array) is not owner_of(given.array):
        raise RuntimeError(
            "A custom Function is returning a view but the jvp is not returning a view of the "
            f"given grad input. {node.name()} was made at {node.line}."
        )
