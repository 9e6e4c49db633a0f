"""Views and in-place writes: values, histories, gradients of first and second order, damage.

The expected numbers were computed by hand or recorded from torch 2.13.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import no_grad, tensor
from minigrad.autograd import grad, gradcheck, gradgradcheck

A = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
B = [0.5, -1.5, 2.0]


def leaf(values: Any) -> Any:
    return tensor(values, dtype=minigrad.float64, requires_grad=True)


def const(values: Any) -> Any:
    return tensor(values, dtype=minigrad.float64)


def here(below: int = 0) -> str:
    """The caller's line (or one below it) as messages write it."""
    return f"{__file__}:{sys._getframe(1).f_lineno + below}"


# ------------------------------------------------------------------------ what a view is


def test_views_share_memory() -> None:
    x = const(A)
    views = [x.view(6), x.T, x[0], x[:, 1:], x[None], x.expand(2, 2, 3), x.unbind()[0], x.detach()]
    x.fill_(7)
    assert all((view.detach().numpy() == 7).all() for view in views)


def test_views_know_their_base() -> None:
    x = leaf(A) * 1
    view = x.T[1][:1]
    assert view._base is x
    assert x._base is None
    assert (x * 1)._base is None


def test_clone_and_index_arrays_are_not_views() -> None:
    x = const(A)
    for copy in (x.clone(), x[[0, 1]], x[x > 0], x + 0):
        copy.zero_()
    assert x.tolist() == A


def test_writing_to_a_view_changes_the_base_and_other_views() -> None:
    x = const(A)
    row, column = x[0], x[:, 0]
    row.mul_(10)
    column += 1
    assert x.tolist() == [[11.0, 20.0, 30.0], [5.0, 5.0, 6.0]]
    assert row.tolist() == [11.0, 20.0, 30.0]


def test_in_place_methods_return_the_tensor_itself() -> None:
    x = const(A)
    same = x
    x += 1
    assert x is same
    assert x.mul_(2) is x
    assert x.copy_(const(B)) is x
    assert x.zero_() is x


# --------------------------------------------------- gradients through writes (torch recorded)


def write_to_a_view(a: Any, b: Any) -> Any:
    x = a * 1
    x[0].mul_(b)
    return (x * x).sum()


def read_an_older_view_of_a_written_base(a: Any, b: Any) -> Any:
    x = a * 1
    view = x[0]
    x.mul_(b)
    return (view * view).sum()


def write_to_a_view_of_a_transpose(a: Any, b: Any) -> Any:
    x = a * 2
    transposed = x.T
    x.T[1].mul_(b[:2])
    return (transposed * transposed * 3).sum()


def write_to_a_slice_of_a_reshape(a: Any, b: Any) -> Any:
    x = a * 1
    x.reshape(-1)[2:4].mul_(b[:2])
    return (x * x).sum()


def write_from_another_view(a: Any, b: Any) -> Any:
    x = a * b
    x[0].add_(x[1] * 2)
    return (x * x).sum()


def write_two_views_and_read_them_before_and_after(a: Any, b: Any) -> Any:
    x = a * 1
    view = x[0]
    before = (view + 1).sum()
    view.mul_(b)
    x[:, 1].exp_()
    return (x * x).sum() + before + (view * view).sum()


def overwrite_everything(a: Any, b: Any) -> Any:
    x = a * 1
    x.copy_(b)
    return (x * x).sum()


def write_three_times(a: Any, b: Any) -> Any:
    x = a * 1
    x.mul_(b).sin_().tanh_()
    return x.sum()


def write_a_value_that_needs_its_old_self(a: Any, b: Any) -> Any:
    x = a * b
    x *= x.clone()
    x /= b + 3
    return x.sum()


def set_a_row(a: Any, b: Any) -> Any:
    x = a * a
    x[1] = b * b
    return (x * x).sum()


def set_one_element_from_a_result(a: Any, b: Any) -> Any:
    x = a * a
    x[0, 2] = b.sum()
    return (x * x).sum()


