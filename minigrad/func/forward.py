"""Derivatives along a direction, by forward mode: jvp, jacfwd, linearize; and the Hessian."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.basis import cut_columns, standard_basis
from minigrad.autograd.forward_ad import ForwardADLevel, check_dtypes
from minigrad.func.reverse import jacrev
from minigrad.func.variables import (
    Argnums,
    check_outputs,
    chosen,
    replaced,
    split_aux,
    transforming,
    variable,
    without_gradient,
)
from minigrad.grad_mode import is_grad_enabled
from minigrad.inference import inference_mode
from minigrad.ops.filled import zeros_like
from minigrad.ops.vmap import vmap
from minigrad.pytree import Tree, tree_flatten, tree_map, tree_unflatten
from minigrad.tensor import Tensor

Function = Callable[..., Any]
JVP = "jvp(f, primals, tangents)"


def jvp(
    func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """(func(*primals), J t): how the output changes when the inputs move along the tangents.

    Both tuples have one structure.  With strict, an output that depends on no input is refused.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    output, tangent, aux = jvp_at(func, primals, tangents, None, strict, has_aux)
    return (output, tangent, aux) if has_aux else (output, tangent)


def jvp_at(
    func: Function,
    args: Sequence[Any],
    tangents: Tree,
    argnums: Argnums | None,
    strict: bool,
    has_aux: bool,
) -> tuple[Tree, Tree, Tree]:
    """The jvp with respect to some of the arguments."""
    leaves, structure = tree_flatten(args if argnums is None else chosen(args, argnums))
    directions, given = tree_flatten(tangents)
    if given != structure:
        raise RuntimeError(
            f"{JVP}: Expected primals and tangents to have the same python structure. For example, "
            "if primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{structure} and tangents with structure {given}"
        )
    check_tensors(leaves, "primals")
    check_tensors(directions, "tangents")
    keep = is_grad_enabled()
    with transforming(), ForwardADLevel() as level:
        duals = [dual(level, x, t) for x, t in zip(leaves, directions, strict=True)]
        inputs = tree_unflatten(duals, structure)
        result = func(*(inputs if argnums is None else replaced(args, argnums, inputs)))
        output, aux = split_aux(result, JVP) if has_aux else (result, ())
        outputs, output_structure = tree_flatten(output)
        check_outputs(outputs, JVP)
        pairs = [unpacked(level, y, strict, keep) for y in outputs]
        aux = tree_map(lambda x: primal_of(level, x, keep), aux)
    values, pushed = zip(*pairs, strict=True)
    return (
        tree_unflatten(values, output_structure),
        tree_unflatten(pushed, output_structure),
        aux,
    )


def dual(level: ForwardADLevel, x: Tensor, tangent: Tensor) -> Tensor:
    check_dtypes(x, tangent)
    return level.dual(x, tangent)


def unpacked(level: ForwardADLevel, y: Tensor, strict: bool, keep: bool) -> tuple[Tensor, Tensor]:
    """The value and the tangent of an output; `keep`: with their graphs."""
    value, tangent = level.unpack(y)
    if tangent is None:
        if strict:
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
                "inputs. This is not allowed with strict=True."
            )
        tangent = zeros_like(value)
    return (value, tangent) if keep else (without_gradient(value), without_gradient(tangent))


def primal_of(level: ForwardADLevel, x: Any, keep: bool) -> Tensor:
    """What leaves a jvp beside its output."""
    if not isinstance(x, Tensor):
        raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
    value = level.unpack(x).primal
    return value if keep else without_gradient(value)


def check_tensors(leaves: Sequence[Any], what: str) -> None:
    if not leaves:
        raise RuntimeError(f"{JVP}: Expected {what} to contain at least one Tensor.")
    for x in leaves:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"{JVP}: Expected {what} to only contain Tensors, got {type(x)}")


# ------------------------------------------------------------------------------ matrices


def jacfwd(
    func: Function,
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Function:
    """The function whose value is the Jacobian of `func`, by one jvp a column.

    It has the structure of the output, with that of the arguments at each leaf.
    """

    @functools.wraps(func)
    def jacobian(*args: Any) -> Any:
        inputs, structure = tree_flatten(args if argnums is None else chosen(args, argnums))

        def column(direction: Tree) -> Any:
            _, tangent, aux = jvp_at(func, args, direction, argnums, False, has_aux)
            return tangent, aux

        basis = tree_unflatten(standard_basis(inputs), structure)
        tangents, aux = vmap(column, randomness=randomness)(basis)
        stacked, output_structure = tree_flatten(tangents)
        matrix = [tree_unflatten(row, structure) for row in cut_columns(stacked, inputs)]
        result = tree_unflatten(matrix, output_structure)
        return (result, tree_map(lambda x: x[0], aux)) if has_aux else result

    return jacobian


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """The function whose value is the Hessian of `func`: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


# ------------------------------------------------------------------------------ linearize


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """(func(*primals), jvp_fn), where jvp_fn(*tangents) is J t at these primals.

    The graph is recorded once, and jvp_fn pushes tangents through it again and again.
    """
    output = func(*primals)
    leaves, structure = tree_flatten(primals)
    for x in leaves:
        check_dtypes(x, x)
    with inference_mode(False):  # and record, whatever the mode outside
        variables = [variable(x) for x in leaves]
        outputs, output_structure = tree_flatten(func(*tree_unflatten(variables, structure)))

    def jvp_fn(*tangents: Any) -> Any:
        directions, given = tree_flatten(tangents)
        if given != structure:
            raise RuntimeError(
                f"Expected the tangents {given} to have the same argspec as the primals {structure}"
            )
        keep = is_grad_enabled()
        with inference_mode(False), ForwardADLevel() as level:
            for number, (x, tangent) in enumerate(zip(variables, directions, strict=True)):
                check_tangent(number, x, tangent)
                level.push(x, tangent, not x.is_leaf)
            pushed = [
                unpacked(level, y, False, keep)[1] if isinstance(y, Tensor) else y for y in outputs
            ]
        return tree_unflatten(pushed, output_structure)

    return output, jvp_fn


def check_tangent(number: int, x: Tensor, tangent: Tensor) -> None:
    for what in ("shape", "device", "dtype"):
        given, wanted = getattr(tangent, what), getattr(x, what)
        if given != wanted:
            raise RuntimeError(
                f"tangent:{number} with {what} {given} in flattened pytree doesn't match the "
                f"{what} {wanted} of the corresponding primal."
            )
