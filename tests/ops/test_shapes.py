"""Shapes: what samples cannot say.  Sharing of memory, odd arguments, in-place view forms."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor


def matrix(requires_grad: bool = False) -> Any:
    x = minigrad.arange(12.0).reshape(3, 4).clone()
    return x.requires_grad_() if requires_grad else x


VIEWS = """
    x.diagonal(1)
    x.unfold(1, 2, 1)
    x.as_strided((2, 2), (1, 4), 1)
    x.tensor_split(2)[1]
    x.hsplit(2)[0]
    x.movedim(0, 1)
    x.unflatten(1, (2, 2))
    x.H
    x.view(torch.int32)
    torch.meshgrid(x[0], x[1], indexing="xy")[0]
    torch.atleast_3d(x)
    torch.broadcast_tensors(x, torch.ones(2, 3, 4))[0]
"""
COPIES = """
    x.diag()
    x.flip(0)
    x.repeat(1, 1)
    x.tril()
    x.roll(0)
    x.rot90(0)
    x.diff(0)
    torch.block_diag(x)
    x.repeat_interleave(1)
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("expression", lines(VIEWS))
def test_a_view_shares_memory(expression: str) -> None:
    x = matrix()
    view = eval(expression, {"torch": minigrad, "x": x})
    assert view._is_view()
    assert view._base is x or view._base._base is x or view._base is not None
    before = x._version
    x.add_(1)
    again = eval(expression, {"torch": minigrad, "x": x})
    assert view.tolist() == again.tolist()
    assert view._version == x._version == before + 1


@pytest.mark.parametrize("expression", lines(COPIES))
def test_a_copy_does_not(expression: str) -> None:
    x = matrix()
    copy = eval(expression, {"torch": minigrad, "x": x})
    before = copy.tolist()
    x.add_(1)
    assert copy.tolist() == before


def test_a_write_to_a_diagonal_reaches_the_matrix_and_its_gradient() -> None:
    x = matrix(requires_grad=True)
    y = x * 1
    y.diagonal().mul_(10)
    y.sum().backward()
    expected = np.ones((3, 4))
    np.fill_diagonal(expected, 10)
    assert x.grad.tolist() == expected.tolist()


def test_windows_that_overlap_add_their_gradients() -> None:
    x = minigrad.arange(5.0, requires_grad=True)
    x.unfold(0, 3, 1).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 2, 3, 2, 1]


def test_windows_of_what_was_written_to_since() -> None:
    x = minigrad.arange(4.0, requires_grad=True)
    y = x * 1
    windows = y.unfold(0, 2, 1)
    y.mul_(3)
    windows.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 6, 6, 3]


def test_as_strided_sees_memory_and_not_dimensions() -> None:
    x = matrix(requires_grad=True)
    (x.T.as_strided((2, 3), (1, 1), 1) * tensor([[1.0, 2, 3], [4, 5, 6]])).sum().backward()
    assert x.grad.flatten().tolist() == [0, 1, 6, 8, 6, *[0] * 7]


def test_as_strided_outside_of_the_tensor_but_not_of_its_memory() -> None:
    x = minigrad.arange(6.0, requires_grad=True)
    shown = x[2:].as_strided((3,), (1,), 1)
    assert shown.tolist() == [1, 2, 3]
    shown.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1, 1, 0, 0]
    with pytest.raises(RuntimeError, match="out of bounds for storage"):
        x.as_strided((3,), (3,))


def test_a_view_of_what_lies_in_another_order_takes_writes() -> None:
    x = matrix(requires_grad=True)
    y = x.T.clone()  # its memory is x's, in order of the first dimension
    assert y.stride() == (1, 4)
    y.T.view(12)[1:3].mul_(5)
    y.sum().backward()
    assert x.grad.flatten().tolist() == [1, 5, 5, *[1] * 9]


def test_in_place_view_forms_change_the_tensor_itself() -> None:
    x = matrix(requires_grad=True) * 1
    assert x.t_() is x
    assert x.shape == (4, 3)
    assert x.grad_fn.name() == "TBackward1"
    assert not x._is_view()
    part = (matrix() * 1)[0]
    part.unsqueeze_(0).transpose_(0, 1).squeeze_(1)
    assert part.shape == (4,)
    assert part._is_view()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        matrix(requires_grad=True).swapaxes_(0, 1)