def set_by_a_mask(a: Any, b: Any) -> Any:
    x = a * a
    x[a > 3.5] = b.prod()
    return (x * x).sum()


def set_by_index_arrays(a: Any, b: Any) -> Any:
    x = a * a
    x[tensor([0, 1, 1]), tensor([2, 0, 1])] = b * 2
    return (x * x).sum()


def set_a_strided_slice(a: Any, b: Any) -> Any:
    x = a * a
    x[:, ::2] = b[:2] * 3
    return (x * x).sum()


def add_to_part_of_a_view(a: Any, b: Any) -> Any:
    x = a * a
    x[0][1:] += b[1:]
    return (x * x).sum()


def fill_a_new_tensor(a: Any, b: Any) -> Any:
    x = minigrad.zeros(2, 3, dtype=minigrad.float64)
    for i in range(2):
        x[i] = a[i] * b
    return (x * x).sum()


def zero_part_of_it(a: Any, b: Any) -> Any:
    x = a * b
    x[0].zero_()
    return (x * x).sum()


def clamp_in_place(a: Any, b: Any) -> Any:
    x = a * b
    x.clamp_(-4, 5)
    return (x * x).sum()


def write_through_an_unsqueezed_view(a: Any, b: Any) -> Any:
    x = a * 1
    x.unsqueeze(0)[0, 1].mul_(b)
    return (x * x).sum()


def write_to_a_flattened_view(a: Any, b: Any) -> Any:
    x = a * 1
    x.flatten().view(3, 2)[1] = b[:2] * b[1:]
    return (x * x).sum()


