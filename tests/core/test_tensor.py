"""What a Tensor is and tells: attributes, conversions, leaves, assigned gradients, copies."""

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


# ------------------------------------------------------------------------------- attributes


def test_shape_and_size() -> None:
    x = minigrad.zeros(2, 3, 4)
    assert x.shape == (2, 3, 4)
    assert isinstance(x.shape, minigrad.Size)
    assert x.size() == x.shape
    assert (x.size(1), x.size(-1), x.shape[0]) == (3, 4, 2)
    assert (x.ndim, x.dim(), x.numel(), len(x), x.shape.numel()) == (3, 3, 24, 2, 24)
    assert tuple(x.shape[1:]) == (3, 4)


def test_strides_are_counted_in_elements() -> None:
    x = minigrad.zeros(2, 3, 4)
    assert x.stride() == (12, 4, 1)
    assert x.permute(2, 0, 1).stride() == (1, 12, 4)
    assert x.stride(1) == 4
    assert x.expand(5, 2, 3, 4).stride() == (0, 12, 4, 1)
    assert (x.is_contiguous(), x.permute(2, 0, 1).is_contiguous()) == (True, False)


@pytest.mark.parametrize(
    ("dtype", "size", "floating"),
    [
        ("float16", 2, True),
        ("float32", 4, True),
        ("float64", 8, True),
        ("uint8", 1, False),
        ("int8", 1, False),
        ("int16", 2, False),
        ("int32", 4, False),
        ("int64", 8, False),
        ("bool", 1, False),
    ],
)
def test_dtypes(dtype: str, size: int, floating: bool) -> None:
    x = minigrad.zeros(2, dtype=getattr(minigrad, dtype))
    assert x.dtype is getattr(minigrad, dtype)
    assert x.element_size() == size
    assert x.is_floating_point() is floating
    assert x.dtype.is_floating_point is floating


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, "int64"),
        (1.0, "float32"),
        (True, "bool"),
        ([1, 2], "int64"),
        ([1, 2.5], "float32"),
        ([True, 2], "int64"),
        ([], "float32"),
        ([[1], [2]], "int64"),
        (np.zeros(2), "float64"),
        (np.float64(1), "float64"),
        (np.zeros(2, np.int32), "int32"),
        (np.zeros(2, np.float16), "float16"),
    ],
)
def test_the_dtype_of_data(data: Any, dtype: str) -> None:
    assert tensor(data).dtype is getattr(minigrad, dtype)


def test_tensor_copies_and_from_numpy_shares() -> None:
    array = np.zeros(3)
    copied, shared = tensor(array), minigrad.from_numpy(array)
    array[0] = 5
    assert (copied.tolist(), shared.tolist()) == ([0.0] * 3, [5.0, 0.0, 0.0])
    shared.add_(1)
    assert array.tolist() == [6.0, 1.0, 1.0]


def test_default_dtype() -> None:
    assert minigrad.get_default_dtype() is minigrad.float32
    try:
        minigrad.set_default_dtype(minigrad.float64)
        assert tensor(1.0).dtype is minigrad.float64
        assert minigrad.zeros(1).dtype is minigrad.float64
        assert tensor([1]).dtype is minigrad.int64
    finally:
        minigrad.set_default_dtype(minigrad.float32)


# ------------------------------------------------------------------------------ conversions


def test_item_and_tolist() -> None:
    assert tensor([[2.5]]).item() == 2.5
    assert type(tensor(3).item()) is int
    assert type(tensor(True).item()) is bool
    assert tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert tensor(1.5).tolist() == 1.5
    assert tensor([]).tolist() == []


def test_python_numbers_of_tensors() -> None:
    x = tensor([2.75])
    assert (float(x), int(x), bool(x)) == (2.75, 2, True)
    assert bool(tensor(0)) is False
    assert ["a", "b", "c"][tensor(1)] == "b"
    assert f"{tensor(3.14159):.2f}" == "3.14"
    assert f"{leaf(2.0).sum():.1f}" == "2.0"


def test_numpy_shares_memory() -> None:
    x = tensor([1.0, 2.0])
    x.numpy()[0] = 9.0
    assert x.tolist() == [9.0, 2.0]
    assert np.asarray(x).dtype == np.float32
    assert np.array(x, dtype=np.float64).dtype == np.float64
    assert leaf(1.0).detach().numpy().tolist() == [1.0]
    assert leaf(1.0).numpy(force=True).tolist() == [1.0]


