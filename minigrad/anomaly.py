"""Anomaly detection: which step of a backward pass made NaN, and which line of the forward pass
that step belongs to."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from minigrad import kernels
from minigrad.memory import get_frame, user_frame
from minigrad.modes import check_flag
from minigrad.node import Node
from minigrad.ops.pointwise import ne
from minigrad.recording import observers
from minigrad.tensor import TENSORS

enabled = False
checks_nan = True
running: ContextVar[Node | None] = ContextVar("running_node", default=None)

TRACE, PARENT = "traceback_", "parent_"  # in a node's metadata, under torch's names


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on, as inside detect_anomaly()."""
    return enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN."""
    return checks_nan


def switch(mode: bool, check_nan: bool) -> None:
    global enabled, checks_nan
    enabled, checks_nan = mode, check_nan
    if mode:
        observers[TRACE] = remember_forward
    else:
        observers.pop(TRACE, None)


class set_detect_anomaly:  # torch's name
    """Switch anomaly detection on or off; as a context manager, until the end of the block."""

    def __init__(self, mode: bool, check_nan: bool = True):
        check_flag(mode, "set_anomaly_enabled", "enabled")
        check_flag(check_nan, "set_anomaly_enabled", "check_nan", 2)
        self.previous = enabled, checks_nan
        switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        switch(*self.previous)


class detect_anomaly:  # torch's name
    """Raise at the first NaN that a step of a backward pass makes (unless check_nan is False), and
    show the lines of the forward pass that made the failing step.  Everything is slower inside.
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        check_flag(self.check_nan, "set_anomaly_enabled", "check_nan", 2)
        self.previous = enabled, checks_nan
        switch(True, self.check_nan)

    def __exit__(self, *exception: object) -> None:
        switch(*self.previous)


def remember_forward(node: Node) -> None:
    """Note the user's call stack, and the step of a backward pass that made this node, if any."""
    metadata = node.metadata
    metadata[TRACE] = traceback.format_stack(user_frame(get_frame(1)))
    if running.get() is not None:
        metadata[PARENT] = running.get()


def as_running(node: Node, vjp: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A node's vjp, during which the nodes that are made are known to be this one's."""

    def run(grad: Any) -> Any:
        outer = running.set(node)
        try:
            return vjp(grad)
        finally:
            running.reset(outer)

    return run


def check(node: Node, results: Sequence[Any]) -> None:
    """RuntimeError if NaN is among the gradients that a step made."""
    for number, result in enumerate(results if checks_nan else ()):
        if result is not None and has_nan(result):
            raise RuntimeError(
                f"Function '{node.name()}' returned nan values in its {number}th output. "
                f"It was made at {node.line}. Look at the values that go in there: a square root, "
                "logarithm or quotient at 0 or an exponential that overflows is the usual cause."
            )


def has_nan(grad: Any) -> bool:
    array = kernels.physical(grad.array if type(grad) in TENSORS else grad)
    return bool(kernels.to_host(kernels.any(ne(array, array), tuple(range(array.ndim)), False)))


def show_forward(node: Node | None) -> None:
    """Warn with the lines that led to the node whose step of the backward pass failed."""
    if node is None or node.line is None:
        return
    text = f"Error detected in {node.name()}. "
    trace = node.metadata.get(TRACE)
    if trace is None:
        warn(
            f"{text}No forward pass information available. Enable detect anomaly during forward "
            "pass for more information."
        )
        return
    warn(f"{text}Traceback of forward call that caused the error:\n{''.join(trace)}")
    parent = node.metadata.get(PARENT)
    while parent is not None:
        trace = parent.metadata.get(TRACE, ["(anomaly detection was not enabled there)\n"])
        warn(
            f"\n\nPrevious calculation was induced by {parent.name()}. Traceback of forward call "
            f"that induced the previous calculation:\n{''.join(trace)}"
        )
        parent = parent.metadata.get(PARENT)


def warn(text: str) -> None:
    """A warning at the user's line that started the backward pass."""
    frame = user_frame(get_frame(1))
    warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)