def test_an_in_place_view_form_is_a_write_to_who_saved() -> None:
    x = matrix(requires_grad=True) * 1
    y = x * x
    x.t_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_views_of_a_tensor_that_got_other_dimensions_say_so() -> None:
    x = matrix(requires_grad=True) * 1
    row = x[0]
    x.t_()
    with pytest.raises(RuntimeError, match="has been given other dimensions in place"):
        row.sum()


def test_an_argument_is_not_given_twice_nor_ignored() -> None:
    x = matrix()
    for call in (
        lambda: x.reshape(2, shape=(3, 4)),
        lambda: x.view(12, size=(3, 4)),
        lambda: x.permute(1, 0, dims=(0, 1)),
        lambda: x.repeat(2, 1, repeats=(1, 1)),
        lambda: x.reshape(),
        lambda: minigrad.zeros(2, size=(2,)),
        lambda: x.clone(memory_format=3),
    ):
        with pytest.raises(TypeError):
            call()
    for refused in (
        lambda: minigrad.zeros(2, layout="sparse"),
        lambda: minigrad.tensor([1], pin_memory=True),
        lambda: x.contiguous(memory_format=minigrad.preserve_format),
    ):
        with pytest.raises(NotImplementedError, match="is not supported"):
            refused()


def test_several_ellipses() -> None:
    x = matrix()
    assert x[..., ...].tolist() == x.tolist()
    assert x[..., 1, ...].tolist() == x[:, 1].tolist()
    with pytest.raises(IndexError):
        x[..., ..., 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64])
def test_large_copies_in_another_order(dtype: Any) -> None:
    """Big enough for the kernels by tiles; sizes that no tile divides."""
    array = np.arange(70 * 3 * 131).reshape(70, 3, 131).astype(dtype)
    x = tensor(array)
    for order in ((2, 1, 0), (0, 2, 1), (1, 2, 0), (1, 0, 2)):
        expected = np.ascontiguousarray(array.transpose(order))
        assert (x.permute(order).contiguous().numpy() == expected).all()
        assert (x.permute(order).reshape(-1).numpy() == expected.reshape(-1)).all()
    for axes in ((0,), (2,), (0, 2), (1, 2), (0, 1, 2)):
        assert (x.flip(axes).numpy() == np.flip(array, axes)).all()
    assert (x.repeat_interleave(2, 1).numpy() == array.repeat(2, 1)).all()
    assert (x.repeat(2, 1, 3).numpy() == np.tile(array, (2, 1, 3))).all()
    square = array.reshape(210, 131)
    assert (tensor(square).T.tril(-3).numpy() == np.tril(square.T, -3)).all()
    assert (tensor(square).triu(5).numpy() == np.triu(square, 5)).all()


def test_places_of_triangles_are_those_of_their_elements() -> None:
    for rows, columns, offset in (
        (3, 4, 0),
        (4, 3, 1),
        (3, 3, -2),
        (2, 5, 9),
        (4, 2, -9),
        (0, 3, 0),
    ):
        ones = np.ones((rows, columns))
        lower = minigrad.tril_indices(rows, columns, offset).numpy()
        upper = minigrad.triu_indices(rows, columns, offset).numpy()
        assert (lower == np.stack(np.nonzero(np.tril(ones, offset)))).all()
        assert (upper == np.stack(np.nonzero(np.triu(ones, offset)))).all()


def test_combinations_are_those_of_itertools() -> None:
    x = minigrad.arange(5)
    assert minigrad.combinations(x, 3).tolist()[:3] == [[0, 1, 2], [0, 1, 3], [0, 1, 4]]
    assert minigrad.combinations(x, 3).shape == (10, 3)
    assert minigrad.combinations(x, 2, with_replacement=True).tolist()[:2] == [[0, 0], [0, 1]]
    assert minigrad.combinations(x, 6).shape == (0, 6)