@pytest.mark.parametrize("mode", [minigrad.no_grad, minigrad.inference_mode])
def test_numpy_where_no_history_is_kept(mode: Any) -> None:
    with mode():
        assert leaf(1.0).numpy().tolist() == [1.0]
        assert np.asarray(leaf(2.0) * 1).tolist() == [2.0]


def test_iteration_and_len() -> None:
    x = tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    first, second = leaf(1.0, 2.0)
    assert (first.requires_grad, second.item()) == (True, 2.0)


def test_membership_is_of_elements() -> None:
    x = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert 3 in x
    assert 5 not in x
    assert minigrad.tensor([1.0, 9.0]) in x  # one element is equal to its place
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar"):
        assert None in x


def test_equality_is_elementwise_and_hash_is_identity() -> None:
    x = tensor([1, 2])
    assert (x == tensor([1, 3])).tolist() == [True, False]
    assert (x != 1).tolist() == [False, True]
    assert x.__eq__(None) is NotImplemented
    assert "text" not in [x]
    assert len({x, x, tensor([1, 2])}) == 2


def test_numpy_arrays_on_the_left() -> None:
    result = np.array([1.0, 2.0], dtype=np.float32) * tensor([3.0, 4.0])
    assert isinstance(result, minigrad.Tensor)
    assert result.tolist() == [3.0, 8.0]


# ---------------------------------------------------------------------- leaves and the graph


def test_leaves() -> None:
    constant, variable = tensor([1.0]), leaf(1.0)
    assert [(x.is_leaf, x.requires_grad, x.grad_fn) for x in (constant, variable)] == [
        (True, False, None),
        (True, True, None),
    ]
    result = variable * 2
    assert (result.is_leaf, result.requires_grad) == (False, True)
    assert result.grad_fn.name() == "MulBackward0"
    assert (constant * 2).is_leaf
    assert result.detach().is_leaf


def test_requires_grad_can_be_switched() -> None:
    x = tensor([1.0])
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    assert not (x * 2).requires_grad
    x.requires_grad_(False)
    assert not x.requires_grad


def test_requires_grad_of_a_result_cannot_be_switched_off() -> None:
    y = leaf(1.0) * 2
    assert y.requires_grad_() is y
    with pytest.raises(
        RuntimeError, match="you can only change requires_grad flags of leaf variab"
    ):
        y.requires_grad_(False)


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_only_floats_can_require_gradients(dtype: str) -> None:
    text = "nly Tensors of floating point"
    with pytest.raises(RuntimeError, match=text):
        minigrad.zeros(2, dtype=getattr(minigrad, dtype), requires_grad=True)
    with pytest.raises(RuntimeError, match=text):
        minigrad.zeros(2, dtype=getattr(minigrad, dtype)).requires_grad_()


def test_results_without_a_derivative_are_constants() -> None:
    x = leaf(1.0, 2.0)
    for y in (x > 1, x == x, x.argmax(), x.isnan(), x.long(), x.bool()):
        assert not y.requires_grad


def test_nodes_and_edges() -> None:
    x, y = leaf(1.0), leaf(2.0)
    z = (x * y + 1).exp()
    exp = z.grad_fn
    ((add, number),) = exp.next_functions
    assert (exp.name(), add.name(), number) == ("ExpBackward0", "AddBackward0", 0)
    (mul, _), constant = add.next_functions
    assert constant == (None, 0)
    assert [node.variable for node, _ in mul.next_functions] == [x, y]


def test_output_nr() -> None:
    first, second = leaf(1.0, 2.0).unbind()
    assert (first.output_nr, second.output_nr) == (0, 1)
    assert first.grad_fn is second.grad_fn


def test_each_node_knows_the_users_line() -> None:
    x = leaf(1.0)
    number = sys._getframe().f_lineno + 1
    y = x * 2
    assert (y.grad_fn.line.file, y.grad_fn.line.number) == (__file__, number)
    assert y.grad_fn.line.function == "test_each_node_knows_the_users_line"


# ------------------------------------------------------------------------------- .grad


