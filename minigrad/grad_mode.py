"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from minigrad.modes import F, Mode, check_flag, decorate

# What operations ask: whether to record.  A ContextVar has one value a thread, and is read twice as
# fast as a threading.local.  Two rare values make it differ from what is_grad_enabled() says.
_recording: ContextVar[Any] = ContextVar("recording", default=True)
FOR_TANGENTS = "for tangents"  # under no_grad, while forward mode needs the graph
NOT_IN_INFERENCE = None  # under enable_grad, in inference mode

_inference: ContextVar[bool] = ContextVar("inference_mode", default=False)
_forward: ContextVar[bool] = ContextVar("forward_mode", default=False)  # whether a level is open

is_recording = _recording.get
is_inference_mode_enabled = _inference.get


def is_grad_enabled() -> bool:
    """Whether results require a gradient if what they are computed from does."""
    recording = _recording.get()
    return recording is True or recording is NOT_IN_INFERENCE


def set_grad_mode(enabled: bool) -> None:
    if enabled:
        _recording.set(NOT_IN_INFERENCE if _inference.get() else True)
    else:
        _recording.set(FOR_TANGENTS if _forward.get() and not _inference.get() else False)


def set_mode(mode: ContextVar[bool], value: bool) -> None:
    """Set inference or forward mode, on which the meaning of the grad mode depends."""
    enabled = is_grad_enabled()
    mode.set(value)
    set_grad_mode(enabled)


class GradMode(Mode):
    """Record, or do not, for the length of a `with` block or a call."""

    def __init__(self, mode: bool):
        self.mode = mode
        self.previous: list[Any] = []

    def clone(self) -> GradMode:
        return GradMode(self.mode)

    def __enter__(self) -> None:
        self.previous.append(_recording.get())
        set_grad_mode(self.mode)

    def __exit__(self, *exception: object) -> None:
        _recording.set(self.previous.pop())


class no_grad(GradMode):  # torch's name
    """Record nothing: results do not require a gradient."""

    def __init__(self) -> None:
        super().__init__(False)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return decorate(cls, function)


class enable_grad(GradMode):  # torch's name
    """Record again, inside a no_grad block."""

    def __init__(self) -> None:
        super().__init__(True)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return decorate(cls, function)


class set_grad_enabled(GradMode):  # torch's name
    """Set the mode now; as a context manager, until the end of the block."""

    def __init__(self, mode: bool):
        check_flag(mode, "set_grad_enabled", "enabled")
        super().__init__(mode)
        super().__enter__()

    def __enter__(self) -> None:
        set_grad_mode(self.mode)

    def __call__(self, function: F) -> F:
        _recording.set(self.previous[-1])  # a decorator leaves the mode of its module alone
        return super().__call__(function)
