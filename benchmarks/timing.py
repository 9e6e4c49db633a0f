"""Timing of calls that take turns, and what comes out of it."""

import importlib
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad

Call = Callable[[], object]

TURN = 0.003  # seconds that one turn of a call takes: 1000 times the clock's resolution


@dataclass(frozen=True)
class Plan:
    """How long to measure: turns of each call, seconds a turn, and a pause before each turn."""

    turns: int = 41
    seconds: float = TURN
    pause: float = 0.0


class Times(NamedTuple):
    """Of one call, in seconds: time of the processors, and time on the wall."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Case:
    """Something to time: `make` gives the call, made with torch or with minigrad alike."""

    label: str
    make: Callable[[Any], Call]
    goal: float | None = None


@dataclass(frozen=True)
class Row:
    """The times of one case, turn by turn.  A ratio below 1 means that minigrad is faster.

    Ratios are medians over the turns: what two calls share that follow each other (clock rate,
    neighbours) falls out of them.
    """

    label: str
    ours: list[Times]
    torch: list[Times]
    goal: float | None = None

    @property
    def ratio(self) -> float:
        return median_ratio(self.ours, self.torch)[0]

    @property
    def wall_ratio(self) -> float:
        return median_ratio(self.ours, self.torch)[1]


@dataclass(frozen=True)
class Group:
    """Cases of one table; `goal` is for the geometric mean of their ratios."""

    title: str
    cases: Sequence[Case]
    goal: float | None = None


def torch_if_installed() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


def set_threads(count: int, peer: Any) -> None:
    minigrad.set_num_threads(count)
    peer.set_num_threads(count)


def measure(case: Case, peer: Any, plan: Plan) -> Row:
    """Time a case with minigrad and with `peer`, which is torch (or minigrad again, in tests)."""
    ours, torch = in_turns([case.make(minigrad), case.make(peer)], plan)
    return Row(case.label, ours, torch, case.goal)


def in_turns(calls: Sequence[Call], plan: Plan) -> list[list[Times]]:
    """The times of each call, after a first call that compiles kernels and some to warm up."""
    repeats = [repeats_of(call, plan.seconds) for call in calls]
    turns: list[list[Times]] = [[] for _ in calls]
    order = list(zip(calls, repeats, turns, strict=True))
    for _ in range(plan.turns):
        for call, count, times in order:
            time.sleep(plan.pause)
            times.append(time_of(call, count))
        order.reverse()  # or a neighbour of the same rhythm would slow always the same one
    return turns


def repeats_of(call: Call, seconds: float) -> int:
    """How many calls fill a turn."""
    call()
    count = 1
    while (once := time_of(call, count).wall) * count < seconds / 4:
        count *= 2
    return max(1, round(seconds / once))


def time_of(call: Call, count: int) -> Times:
    """The time of one call, of `count` calls in a row."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        call()
    return Times((time.process_time() - cpu) / count, (time.perf_counter() - wall) / count)


def geometric_mean(ratios: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def median(times: Iterable[Times]) -> Times:
    cpu, wall = zip(*times, strict=True)
    return Times(statistics.median(cpu), statistics.median(wall))


def median_ratio(times: list[Times], others: list[Times]) -> Times:
    pairs = zip(times, others, strict=True)
    return median(Times(mine.cpu / other.cpu, mine.wall / other.wall) for mine, other in pairs)
