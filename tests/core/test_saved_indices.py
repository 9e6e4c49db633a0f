"""Index arrays are saved like any other: a write to one after its use is noticed."""

from collections.abc import Callable

import pytest

import minigrad
from minigrad import Tensor
from minigrad.nn import functional as F

USES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": lambda x, i: F.cross_entropy(x, i),
    "index": lambda x, i: x[i].sum(),
    "index_select": lambda x, i: x.index_select(0, i).sum(),
    "embedding": lambda x, i: F.embedding(i, x).sum(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_write_to_an_index_is_damage(use: Callable[[Tensor, Tensor], Tensor]) -> None:
    x = minigrad.rand(3, 3, requires_grad=True)
    index = minigrad.tensor([0, 1, 2])
    result = use(x, index)
    index[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


def test_a_write_to_the_indices_of_max_is_damage() -> None:
    x = minigrad.rand(3, 3, requires_grad=True)
    values, indices = x.max(1)
    indices.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_second_backward_finds_them_freed(use: Callable[[Tensor, Tensor], Tensor]) -> None:
    result = use(minigrad.rand(3, 3, requires_grad=True), minigrad.tensor([0, 1, 2]))
    result.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        result.backward()
