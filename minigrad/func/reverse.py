"""Derivatives by backward passes: grad, vjp, jacrev."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.basis import cut_rows, standard_basis
from minigrad.autograd.functional import gradients, or_zeros
from minigrad.func.variables import (
    Argnums,
    alias,
    check_outputs,
    chosen,
    leads_outside,
    released,
    released_aux,
    replaced,
    split_aux,
    transforming,
    variable,
)
from minigrad.grad_mode import is_grad_enabled
from minigrad.ops.joining import stack, unbind
from minigrad.ops.vmap import vmap
from minigrad.pytree import Tree, TreeSpec, tree_flatten, tree_map, tree_unflatten
from minigrad.tensor import Tensor, has_history

Function = Callable[..., Any]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function whose value is the gradient of `func`, which returns a single number.

    With has_aux, `func` returns (output, aux), and the new function (gradient, aux).
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function whose value is (gradient, output), or with has_aux (gradient, (output, aux))."""

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree_flatten(chosen(args, argnums))
        with transforming():
            variables = [variable(x) for x in leaves]
            inputs = tree_unflatten(variables, structure)
            result = func(*replaced(args, argnums, inputs), **tree_map(alias, kwargs))
            output, aux = split_aux(result, NAME) if has_aux else (result, None)
            check_number(output)
        keep = is_grad_enabled()
        create_graph = keep and leads_outside(output, variables)
        found = or_zeros(gradients((output,), variables, None, create_graph), variables)
        gradient = tree_unflatten([released(x, variables, keep) for x in found], structure)
        value = released(output, variables, keep)
        return gradient, (value, released_aux(aux, variables, keep)) if has_aux else value

    return gradient_and_value


NAME = "grad_and_value(f)(*args)"


def check_number(output: Any) -> None:
    """What has a gradient is a tensor of no dimensions."""
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{NAME}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output.ndim:
        raise RuntimeError(
            f"{NAME}: Expected f(*args) to return a scalar Tensor, got tensor with {output.ndim} "
            "dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


# ------------------------------------------------------------------------------ vjp


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), vjp_fn), where vjp_fn(cotangents) is v^T J, a tuple like `primals`.

    The graph is recorded once, and vjp_fn may run it again and again.
    """
    output, vjp_fn, aux = vjp_at(func, primals, None, has_aux)
    return (output, vjp_fn, aux) if has_aux else (output, vjp_fn)


def vjp_at(
    func: Function, args: Sequence[Any], argnums: Argnums | None, has_aux: bool
) -> tuple[Tree, Function, Tree]:
    """The vjp with respect to some of the arguments."""
    leaves, structure = tree_flatten(args if argnums is None else chosen(args, argnums))
    with transforming():
        variables = [variable(x) for x in leaves]
        inputs = tree_unflatten(variables, structure)
        result = func(*(inputs if argnums is None else replaced(args, argnums, inputs)))
    output, aux = split_aux(result, VJP) if has_aux else (result, None)
    outputs, output_structure = tree_flatten(output)
    check_outputs(outputs, VJP)
    check_floating_point(outputs)
    outside = any(leads_outside(x, variables) for x in outputs)

    def vjp_fn(
        cotangents: Tree, retain_graph: bool = True, create_graph: bool | None = None
    ) -> Tree:
        weights = leaves_of(cotangents, output_structure)
        record = is_grad_enabled() if create_graph is None else create_graph
        record = record and (outside or any(requires_grad(x) for x in weights))
        rows = gradients(outputs, variables, weights, record, retain_graph)
        product = [released(x, variables, record) for x in or_zeros(rows, variables)]
        return tree_unflatten(product, structure)

    keep = is_grad_enabled()
    values = [released(x, variables, keep) for x in outputs]
    return (
        tree_unflatten(values, output_structure),
        vjp_fn,
        released_aux(aux, variables, keep) if has_aux else None,
    )


VJP = "vjp(f, *primals)"


def check_floating_point(outputs: Sequence[Tensor]) -> None:
    for x in outputs:
        if not x.is_floating_point():
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, "
                f"got Tensor with dtype {x.dtype}"
            )


def leaves_of(cotangents: Tree, output_structure: TreeSpec) -> list[Any]:
    """The leaves of a tree that must have the structure of the output."""
    leaves, structure = tree_flatten(cotangents)
    if structure != output_structure:
        raise RuntimeError(
            "Expected pytree structure of cotangents to be the same as pytree structure of outputs "
            f"to the function. cotangents: {structure}, primal output: {output_structure}"
        )
    return leaves


def requires_grad(x: Any) -> bool:
    return isinstance(x, Tensor) and has_history(x)


# ------------------------------------------------------------------------------ jacrev


def jacrev(
    func: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Function:
    """The function whose value is the Jacobian of `func`, by one backward pass a row.

    It has the structure of the output, with that of the arguments at each leaf.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def jacobian(*args: Any) -> Any:
        output, vjp_fn, aux = vjp_at(func, args, argnums, has_aux)
        outputs, output_structure = tree_flatten(output)
        inputs, structure = tree_flatten(chosen(args, argnums))
        basis = tree_unflatten(standard_basis(outputs), output_structure)
        stacked, _ = tree_flatten(all_rows(vjp_fn, basis, chunk_size))
        blocks = cut_rows(stacked, outputs, inputs)
        matrix = [tree_unflatten(row, structure) for row in blocks]
        result = tree_unflatten(matrix, output_structure)
        return (result, aux) if has_aux else result

    return jacobian


def all_rows(vjp_fn: Function, basis: Tree, chunk_size: int | None) -> Tree:
    """vjp_fn of every row of the basis, `chunk_size` of them at a time."""
    if chunk_size != 1:
        return vmap(vjp_fn, chunk_size=chunk_size)(basis)
    parts, structure = tree_flatten(basis)  # one after the other, for what vmap does not take
    rows = [
        tree_flatten(vjp_fn(tree_unflatten(weights, structure)))
        for weights in zip(*map(unbind, parts), strict=True)
    ]
    columns = zip(*(leaves for leaves, _ in rows), strict=True)
    return [stack(column) for column in columns]
