"""What a transform differentiates with respect to, and what it gives away.

A transform puts a tensor of its own in the place of every argument: a leaf, or for an argument that
requires a gradient already a view, which continues that graph.  A result keeps its graph where
that leads to anything but those leaves.  This alone makes transforms compose: grad(grad(f)),
closures over tensors of an outer graph and jvp(grad(f)) need no counting of levels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.autograd.backward import inside_transform
from minigrad.forward_levels import forward_only, open_levels
from minigrad.grad_mode import GradMode
from minigrad.inference import inference_mode
from minigrad.leaf import AccumulateGrad, Leaf
from minigrad.memory import tick
from minigrad.node import Node
from minigrad.ops.shared_memory import View
from minigrad.ops.view import as_variable
from minigrad.pytree import Tree, tree_map
from minigrad.reach import walk
from minigrad.tensor import Tensor, edge_of, has_history

Argnums = int | tuple[int, ...]


@contextmanager
def transforming() -> Iterator[None]:
    """Around the user's function: record, whatever the mode outside, and refuse backward()."""
    with inference_mode(False):
        token = inside_transform.set(True)
        try:
            yield
        finally:
            inside_transform.reset(token)


def variable(x: Any) -> Tensor:
    """A tensor with the values of x, for a graph of its own; x is left alone."""
    if not isinstance(x, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
    if has_history(x):
        return as_variable(x)
    own = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
    leaf = leaf_of(own)
    assert leaf is not None
    leaf.made = tick()
    return own


def leaf_of(x: Tensor) -> Leaf | None:
    edge = x.edge.edge if type(x.edge) is View else x.edge
    return edge if type(edge) is Leaf else None


def alias(x: Any) -> Any:
    """Another tensor with the memory and the history of x: a write does not give x a new one."""
    if not isinstance(x, Tensor):
        return x
    return x.view_as(x) if has_history(x) else x.detach()


def released(x: Tensor, variables: Sequence[Tensor], keep: bool) -> Tensor:
    """`x` as it leaves a transform; with `keep` and a graph that leads on, with that graph."""
    if not keep:
        return without_gradient(x)
    return x if leads_outside(x, variables) else x.detach()


def without_gradient(x: Tensor) -> Tensor:
    """The values of x, and its tangents: no_grad is no matter of the levels around."""
    if not open_levels():
        return x.detach()
    with GradMode(False):
        return x.clone()


def leads_outside(x: Tensor, variables: Sequence[Tensor]) -> bool:
    """Whether the graph of x ends anywhere but at these variables, or at those that transforms
    inside of this one made."""
    start = min(map(time_of, variables), default=0)
    return any(is_end(node, start) for node in walk([edge_of(x)[0]]))


def time_of(own: Tensor) -> int:
    leaf, (node, _) = leaf_of(own), edge_of(own)
    if node is None:  # the function detached it
        return sys.maxsize
    return node.sequence_nr if leaf is None or leaf.made is None else leaf.made


def is_end(node: Node, start: int) -> bool:
    """The AccumulateGrad of a leaf that no transform made since `start`; while forward mode is on,
    what has tangents but no gradient."""
    if node in forward_only:
        return bool(open_levels())
    if isinstance(node, AccumulateGrad):
        leaf = leaf_of(node.variable)
        return leaf is None or leaf.made is None or leaf.made < start
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
