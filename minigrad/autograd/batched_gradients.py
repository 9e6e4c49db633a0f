"""autograd.grad(is_grads_batched=True): one backward pass for many gradients of the outputs.

They lie along dimension 0 of grad_outputs, and so do the results: vmap over the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable

from minigrad.engine import Captures, run_backward
from minigrad.kernels.batched.levels import Level
from minigrad.node import Edge
from minigrad.ops.batch import join_samples, split_samples, sum_where_shared
from minigrad.tensor import Tensor
from minigrad.values import Size


def check_batched_shape(number: int, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Raise unless a gradient has the output's shape after its first dimension."""
    if not given:
        raise IndexError(
            "invalid index of a 0-dim tensor: is_grads_batched=True needs grad_outputs with a "
            "first dimension, of the batch"
        )
    if given[1:] != wanted:
        raise RuntimeError(
            "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as "
            "the batch dimension. The sizes of the remaining dimensions are expected to match the "
            f"shape of corresponding output, but a mismatch was detected: grad_output[{number}] "
            f"has a shape of {Size(given[1:])} and output[{number}] has a shape of "
            f"{Size(wanted)}. If you only want some tensors in `grad_output` to be considered "
            "batched, consider using vmap."
        )


def run_batched(
    roots: list[tuple[Edge, Tensor]],
    retain_graph: bool,
    create_graph: bool,
    captures: Captures,
    of_tensors: bool = False,
) -> None:
    """run_backward() for every place along the first dimension of the roots' gradients."""
    size = batch_size([gradient for _, gradient in roots])
    with Level(size, "error", asks_for_rules=False) as level:
        inside = [(edge, split_samples(gradient, 0, level)) for edge, gradient in roots]
        run_backward(inside, retain_graph, create_graph, captures, of_tensors=of_tensors)
        for edge, grad in captures.items():
            captures[edge] = None if grad is None else join_samples(grad, 0, level)
    sum_where_shared([x for x in captures.values() if isinstance(x, Tensor)], level)


def at_once(func: Callable[[Tensor], tuple[Tensor, ...]], samples: Tensor) -> tuple[Tensor, ...]:
    """func for every place along the first dimension of `samples`; a Function needs no rule."""
    with Level(samples.array.shape[0], "error", asks_for_rules=False) as level:
        inside = func(split_samples(samples, 0, level))
        results = tuple(join_samples(x, 0, level) for x in inside)
    sum_where_shared(results, level)
    return results


def batch_size(gradients: list[Tensor]) -> int:
    if any(not g.array.ndim for g in gradients):  # the 1 that stands for a missing one
        raise ValueError(
            "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a "
            "Tensor of dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0. With "
            "is_grads_batched=True, pass a gradient for every output."
        )
    sizes = [int(g.array.shape[0]) for g in gradients]
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]