def test_grad_can_be_assigned_and_reset() -> None:
    x = leaf(1.0, 2.0)
    assert x.grad is None
    x.grad = tensor([5.0, 6.0])
    (x * 2).sum().backward()
    assert x.grad.tolist() == [7.0, 8.0]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_an_assigned_grad_is_the_tensor_itself() -> None:
    x, g = leaf(1.0, 2.0), tensor([5.0, 6.0])
    x.grad = g
    assert x.grad is g
    (x * 2).sum().backward()
    assert g.tolist() == [7.0, 8.0]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda x: 1.0, TypeError, "assigned grad expected to be a Tensor or None"),
        (lambda x: x, RuntimeError, "can't assign Variable as its own grad"),
        (lambda x: minigrad.zeros(3), RuntimeError, "attempting to assign a gradient of size"),
        (
            lambda x: minigrad.zeros(2, dtype=minigrad.float64),
            RuntimeError,
            "attempting to assign a gradient with dtype",
        ),
    ],
)
def test_a_wrong_grad_is_refused(wrong: Any, error: type[Exception], text: str) -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=text):
        x.grad = wrong(x)


def test_data_shares_memory_and_can_be_replaced() -> None:
    x = leaf(1.0, 2.0)
    assert not x.data.requires_grad
    x.data.mul_(10)
    assert x.tolist() == [10.0, 20.0]
    x.data = tensor([3.0, 4.0])
    assert (x.tolist(), x.requires_grad, x.is_leaf) == ([3.0, 4.0], True, True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 8.0]


def test_data_may_get_another_shape_before_the_next_backward() -> None:
    x = leaf(1.0, 2.0)
    x.data = minigrad.ones(3)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


# ------------------------------------------------------------------------------ copies


def test_deepcopy_of_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    y = copy.deepcopy(x)
    assert (y.tolist(), y.requires_grad, y.grad.tolist()) == ([1.0, 2.0], True, [3.0, 3.0])
    y.grad.zero_()
    with minigrad.no_grad():
        y.zero_()
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 2.0], [3.0, 3.0])


def test_deepcopy_of_a_model_keeps_shared_leaves_shared() -> None:
    x = leaf(1.0)
    first, second = copy.deepcopy([x, x])
    assert first is second
    assert first is not x


def test_deepcopy_of_a_result_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf(1.0) * 2)


def test_a_copy_or_a_pickle_of_a_result_is_a_leaf() -> None:
    y = leaf(1.0, 2.0) * 2
    for x in (pickle.loads(pickle.dumps(y)), copy.copy(y)):
        assert (x.requires_grad, x.is_leaf, x.tolist()) == (True, True, [2.0, 4.0])


def test_pickling_of_leaves() -> None:
    x = tensor([[1.0, 2.0]], dtype=minigrad.float16, requires_grad=True)
    y = pickle.loads(pickle.dumps(x))
    assert (y.tolist(), y.dtype, y.requires_grad) == (x.tolist(), x.dtype, True)
    (y * 2).sum().backward()
    assert y.grad.tolist() == [[2.0, 2.0]]


def test_parameters_are_tensors() -> None:
    x = minigrad.nn.Parameter(tensor([2.0]))
    assert isinstance(x, minigrad.Tensor)
    (x * x).backward()
    assert x.grad.tolist() == [4.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_leaf_that_was_frozen_after_its_use_gets_no_gradient(create_graph: bool) -> None:
    for freeze in (lambda x: x.requires_grad_(False), lambda x: x.detach_()):
        x = minigrad.ones(2, requires_grad=True)
        w = minigrad.ones(2, requires_grad=True)
        y = (x * w).sum()
        freeze(x)
        y.backward(create_graph=create_graph)
        assert x.grad is None
        assert w.grad is not None


def test_grad_of_a_result_warns_and_names_retain_grad() -> None:
    x = minigrad.ones(2, requires_grad=True)
    y = x * 2
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"not a leaf Tensor .* use \.retain_grad\(\)"):
        assert y.grad is None
    assert x.detach().grad is None  # a leaf, though without a gradient: no warning


def test_conversions_that_overflow_give_inf_without_a_warning() -> None:
    assert minigrad.tensor(1e10, dtype=minigrad.float16).item() == float("inf")
    assert minigrad.tensor([1e10]).half().item() == float("inf")
