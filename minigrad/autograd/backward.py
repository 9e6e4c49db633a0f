"""backward and grad: the engine by its public names, and the checks of what it is given."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.autograd.batched_gradients import check_batched_shape, run_batched
from minigrad.engine import Captures, Roots, run_backward
from minigrad.forward_levels import catch_up, forward_only, gets_gradient, open_levels
from minigrad.kernels.batched.levels import BACKWARD_INSIDE, running
from minigrad.leaf import to_write_to
from minigrad.node import Edge, Node
from minigrad.ops.shared_memory import new_zeros
from minigrad.tensor import Tensor, constant, edge_of
from minigrad.values import Size


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes, without the tensor: its memory need not be kept."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


Differentiable = Tensor | GradientEdge
KINDS = (Tensor, GradientEdge)
inside_transform: ContextVar[bool] = ContextVar("inside_transform", default=False)  # of func


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor, which autograd.backward and autograd.grad take in its place."""
    node, output_nr = edge_of(tensor)
    if node is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    return GradientEdge(node, output_nr)


def edge_for(x: Differentiable) -> Edge:
    return edge_of(x) if isinstance(x, Tensor) else (x.node, x.output_nr)


def as_tuple(given: Any) -> tuple[Any, ...]:
    if isinstance(given, KINDS):
        return (given,)
    return tuple(given)


def inputs_tuple(inputs: Any, caller: str) -> tuple[Differentiable, ...]:
    if isinstance(inputs, Mapping):
        if type(inputs) is not dict:
            raise TypeError(
                f"`inputs` argument to `{caller}()` must be a dict, not {type(inputs).__name__}. "
                "Other Mapping types are not supported."
            )
        inputs = inputs.values()
    targets = as_tuple(inputs)
    if not targets:
        raise RuntimeError(
            f"`inputs` argument to `{caller}()` cannot be empty. Name the tensors whose gradients "
            "you want; backward() without `inputs` reaches all leaves."
        )
    for number, x in enumerate(targets):
        if not isinstance(x, KINDS):
            raise RuntimeError(
                f"all inputs have to be Tensors or GradientEdges, but got {type(x).__name__} as "
                f"element {number}"
            )
    return targets


# ------------------------------------------------------------------------ where a pass starts


def roots_of(outputs: Sequence[Any], gradients: Any, is_grads_batched: bool = False) -> Roots:
    """The edges that a backward pass starts from, with the gradient of each."""
    gradients = (None,) * len(outputs) if gradients is None else as_tuple(gradients)
    for gradient in gradients:
        check_gradient(gradient)
    if len(outputs) != len(gradients):
        raise RuntimeError(
            f"got {len(outputs)} tensors and {len(gradients)} gradients: give one for each tensor, "
            "None for a scalar's gradient of 1"
        )
    return [
        (root_edge(number, x), seed(number, x, g, is_grads_batched))
        for number, (x, g) in enumerate(zip(outputs, gradients, strict=True))
    ]


def root_edge(number: int, output: Any) -> Edge:
    if not isinstance(output, KINDS):
        raise AssertionError(
            f"Expected output to be a Tensor or GradientEdge, but got {type(output).__name__} as "
            f"element {number}"
        )
    edge = edge_for(output)
    if edge[0] is None or (forward_only and not gets_gradient(edge[0])):
        raise RuntimeError(
            f"element {number} of tensors does not require grad and does not have a grad_fn. "
            "Nothing that it was computed from requires a gradient, or it was made under "
            "no_grad(), or detach()ed, or it comes from gradients, which have a history only with "
            "create_graph=True. Set requires_grad=True on the inputs before the computation. "
            "minigrad.explain_grad(this tensor) tells more."
        )
    return edge


def seed(number: int, output: Differentiable, gradient: Any, is_grads_batched: bool) -> Tensor:
    """The gradient that the backward pass of `output` starts from."""
    if isinstance(output, Tensor):
        shape, dtype = output.array.shape, output.array.dtype
    else:
        shape, dtype = output.node.output_kind(output.output_nr)
    if gradient is None:
        check_scalar(shape, dtype, edge_for(output)[0])
        like = output.array if isinstance(output, Tensor) else np.empty(0)
        return constant(kernels.full(shape, 1, dtype, like))
    if not is_grads_batched:
        check_shape(number, gradient.array.shape, shape)
    elif isinstance(output, GradientEdge):
        raise RuntimeError("Batched grads are not supported with GradientEdge")
    else:
        check_batched_shape(number, gradient.array.shape, shape)
    return gradient


def check_gradient(gradient: Any) -> None:
    if gradient is not None and not isinstance(gradient, Tensor):
        raise TypeError(
            f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
        )


