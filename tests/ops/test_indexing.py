"""What samples cannot say of indexing: errors, ties, empty operands, what may not be read."""

from typing import Any

import pytest

import minigrad
from minigrad import tensor
from minigrad.nn import functional as F

MATRIX = minigrad.arange(12.0).reshape(3, 4)
PLACES = tensor([[0, 1], [2, 0]])


def gradient(function: Any, *values: Any) -> list[Any]:
    leaves = [tensor(v, requires_grad=True) for v in values]
    function(*leaves).sum().backward()
    return [leaf.grad.tolist() for leaf in leaves]  # type: ignore[union-attr]


# ------------------------------------------------------------------------------- between brackets


def test_a_list_of_lists_means_an_index_a_dimension() -> None:
    assert MATRIX[[[0, 1], [1, 0]]].tolist() == [1.0, 4.0]
    assert MATRIX[[[0, 1], [1, 0]],].shape == (2, 2, 4)
    assert MATRIX[[0, slice(None)]].tolist() == [0.0, 1.0, 2.0, 3.0]
    x = MATRIX.clone()
    x[[[0, 1], [1, 0]]] = 50.0
    assert (x == 50).nonzero().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        (slice(2, 0, -1), ValueError, "step must be greater than zero"),
        (slice(None, None, 0), ValueError, "slice step cannot be zero"),
        (slice(1.5, None), TypeError, "slice indices must be integers"),
        (2**63, ValueError, "Overflow when unpacking long long"),
        (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ([0, -4], IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
        (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together"),
    ],
)
def test_keys_that_are_refused(key: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        MATRIX[key]
    with pytest.raises(error, match=words):
        MATRIX.clone()[key] = 1.0


# --------------------------------------------------------------------------- nothing is read beyond


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x, i: x.gather(1, i), RuntimeError),
        (lambda x, i: x.gather(0, i), RuntimeError),
        (lambda x, i: x.scatter(1, i, 1.0), RuntimeError),
        (lambda x, i: x.scatter_add(0, i, x), RuntimeError),
        (lambda x, i: x.scatter_reduce(1, i, x, "amax"), RuntimeError),
        (lambda x, i: x.index_select(1, i[0]), IndexError),
        (lambda x, i: x.index_add(0, i[0], x[:2]), RuntimeError),
        (lambda x, i: x.index_copy(0, i[0], x[:2]), IndexError),
        (lambda x, i: x.index_fill(0, i[0], 1.0), IndexError),
        (lambda x, i: x.take(i * 3), IndexError),
        (lambda x, i: F.embedding(i, x), IndexError),
        (lambda x, i: F.embedding_bag(i, x), RuntimeError),
    ],
)
@pytest.mark.parametrize("wrong", [4, -14, 2**62])
def test_indices_outside_raise(call: Any, error: type[Exception], wrong: int) -> None:
    with pytest.raises(error):
        call(MATRIX.clone(), tensor([[wrong, 0], [0, 0]]))


def test_sizes_and_dtypes_that_do_not_fit() -> None:
    with pytest.raises(RuntimeError, match="Size does not match at dimension 1"):
        MATRIX.gather(0, minigrad.zeros(2, 5, dtype=minigrad.int64))
    with pytest.raises(RuntimeError, match="to be no larger size than src"):
        MATRIX.scatter(1, PLACES, MATRIX[:1, :2])
    with pytest.raises(RuntimeError, match=r"Expected self\.dtype to be equal to src\.dtype"):
        MATRIX.scatter_add(1, PLACES, MATRIX.double())
    with pytest.raises(RuntimeError, match="Number of elements of source < number of ones"):
        MATRIX.masked_scatter(MATRIX > 4, MATRIX[0])
    with pytest.raises(RuntimeError, match="reduce argument must be either add or multiply"):
        MATRIX.scatter(1, PLACES, 5, reduce="mean")


# ----------------------------------------------------------------------------------- derivatives


