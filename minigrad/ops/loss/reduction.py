"""From the losses of elements to one number, and nodes of losses that are a formula of elements."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.memory import warn_user
from minigrad.node import NO_EDGE
from minigrad.ops.define import PointwiseNode, node_class, scalar_array
from minigrad.ops.either import Either, check_are_tensors, constant_like
from minigrad.ops.pointwise import div, mul
from minigrad.ops.reduction import mean, sum
from minigrad.shapes import broadcast_shape
from minigrad.tensor import Tensor, has_history, record

Array = Any
REDUCTIONS = ("none", "mean", "sum")


def reduction_of(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that was asked for, be it by the two flags that torch had of old."""
    if size_average is not None or reduce is not None:
        averaged, reduced = size_average is None or size_average, reduce is None or reduce
        reduction = ("mean" if averaged else "sum") if reduced else "none"
        text = "size_average and reduce args will be deprecated, please use reduction='{}' instead."
        warn_user(text.format(reduction))
    if reduction == "elementwise_mean":
        text = "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead."
        warn_user(text)
        return "mean"
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses, their mean or their sum."""
    if reduction == "none":
        return losses
    result: Tensor = mean(losses) if reduction == "mean" else sum(losses)
    return result


def check_constants(name: str, **arguments: Tensor | None) -> None:
    """RuntimeError where a gradient is wanted of what a loss has none for."""
    for argument, x in arguments.items():
        if x is not None:
            check_are_tensors(name, **{argument: x})
        if x is not None and x.requires_grad:
            raise RuntimeError(
                f"The function '{name}' is not differentiable with respect to argument "
                f"'{argument}'. This input cannot have requires_grad True."
            )


# ------------------------------------------------------------------------------- pointwise losses


class PointwiseLoss(PointwiseNode):
    """The node of a formula's losses, weighted and reduced; `saved` is (parameters..., result),
    and the weights where there are any."""

    __slots__ = ("count", "reduces", "weighted")
    weighted: bool
    reduces: bool
    count: int | None  # what the sum was divided by

    def of_each(self, grad: Either) -> Either:
        """The gradient of each loss, from that of the result."""
        if self.count is not None:
            grad = div(grad, float(self.count))
        if not self.weighted:
            return grad
        weight = self.saved_arrays()[-1]
        return mul(grad, constant_like(weight, grad))

    def vjp(self, grad: Array) -> Any:
        return super().vjp(self.of_each(grad))

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        grad = self.of_each(grad)
        wanted = [None if edge is NO_EDGE else grad for edge in self.next_functions]
        return super().jvp_of_tensors(wanted)

    def jvp(self, tangents: Sequence[Array | None]) -> list[Array | None]:
        return [self.total(t) for t in super().jvp(tangents)]

    def jvp_of_tensors(self, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        return [self.total(t) for t in super().jvp_of_tensors(tangents)]

    def total(self, tangent: Either) -> Either:
        """What the tangents of the losses are to the result."""
        if tangent is None:
            return None
        tangent = self.of_each(tangent)
        return sum(tangent) if self.reduces else tangent


@functools.cache
def loss_node(op: Any) -> type[PointwiseLoss]:
    """The class of an operation's nodes whose losses are weighted or reduced."""
    return node_class(op.node_type.__name__, PointwiseLoss, op.definition, "weight")


def pointwise_loss(
    op: Any, reduction: str, *operands: Tensor | float, weight: Tensor | None = None
) -> Tensor:
    """A pointwise operation times `weight`, summed or averaged: one node."""
    if reduction == "none" and weight is None:
        losses: Tensor = op(*operands)
        return losses
    definition = op.definition
    first = operands[0]
    assert isinstance(first, Tensor)
    like = first.array.dtype
    arrays = [x.array if isinstance(x, Tensor) else scalar_array(x, like) for x in operands]
    result, count = total_of(definition.ufunc, arrays, reduction, weight)
    tensors: list[Any] = [operands[i] for i in definition.inputs]
    kept = definition.keep(*[has_history(x) for x in tensors])
    values = (*arrays, result)
    saved = tuple(v if keep else None for v, keep in zip(values, kept, strict=True)) if kept else ()
    if weight is not None:
        saved = (*(saved or [None] * len(values)), weight.array)
    return record(
        loss_node(op),
        result,
        tensors,
        saved,
        weighted=weight is not None,
        reduces=reduction != "none",
        count=count,
    )


def total_of(
    ufunc: Any, arrays: list[Array], reduction: str, weight: Tensor | None
) -> tuple[Array, int | None]:
    """The weighted losses reduced, and what their sum was divided by."""
    losses = kernels.launch(ufunc, *arrays)
    if weight is not None:
        shape = broadcast_shape(losses.shape, weight.array.shape)
        if shape != losses.shape:
            raise RuntimeError(
                f"output with shape {list(losses.shape)} doesn't match the broadcast shape "
                f"{list(shape)}"
            )
        losses = mul(losses, weight.array)
    if reduction == "none":
        return losses, None
    total = sum(losses)
    if reduction == "sum":
        return total, None
    return div(total, float(losses.size)), losses.size
