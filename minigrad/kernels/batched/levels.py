"""The calls of vmap that are running: each is a level, and the innermost has the highest number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.memory import tick

IN_PLACE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor "
    "`other` in extra_args that has more elements than `self`. This happened due to `other` being "
    "vmapped over but `self` not being vmapped over in a vmap. Please use an operation that makes "
    "a new tensor, or make self of a vmapped tensor, as x.new_zeros(...) does."
)
RANDOM_IN_VMAP = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
    "'different' randomness flags on vmap or perform the randomness operation out of vmap"
)
BACKWARD_INSIDE = (
    "backward() called inside a functorch transform. This is not supported, please use "
    "autograd.grad or func.grad instead, or call backward() outside of the function that is given "
    "to vmap, func.grad, func.jvp and the like."
)
DYNAMIC_SHAPE = (
    "vmap: We do not support batching operators that can support dynamic shape. Attempting to "
    "batch over indexing with a boolean mask. Use minigrad.where(mask, x, 0) to keep the shape."
)
ESCAPED = (
    "Either your tensor may have escaped from inside a function being vmapped and this is a user "
    "error, or there is an internal error. Return it from the function: vmap's result has the "
    "samples as a dimension."
)
NO_MEMORY = (
    "Cannot access data pointer of Tensor that doesn't have storage: inside vmap it stands for all "
    "samples at once. Return it from the function, and look at the result of vmap."
)


class Level:
    """One call of vmap.  What it records is younger than the time when it began; that is its
    number, too, unless a function runs again and its levels are those of the first run.

    asks_for_rules: whether a user's Function must say what vmap makes of it.  Not where torch uses
    its older vmap, in torch.autograd: there forward just runs on all samples.
    """

    __slots__ = ("asks_for_rules", "began", "number", "pauses", "randomness", "size")

    def __init__(self, size: int, randomness: str, asks_for_rules: bool = True):
        self.size, self.randomness, self.asks_for_rules = size, randomness, asks_for_rules
        self.began = tick()
        self.number = numbered(self.began)
        tick()  # the moment after: of the nodes that sum over the batch
        self.pauses: list[tuple[int, int]] = []

    def __enter__(self) -> Level:
        running().append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        running().remove(self)

    @contextmanager
    def paused(self, samples_are_seen: bool) -> Iterator[None]:
        """Inside, this level, the innermost, is not running.  `samples_are_seen`: as a dimension of
        what is computed there, so that gradients are those of all samples."""
        levels, start = running(), tick()
        levels.remove(self)
        try:
            yield
        finally:
            levels.append(self)
            if samples_are_seen:
                self.pauses.append((start, tick()))

    def was_paused_at(self, time: int) -> bool:
        return any(start < time < stop for start, stop in self.pauses)


class Numbers:
    """The numbers of the levels that a function opens, in order: each further run of it, inside of
    again(), has the same ones, so that its arrays may take the place of the first run's.  The
    levels that ran around the first run do so, too: random numbers are drawn for their samples."""

    def __init__(self) -> None:
        self.outer, self.around = stack.numbers, tuple(running())
        self.known: list[int] = []

    def next(self, new: int) -> int:
        self.known.append(new if self.outer is None else self.outer.next(new))
        return self.known[-1]

    @contextmanager
    def noted(self) -> Iterator[None]:
        stack.numbers = self
        try:
            yield
        finally:
            stack.numbers = self.outer

    @contextmanager
    def again(self) -> Iterator[None]:
        outer = stack.numbers, stack.levels
        stack.numbers, stack.levels = Again(self.known), list(self.around)
        try:
            yield
        finally:
            stack.numbers, stack.levels = outer


class Again:
    """The numbers of a first run, for another run."""

    def __init__(self, known: list[int]) -> None:
        self.known = iter(known)

    def next(self, new: int) -> int:
        return next(self.known, new)


def numbered(new: int) -> int:
    return new if stack.numbers is None else stack.numbers.next(new)


class Stack(threading.local):
    """The running levels of a thread, from the outermost; who numbers those to come."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.numbers: Numbers | Again | None = None


stack = Stack()


def running() -> list[Level]:
    return stack.levels


def depth_of(number: int) -> int:
    """How many calls of vmap deep a level is, from 1; as torch numbers them."""
    numbers = [level.number for level in running()]
    return numbers.index(number) + 1 if number in numbers else len(numbers) + 1
