"""Whether the same program must give the same bits, run after run: use_deterministic_algorithms.

On the CPU every kernel does, with the same number of threads.  On a GPU sums at indices are made by
atomic additions, in any order, unless this is asked for: then one thread makes each, in order.
"""

from __future__ import annotations

_enabled = False
_warn_only = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that do not change from run to run, at the cost of some speed on a GPU.

    Every operation has a way to do so: nothing raises, and `warn_only` warns of nothing.  Memory
    that `empty` would leave as it was is filled (NaN, the largest integer, True), as in torch.
    """
    global _enabled, _warn_only
    for name, given in (("mode", mode), ("warn_only", warn_only)):
        if not isinstance(given, bool):
            raise TypeError(
                f"use_deterministic_algorithms(): argument '{name}' must be bool, not "
                f"{type(given).__name__}"
            )
    _enabled, _warn_only = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Whether use_deterministic_algorithms(True) was called last."""
    return _enabled


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The `warn_only` that use_deterministic_algorithms() was called with last."""
    return _warn_only