def test_ties_share_a_gradient_evenly() -> None:
    index = tensor([0, 0, 1])
    both = gradient(lambda x, s: x.scatter_reduce(0, index, s, "amax"), [2.0, 1.0], [2.0, 2.0, 0.0])
    assert both == [[pytest.approx(1 / 3), 1.0], [pytest.approx(1 / 3)] * 2 + [0.0]]
    sources = gradient(
        lambda x, s: x.scatter_reduce(0, index, s, "amax", include_self=False),
        [2.0, 1.0],
        [2.0, 2.0, 0.0],
    )
    assert sources == [[0.0, 0.0], [0.5, 0.5, 1.0]]


@pytest.mark.parametrize(
    ("x", "source", "of_x", "of_source"),
    [
        ([2.0], [0.0, 3.0], [0.0], [6.0, 0.0]),
        ([0.0], [2.0, 3.0], [6.0], [0.0, 0.0]),
        ([5.0], [0.0, 0.0], [0.0], [0.0, 0.0]),
    ],
)
def test_products_with_zeros(x: Any, source: Any, of_x: Any, of_source: Any) -> None:
    index = tensor([0, 0])
    found = gradient(lambda x, s: x.scatter_reduce(0, index, s, "prod"), x, source)
    assert found == [of_x, of_source]


def test_two_zeros_at_a_place_have_no_second_derivative() -> None:
    x, s = tensor([5.0]), tensor([0.0, 0.0], requires_grad=True)
    y = x.scatter_reduce(0, tensor([0, 0]), s, "prod")
    (g,) = minigrad.autograd.grad(y.sum(), s, create_graph=True)
    with pytest.raises(RuntimeError, match="Double backward is unsupported"):
        g.sum().backward()


def test_a_source_that_is_larger_than_the_index() -> None:
    of_x, of_source = gradient(
        lambda x, s: x.scatter_add(0, tensor([1]), s) * tensor([2.0, 3.0]), [0.0, 0.0], [1.0, 1.0]
    )
    assert (of_x, of_source) == ([2.0, 3.0], [3.0, 0.0])


def test_scatter_with_reduce_has_no_derivative() -> None:
    x = minigrad.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative for aten::scatter is not implemented"):
        x.scatter(0, tensor([0]), 2.0, reduce="add").sum().backward()


# ------------------------------------------------------------------------------------- embedding


def test_padding_and_frequency_change_the_gradient_alone() -> None:
    rows = tensor([[0, 1], [1, 2]])
    plain = gradient(lambda w: F.embedding(rows, w), [[1.0], [2.0], [3.0]])
    padded = gradient(lambda w: F.embedding(rows, w, padding_idx=1), [[1.0], [2.0], [3.0]])
    shared = gradient(
        lambda w: F.embedding(rows, w, scale_grad_by_freq=True), [[1.0], [2.0], [3.0]]
    )
    assert plain == [[[1.0], [2.0], [1.0]]]
    assert padded == [[[1.0], [0.0], [1.0]]]
    assert shared == [[[1.0], [1.0], [1.0]]]


def test_max_norm_shortens_the_rows_that_are_read() -> None:
    w = tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]], requires_grad=True)
    out = F.embedding(tensor([0, 1, 0]), w, max_norm=1.0)
    assert out.flatten().tolist() == pytest.approx([0.6, 0.8, 0.3, 0.4, 0.6, 0.8])
    assert w[2].tolist() == [30.0, 40.0]
    assert w[0].tolist() == pytest.approx([0.6, 0.8])


def test_sparse_gradients_are_refused() -> None:
    for layer in (F.embedding, F.embedding_bag):
        with pytest.raises(NotImplementedError, match="sparse=True"):
            layer(PLACES, MATRIX, sparse=True)


