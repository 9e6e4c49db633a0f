"""Observers: who wants to see every node as it is recorded.

There are none in an ordinary program, and recording asks no more than that.  Hooks for saved
tensors, anomaly mode and inference tensors are observers while they are in use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

observers: dict[object, Callable[[Any], None]] = {}  # by whoever put them there


def notify(node: Any) -> None:
    for observe in tuple(observers.values()):
        observe(node)
