"""In-place writes, remembered by the memory they went to, so that damage to saved arrays is seen.

Memory is the array that owns it; all views share it.  A node and a write each take a number of
one clock, `sequence_nr`: an array that was written to after the node that saved it was made is
damaged.  That costs an undamaged graph one comparison a node.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import warnings
import weakref
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

PACKAGE = str(Path(__file__).parent) + os.sep

tick = itertools.count().__next__
get_frame = sys._getframe


LIBRARY_FILES: set[str] = set()  # ours and the user's, as far as they were met
USER_FILES: set[str] = set()


@functools.cache
def in_library(file: str) -> bool:
    """Whether a source file is one of ours; the demo counts as a user's program."""
    ours = file.startswith(PACKAGE) and not file.endswith("demo.py")
    (LIBRARY_FILES if ours else USER_FILES).add(file)
    return ours


def user_frame(frame: FrameType) -> FrameType:
    """The frame of the user's code that called into the library, where `frame` is."""
    while frame.f_code.co_filename in LIBRARY_FILES or in_library(frame.f_code.co_filename):
        if frame.f_back is None:
            return frame
        frame = frame.f_back
    return frame


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """A warning that names the user's line, however deep in the library it arises."""
    frame = user_frame(get_frame())
    names = frame.f_globals
    seen = names.setdefault("__warningregistry__", {})
    file, line = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(text, category, file, line, names.get("__name__", file), seen)


class Clock:
    """`last_write` is the time of the latest in-place write to any memory."""

    __slots__ = ("last_write",)

    def __init__(self) -> None:
        self.last_write = -1


clock = Clock()


class Write:
    """The in-place writes to one piece of memory, by whichever view."""

    __slots__ = ("code", "count", "instruction", "last", "owner")
    code: CodeType
    instruction: int

    def __init__(self, owner: Any):
        self.count, self.last = 0, -1
        key = id(owner)
        self.owner = weakref.ref(owner, lambda _: writes.pop(key, None))


writes: dict[int, Write] = {}  # by the id of the array that owns the memory


def owner_of(array: Any) -> Any:
    """The array that owns the memory which `array` shows."""
    if type(array) is not np.ndarray:
        array = getattr(array, "layout", array)  # a CUDA array's memory is known by its layout
    while (base := array.base) is not None:
        if not hasattr(base, "base"):  # memory that NumPy only borrowed (bytes, another library)
            break
        array = base
    return array


def with_own_writes(array: Any) -> Any:
    """The same memory with writes of its own: those to `array` are not seen, and the other way."""
    layout = np.asarray(memoryview(getattr(array, "layout", array)))
    return layout if type(array) is np.ndarray else array.view_as(layout)


def note_write(array: Any) -> None:
    """Remember that `array` was written to now, and by which line of the user's code."""
    owner = owner_of(array)
    write = writes.get(id(owner))
    if write is None:
        write = writes[id(owner)] = Write(owner)
    write.count += 1
    write.last = clock.last_write = tick()
    frame = user_frame(get_frame(1))
    write.code, write.instruction = frame.f_code, frame.f_lasti


def note_writes(arrays: Iterable[Any]) -> None:
    """The same for several arrays, written to by one line."""
    frame = user_frame(get_frame(1))
    for array in arrays:
        owner = array if type(array) is np.ndarray and array.base is None else owner_of(array)
        write = writes.get(id(owner))
        if write is None:
            write = writes[id(owner)] = Write(owner)
        write.count += 1
        write.last = clock.last_write = tick()
        write.code, write.instruction = frame.f_code, frame.f_lasti


def version(array: Any) -> int:
    """How often the memory of `array` was written to in place."""
    write = writes.get(id(owner_of(array)))
    return write.count if write else 0


def write_after(array: Any, time: int) -> Write | None:
    """The latest write to the memory of `array`, if it came after `time`."""
    write = writes.get(id(owner_of(array)))
    return write if write is not None and write.last > time else None
