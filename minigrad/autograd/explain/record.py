"""explaining(): a block in which minigrad takes notes of what it otherwise forgets.

A tensor without a history cannot tell how it lost it, and to remember would cost every operation
under no_grad().  So the notes are taken from outside, by a profile function (sys.setprofile) that
sees the library's functions return.  Nothing else in minigrad knows of it.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from minigrad.autograd.explain.flow import Steps, look
from minigrad.autograd.explain.graph import edge_now
from minigrad.autograd.explain.reasons import reason
from minigrad.engine import run_backward
from minigrad.grad_mode import is_grad_enabled, is_inference_mode_enabled
from minigrad.leaf import AccumulateGrad, Leaf
from minigrad.memory import in_library, user_frame
from minigrad.node import Edge, Line, Node, line_of
from minigrad.ops.creation import tensor
from minigrad.tensor import TENSORS, Tensor

KEPT = 10_000  # cuts; of a longer program, the latest
TAKES_VALUES = {"item", "tolist", "numpy", "__float__", "__int__", "__array__"}
COPIES_VALUES = {"tensor", "as_tensor"}
BACKWARD = run_backward.__code__
CHECK = tensor.__code__  # what looks at the arguments of an operation first: of many the same
CHANGES = {"requires_grad_", "grad", "zero_"}
UNRECORDED = {"apply", "checkpoint"}  # they run what users wrote under no_grad: that is no cut


class Cut(NamedTuple):
    """A place where a history ended."""

    how: str
    line: Line
    sources: list[Edge]  # what had a history there
    is_mask: bool = False  # a comparison, which seldom is what was meant to have a gradient


class OfTensors:
    """A note for a tensor, for as long as the tensor is there (== of Tensors compares values)."""

    def __init__(self) -> None:
        self.notes: dict[int, tuple[Any, Any]] = {}

    def put(self, x: Tensor, note: Any) -> None:
        key = id(x)
        self.notes[key] = (weakref.ref(x, lambda _: self.notes.pop(key, None)), note)

    def get(self, x: Tensor) -> Any:
        found = self.notes.get(id(x))
        return None if found is None else found[1]


class Record:
    """The notes of one block."""

    def __init__(self) -> None:
        self.cuts: deque[Cut] = deque(maxlen=KEPT)
        self.origins = OfTensors()  # the Cut that a tensor without a history comes from
        self.frozen = OfTensors()  # the line of requires_grad_(False)
        self.cleared = OfTensors()  # the line that forgot .grad
        self.zeroed = OfTensors()  # the line that filled it with zeros
        self.steps: Steps = {}  # of the latest backward pass

    def watch(self, frame: FrameType, event: str, result: Any) -> None:
        code, caller = frame.f_code, frame.f_back
        if event not in ("call", "return") or not in_library(code.co_filename) or caller is None:
            return
        if event == "call":
            if code is BACKWARD and not any(f.f_code is BACKWARD for f in frames_above(frame)):
                self.steps = {}
        elif code.co_name in ("vjp", "vjp_of_tensors"):
            self.note_step(frame, result)
        elif code.co_name in CHANGES:
            self.note_change(frame)
        elif not in_library(caller.f_code.co_filename):
            self.note_history(frame, result)

    def note_step(self, frame: FrameType, results: Any) -> None:
        node, grad = arguments(frame)[:2]
        if isinstance(node, Node) and type(node) is not AccumulateGrad and results is not None:
            self.steps[node] = look(node, grad if node.outputs > 1 else [grad], results, reason)

    def note_change(self, frame: FrameType) -> None:
        """A tensor was frozen, or its .grad forgotten or filled with zeros."""
        name, given, line = frame.f_code.co_name, arguments(frame), user_line(frame)
        x = given[0] if given else None
        if not isinstance(x, Tensor):
            return
        if name == "requires_grad_" and type(x.edge) is not Leaf:
            self.frozen.put(x, line)
        elif name == "zero_":
            self.zeroed.put(x, line)
        elif name == "grad" and len(given) == 2 and given[1] is None:
            self.cleared.put(x, line)

    def note_history(self, frame: FrameType, result: Any) -> None:
        """The user called a function: did a history end there?"""
        given = list(tensors_in(arguments(frame)))
        sources = [x for x in given if has_history(x)]
        if type(result) in TENSORS:
            if has_history(result):
                return
            cut = self.inherited(given)
            if sources:
                cut = self.cut(frame, sources, how(frame, result), is_mask(result))
            if cut is not None:
                self.origins.put(result, cut)
        elif sources and called(frame) in TAKES_VALUES:
            self.cut(frame, sources, f"gave only its values to {called(frame)}()")

    def cut(
        self, frame: FrameType, sources: list[Tensor], how: str, is_mask: bool = False
    ) -> Cut | None:
        if any(f.f_code.co_name in UNRECORDED for f in frames_above(frame)):
            return None
        cut = Cut(how, user_line(frame), [source_edge(x) for x in sources], is_mask)
        self.cuts.append(cut)
        return cut

    def inherited(self, given: list[Tensor]) -> Cut | None:
        origins = [self.origins.get(x) for x in given]
        return next((cut for cut in origins if cut is not None), None)


def how(frame: FrameType, result: Tensor) -> str:
    """Why a result has no history although an argument has one."""
    name = called(frame)
    if name in ("detach", "data"):
        return f"was detached by {'detach()' if name == 'detach' else '.data'}"
    if not is_grad_enabled():
        inference = is_inference_mode_enabled()
        return f"was made under {'inference_mode()' if inference else 'no_grad()'}"
    if result.array.dtype.kind != "f":
        return f"became {result.array.dtype}, which has no gradients,"
    if name in COPIES_VALUES:
        return f"got its values from {name}(), which copies no history,"
    return "was made by an operation without a derivative"


def called(frame: FrameType) -> str:
    """The name of the function that the user called: where it checks its arguments first, the
    frame is that of the check."""
    checked = frame.f_locals.get("op") if frame.f_code is CHECK else None
    return checked.__name__ if checked is not None else frame.f_code.co_name


def is_mask(x: Tensor) -> bool:
    return x.array.dtype.kind == "b"


def has_history(x: Tensor) -> bool:
    return type(x.edge) is Leaf or edge_now(x)[0] is not None


def source_edge(x: Tensor) -> Edge:
    """The edge of a tensor with a history; of a leaf, too, whose node must not die meanwhile."""
    return x.edge.resolve(x) if type(x.edge) is Leaf else edge_now(x)


def arguments(frame: FrameType) -> list[Any]:
    code, values = frame.f_code, frame.f_locals
    several = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **named
    named = code.co_argcount + code.co_kwonlyargcount + several
    return [values[name] for name in code.co_varnames[:named] if name in values]


def tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if type(value) in TENSORS:
            yield value
        elif isinstance(value, list | tuple | dict):
            value = value.values() if isinstance(value, dict) else value
            yield from (x for x in value if type(x) in TENSORS)


def frames_above(frame: FrameType) -> Iterator[FrameType]:
    above = frame.f_back
    while above is not None:
        yield above
        above = above.f_back


def user_line(frame: FrameType) -> Line:
    """The line of the user's code that `frame` was called from."""
    frame = user_frame(frame)
    return line_of(frame.f_code, frame.f_lasti)


class Latest:
    """The notes of the block that runs, or ran last."""

    record: Record | None = None


@contextmanager
def explaining() -> Iterator[None]:
    """Take notes for explain_grad(), which then knows the lines where histories ended and what
    each step of the last backward pass did.  Slow: for finding a mistake, not for training."""
    record = Latest.record = Record()
    previous = sys.getprofile()
    sys.setprofile(record.watch)
    try:
        yield
    finally:
        sys.setprofile(previous)
