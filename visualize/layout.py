"""A layered layout in pure Python, for when no Graphviz is there (Sugiyama's method).

Four steps: give each box a rank (a row), put a point on every row that a long edge crosses, order
each row so that few edges cross, then place boxes as straight below each other as their widths
allow. Everything here thinks from top to bottom; `Layout.turned` makes the other directions.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]
Size = tuple[float, float]
Item = str | tuple[int, int]  # a box's id, or (edge number, rank) for a point of a long edge

POINT_WIDTH = 6.0
ORDER_SWEEPS = 12
PLACE_SWEEPS = 40
STRAIGHTNESS = 3.0
LABEL_SIDE = 2.0


@dataclass
class Layout:
    """Centres of the boxes and of edge labels, and the points of each edge's cubic curves."""

    centres: dict[str, Point]
    curves: list[list[Point]]
    labels: dict[int, Point]
    width: float
    height: float

    def turned(self, direction: str) -> Layout:
        """Return the layout as seen in another direction: BT, LR or RL."""
        if direction == "TB":
            return self
        turn: Callable[[Point], Point] = {
            "BT": lambda point: (point[0], self.height - point[1]),
            "LR": lambda point: (point[1], point[0]),
            "RL": lambda point: (self.height - point[1], point[0]),
        }[direction]
        sideways = direction in ("LR", "RL")
        return Layout(
            {name: turn(point) for name, point in self.centres.items()},
            [[turn(point) for point in curve] for curve in self.curves],
            {number: turn(point) for number, point in self.labels.items()},
            self.height if sideways else self.width,
            self.width if sideways else self.height,
        )


@dataclass
class Rows:
    """The graph in rows: the items of each row, and each item's neighbours above and below."""

    rows: list[list[Item]]
    above: dict[Item, list[Item]] = field(default_factory=lambda: defaultdict(list))
    below: dict[Item, list[Item]] = field(default_factory=lambda: defaultdict(list))
    paths: list[list[Item]] = field(default_factory=list)

    def neighbours(self, downwards: bool) -> dict[Item, list[Item]]:
        """Return what each item is placed by in a sweep: the row before it in that direction."""
        return self.above if downwards else self.below

    def sweep(self, downwards: bool) -> list[list[Item]]:
        """Return the rows in the order of a sweep."""
        return self.rows if downwards else self.rows[::-1]


def layout(
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    label_sizes: Mapping[int, Size] | None = None,
    direction: str = "TB",
    node_gap: float = 24.0,
    rank_gap: float = 34.0,
) -> Layout:
    """Place boxes of the given (width, height) so that edges lead downwards (or in `direction`).

    label_sizes: the room that the labels of edges need, by the edge's number.
    """
    labels = dict(label_sizes or {})
    if direction in ("LR", "RL"):
        sizes = {name: (height, width) for name, (width, height) in sizes.items()}
        labels = {number: (height, width) for number, (width, height) in labels.items()}
    graph = _rows(list(sizes), edges, labels)
    label_items = {graph.paths[number][1]: number for number in labels}
    room: dict[Item, Size] = defaultdict(lambda: (POINT_WIDTH, 0.0))
    room.update(sizes)
    room.update({item: labels[number] for item, number in label_items.items()})
    _order(graph)
    x = _place(graph, room, node_gap)
    bands, height = _bands(graph, room, rank_gap)
    y = {item: (top + bottom) / 2 for item, (top, bottom) in bands.items()}
    curves = _curves(graph, room, x, y, bands, set(label_items))
    centres = {name: (x[name], y[name]) for name in sizes}
    label_centres = {number: (x[item], y[item]) for item, number in label_items.items()}
    width = max((x[item] + room[item][0] / 2 for item in x), default=0.0)
    return Layout(centres, curves, label_centres, width, height).turned(direction)


