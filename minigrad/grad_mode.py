"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

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


ON_A_CLASS = (
    "Decorating classes is deprecated and will be disabled in future versions. You should only "
    "decorate functions or methods. To preserve the current behavior of class decoration, you can "
    "directly decorate the `__init__` method and nothing else."
)


class GradMode:
    """A mode for the length of a `with` block, or of every call of a decorated function."""

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

    def __call__(self, function: F) -> F:
        if inspect.isclass(function):
            warnings.warn(ON_A_CLASS, FutureWarning, stacklevel=2)
        if inspect.isgeneratorfunction(function):
            return self.wrap_generator(function)

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return in_mode  # type: ignore[return-value]

    def wrap_generator(self, function: F) -> F:
        """The mode holds while the generator runs, not while its consumer does."""

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            send, value = generator.send, None
            while True:
                try:
                    with self.clone():
                        result = send(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    value, send = (yield result), generator.send
                except GeneratorExit:
                    with self.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    value, send = error, generator.throw

        return in_mode  # type: ignore[return-value]


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


def decorate(mode: type[GradMode], function: Callable[..., Any] | None) -> Any:
    """`@no_grad` works like `@no_grad()`."""
    if function is None:
        return object.__new__(mode)
    self: Any = object.__new__(mode)
    self.__init__()
    return self(function)


def check_flag(flag: bool, function: str, argument: str, position: int = 1) -> None:
    """TypeError for what only looks true: a tensor, a number, the name of a mode."""
    if not isinstance(flag, bool):
        raise TypeError(
            f"{function}(): argument '{argument}' (position {position}) must be bool, not "
            f"{type(flag).__name__}"
        )


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
