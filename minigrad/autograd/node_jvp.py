"""One node in forward mode: the tangents of its outputs from those of its inputs.

- A pointwise operation's Jacobian is diagonal, so its derivative formula takes a tangent as well as
  a gradient.
- A LinearNode, such as a view, does to the tangent what it did to the value.
- A Function has the jvp that its author wrote.
- Any other node is asked for its vjp, g -> J'g, which is linear in g; the vjp of that is t -> Jt.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import reduce
from typing import Any

from minigrad.autograd.function import run_jvp
from minigrad.engine import Captures, run_backward
from minigrad.function import BackwardCFunction
from minigrad.grad_mode import GradMode, is_grad_enabled
from minigrad.node import LinearNode, Node
from minigrad.ops.define import PointwiseNode
from minigrad.ops.inplace import CopySlices
from minigrad.ops.pointwise import add
from minigrad.ops.reduction import sum_to
from minigrad.ops.shared_memory import new_zeros, put
from minigrad.ops.view import expand
from minigrad.saved import saved_without_history
from minigrad.tensor import TENSORS, Tensor, constant, edge_of

Either = Any  # a Tensor or an array


def jvp_of(node: Node, tangents: list[Tensor | None], tracked: bool) -> Sequence[Tensor | None]:
    """The tangents of a node's outputs; `tracked`: made of recorded operations."""
    if isinstance(node, CopySlices):
        return (tangent_of_base(node, *tangents),)
    node.check_saved()
    if isinstance(node, BackwardCFunction):
        return function_tangents(node, tangents, tracked)
    if isinstance(node, LinearNode):
        (tangent,) = tangents
        assert tangent is not None
        return (node.jvp(tangent) if tracked else constant(node.jvp(tangent.array)),)
    if not isinstance(node, PointwiseNode):
        return transposed_twice(node, tangents, tracked)
    if tracked:
        return (pointwise_tangent(node, node.jvp_of_tensors, tangents),)
    arrays = [None if t is None else t.array for t in tangents]
    return (constant(pointwise_tangent(node, node.jvp, arrays)),)


def function_tangents(
    node: BackwardCFunction, tangents: list[Tensor | None], tracked: bool
) -> Sequence[Tensor | None]:
    """The author's jvp, and its graph where that leads anywhere."""
    if tracked:
        return run_jvp(node, tangents)
    with saved_without_history():
        results = run_jvp(node, tangents)
    return [None if t is None else constant(t.array) for t in results]


def tangent_of_base(node: CopySlices, base: Tensor | None, part: Tensor | None) -> Tensor:
    """The tangent of a base, with that of what was written in the place of the written part."""
    like = base if base is not None else part
    if base is None:
        base = new_zeros(like, node.shape, node.dtype)
    written = new_zeros(like, (), node.dtype) if part is None else cast_to(part, node.dtype)
    tangent: Tensor = put(cast_to(base, node.dtype), written, node.replay)
    return tangent


def pointwise_tangent(node: PointwiseNode, rule: Any, tangents: list[Any]) -> Either:
    """The sum of what each input's tangent contributes, in the shape of the output."""
    tangents = [None if t is None else cast_to(t, node.dtype) for t in tangents]
    terms = [term for term in rule(tangents) if term is not None]
    if not terms:
        like = next(t for t in tangents if t is not None)
        return new_zeros(like, node.shape, node.dtype)
    total = cast_to(reduce(add, terms), node.dtype)
    return total if tuple(total.shape) == node.shape else expand(total, node.shape)


def transposed_twice(
    node: Node, tangents: list[Tensor | None], tracked: bool
) -> Sequence[Tensor | None]:
    """J t is the gradient of <J'g, t> with respect to g, which may be anything: zeros."""
    like = next(t for t in tangents if t is not None)
    kinds = [node.output_kind(output_nr) for output_nr in range(node.outputs)]
    grads = [new_zeros(like, *kind).requires_grad_() for kind in kinds]
    captures: Captures = {edge_of(g): None for g in grads}
    with GradMode(True), nullcontext() if tracked else saved_without_history():
        results = node.vjp_of_tensors(grads if node.outputs > 1 else grads[0])
        roots = [
            (edge_of(sum_to(result, *target.output_kind(output_nr))), tangent)
            for result, tangent, (target, output_nr) in zip(
                results, tangents, node.next_functions, strict=True
            )
            if result is not None and tangent is not None and target is not None
        ]
    run_backward(roots, True, tracked and is_grad_enabled(), captures, of_tensors=tracked)
    made = [captures[edge_of(g)] for g in grads]
    pairs = zip(made, kinds, strict=True)
    return [
        new_zeros(like, *kind) if t is None else t if tracked else constant(t) for t, kind in pairs
    ]


def cast_to(x: Either, dtype: Any) -> Either:
    return sum_to(x, x.array.shape if type(x) in TENSORS else x.shape, dtype)