def rows_crossed(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> int:
    """Return how many rows all edges together pass on their way: what makes a layout slow."""
    ranks = _ranks(names, edges, ())
    return sum(ranks[target] - ranks[source] - 1 for source, target in edges)


def _ranks(
    names: Sequence[str], edges: Sequence[tuple[str, str]], labelled: Collection[int]
) -> dict[str, int]:
    """Give each box the length of the longest path to it; a label takes a row of its own."""
    below: dict[str, list[tuple[str, int]]] = defaultdict(list)
    missing = dict.fromkeys(names, 0)
    for number, (source, target) in enumerate(edges):
        below[source].append((target, 2 if number in labelled else 1))
        missing[target] += 1
    ready = deque(name for name in names if missing[name] == 0)
    ranks = dict.fromkeys(names, 0)
    done = 0
    while ready:
        here = ready.popleft()
        done += 1
        for target, length in below[here]:
            ranks[target] = max(ranks[target], ranks[here] + length)
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    if done < len(names):
        raise ValueError("the graph has a cycle")
    return ranks


def _rows(
    names: Sequence[str], edges: Sequence[tuple[str, str]], labelled: Collection[int]
) -> Rows:
    """Put boxes and the points of long edges into rows, in the order of a depth-first walk."""
    ranks = _ranks(names, edges, labelled)
    graph = Rows([[] for _ in range(max(ranks.values(), default=-1) + 1)])
    for number, (source, target) in enumerate(edges):
        points: list[Item] = [(number, r) for r in range(ranks[source] + 1, ranks[target])]
        path = [source, *points, target]
        graph.paths.append(path)
        for upper, lower in pairwise(path):
            graph.below[upper].append(lower)
            graph.above[lower].append(upper)
    seen: set[Item] = set()
    pending: list[Item] = [name for name in reversed(names) if ranks[name] == 0]
    while pending:
        item = pending.pop()
        if item not in seen:
            seen.add(item)
            rank = ranks[item] if isinstance(item, str) else item[1]
            graph.rows[rank].append(item)
            pending.extend(reversed(graph.below[item]))
    return graph


def _order(graph: Rows) -> None:
    """Sort each row by the mean place of its neighbours, down and up in turn; keep the best."""
    places = {item: i for row in graph.rows for i, item in enumerate(row)}
    best = _crossings(graph, places)
    best_rows = [list(row) for row in graph.rows]
    for sweep in range(ORDER_SWEEPS):
        if best == 0:
            break
        downwards = sweep % 2 == 0
        for row in graph.sweep(downwards):
            _sort_row(row, graph.neighbours(downwards), places)
        crossings = _crossings(graph, places)
        if crossings < best:
            best, best_rows = crossings, [list(row) for row in graph.rows]
    graph.rows = best_rows


def _sort_row(row: list[Item], beside: dict[Item, list[Item]], places: dict[Item, int]) -> None:
    row.sort(key=lambda item: _mean([places[other] for other in beside[item]], places[item]))
    places.update((item, i) for i, item in enumerate(row))


def _crossings(graph: Rows, places: dict[Item, int]) -> int:
    """Count the pairs of edges that cross, by counting inversions with a Fenwick tree."""
    count = 0
    for row, next_row in pairwise(graph.rows):
        ends = [end for item in row for end in sorted(places[lower] for lower in graph.below[item])]
        tree = [0] * (len(next_row) + 1)
        for before, end in enumerate(ends):
            count += before
            i = end + 1
            while i > 0:
                count -= tree[i]
                i -= i & -i
            i = end + 1
            while i < len(tree):
                tree[i] += 1
                i += i & -i
    return count


def _place(graph: Rows, room: Mapping[Item, Size], gap: float) -> dict[Item, float]:
    """Return x for every item: the mean of its neighbours, as far as order and gaps allow."""
    x: dict[Item, float] = {}
    for row in graph.rows:
        right = 0.0
        for item in row:
            x[item] = right + room[item][0] / 2
            right += room[item][0] + gap
    for sweep in range(PLACE_SWEEPS):
        downwards = sweep % 2 == 1  # the last sweep goes down, so that chains end up straight
        beside = graph.neighbours(downwards)
        for row in graph.sweep(downwards):
            wants = [_mean([x[other] for other in beside[item]], x[item]) for item in row]
            weights = [_weight(item, graph) for item in row]
            x.update(zip(row, _apart(row, wants, weights, room, gap), strict=True))
    left = min((x[item] - room[item][0] / 2 for item in x), default=0.0)
    return {item: value - left for item, value in x.items()}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _weight(item: Item, graph: Rows) -> float:
    """Points of long edges hold their place best, then boxes that lead on, then the ends."""
    if not isinstance(item, str):
        return STRAIGHTNESS
    return len(graph.above[item]) + 2.0 if graph.below[item] else 0.5


def _apart(
    row: list[Item],
    wants: list[float],
    weights: list[float],
    room: Mapping[Item, Size],
    gap: float,
) -> list[float]:
    """Return the places nearest to the wanted ones (least squares) at which no two items come too
    close.

    Less the room that the items to its left need, each place must be at least the one before:
    isotonic regression, solved exactly by pooling neighbours that want to pass each other.
    """
    offsets = [0.0]
    for left, right in pairwise(row):
        between = gap if isinstance(left, str) or isinstance(right, str) else gap / 3
        offsets.append(offsets[-1] + (room[left][0] + room[right][0]) / 2 + between)
    pools: list[tuple[float, float, int]] = []  # place, weight, number of items
    for want, weight, offset in zip(wants, weights, offsets, strict=True):
        place, total, number = want - offset, weight, 1
        while pools and pools[-1][0] >= place:
            other, other_weight, other_number = pools.pop()
            place = (place * total + other * other_weight) / (total + other_weight)
            total, number = total + other_weight, number + other_number
        pools.append((place, total, number))
    places = [place for place, _, number in pools for _ in range(number)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


def _bands(
    graph: Rows, room: Mapping[Item, Size], rank_gap: float
) -> tuple[dict[Item, tuple[float, float]], float]:
    """Return top and bottom of the row that each item stands in, and the height of all rows."""
    bands: dict[Item, tuple[float, float]] = {}
    bottom = -rank_gap
    for row in graph.rows:
        top = bottom + rank_gap
        bottom = top + max(room[item][1] for item in row)
        bands.update((item, (top, bottom)) for item in row)
    return bands, max(bottom, 0.0)


def _ports(
    ends: Sequence[tuple[Item, Item]], room: Mapping[Item, Size], x: Mapping[Item, float]
) -> list[float]:
    """Return where on its box each edge ends, given (box, the next item on the edge's way).

    The edges of one box stand side by side, in the order of where they lead.
    """
    numbers_of: dict[Item, list[int]] = defaultdict(list)
    for number, (box, _) in enumerate(ends):
        numbers_of[box].append(number)
    places = [0.0] * len(ends)
    for box, numbers in numbers_of.items():
        numbers.sort(key=lambda number: x[ends[number][1]])
        for number, place in zip(numbers, _spread(x[box], room[box][0], len(numbers)), strict=True):
            places[number] = place
    return places


def _spread(centre: float, width: float, number: int) -> list[float]:
    step = min(18.0, width * 0.8 / number)
    return [centre + (i - (number - 1) / 2) * step for i in range(number)]


def _curves(
    graph: Rows,
    room: Mapping[Item, Size],
    x: Mapping[Item, float],
    y: Mapping[Item, float],
    bands: Mapping[Item, tuple[float, float]],
    labelled: Collection[Item],
) -> list[list[Point]]:
    """Return the curves of all edges; a line runs along the left side of its label."""
    line_x = {
        item: x[item] - (room[item][0] / 2 - LABEL_SIDE if item in labelled else 0) for item in x
    }
    starts = _ports([(path[0], path[1]) for path in graph.paths], room, line_x)
    ends = _ports([(path[-1], path[-2]) for path in graph.paths], room, line_x)
    curves = []
    for path, start, end in zip(graph.paths, starts, ends, strict=True):
        source, target = path[0], path[-1]
        first = (start, y[source] + room[source][1] / 2)
        last = (end, y[target] - room[target][1] / 2)
        curves.append(_curve(path, first, last, line_x, bands))
    return curves


def _curve(
    path: list[Item],
    first: Point,
    last: Point,
    line_x: Mapping[Item, float],
    bands: Mapping[Item, tuple[float, float]],
) -> list[Point]:
    """Return the points of one edge: bends lie between rows, and rows are crossed straight down."""
    curve = [first]
    _straight(curve, bands[path[0]][1])
    for item in path[1:-1]:
        _bend(curve, (line_x[item], bands[item][0]))
        _straight(curve, bands[item][1])
    _bend(curve, (last[0], bands[path[-1]][0]))
    _straight(curve, last[1])
    return curve


def _bend(curve: list[Point], end: Point) -> None:
    """Add an S-shaped piece that starts and ends nearly upright (or a straight one)."""
    (x0, y0), (x1, y1) = curve[-1], end
    if abs(x1 - x0) < 0.05:
        _straight(curve, y1)
        return
    lean, half = (x1 - x0) * 0.12, (y1 - y0) * 0.5
    curve += [(x0 + lean, y0 + half), (x1 - lean, y1 - half), end]


def _straight(curve: list[Point], y: float) -> None:
    """Lead the curve straight down to height y: a longer last piece where that is straight too."""
    if len(curve) > 3 and len({x for x, _ in curve[-4:]}) == 1:
        del curve[-3:]
    x, y0 = curve[-1]
    if abs(y0 - y) > 0.01:
        curve += [(x, y0 + (y - y0) / 3), (x, y - (y - y0) / 3), (x, y)]
