"""Trees: tuples, lists, dicts and named tuples, in one another, with leaves of any other kind.

What takes trees flattens them, works on the flat list of leaves, and puts the results back into
the structure that was there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Tree = Any


class TreeSpec(NamedTuple):
    """The structure of a tree without its leaves.  Two are equal where one tree fits the other."""

    kind: Any  # the class of the container; None for a leaf
    keys: tuple[Any, ...]  # of a dict, whose order counts, or the fields of a named tuple
    children: tuple[TreeSpec, ...]

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        return repr(build(self.kind, self.keys, self.children))


LEAF = TreeSpec(None, (), ())


def parts_of(tree: Tree) -> tuple[tuple[Any, ...], Iterable[Tree]] | None:
    """The keys and the children of a container; None for a leaf."""
    kind = type(tree)
    if kind in (tuple, list):
        return (), tree
    if kind in (dict, OrderedDict):
        return tuple(tree), tree.values()
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return kind._fields, tree
    return None


def build(kind: Any, keys: tuple[Any, ...], children: Iterable[Any]) -> Any:
    """The container that parts_of() takes apart."""
    if kind in (dict, OrderedDict):
        return kind(zip(keys, children, strict=True))
    return kind(*children) if keys else kind(children)


def tree_flatten(tree: Tree) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the structure that tree_unflatten needs."""
    leaves: list[Any] = []
    return leaves, collect(tree, leaves)


def collect(tree: Tree, leaves: list[Any]) -> TreeSpec:
    """Append the leaves of `tree`; returns its structure."""
    parts = parts_of(tree)
    if parts is None:
        leaves.append(tree)
        return LEAF
    keys, children = parts
    return TreeSpec(type(tree), keys, tuple(collect(child, leaves) for child in children))


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Tree:
    """The tree of this structure with these leaves."""
    return fill(treespec, iter(leaves))


def fill(treespec: TreeSpec, leaves: Iterator[Any]) -> Tree:
    if treespec.kind is None:
        return next(leaves)
    children = [fill(child, leaves) for child in treespec.children]
    return build(treespec.kind, treespec.keys, children)


def tree_map(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """The same tree with function(leaf) for every leaf."""
    leaves, treespec = tree_flatten(tree)
    return tree_unflatten(map(function, leaves), treespec)
