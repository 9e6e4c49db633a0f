"""What a transform differentiates with respect to, and what it gives away.

A transform puts a tensor of its own in the place of every argument: a leaf, or for an argument that
requires a gradient already a view, which continues that graph.  A result keeps its graph where
that leads to anything but those leaves.  This alone makes transforms compose: grad(grad(f)),
closures over tensors of an outer graph and jvp(grad(f)) need no counting of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.node import Node
from minigrad.ops.view import as_variable
from minigrad.pytree import Tree, tree_map
from minigrad.reach import walk
from minigrad.tensor import Tensor, edge_of, has_history

Argnums = int | tuple[int, ...]


def variable(x: Any) -> Tensor:
    """A tensor with the values of x, for a graph of its own; x is left alone."""
    if not isinstance(x, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
    if has_history(x):
        return as_variable(x)
    return (x.clone() if x.is_inference() else x.detach()).requires_grad_()


def alias(x: Any) -> Any:
    """Another tensor with the memory and the history of x: a write does not give x a new one."""
    if not isinstance(x, Tensor):
        return x
    return x.view_as(x) if has_history(x) else x.detach()


def released(x: Tensor, variables: Sequence[Tensor], keep: bool) -> Tensor:
    """`x` as it leaves a transform; with `keep` and a graph that leads on, with that graph."""
    return x if keep and leads_outside(x, variables) else x.detach()


def leads_outside(x: Tensor, variables: Sequence[Tensor]) -> bool:
    """Whether the graph of x ends anywhere but at these variables."""
    own = {edge_of(variable)[0] for variable in variables if variable.is_leaf}
    return any(map(is_end, walk([edge_of(x)[0]], lambda node: node not in own)))


def is_end(node: Node) -> bool:
    """A leaf's AccumulateGrad, or a dual tensor of forward mode"""
    return not any(target for target, _ in node.next_functions)


def released_aux(aux: Tree, variables: Sequence[Tensor], keep: bool) -> Tree:
    """What a function with has_aux=True returns beside its output."""

    def release(x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
        return released(x, variables, keep)

    return tree_map(release, aux)


def split_aux(result: Any, name: str) -> tuple[Any, Any]:
    """(output, aux) of a function with has_aux=True."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


def check_outputs(outputs: Sequence[Any], name: str) -> None:
    """Tensors, and at least one."""
    if not outputs or list(outputs) == [None]:
        raise RuntimeError(
            f"{name}: Expected f to be a function that has non-empty output "
            f"(got output = {outputs})"
        )
    for x in outputs:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, "
                f"got unsupported type {type(x)}"
            )


# ------------------------------------------------------------------------------ argnums


def chosen(args: Sequence[Any], argnums: Argnums) -> Any:
    """The argument that argnums names, or the tuple of those."""
    if isinstance(argnums, int):
        return args[position(argnums, len(args))]
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    positions = [position(number, len(args)) for number in argnums]
    if not positions:
        raise RuntimeError("argnums must be non-empty")
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return tuple(args[i] for i in positions)


def replaced(args: Sequence[Any], argnums: Argnums, new: Any) -> list[Any]:
    """Aliases of the arguments, with new ones where argnums says."""
    arguments = [tree_map(alias, argument) for argument in args]
    numbers, values = ((argnums,), (new,)) if isinstance(argnums, int) else (argnums, new)
    for number, value in zip(numbers, values, strict=True):
        arguments[number] = value
    return arguments


def position(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count