def test_bags_that_are_empty_are_zero() -> None:
    for mode in ("sum", "mean", "max"):
        out = F.embedding_bag(tensor([2]), MATRIX, tensor([0, 0]), mode=mode)
        assert out.tolist() == [[0.0] * 4, [8.0, 9.0, 10.0, 11.0]]
    with pytest.raises(RuntimeError, match=r"offsets\[0\] has to be 0"):
        F.embedding_bag(tensor([2]), MATRIX, tensor([1]))


def test_one_hot() -> None:
    assert F.one_hot(tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        F.one_hot(tensor([2]), 2)
    with pytest.raises(RuntimeError, match="Can not infer total number of classes"):
        F.one_hot(tensor([], dtype=minigrad.int64))


# ----------------------------------------------------------------------------- masks, and searches


def test_where_with_one_argument() -> None:
    rows, columns = minigrad.where(MATRIX > 9)
    assert (rows.tolist(), columns.tolist()) == ([2, 2], [2, 3])
    assert minigrad.nonzero(tensor(3.0)).shape == (1, 0)
    assert minigrad.nonzero(tensor(3.0), as_tuple=True)[0].tolist() == [0]


def test_searchsorted_is_above_nan() -> None:
    bounds = tensor([1.0, 3.0, 5.0])
    values = tensor([0.0, 3.0, 6.0, float("nan")])
    assert minigrad.searchsorted(bounds, values).tolist() == [0, 1, 3, 3]
    assert minigrad.searchsorted(bounds, values, side="right").tolist() == [0, 2, 3, 3]
    with pytest.raises(RuntimeError, match="sorter index out of range"):
        minigrad.searchsorted(bounds, values, sorter=tensor([0, 1, 3]))
    with pytest.raises(RuntimeError, match="side and right can't be set to opposites"):
        minigrad.searchsorted(bounds, values, side="left", right=True)


def test_an_index_along_a_dimension_counts_on_from_the_other_end() -> None:
    x = tensor([1.0, 2.0, 3.0])
    assert minigrad.take_along_dim(x, tensor([-1, 3, -4]), 0).tolist() == [3.0, 1.0, 3.0]
    with pytest.raises(RuntimeError, match="out of bounds"):
        minigrad.take_along_dim(x, tensor([3]))


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: MATRIX.gather(0, [[0]]), "index"),
        (lambda: minigrad.gather([1.0], 0, PLACES), "input"),
        (lambda: MATRIX.take([0]), "index"),
        (lambda: MATRIX.index_select(0, [0]), "index"),
        (lambda: MATRIX.index_add(0, tensor([0]), 2.0), "source"),
        (lambda: MATRIX.masked_fill([True], 0), "mask"),
        (lambda: MATRIX.masked_scatter(MATRIX > 3, 2.0), "source"),
        (lambda: MATRIX.slice_scatter(2.0), "src"),
        (lambda: F.one_hot([1]), "input"),
        (lambda: F.embedding([0], MATRIX), "input"),
        (lambda: F.binary_cross_entropy_with_logits(MATRIX, MATRIX, pos_weight=2), "pos_weight"),
        (lambda: F.kl_div(MATRIX, 2.0), "target"),
    ],
)
def test_what_is_no_tensor_is_named(call: Any, argument: str) -> None:
    with pytest.raises(TypeError, match=f"argument '{argument}'.* must be Tensor, not"):
        call()


def test_scatter_takes_one_source() -> None:
    with pytest.raises(TypeError, match="'src' and 'value', not both"):
        MATRIX.scatter(0, PLACES, MATRIX, value=2)


def test_bags_of_nothing() -> None:
    nothing = tensor([], dtype=minigrad.int64)
    assert F.embedding_bag(tensor([1, 0]), MATRIX, nothing).shape == (0, 4)


@pytest.mark.parametrize("key", [0, PLACES, ...])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_integer_is_infinite(key: Any, number: float) -> None:
    x = minigrad.zeros(3, dtype=minigrad.int64)
    with pytest.raises(RuntimeError, match="cannot be converted to type int64 without overflow"):
        x[key] = number
    assert x.tolist() == [0, 0, 0]