# name -> (gradient of a, gradient of b), as torch 2.13 has them
RECORDED: dict[str, Any] = {
    "write_to_a_view": ([[0.5, 9.0, 24.0], [8.0, 10.0, 12.0]], [1.0, -12.0, 36.0]),
    "read_an_older_view_of_a_written_base": (
        [[0.5, 9.0, 24.0], [0.0, 0.0, 0.0]],
        [1.0, -12.0, 36.0],
    ),
    "write_to_a_view_of_a_transpose": (
        [[24.0, 12.0, 72.0], [96.0, 270.0, 144.0]],
        [48.0, -900.0, 0.0],
    ),
    "write_to_a_slice_of_a_reshape": ([[2.0, 4.0, 1.5], [18.0, 10.0, 12.0]], [9.0, -48.0, 0.0]),
    "write_from_another_view": ([[4.5, 54.0, 120.0], [11.0, 130.5, 288.0]], [97.0, -507.0, 1044.0]),
    "write_two_views_and_read_them_before_and_after": (
        [[2.0, 0.985127486940002, 49.0], [8.0, 44052.9315896134, 12.0]],
        [2.0, 0.0198300174133309, 72.0],
    ),
    "overwrite_everything": ([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [2.0, -6.0, 8.0]),
    "write_three_times": (
        [
            [0.351593421630992, 1.45580365404086, 1.77788555803214],
            [-0.0999698631686212, -0.239594634257475, 1.28184491986004],
        ],
        [-0.0965720620869853, -1.14242275786289, 6.51236309662834],
    ),
    "write_a_value_that_needs_its_old_self": (
        [[0.142857142857143, 6.0, 4.8], [0.571428571428571, 15.0, 9.6]],
        [4.51020408163265, -87.0, 28.8],
    ),
    "set_a_row": ([[4.0, 32.0, 108.0], [0.0, 0.0, 0.0]], [0.5, -13.5, 32.0]),
    "set_one_element_from_a_result": ([[4.0, 32.0, 0.0], [256.0, 500.0, 864.0]], [2.0, 2.0, 2.0]),
    "set_by_a_mask": ([[4.0, 32.0, 108.0], [0.0, 0.0, 0.0]], [27.0, -9.0, 6.75]),
    "set_by_index_arrays": ([[4.0, 32.0, 0.0], [0.0, 0.0, 864.0]], [4.0, -12.0, 16.0]),
    "set_a_strided_slice": ([[0.0, 32.0, 0.0], [0.0, 500.0, 0.0]], [18.0, -54.0, 0.0]),
    "add_to_part_of_a_view": ([[4.0, 20.0, 132.0], [256.0, 500.0, 864.0]], [0.0, 5.0, 22.0]),
    "fill_a_new_tensor": ([[0.5, 9.0, 24.0], [2.0, 22.5, 48.0]], [17.0, -87.0, 180.0]),
    "zero_part_of_it": ([[0.0, 0.0, 0.0], [2.0, 22.5, 48.0]], [16.0, -75.0, 144.0]),
    "clamp_in_place": ([[0.5, 9.0, 0.0], [2.0, 0.0, 0.0]], [17.0, -12.0, 0.0]),
    "write_through_an_unsqueezed_view": (
        [[2.0, 4.0, 6.0], [2.0, 22.5, 48.0]],
        [16.0, -75.0, 144.0],
    ),
    "write_to_a_flattened_view": ([[2.0, 4.0, 0.0], [0.0, 10.0, 12.0]], [2.25, -12.75, 9.0]),
}

CASES = [
    write_to_a_view,
    read_an_older_view_of_a_written_base,
    write_to_a_view_of_a_transpose,
    write_to_a_slice_of_a_reshape,
    write_from_another_view,
    write_two_views_and_read_them_before_and_after,
    overwrite_everything,
    write_three_times,
    write_a_value_that_needs_its_old_self,
    set_a_row,
    set_one_element_from_a_result,
    set_by_a_mask,
    set_by_index_arrays,
    set_a_strided_slice,
    add_to_part_of_a_view,
    fill_a_new_tensor,
    zero_part_of_it,
    clamp_in_place,
    write_through_an_unsqueezed_view,
    write_to_a_flattened_view,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_gradients_through_writes(case: Callable[..., Any]) -> None:
    a, b = leaf(A), leaf(B)
    case(a, b).backward()
    of_a, of_b = RECORDED[case.__name__]
    np.testing.assert_allclose(a.grad.numpy(), of_a, rtol=1e-12)
    np.testing.assert_allclose(b.grad.numpy(), of_b, rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_first_and_second_derivatives_through_writes(case: Callable[..., Any]) -> None:
    a, b = leaf(A), leaf(B)
    assert gradcheck(case, (a, b))
    assert gradgradcheck(case, (a, b), atol=1e-4)


def test_a_constant_comes_to_require_a_gradient_and_so_do_its_views() -> None:
    a = leaf(B)
    x = minigrad.zeros(2, 3, dtype=minigrad.float64)
    written, other = x[1], x[0]
    x[1] = a
    assert [t.requires_grad for t in (x, written, other)] == [True, True, True]
    (x * x).sum().backward()
    assert a.grad.tolist() == [1.0, -3.0, 4.0]


def test_a_loop_that_fills_a_tensor_from_itself() -> None:
    a = leaf([2.0])
    x = minigrad.zeros(5, dtype=minigrad.float64)
    x[0] = 1.0
    for i in range(1, 5):
        x[i] = x[i - 1].clone() * a[0]
    assert x.tolist() == [1.0, 2.0, 4.0, 8.0, 16.0]
    x.sum().backward()
    assert a.grad.tolist() == [1.0 + 4.0 + 12.0 + 32.0]


def test_histories_after_writes_have_torchs_names() -> None:
    x = leaf(A) * 1
    view = x[0]
    view.mul_(2)
    assert type(x.grad_fn).__name__ == "CopySlices"
    assert view.grad_fn.name() == "AsStridedBackward0"
    x.add_(1)
    assert x.grad_fn.name() == "AddBackward0"
    assert view.grad_fn.name() == "AsStridedBackward0"


def test_is_leaf_and_requires_grad_after_writes() -> None:
    x, w = const(B), leaf(B)
    x.mul_(w)
    assert (x.is_leaf, x.requires_grad, x.grad_fn.name()) == (False, True, "MulBackward0")
    y = const(B)
    y.mul_(2)
    assert (y.is_leaf, y.requires_grad) == (True, False)


def test_unbind_without_writes_has_gradients() -> None:
    a = leaf(A)
    first, second = (a * 1).unbind()
    ((first * first) * second).sum().backward()
    assert a.grad.tolist() == [[8.0, 20.0, 36.0], [1.0, 4.0, 9.0]]


def test_unbind_of_which_one_output_is_used() -> None:
    a = leaf(A)
    _, second = (a * 1).unbind()
    (second * second).sum().backward()
    assert a.grad.tolist() == [[0.0, 0.0, 0.0], [8.0, 10.0, 12.0]]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("several", [lambda x: x.unbind(1), lambda x: x.T.split(1)])
def test_broadcasting_an_output_of_several_is_undone(several: Any, create_graph: bool) -> None:
    x = minigrad.arange(6.0).reshape(3, 2).requires_grad_()
    rows = minigrad.arange(12.0, dtype=minigrad.float64).reshape(4, 3)
    first, second = several(x)
    ((first * rows).sum() + second.sum()).backward(create_graph=create_graph)
    assert x.grad is not None
    assert x.grad.dtype == minigrad.float32
    assert x.grad.tolist() == [[18.0, 1.0], [22.0, 1.0], [26.0, 1.0]]


def test_a_stretched_view_of_what_was_written_to() -> None:
    x = minigrad.arange(2.0).requires_grad_()
    y = x * 1
    stretched = y.expand(3, 2)
    row = stretched[1]
    y.mul_(2)
    (grad,) = minigrad.autograd.grad((stretched**2 + row).sum(), x, create_graph=True)
    assert grad.tolist() == [6.0, 30.0]  # 3 rows of 8x, and 3 times 2
    grad.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [24.0, 24.0]


def test_a_part_of_a_stretched_tensor_is_written_to() -> None:
    x = minigrad.zeros(3)
    x.expand(2, 3)[0] = 1
    x.expand(1, 3).add_(1)
    assert x.tolist() == [2.0, 2.0, 2.0]
    leaf = minigrad.arange(2.0).requires_grad_()
    y = leaf * 1
    y.expand(3, 2)[1].mul_(5)
    y.sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [5.0, 5.0]


def test_an_empty_tensor_takes_writes() -> None:
    x = minigrad.zeros(0, 6) + 1
    assert x.fill_(2.0).shape == (0, 6)


def test_views_stay_in_the_graph_when_their_base_leaves_it() -> None:
    x = minigrad.ones(2, 3).requires_grad_()
    y = x * 2
    view = y.T
    y.detach_()
    assert not y.requires_grad
    view.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2.0] * 3] * 2


@pytest.mark.parametrize("name", ["exp_", "sigmoid_", "tanh_", "sqrt_"])
def test_second_derivative_of_a_write_that_saved_its_result(name: str) -> None:
    def written(x: Any) -> Any:
        y = x * 1
        getattr(y[0], name)()
        return (y * y).sum()

    x = leaf([0.9, 1.0])
    (first,) = grad(written(x), x, create_graph=True)
    (second,) = grad((first * first).sum(), x)  # without retain_graph
    assert second.tolist()[1] == 8.0
    assert gradgradcheck(written, (x,))


def test_detach_is_outside_of_the_graph_but_shares_memory() -> None:
    a = leaf(B)
    x = a * 1
    alias = x.detach()
    assert not alias.requires_grad
    alias[0] = 100.0
    assert x.tolist() == [100.0, -1.5, 2.0]
    x.sum().backward()
    assert a.grad.tolist() == [1.0, 1.0, 1.0]


# ------------------------------------------------------------------------ x[key] = value

KEYS: list[tuple[str, Any, Any]] = [
    ("an int", 1, 9.0),
    ("a negative int", -1, [1.0, 2.0, 3.0, 4.0]),
    ("ints", (0, 2), 9.0),
    ("a slice", slice(0, 2), 9.0),
    ("an open slice with a step", (slice(None), slice(None, None, 2)), [[7.0], [8.0], [9.0]]),
    ("a negative bound", (slice(None), slice(-2, None)), [5.0, 6.0]),
    ("an empty slice", slice(2, 2), 9.0),
    ("ellipsis", Ellipsis, 9.0),
    ("ellipsis and an int", (Ellipsis, 1), [1.0, 2.0, 3.0]),
    ("None", (None, 1), [[1.0, 2.0, 3.0, 4.0]]),
    ("a value with leading ones", 0, [[[1.0, 2.0, 3.0, 4.0]]]),
    ("a list", [0, 2], 9.0),
    ("a list and a slice", ([0, 2], slice(1, 3)), [[1.0, 2.0], [3.0, 4.0]]),
    ("a slice and a list", (slice(1, 3), [0, 3]), [1.0, 2.0]),
    ("two lists", ([0, 2], [1, 3]), [1.0, 2.0]),
    ("negative numbers in a list", ([-1, 0],), 9.0),
    ("an int and a list", (1, [0, 3]), [1.0, 2.0]),
    ("broadcast lists", ([[0], [2]], [1, 3]), [[1.0, 2.0], [3.0, 4.0]]),
    ("a row mask", [True, False, True], 9.0),
    ("a list and a value with leading ones", [0, 2], [[[1.0, 2.0, 3.0, 4.0]]]),
    ("True", True, 9.0),
    ("False", False, 9.0),
]


@pytest.mark.parametrize(("name", "key", "value"), KEYS, ids=[name for name, _, _ in KEYS])
def test_assignment_in_many_forms(name: str, key: Any, value: Any) -> None:
    """NumPy, whose rules torch's are for these keys, is the oracle."""
    start = np.arange(12.0).reshape(3, 4)
    expected = start.copy()
    given = np.asarray(value, dtype=np.float64)
    expected[key] = given.reshape(given.shape[2:]) if given.ndim > 2 else given
    x = tensor(start)
    x[key] = value if isinstance(value, float) else const(value)
    assert x.tolist() == expected.tolist()


@pytest.mark.parametrize(("name", "key", "value"), KEYS, ids=[name for name, _, _ in KEYS])
def test_gradients_of_assignment_in_many_forms(name: str, key: Any, value: Any) -> None:
    """What was overwritten gets no gradient; the value gets those of the places it went to."""
    if key is False:
        pytest.skip("nothing is written: torch leaves the value's gradient None")
    a = leaf(np.arange(12.0).reshape(3, 4))
    v = leaf(value)
    x = a * 1
    x[key] = v
    places = np.zeros((3, 4), bool)
    places[key] = True
    weights = np.arange(1.0, 13.0).reshape(3, 4)
    (x * tensor(weights)).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), np.where(places, 0.0, weights))
    assert v.grad.shape == v.shape
    assert v.grad.sum().item() == weights[places].sum()


