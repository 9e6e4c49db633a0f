"""backward and grad: the engine by its public names, and the checks of what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.engine import Captures, run_backward
from minigrad.grad_mode import GradMode
from minigrad.leaf import AccumulateGrad
from minigrad.node import Edge
from minigrad.ops.creation import ones_like
from minigrad.tensor import Tensor, constant, edge_of


def seed(output: Tensor, gradient: Tensor | None) -> Tensor:
    """The gradient that the backward pass of `output` starts from."""
    if edge_of(output)[0] is None:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn. Nothing that "
            "it was computed from requires a gradient, or it was made under no_grad(), or "
            "detach()ed: set requires_grad=True on the inputs before the computation."
        )
    if gradient is None:
        if output.array.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, but this one has shape "
                f"{list(output.array.shape)}: reduce it, as in .sum().backward(), or pass the "
                "gradient of each element as backward(gradient)"
            )
        if output.array.dtype.kind != "f":
            raise RuntimeError(f"grad can be computed only for real scalars, not {output.dtype}")
        return ones_like(output)
    if not isinstance(gradient, Tensor):
        raise TypeError(
            f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
        )
    if gradient.array.shape != output.array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has "
            f"a shape of {output.shape}."
        )
    return gradient


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to the .grad of the leaves (or of `inputs`) they came from."""
    outputs = as_tuple(tensors)
    gradients = as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(outputs)
    check_lengths(outputs, gradients)
    roots = [(edge_of(x), seed(x, g)) for x, g in zip(outputs, gradients, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        run_backward(roots, retain, create_graph)
        return
    targets = as_tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    captures: Captures = dict.fromkeys(capture_edges(targets))
    for x in targets:
        x.retain_grad()
    run_backward(roots, retain, create_graph, captures)
    with GradMode(create_graph):
        for edge, grad in captures.items():
            if type(edge[0]) is AccumulateGrad and grad is not None:
                deliver(edge[0].variable, grad, create_graph)


def deliver(x: Tensor, grad: Any, create_graph: bool) -> None:
    """Add a captured gradient to x.grad."""
    given = grad if create_graph else constant(grad.copy())
    x._grad = given if x._grad is None else x._grad + given


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    *,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`; no .grad is touched.

    RuntimeError for an input that the outputs do not depend on, unless allow_unused (None comes
    out) or materialize_grads (zeros come out).
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    results, wanted = as_tuple(outputs), as_tuple(inputs)
    gradients = as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(results)
    check_lengths(results, gradients)
    roots = [(edge_of(x), seed(x, g)) for x, g in zip(results, gradients, strict=True)]
    captures: Captures = dict.fromkeys(capture_edges(wanted))
    retain = create_graph if retain_graph is None else retain_graph
    run_backward(roots, retain, create_graph, captures)
    return tuple(
        captured(x, captures[edge_of(x)], create_graph, bool(allow_unused), materialize_grads)
        for x in wanted
    )


def captured(x: Tensor, grad: Any, create_graph: bool, unused: bool, zeros: bool) -> Tensor | None:
    if grad is not None:
        return grad if create_graph else constant(grad)
    if zeros:
        return constant(kernels.full(x.array.shape, 0, x.array.dtype, x.array))
    if unused:
        return None
    raise RuntimeError(
        "One of the differentiated Tensors appears to not have been used in the graph. "
        "Set allow_unused=True if this is the desired behavior."
    )


def capture_edges(inputs: Sequence[Tensor]) -> list[Edge]:
    edges = [edge_of(x) for x in inputs]
    if any(node is None for node, _ in edges):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return edges


def check_lengths(outputs: Sequence[Any], gradients: Sequence[Any]) -> None:
    if len(outputs) != len(gradients):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients")


def as_tuple(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def backward_of_tensor(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of this tensor to the .grad of every leaf it was computed from."""
    backward(self, gradient, retain_graph, create_graph, inputs)
