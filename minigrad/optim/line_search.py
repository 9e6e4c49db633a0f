"""A line search for the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5 and 3.6)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.tensor import Tensor

ENOUGH_DESCENT, ENOUGH_FLATNESS = 1e-4, 0.9  # c1 and c2 of the book
SHORTEST = 1e-9  # a bracket below this moves no parameter


class Point(NamedTuple):
    """A step length, and what was found there: loss, gradient (n,), slope along the direction."""

    length: Any
    loss: float
    grad: Tensor
    slope: Any


Evaluate = Callable[[Any], tuple[float, Tensor]]


def strong_wolfe(
    at: Evaluate,
    length: Any,
    direction: Tensor,
    loss: float,
    grad: Tensor,
    slope: Tensor,
    most: int,
) -> tuple[float, Tensor, Any]:
    """Loss, gradient and length of a step that lowers the loss enough and ends flat enough.

    at(length) gives loss and gradient there; `loss`, `grad` and `slope` are those at length 0; the
    search asks at most `most` times, and once more.
    """
    start = Point(0, loss, grad, slope)

    def look(length: Any) -> Point:
        loss, grad = at(length)
        return Point(length, loss, grad, grad @ direction)

    bracket, tries = find_bracket(look, start, length, most)
    if len(bracket) > 1:
        bracket = zoom(look, start, bracket, most - tries, largest(direction))
    best = min(bracket, key=lambda point: point.loss)
    return best.loss, best.grad, best.length


def too_high(start: Point, point: Point) -> bool:
    """Whether the loss fell less than a share of what the slope at the start promised."""
    return bool(point.loss > start.loss + ENOUGH_DESCENT * point.length * start.slope)


def flat_enough(start: Point, point: Point) -> bool:
    return bool(abs(point.slope) <= -ENOUGH_FLATNESS * start.slope)


def find_bracket(
    look: Callable[[Any], Point], start: Point, length: Any, most: int
) -> tuple[list[Point], int]:
    """Longer and longer steps until two of them enclose a good one, or one is good."""
    before, point = start, look(length)
    for tries in range(most):
        if too_high(start, point) or (tries > 1 and point.loss >= before.loss):
            return [before, point], tries
        if flat_enough(start, point):
            return [point], tries
        if point.slope >= 0:
            return [before, point], tries
        bounds = point.length + 0.01 * (point.length - before.length), point.length * 10
        before, point = point, look(cubic_minimum(before, point, bounds))
    return [start, point], most


def zoom(
    look: Callable[[Any], Point], start: Point, bracket: list[Point], most: int, reach: Tensor
) -> list[Point]:
    """Make the bracket smaller until a point in it is good; the good one comes out alone."""
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    was_at_an_edge = False
    for _ in range(most):
        ends = bracket[0].length, bracket[1].length
        if abs(ends[1] - ends[0]) * reach < SHORTEST:
            break
        length = cubic_minimum(bracket[0], bracket[1], (min(ends), max(ends)))
        length, was_at_an_edge = away_from_edges(length, ends, was_at_an_edge)
        point = look(length)
        if too_high(start, point) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        if flat_enough(start, point):
            return [point]
        if point.slope * (bracket[high].length - bracket[low].length) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = point
    return [bracket[low]]


def away_from_edges(length: Any, ends: tuple[Any, Any], was_at_an_edge: bool) -> tuple[Any, bool]:
    """A tenth of the bracket inside of it, if the minimum lies at an edge for the second time."""
    first, last = min(ends), max(ends)
    margin = 0.1 * (last - first)
    if min(last - length, length - first) >= margin:
        return length, False
    if not was_at_an_edge and first < length < last:
        return length, True
    is_last = abs(length - last) < abs(length - first)
    return (last - margin if is_last else first + margin), False


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any]) -> Any:
    """Where the cubic through two points with their slopes is lowest, within bounds (eq. 3.59)."""
    if a.length > b.length:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (bounds[0] + bounds[1]) / 2.0
    d2 = square.sqrt()
    share = (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    return min(max(b.length - (b.length - a.length) * share, bounds[0]), bounds[1])


def largest(x: Tensor) -> Tensor:
    result: Tensor = x.abs().max()
    return result
