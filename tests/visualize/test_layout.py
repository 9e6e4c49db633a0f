"""Our own layout: boxes apart, everything inside, edges downwards and clear of boxes."""

import random
from itertools import combinations

import pytest

from visualize.layout import Layout, layout


def random_graph(seed: int, count: int = 40) -> tuple[dict, list]:
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(count)]
    sizes = {name: (rng.uniform(20, 200), rng.choice([20, 40, 60])) for name in names}
    edges = [(names[rng.randrange(i)], names[i]) for i in range(1, count)]
    for _ in range(count // 2):
        i, j = sorted(rng.sample(range(count), 2))
        edges.append((names[i], names[j]))
    return sizes, edges


def sides(placed: Layout, sizes: dict, name: str) -> tuple[float, float, float, float]:
    (x, y), (width, height) = placed.centres[name], sizes[name]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("seed", range(6))
def test_no_two_boxes_overlap_and_all_lie_inside(seed, direction):
    sizes, edges = random_graph(seed)
    placed = layout(sizes, edges, direction=direction)
    boxes = {name: sides(placed, sizes, name) for name in sizes}
    assert not [pair for pair in combinations(boxes, 2) if overlap(*(boxes[n] for n in pair))]
    for left, top, right, bottom in boxes.values():
        assert left >= -0.01
        assert top >= -0.01
        assert right <= placed.width + 0.01
        assert bottom <= placed.height + 0.01


@pytest.mark.parametrize("seed", range(6))
def test_edges_lead_down_from_box_to_box(seed):
    sizes, edges = random_graph(seed)
    placed = layout(sizes, edges)
    for (source, target), curve in zip(edges, placed.curves, strict=True):
        upper, lower = sides(placed, sizes, source), sides(placed, sizes, target)
        assert upper[0] <= curve[0][0] <= upper[2]
        assert lower[0] <= curve[-1][0] <= lower[2]
        assert curve[0][1] == pytest.approx(upper[3])
        assert curve[-1][1] == pytest.approx(lower[1])
        assert len(curve) % 3 == 1
        heights = [y for _, y in curve]
        assert heights == sorted(heights)


@pytest.mark.parametrize("seed", range(6))
def test_lines_do_not_cross_boxes(seed):
    """Points along every curve lie outside every box, but for the two that it joins."""
    sizes, edges = random_graph(seed)
    placed = layout(sizes, edges)
    for ends, curve in zip(edges, placed.curves, strict=True):
        for name in set(sizes) - set(ends):
            left, top, right, bottom = sides(placed, sizes, name)
            for x, y in points_along(curve):
                assert not (left < x < right and top + 0.01 < y < bottom - 0.01)


def points_along(curve: list) -> list:
    points = []
    for i in range(0, len(curve) - 1, 3):
        a, b, c, d = curve[i : i + 4]
        for step in range(9):
            t = step / 8
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            points.append(
                tuple(
                    sum(w * p[k] for w, p in zip(weights, (a, b, c, d), strict=True))
                    for k in (0, 1)
                )
            )
    return points


def test_parallel_edges_are_apart():
    placed = layout({"a": (100, 30), "b": (100, 30)}, [("a", "b"), ("a", "b")])
    assert placed.curves[0][0][0] != placed.curves[1][0][0]


def test_a_chain_is_straight():
    sizes = {f"n{i}": (20 + 10 * i, 30) for i in range(8)}
    placed = layout(sizes, [(f"n{i}", f"n{i + 1}") for i in range(7)])
    assert {round(x, 6) for x, _ in placed.centres.values()} == {45.0}


def test_a_tree_has_no_crossings_and_labels_have_room():
    sizes = dict.fromkeys("abcd", (60, 30))
    edges = [("a", "b"), ("a", "c"), ("a", "d"), ("a", "d")]
    placed = layout(sizes, edges, {2: (50, 12), 3: (50, 12)})
    assert placed.centres["b"][0] < placed.centres["c"][0] < placed.centres["d"][0]
    first, second = placed.labels[2], placed.labels[3]
    assert abs(first[0] - second[0]) >= 50
    assert placed.centres["a"][1] + 15 < first[1] < placed.centres["d"][1] - 15


def test_nothing_and_one_box():
    assert layout({}, []).height == 0
    assert layout({"a": (60, 30)}, []).centres == {"a": (30, 15)}


def test_the_same_graph_gives_the_same_places():
    assert layout(*random_graph(1)) == layout(*random_graph(1))


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        layout({"a": (1, 1), "b": (1, 1)}, [("a", "b"), ("b", "a")])
