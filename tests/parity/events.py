"""Programs that note what happens, event by event; torch's notes and minigrad's must be the same.

A program gets a library and a Log.  Of an exception, the type counts and the first words of its
message.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.parity.compare import LIBRARIES

Program = Callable[[Any, "Log"], None]


class Log(list[Any]):
    """Notes in terms that do not depend on the library."""

    def note(self, name: str, *values: Any) -> None:
        self.append((name, *(plain(v) for v in values)))

    def tries(self, name: str, action: Callable[[], Any]) -> None:
        """Note what an action returns or raises."""
        try:
            self.note(name, action())
        except Exception as error:
            self.append((name, type(error).__name__, first_words(str(error))))


def plain(value: Any) -> Any:
    if hasattr(value, "detach"):
        return str(value.dtype).partition(".")[2], value.detach().tolist(), value.requires_grad
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if hasattr(value, "next_functions"):
        return value.name().rpartition("::")[2]
    return value


def first_words(message: str) -> str:
    """The beginning of a message, up to where one of the libraries tells more."""
    message = message.replace("torch.", "minigrad.").splitlines()[0]
    for stop in (". ", ", but", ": ", " (", " at "):
        message = message.partition(stop)[0]
    return message.rstrip(".")[:60]


def leaf(lib: Any, *values: float) -> Any:
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


def same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, float) and isinstance(ours, float):
        return bool(np.isclose(theirs, ours, rtol=1e-9, atol=1e-12, equal_nan=True))
    if isinstance(theirs, tuple | list):
        alike = type(theirs) is type(ours) and len(theirs) == len(ours)
        return alike and all(same(a, b) for a, b in zip(theirs, ours, strict=True))
    return bool(theirs == ours)


def check_program(program: Program) -> None:
    theirs, ours = Log(), Log()
    for library, log in zip(LIBRARIES, (theirs, ours), strict=True):
        program(library, log)
    differences = [
        f"torch:    {a}\nminigrad: {b}"
        for a, b in zip(theirs, ours, strict=False)
        if not same(a, b)
    ]
    assert len(theirs) == len(ours), [event[0] for event in theirs] + [e[0] for e in ours]
    assert not differences, "\n".join(differences)
