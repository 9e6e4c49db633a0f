"""Embeddings and bags of them: rows, padding, norms, and given weights."""

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import Embedding, EmbeddingBag

ROWS = minigrad.tensor([[0.0, 1.0], [3.0, 4.0], [5.0, 0.0]])


def test_rows_by_number() -> None:
    layer = Embedding.from_pretrained(ROWS)
    assert layer(minigrad.tensor([[2, 1]])).tolist() == [[[5, 0], [3, 4]]]
    assert not layer.weight.requires_grad
    assert Embedding.from_pretrained(ROWS, freeze=False).weight.requires_grad
    assert layer.weight.data_ptr() == ROWS.data_ptr()


def test_padding_starts_as_zeros_and_stays_so() -> None:
    layer = Embedding(5, 3, padding_idx=-1)
    assert layer.padding_idx == 4
    assert layer.weight[4].tolist() == [0, 0, 0]
    layer(minigrad.tensor([4, 4, 1])).sum().backward()
    assert layer.weight.grad.sum(1).tolist() == [0, 3, 0, 0, 0]


def test_norms_are_cut_when_rows_are_used() -> None:
    layer = Embedding.from_pretrained(ROWS.clone(), max_norm=1.0)
    assert layer(minigrad.tensor([1])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    assert layer.weight[2].tolist() == [5, 0]


def test_rare_rows_get_more() -> None:
    layer = Embedding(3, 1, scale_grad_by_freq=True)
    layer(minigrad.tensor([0, 0, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[1], [1], [0]]


@pytest.mark.parametrize(("mode", "expected"), [("sum", [8, 4]), ("mean", [4, 2]), ("max", [5, 4])])
def test_bags(mode: str, expected: list[int]) -> None:
    layer = EmbeddingBag.from_pretrained(ROWS, mode=mode)
    assert layer(minigrad.tensor([[1, 2]])).tolist() == [expected]
    by_offset = layer(minigrad.tensor([1, 2, 0]), minigrad.tensor([0, 2]))
    assert by_offset.tolist() == [expected, [0, 1]]


def test_weighted_bag() -> None:
    layer = EmbeddingBag.from_pretrained(ROWS, mode="sum")
    weights = minigrad.tensor([[2.0, 0.5]])
    assert layer(minigrad.tensor([[1, 2]]), per_sample_weights=weights).tolist() == [[8.5, 8]]


def test_sparse_gradients_are_refused() -> None:
    with pytest.raises((NotImplementedError, RuntimeError), match="sparse"):
        nn.Embedding(3, 2, sparse=True)(minigrad.tensor([1]))
