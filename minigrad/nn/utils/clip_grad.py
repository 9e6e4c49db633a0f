"""Gradients cut down before a step: together, to a norm, or each number, to a value.

Pascanu et al. 2013.  `foreach` says in torch how to compute; there is one way here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

from minigrad.grad_mode import no_grad
from minigrad.ops.creation import tensor
from minigrad.ops.joining import stack
from minigrad.ops.norm import vector_norm
from minigrad.ops.pointwise import div
from minigrad.tensor import Tensor

Tensors = Tensor | Iterable[Tensor]


def as_list(given: Tensors) -> list[Tensor]:
    return [given] if isinstance(given, Tensor) else list(given)


def gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors' elements together, as if they were one vector."""
    given, order = as_list(tensors), float(norm_type)
    if not given:
        return tensor(0.0)
    device = given[0].device
    norms = [vector_norm(x, order).to(device) for x in given]
    total: Tensor = vector_norm(stack(norms), order)
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale gradients whose norm is total_norm down to max_norm, if they are above."""
    scale = div(float(max_norm), total_norm + 1e-6).clamp(max=1.0)
    for grad in gradients(as_list(parameters)):
        grad.mul_(scale.to(grad.device))


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one number so that their norm is at most max_norm; returns the norm
    before."""
    given = as_list(parameters)
    if not given and isinstance(parameters, Iterator):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
        )
    total = get_total_norm(gradients(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Cut every number of the gradients off at -clip_value and clip_value."""
    bound = float(clip_value)
    for grad in gradients(as_list(parameters)):
        grad.clamp_(-bound, bound)