def test_assignment_by_a_tensor_mask_and_tensor_indices() -> None:
    x = const(A)
    x[x > 4] = -1.0
    assert x.tolist() == [[1.0, 2.0, 3.0], [4.0, -1.0, -1.0]]
    x[tensor([1, 0]), tensor([0, 2])] = const([10.0, 20.0])
    assert x.tolist() == [[1.0, 2.0, 20.0], [10.0, -1.0, -1.0]]


def test_assignment_casts_to_the_dtype_of_the_target() -> None:
    x = tensor([1, 2, 3])
    x[0] = 7.9
    x[1:] = tensor([5.5, 6.5])
    assert (x.tolist(), x.dtype) == ([7, 5, 6], minigrad.int64)


def test_assignment_of_a_value_that_does_not_fit() -> None:
    x = const(A)
    with pytest.raises(RuntimeError, match="must match the existing size"):
        x[0] = const([1.0, 2.0])
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        x[2] = 1.0
    with pytest.raises(RuntimeError, match="shape mismatch: value tensor of shape"):
        x[[0, 1]] = const([1.0, 2.0])
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
        x[0, 0, 0] = 1.0
    assert x.tolist() == A


# ------------------------------------------------------------------------- what is forbidden


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.mul_(2),
        lambda x: x.__iadd__(1),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x.zero_(),
        lambda x: x.copy_(x.detach() * 2),
        lambda x: x[0].mul_(2),
        lambda x: x.view(-1).add_(1),
        lambda x: x.T.exp_(),
        lambda x: x.__setitem__(x.detach() > 0, 1.0),
    ],
)
def test_a_leaf_that_requires_grad_is_not_written_to(write: Callable[[Any], Any]) -> None:
    x = leaf(A)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        write(x)
    assert x.tolist() == A
    with no_grad():
        write(x)
    assert x.tolist() != A
    assert (x.is_leaf, x.requires_grad) == (True, True)