def check_scalar(shape: tuple[int, ...], dtype: Any, node: Node | None) -> None:
    """A gradient of 1 is meant only for a single real number."""
    if math.prod(shape) != 1:
        made = f", made at {node.line}," if node is not None and node.line else ""
        raise RuntimeError(
            f"grad can be implicitly created only for scalar outputs, but this one{made} has shape "
            f"{list(shape)}: reduce it, as in .sum().backward(), or pass the gradient of each "
            "element as backward(gradient)"
        )
    if dtype.kind != "f":
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {dtype}"
        )


def have_tangents(roots: Roots, create_graph: bool) -> bool:
    """Whether a level of forward mode will ask for the tangents of gradients that are no graph.
    (Those of the outputs are computed now: a backward pass frees what they need.)"""
    if create_graph or not open_levels():
        return False
    found = [catch_up(edge) for root, gradient in roots for edge in (root, edge_of(gradient))]
    return any(found)


def check_shape(number: int, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if given != wanted:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{number}] has a shape of {Size(given)} and "
            f"output[{number}] has a shape of {Size(wanted)}. Pass a gradient of the output's "
            "shape."
        )


# --------------------------------------------------------------------------------- the functions


def warn(text: str) -> None:
    """Of an argument that is deprecated, at the line of the caller's caller."""
    warnings.warn(text, FutureWarning, stacklevel=3)


def backward(
    tensors: Differentiable | Sequence[Differentiable],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Differentiable | Sequence[Differentiable] | dict[str, Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to the .grad of the leaves (or of `inputs`) they came from."""
    if grad_variables is not None:
        warn("`grad_variables` is deprecated. Use `grad_tensors` instead.")
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    if running() or inside_transform.get():
        raise RuntimeError(BACKWARD_INSIDE)
    targets = None if inputs is None else inputs_tuple(inputs, "backward")
    roots = roots_of(as_tuple(tensors), grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    nodes = None if targets is None else retaining_nodes(targets)
    of_tensors = have_tangents(roots, create_graph)
    run_backward(roots, retain, create_graph, inputs=nodes, of_tensors=of_tensors)


def retaining_nodes(inputs: Sequence[Differentiable]) -> list[Node]:
    """The nodes of the inputs of backward(inputs=...); all inputs keep .grad, not leaves alone."""
    for x in inputs:
        if isinstance(x, Tensor):
            x.retain_grad()
    return [node for node, _ in capture_edges(inputs) if node is not None]


def grad(
    outputs: Differentiable | Sequence[Differentiable],
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`; no .grad is touched.

    `inputs`: a tensor, several, GradientEdges, or a dict, in which case a dict comes out.
    is_grads_batched: grad_outputs have a first dimension more, and so have the results.
    RuntimeError for an input that the outputs do not depend on, unless allow_unused (None comes
    out) or materialize_grads (zeros come out).
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    wanted = inputs_tuple(inputs, "grad")
    if not only_inputs:
        warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use autograd.backward."
        )
    retain = create_graph if retain_graph is None else retain_graph
    roots = roots_of(as_tuple(outputs), grad_outputs, is_grads_batched)
    captures: Captures = dict.fromkeys(capture_edges(wanted))
    run = run_batched if is_grads_batched else run_backward
    of_tensors = have_tangents(roots, create_graph)
    run(roots, retain, create_graph, captures, of_tensors=of_tensors)
    results = [captures[edge_for(x)] for x in wanted]
    if not create_graph:
        results = [g if g is None or isinstance(g, Tensor) else as_result(g) for g in results]
    if materialize_grads:
        results = [zeros_for(x) if g is None else g for x, g in zip(wanted, results, strict=True)]
    elif not allow_unused:
        check_used(results)
    return dict(zip(inputs, results, strict=True)) if type(inputs) is dict else tuple(results)


def as_result(grad: Any) -> Tensor:
    return constant(to_write_to(grad))


def check_used(grads: Sequence[Tensor | None]) -> None:
    for number, grad in enumerate(grads):
        if grad is None:
            raise RuntimeError(
                f"The differentiated Tensor at index {number} appears to not have been used in the "
                "graph. Set allow_unused=True if this is the desired behavior. "
                "minigrad.explain_grad(input, output) tells where they lost each other."
            )


def zeros_for(x: Differentiable) -> Tensor:
    if not isinstance(x, Tensor):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge"
        )
    return constant(new_zeros(x.array, x.array.shape))


def capture_edges(inputs: Sequence[Differentiable]) -> list[Edge]:
    edges = [edge_for(x) for x in inputs]
    for number, (node, _) in enumerate(edges):
        if node is None:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad: the input at index "
                f"{number}. Call requires_grad_() on it before it is used."
            )
    return edges


def backward_of_tensor(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of this tensor to the .grad of every leaf it was computed from."""
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)
