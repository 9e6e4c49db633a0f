"""Writes to memory that a graph knows: what is forbidden and what the messages say; versions;
hooks and retain_grad before a write; views made under no_grad, that are leaves, or out of sight.

Expected numbers are recorded from torch 2.13 (tests/parity/test_inplace.py asks it more).
"""

import sys
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import no_grad, tensor
from minigrad.autograd import Function, grad, gradcheck, gradgradcheck


def leaf(*shape: int) -> Any:
    values = minigrad.arange(1.0, 1.0 + minigrad.zeros(shape).numel(), dtype=minigrad.float64)
    return values.reshape(shape).clone().requires_grad_()


def here(below: int = 0) -> str:
    return f"{__file__}:{sys._getframe(1).f_lineno + below}"


class Flat(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.view(-1)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g.view(2, 3)


# ------------------------------------------------------------------ views that take no writes

BY_OPERATION: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "unbind": (lambda x: x.unbind()[0], "Output 0 of Unbind is a view", "multiple views"),
    "split": (lambda x: x.split(1)[1], "Output 1 of Split is a view", "multiple views"),
    "sizes": (lambda x: x.split([1, 1])[0], "Output 0 of SplitWithSizes is", "multiple views"),
    "chunk": (lambda x: x.chunk(2)[1], "Output 1 of Split is a view", "out-of-place one"),
    "a view of one": (lambda x: x.unbind()[0][1:], "Output 0 of Slice is a view", "multiple views"),
    "a Function": (Flat.apply, "Output 0 of Flat is a view", "by cloning the output"),
}


@pytest.mark.parametrize("name", BY_OPERATION)
def test_a_view_that_may_not_be_written_to(name: str) -> None:
    make, words, advice = BY_OPERATION[name]
    base = leaf(2, 3) * 1
    view = make(base)
    with pytest.raises(RuntimeError, match=f"{words}.* is being modified inplace") as caught:
        view.mul_(2)
    assert advice in str(caught.value)
    assert f"The view was made at {__file__}:" in str(caught.value)
    base.mul_(2)
    with pytest.raises(RuntimeError, match="its base or another view of its base has been") as e:
        _ = view.grad_fn
    assert f"the write was at {here(-3)}, in " in str(e.value)
    assert view.requires_grad


@pytest.mark.parametrize("written", [lambda x: x.mul_(2), lambda x: x.zero_()])
def test_a_view_of_no_grad_mode_is_not_written_to_outside(written: Any) -> None:
    base = leaf(2, 3) * 1
    with no_grad():
        view, line = base[0], here()
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode and is being") as e:
        written(view)
    assert "with grad mode enabled" in str(e.value)
    assert "both inside the no_grad block" in str(e.value)
    assert f"The view was made at {line}, in " in str(e.value)
    with no_grad():
        written(view)
    with pytest.raises(RuntimeError, match="has been modified inplace with grad mode enabled"):
        _ = view * 2


def test_a_view_of_inference_mode_is_not_written_to_outside() -> None:
    base = leaf(2, 3) * 1
    with minigrad.inference_mode():
        view = base[0]
    with pytest.raises(RuntimeError, match="created in inference mode and is being modified"):
        view.mul_(2)


def test_a_view_of_no_grad_mode_of_a_constant_takes_constants_only() -> None:
    base = minigrad.ones(2, 3, dtype=minigrad.float64)
    with no_grad():
        view = base[0]
    view.mul_(2)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        view.mul_(leaf(3))


def test_a_view_of_a_leaf_says_where_it_was_made() -> None:
    x = leaf(2, 3)
    view, line = x[0], here()
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad") as e:
        view.add_(1)
    assert line in str(e.value)
    assert "no_grad()" in str(e.value)


@pytest.mark.parametrize(
    "write", [lambda x: x[1:].copy_(x[:-1]), lambda x: x[1:].add_(x[:-1]), lambda x: x.add_(x.T)]
)
def test_operands_that_overlap(write: Any) -> None:
    x = minigrad.ones(3, 3)
    with pytest.raises(RuntimeError, match="input tensor and the written-to tensor refer to") as e:
        write(x)
    assert "clone()" in str(e.value)
    assert x._version == 0
    x[1:].mul_(x[1:])
    assert x._version == 1


