"""The levels of forward mode that are open, the innermost last (autograd/forward_ad.py).

A level computes tangents when it is asked for one.  What it will need then must not be lost before:
who overwrites or frees what nodes saved first lets the levels catch up.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

_levels: ContextVar[tuple[Any, ...]] = ContextVar("forward_levels", default=())

open_levels = _levels.get


def open_level(level: Any) -> None:
    _levels.set((*_levels.get(), level))


def close_level(level: Any) -> None:
    _levels.set(tuple(other for other in _levels.get() if other is not level))


def catch_up(edge: Any) -> None:
    """Compute all tangents up to this edge now."""
    for level in _levels.get():
        level.tangent_at(edge)
