"""The levels of forward mode that are open, the innermost last (autograd/forward_ad.py).

A level computes tangents when it is asked for one.  What it will need then must not be lost before:
who overwrites or frees what nodes saved first lets the levels catch up.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from minigrad.grad_mode import GradMode, _forward, is_grad_enabled, set_mode
from minigrad.reach import walk
from minigrad.recording import observers

_levels: ContextVar[tuple[Any, ...]] = ContextVar("forward_levels", default=())

open_levels = _levels.get


def open_level(level: Any) -> None:
    _levels.set((*_levels.get(), level))
    observers[level] = hide_from_gradients
    set_mode(_forward, True)


def close_level(level: Any) -> None:
    _levels.set(tuple(other for other in _levels.get() if other is not level))
    observers.pop(level, None)
    set_mode(_forward, bool(_levels.get()))


def tangents_at(edge: Any) -> list[tuple[Any, Any]]:
    """Each level that knows of a tangent of this edge, with that tangent."""
    pairs = [(level, level.tangent_at(edge)) for level in _levels.get()]
    return [(level, tangent) for level, tangent in pairs if tangent is not None]


def catch_up(edge: Any) -> bool:
    """Compute all tangents up to this edge now, and tell whether it has one."""
    return bool(tangents_at(edge))


# Where tangents come from but no gradient goes, with the real edges: the duals of constants, and
# the nodes that were made under no_grad while a level was open.
forward_only: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def hide_from_gradients(node: Any) -> None:
    """Observe a new node: let no gradient through if gradients are not enabled."""
    if _levels.get() and not is_grad_enabled() and node not in forward_only:
        forward_only[node] = node.next_functions
        node.next_functions = ((None, 0),) * len(node.next_functions)


# Nodes that lead to no leaf: what a node leads to is settled when it is made.
useless: WeakSet[Any] = WeakSet()


def gets_gradient(node: Any) -> bool:
    """Whether a gradient that comes to this node is of use: it leads on to a leaf, or to a variable
    of a transform of minigrad.func."""
    if node is None:
        return True
    met = []
    for node in walk([node], lambda node: node not in forward_only and node not in useless):
        if node.is_variable or not node.next_functions:
            return True
        met.append(node)
    useless.update(met)
    return False


class RecordNothing(GradMode):
    """no_grad for forward mode as well: inside of a user's Function."""

    def __init__(self) -> None:
        super().__init__(False)
        self.forward_before: list[bool] = []

    def __enter__(self) -> None:
        super().__enter__()
        self.forward_before.append(_forward.get())
        set_mode(_forward, False)

    def __exit__(self, *exception: object) -> None:
        _forward.set(self.forward_before.pop())
        super().__exit__(*exception)