def test_a_view_of_a_leaf_is_named_so() -> None:
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being"):
        leaf(A)[0].mul_(2)


@pytest.mark.parametrize(
    "several", [lambda x: x.unbind(), lambda x: x.split(1), lambda x: x.chunk(2)]
)
def test_an_output_of_several_views_is_not_written_to(several: Callable[[Any], Any]) -> None:
    first, _ = several(leaf(A) * 1)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        first.mul_(2)


def test_without_gradients_an_output_of_several_views_is_written_to() -> None:
    x = const(A)
    first, _ = x.unbind()
    first.mul_(2)
    assert x.tolist() == [[2.0, 4.0, 6.0], [4.0, 5.0, 6.0]]


def test_stretched_memory_is_not_written_to() -> None:
    x = const(B).expand(2, 3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers"):
        x.mul_(2)


def test_an_integer_tensor_does_not_take_a_float_result() -> None:
    x = tensor([1, 2])
    with pytest.raises(
        RuntimeError, match=r"result type .*can't be cast to the desired output type"
    ):
        x.mul_(1.5)
    assert x.tolist() == [1, 2]


def test_a_write_does_not_change_the_shape() -> None:
    x = const(B)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.add_(const(A))
    assert x.tolist() == B


def test_an_operand_that_is_the_written_tensor_itself() -> None:
    x = leaf(B) * 1
    x.add_(x)
    x.sum().backward()  # a sum saves nothing
    y = leaf(B) * 1
    y *= y
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_write_broadcasts_its_operand() -> None:
    x = const(A)
    x.add_(const(B))
    x -= const([[1.0], [2.0]])
    assert x.tolist() == [[0.5, -0.5, 4.0], [2.5, 1.5, 6.0]]


# ------------------------------------------------------------------------ damaged saved tensors


def fails_with(y: Any, saved: str, modified: str) -> None:
    """backward must name the user's line that saved and the one that modified."""
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.backward()
    text = str(caught.value)
    assert "one of the variables needed for gradient computation has been modified" in text
    assert f"saved at {saved}, in " in text
    assert f"modified at {modified}, in " in text


def test_a_quotient_may_be_written_to() -> None:
    x, y = leaf([1.0, 2.0]), leaf([4.0, 8.0])
    quotient = x / y
    quotient.mul_(2)
    quotient.sum().backward()
    assert x.grad.tolist() == [0.5, 0.25]
    assert y.grad.tolist() == [-0.125, -0.0625]


def test_damage_to_an_operand_names_both_lines() -> None:
    a, b = leaf(B), leaf(B)
    y, saved = a * b, here()
    with no_grad():
        modified = a.mul_(2) is not None and here()
    fails_with(y.sum(), saved, modified)


def test_damage_to_a_result_names_both_lines() -> None:
    y, saved = leaf(B).exp(), here()
    _, modified = y.add_(1), here()
    fails_with(y.sum(), saved, modified)


def test_damage_through_a_view_names_both_lines() -> None:
    y, saved = leaf(A).exp(), here()
    view = y[0]
    _, modified = view.mul_(2), here()
    fails_with(y.sum(), saved, modified)


def test_damage_to_a_view_through_its_base_names_both_lines() -> None:
    x = leaf(A) * 1
    y, saved = x[0] * x[1], here()
    _, modified = x.add_(1), here()
    fails_with(y.sum(), saved, modified)


def test_damage_through_detach_names_both_lines() -> None:
    x = leaf(B) * 1
    y, saved = x * x, here()
    _, modified = x.detach().mul_(3), here()
    fails_with(y.sum(), saved, modified)


def test_damage_by_an_assignment_names_both_lines() -> None:
    x = leaf(B) * 1
    y, saved = x * x, here()
    modified = here(1)
    x[0] = 1.0
    fails_with(y.sum(), saved, modified)


def test_damage_by_an_augmented_assignment_names_both_lines() -> None:
    x = leaf(B) * 1
    y, saved = x * x, here()
    modified = here(1)
    x += 1
    fails_with(y.sum(), saved, modified)


def test_damage_of_a_matrix_product_names_both_lines() -> None:
    x, w = leaf(A), leaf([B, B, B]) * 1
    y, saved = x @ w, here()
    _, modified = w.zero_(), here()
    fails_with(y.sum(), saved, modified)


def test_damage_inside_a_function_names_its_lines() -> None:
    def square(x: Any) -> Any:
        return x * x, here()

    def clear(x: Any) -> str:
        return x.zero_() is not None and here()

    x = leaf(B) * 1
    y, saved = square(x)
    modified = clear(x)
    with pytest.raises(RuntimeError, match=r"saved at .*, in square, was modified at"):
        y.sum().backward(retain_graph=True)
    fails_with(y.sum(), saved, modified)


def test_a_write_from_another_view_of_the_same_memory_is_damage() -> None:
    x = leaf(A) * 1
    x[0].mul_(x[1])  # saves x[1], which is part of the memory that is written to
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        x.sum().backward()


def test_the_latest_write_is_the_one_that_is_named() -> None:
    x = leaf(B) * 1
    y, saved = x * x, here()
    x.add_(1)
    _, modified = x.add_(1), here()
    fails_with(y.sum(), saved, modified)


def test_damage_is_seen_under_create_graph_and_grad_and_hooks() -> None:
    a = leaf(B)
    x = a * 1
    y = (x * x).sum()
    x.register_hook(lambda g: g)
    x.detach().add_(1)
    for options in ({"create_graph": True}, {"retain_graph": True}):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            grad(y, a, **options)


def test_a_write_before_the_tensor_is_saved_is_no_damage() -> None:
    a = leaf(B)
    x = a * 1
    x.mul_(2)
    (x * x).sum().backward()
    assert a.grad.tolist() == [4.0, -12.0, 16.0]


def test_what_was_not_saved_may_be_written_to() -> None:
    a, b = leaf(B), leaf(B)
    x = a * 1
    y = x + b
    x.mul_(5)
    z = y * 2
    y.add_(1)
    z.sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([2.0] * 3, [2.0] * 3)


def test_writes_to_other_memory_are_no_damage() -> None:
    a = leaf(B)
    other = const(B)
    y = (a * a).sum()
    for _ in range(3):
        other.add_(1)
    y.backward()
    assert a.grad.tolist() == [1.0, -3.0, 4.0]


def test_an_operand_without_gradient_matters_only_if_it_was_saved() -> None:
    a, c = leaf(B), const(B)
    y = (a * c).sum()
    c.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    a, c = leaf(B), const(B)
    y = (a * c).sum()
    with no_grad():
        a.add_(1)  # c alone was saved, for the gradient of a
    y.backward()
    assert a.grad.tolist() == B


def test_an_optimizers_step_between_forward_and_backward_is_damage() -> None:
    weight = leaf(B)
    loss = (weight * weight).sum()
    loss.backward()
    loss = (weight * weight).sum()
    with no_grad():
        weight -= 0.1 * weight.grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_long_chain_of_views_is_replayed_without_recursion() -> None:
    base = minigrad.rand(4, 3, requires_grad=True).clone()
    view = base
    for _ in range(3000):
        view = view.view(3, 4).view(4, 3)
    base.mul_(2)
    view.sum().backward()
    assert view.shape == (4, 3)
