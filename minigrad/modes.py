"""Modes: settings that hold for the length of a `with` block, or of every call of a function."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

ON_A_CLASS = (
    "Decorating classes is deprecated and will be disabled in future versions. You should only "
    "decorate functions or methods. To preserve the current behavior of class decoration, you can "
    "directly decorate the `__init__` method and nothing else."
)


class Mode:
    """A context manager that decorates functions, too; a subclass says how to enter and leave."""

    def clone(self) -> Mode:
        """The same mode, to be entered beside this one."""
        raise NotImplementedError

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exception: object) -> None:
        raise NotImplementedError

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


def decorate(mode: type[Mode], function: Callable[..., Any] | None) -> Any:
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
