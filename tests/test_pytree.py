"""Trees are taken apart and put together again."""

from collections import OrderedDict
from typing import Any, NamedTuple

import pytest

from minigrad.pytree import tree_flatten, tree_map, tree_unflatten


class Pair(NamedTuple):
    first: Any
    second: Any


TREES = [
    7,
    None,
    (),
    (1,),
    [1, (2, 3), []],
    {"b": 1, "a": (2, {"c": 3})},
    OrderedDict(x=1, y=[2]),
    Pair(1, Pair([2], "word")),
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_unflatten_undoes_flatten(tree: Any) -> None:
    leaves, spec = tree_flatten(tree)
    again = tree_unflatten(leaves, spec)
    assert again == tree
    assert type(again) is type(tree)


def test_leaves_stand_in_the_order_they_are_read() -> None:
    leaves, _ = tree_flatten([1, {"b": 2, "a": (3, None)}, Pair(5, [6])])
    assert leaves == [1, 2, 3, None, 5, 6]


def test_map_keeps_the_structure() -> None:
    doubled = tree_map(lambda x: 2 * x, {"a": [1, (2,)], "p": Pair(3, 4)})
    assert doubled == {"a": [2, (4,)], "p": Pair(6, 8)}


def test_structures_are_equal_where_a_tree_fits_the_other() -> None:
    def spec(tree: Any) -> Any:
        return tree_flatten(tree)[1]

    assert spec((1, [2])) == spec(("a", ["b"]))
    different = [(1, (2,)), [1, [2]], (1, [2, 3]), (1, 2), 1]
    assert all(spec((1, [2])) != spec(tree) for tree in different)
    assert spec({"a": 1, "b": 2}) != spec({"b": 1, "a": 2})
    assert spec(Pair(1, 2)) != spec((1, 2))


def test_a_structure_prints_as_the_tree_with_stars() -> None:
    assert repr(tree_flatten((1, {"a": [2, 3]}, Pair(4, 5)))[1]) == (
        "(*, {'a': [*, *]}, Pair(first=*, second=*))"
    )
