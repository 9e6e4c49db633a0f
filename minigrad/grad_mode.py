"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# A ContextVar has one value a thread, and is read twice as fast as a threading.local.
_enabled: ContextVar[bool] = ContextVar("grad_enabled", default=True)

_inference: ContextVar[bool] = ContextVar("inference_mode", default=False)

# Whether a level of forward mode is open: it needs the graph, under no_grad too.
_forward: ContextVar[bool] = ContextVar("forward_mode", default=False)

_recording: ContextVar[bool] = ContextVar("recording", default=True)

is_grad_enabled = _enabled.get
is_inference_mode_enabled = _inference.get
is_recording = _recording.get  # what operations ask; backward() can do less with the graph


def set_grad_mode(enabled: bool) -> None:
    _enabled.set(enabled)
    _recording.set((enabled or _forward.get()) and not _inference.get())


def set_forward_mode(is_open: bool) -> None:
    _forward.set(is_open)
    set_grad_mode(_enabled.get())


class GradMode:
    """A mode for the length of a `with` block, or of every call of a decorated function."""

    def __init__(self, mode: bool):
        self.mode = mode
        self.previous: list[bool] = []

    def clone(self) -> GradMode:
        return GradMode(self.mode)

    def __enter__(self) -> None:
        self.previous.append(_enabled.get())
        set_grad_mode(self.mode)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        set_grad_mode(self.previous.pop())

    def __call__(self, function: F) -> F:
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
        self.previous.append(_enabled.get())
        set_grad_mode(self.mode)

    def __enter__(self) -> None:
        set_grad_mode(self.mode)

    def __call__(self, function: F) -> F:
        set_grad_mode(self.previous[-1])  # a decorator leaves the mode of its module alone
        return super().__call__(function)


class inference_mode(GradMode):  # torch's name
    """no_grad for good: tensors made inside can never become part of a graph."""

    def __init__(self, mode: bool = True):
        super().__init__(not mode)
        self.inference = bool(mode)
        self.inference_before: list[bool] = []

    def __new__(cls, mode: Any = True) -> Any:
        return object.__new__(cls) if isinstance(mode, bool) else decorate(cls, mode)

    def clone(self) -> GradMode:
        return inference_mode(self.inference)

    def __enter__(self) -> None:
        self.inference_before.append(_inference.get())
        _inference.set(self.inference)
        super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        _inference.set(self.inference_before.pop())  # first: whether to record depends on it
        super().__exit__(*exception)


class RecordNothing(GradMode):
    """no_grad for forward mode as well: inside of a user's Function."""

    def __init__(self) -> None:
        super().__init__(False)
        self.forward_before: list[bool] = []

    def __enter__(self) -> None:
        self.forward_before.append(_forward.get())
        _forward.set(False)
        super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        _forward.set(self.forward_before.pop())
        super().__exit__(*exception)