def test_what_may_be_written_to_stretched_memory() -> None:
    x = minigrad.ones(3)
    stretched = x.expand(2, 3)
    for write in (lambda: stretched.add_(1), lambda: stretched.copy_(minigrad.ones(2, 3))):
        with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
            write()
    stretched.zero_()
    assert x.tolist() == [0.0] * 3
    stretched.fill_(2)
    stretched[1] = 5.0
    assert x.tolist() == [5.0] * 3


def test_dtypes_are_named_as_torch_names_them() -> None:
    x = tensor([1, 2])
    with pytest.raises(RuntimeError, match="type Float can't be cast to the desired"):
        x.add_(0.5)
    with pytest.raises(RuntimeError, match="dtypes match, got Long for the destination and Float"):
        x[[0]] = tensor([1.5])
    with pytest.raises(TypeError, match=r"can't assign a list to a minigrad\.LongTensor"):
        x[0] = [1]
    with pytest.raises(TypeError, match=r"copy_\(\): argument 'other' .* must be Tensor, not list"):
        x.copy_([1, 2])
    with pytest.raises(RuntimeError, match="fill_ only supports 0-dimension value tensor"):
        x.fill_(tensor([1]))


@pytest.mark.parametrize(
    ("indices", "values", "error", "words"),
    [
        (tensor([0]), tensor([1.0]), TypeError, "must be tuple of Tensors, not Tensor"),
        ((tensor([0]),), 1.0, TypeError, "'values' must be Tensor, not float"),
        ((tensor([5]),), tensor(1.0), IndexError, "index 5 is out of bounds"),
        ((tensor([0]),) * 2, tensor(1.0), IndexError, "too many indices for tensor of dimension 1"),
        ((tensor([0.0]),), tensor(1.0), IndexError, "tensors used as indices must be"),
        ((tensor([0]),), minigrad.ones(2), RuntimeError, r"of shape \[2\] .* of shape \[1\]"),
    ],
)
def test_index_put_refuses(indices: Any, values: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        minigrad.zeros(3).index_put_(indices, values)


def test_detach_in_place_is_not_for_views() -> None:
    with pytest.raises(RuntimeError, match=r"Can't detach views in-place\. Use detach"):
        (leaf(2, 3) * 1)[0].detach_()


# ----------------------------------------------------------------------- versions, .data, bases


def test_views_and_detached_tensors_share_a_version_and_data_does_not() -> None:
    x = minigrad.zeros(2, 3)
    x[0].add_(1)
    x[0] = 1.0
    x.detach().zero_()
    assert [x._version, x[1]._version, x.detach()._version, x.data._version] == [3, 3, 3, 0]
    x.data.add_(1)
    assert x._version == 3
    assert x.tolist() == [[1.0] * 3] * 2
    x[False] = 7.0
    assert x._version == 3


def test_a_write_to_data_is_not_seen_as_damage() -> None:
    x = leaf(3)
    y = (x * x).sum()
    x.data.mul_(10)
    y.backward()
    assert x.grad.tolist() == [20.0, 40.0, 60.0]


def test_is_view_and_base() -> None:
    x = leaf(2, 3) * 1
    assert not x._is_view()
    assert x[0]._is_view()
    assert x[0][1:]._base is x
    assert not x.detach()._is_view()


# ------------------------------------------------------- views made under no_grad, and leaf views


def test_a_view_of_no_grad_mode_requires_a_gradient_and_leads_nowhere() -> None:
    x = leaf(2, 3)
    with no_grad():
        view = x[0]
    assert (view.requires_grad, view.is_leaf, view.grad_fn) == (True, True, None)
    (view * 2).sum().backward()
    assert x.grad is None
    view.retain_grad()
    view.register_hook(print).remove()


def test_a_view_of_a_constant_can_be_a_leaf() -> None:
    x = minigrad.ones(2, 3, dtype=minigrad.float64)
    row, other = x[0], x[1]
    row.requires_grad_()
    assert (x.requires_grad, row.is_leaf, row._base is x) == (False, True, True)
    (row * 3).sum().backward()
    assert row.grad.tolist() == [3.0] * 3
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        row.mul_(2)
    x.mul_(leaf(3))
    assert [v.grad_fn.name() for v in (row, other)] == ["AsStridedBackward0"] * 2


def test_a_view_requires_a_gradient_once_its_base_does() -> None:
    x = minigrad.ones(2, 3)
    row = x[0]
    x.requires_grad_()
    assert (row.requires_grad, row.grad_fn) == (True, None)


def test_a_write_under_no_grad_is_noticed_by_views() -> None:
    x = leaf(2, 3) * 1
    row = x[0]
    with no_grad():
        x.mul_(2)
    assert row.grad_fn.name() == "AsStridedBackward0"
    assert x.grad_fn.name() == "MulBackward0"


# --------------------------------------------------------------- hooks and retain_grad, then writes


def test_a_hook_sees_the_gradient_of_the_version_it_was_registered_on() -> None:
    seen = []
    x = leaf(3) * 1
    x.register_hook(lambda g: seen.append(("before", g.tolist())))
    x.mul_(2)
    x.register_hook(lambda g: seen.append(("after", g.tolist())))
    (x * 3).sum().backward()
    assert seen == [("after", [3.0] * 3), ("before", [6.0] * 3)]


def test_hooks_of_a_base_and_a_view_that_is_written_to() -> None:
    seen = []
    x = leaf(2, 3) * 1
    y = x[0]
    x.register_hook(lambda g: seen.append(("x before", g.tolist())))
    y.register_hook(lambda g: seen.append(("y before", g.tolist())))
    y.mul_(2)
    x.register_hook(lambda g: seen.append(("x after", g.tolist())))
    y.register_hook(lambda g: seen.append(("y after", g.tolist())))
    ((x * 3).sum() + y.sum()).backward()
    assert seen == [
        ("y after", [1.0] * 3),
        ("x after", [[4.0] * 3, [3.0] * 3]),
        ("x before", [[8.0] * 3, [3.0] * 3]),
    ]


def test_retained_gradients_are_those_of_what_the_tensor_became() -> None:
    x = leaf(2, 3) * 1
    y = x[0]
    x.retain_grad()
    y.retain_grad()
    used = (x * 5).sum()
    y.mul_(2)
    ((x * 3).sum() + y.sum() + used).backward()
    assert x.grad.tolist() == [[4.0] * 3, [3.0] * 3]
    assert y.grad.tolist() == [1.0] * 3


# --------------------------------------------------------------------------------- derivatives


def test_a_constant_that_is_multiplied_in_place_keeps_what_the_derivative_needs() -> None:
    w = leaf(3)
    x = tensor([2.0, 3.0, 4.0], dtype=minigrad.float64)
    x.mul_(w)
    x.sum().backward()
    assert w.grad.tolist() == [2.0, 3.0, 4.0]


def test_a_result_that_was_saved_in_place_is_damaged_by_the_next_write() -> None:
    x = leaf(3) * 1
    x.exp_()
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        x.sum().backward()


def test_nan_in_the_gradient_of_what_was_overwritten_goes_nowhere() -> None:
    x = leaf(3)
    y = x * 1
    y[[0]] = tensor([0.0], dtype=minigrad.float64)
    y.backward(tensor([float("nan"), 1.0, 1.0], dtype=minigrad.float64))
    assert x.grad.tolist() == [0.0, 1.0, 1.0]


def test_masked_fill_sends_its_value_a_gradient() -> None:
    def filled(x: Any, value: Any) -> Any:
        y = x * x
        y.masked_fill_(tensor([True, False, True]), value)
        return y * y

    inputs = leaf(3), tensor(2.0, dtype=minigrad.float64, requires_grad=True)
    assert gradcheck(filled, inputs)
    assert gradgradcheck(filled, inputs)


def test_index_put_that_accumulates() -> None:
    def put(x: Any, values: Any) -> Any:
        y = x * x
        y.index_put_((tensor([0, 0, 2]),), values, accumulate=True)
        return y.sin()

    assert gradcheck(put, (leaf(3), leaf(3)))
    assert gradgradcheck(put, (leaf(3), leaf(3)))


def test_comparisons_in_place_stop_gradients() -> None:
    x = leaf(3)
    y = x * 1
    y.lt_(2.5)
    assert y.tolist() == [1.0, 1.0, 0.0]
    assert y.grad_fn.name() == "LtBackward0"
    (gradient,) = grad(y.sum(), x)
    assert gradient.tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ["uniform_", "normal_", "zero_"])
def test_new_values_stop_gradients(name: str) -> None:
    x = leaf(3)
    y = x * 1
    getattr(y[1:], name)()
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]
