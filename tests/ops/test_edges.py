"""Odd operands and odd indices, as torch 2.13 takes or refuses them."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor
from minigrad.nn import functional as F

CUBE = minigrad.arange(24).reshape(2, 3, 4)


def test_numpy_scalars_beside_tensors_are_numbers() -> None:
    for number in (np.float64(2.5), np.float32(2.5)):
        assert (tensor([1, 2]) + number).dtype == minigrad.float32
        assert (number * tensor([1.0, 2.0])).dtype == minigrad.float32
    assert (np.int32(3) + tensor([True])).dtype == minigrad.int64
    assert (tensor([1.0, 2.0]) == np.float64(1)).tolist() == [True, False]
    assert (np.float64(1) != tensor([1.0, 2.0])).tolist() == [False, True]


def test_a_single_bool_as_an_index_makes_a_dimension() -> None:
    for yes, no in ((True, False), (tensor(True), tensor(False)), (np.True_, np.False_)):
        assert CUBE[yes].shape == (1, 2, 3, 4)
        assert CUBE[no].shape == (0, 2, 3, 4)
        x = minigrad.zeros(2)
        x[no] = 1
        assert x.tolist() == [0.0, 0.0]
        x[yes] = 1
        assert x.tolist() == [1.0, 1.0]


def test_a_comparison_of_a_0d_tensor_picks_it_or_nothing() -> None:
    x = tensor(2.0, requires_grad=True)
    assert x[x > 1].tolist() == [2.0]
    assert x[x > 3].tolist() == []


def test_uint8_indices_are_masks_and_other_small_integers_are_refused() -> None:
    x = minigrad.arange(3)
    assert x[tensor([0, 1, 1], dtype=minigrad.uint8)].tolist() == [1, 2]
    for dtype in (minigrad.int8, minigrad.int16):
        with pytest.raises(IndexError, match="tensors used as indices must be long"):
            x[tensor([0, 1], dtype=dtype)]


def test_what_cannot_be_assigned() -> None:
    x = minigrad.zeros(2, 3)
    for value in ([1, 2, 3], (1.0, 2, 3), None, "a"):
        with pytest.raises(TypeError, match="can't assign a"):
            x[0] = value
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        x[[0]] = tensor([1, 2, 3])
    assert x.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("dtype", [minigrad.float64, minigrad.float32, minigrad.float16])
def test_fmod_keeps_the_sign_of_its_first_operand(dtype: Any) -> None:
    x, y = tensor([-0.0, 0.0, -4.0, 4.0], dtype=dtype), tensor([3.0, -3, 2, -2], dtype=dtype)
    for rest in (x.fmod(y), x.fmod(2), x.fmod(-2.0)):
        assert rest.tolist() == [0.0] * 4
        assert np.signbit(rest.numpy()).tolist() == [True, False, True, False]


def test_a_bias_adds_no_dimensions_to_a_linear_layer() -> None:
    weight, bias = minigrad.ones(5, 4), minigrad.ones(7, 3, 2, 5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        F.linear(CUBE.float().transpose(0, 1), weight, bias)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        F.linear(minigrad.ones(3), minigrad.ones(3), minigrad.ones(2, 5))


def test_joined_tensors_are_contiguous_whatever_their_parts() -> None:
    x = CUBE.permute(2, 0, 1)
    for joined in (minigrad.cat([x, x], 1), minigrad.stack([x, x], -1), x.roll(1, 0)):
        assert joined.is_contiguous()
        assert joined.view(-1).tolist() == joined.flatten().tolist()


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_pad_refuses_to_take_everything_away(mode: str) -> None:
    with pytest.raises(RuntimeError, match="too small"):
        F.pad(minigrad.ones(3, 7), (-7, 0), mode)
    assert F.pad(minigrad.ones(2, 3, 4, 5), (-5, 0, 0, 0), mode).shape == (2, 3, 4, 0)


@pytest.mark.parametrize("dtype", [minigrad.int64, minigrad.uint8])
def test_integers_are_not_divided_by_zero(dtype: Any) -> None:
    x, zeros = tensor([7, 3], dtype=dtype), tensor([1, 0], dtype=dtype)
    divisions = (
        lambda: x // 0,
        lambda: x % zeros,
        lambda: x.fmod(zeros),
        lambda: 5 // zeros,
        lambda: 5 % zeros,
        lambda: x.floor_divide_(zeros),
        lambda: minigrad.floor_divide(input=x, other=zeros),
        lambda: x.__ifloordiv__(0),
        lambda: x.__imod__(0),
    )
    for division in divisions:
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            division()
    assert x.tolist() == [7, 3]
    assert (tensor([7.0]) // 0).tolist() == [float("inf")]
    assert (tensor([], dtype=dtype) // 0).shape == (0,)


def test_numbers_beyond_an_integer_dtype_make_no_tensor() -> None:
    for values, dtype in (([300], minigrad.uint8), ([1e10], minigrad.int32)):
        with pytest.raises(RuntimeError, match="without overflow"):
            tensor(values, dtype=dtype)
    assert tensor([-1], dtype=minigrad.uint8).tolist() == [255]


def test_python_types_as_dtypes() -> None:
    assert tensor([1, 2], dtype=float).dtype == minigrad.float64
    assert minigrad.zeros(2, dtype=int).dtype == minigrad.int64
    assert minigrad.zeros(2, dtype=bool).dtype == minigrad.bool


def test_arrays_of_another_byte_order() -> None:
    for make in (minigrad.from_numpy, minigrad.tensor, minigrad.as_tensor):
        with pytest.raises(ValueError, match="byte order"):
            make(np.array([1.0, 2.0], dtype=">f8"))


def test_addmm_without_its_input_does_not_read_it() -> None:
    nan = tensor([float("nan"), 1.0])
    result = minigrad.addmm(nan, minigrad.ones(1, 4), minigrad.ones(4, 2), beta=0)
    assert result.tolist() == [[4.0, 4.0]]


def test_a_condition_is_a_bool_tensor() -> None:
    with pytest.raises(RuntimeError, match="condition to be a boolean tensor"):
        minigrad.where(tensor([1, 0]), tensor([1, 2]), 2)


def test_gradients_of_extremes_that_are_nan() -> None:
    def gradient(reduce: Any) -> Any:
        x = tensor([1.0, float("nan"), float("nan")], requires_grad=True)
        reduce(x).backward()
        assert x.grad is not None
        return x.grad

    assert gradient(lambda x: x.max()).tolist() == [0.0, 0.5, 0.5]
    assert gradient(lambda x: x.min()).tolist() == [0.0, 0.5, 0.5]
    assert gradient(lambda x: x.amax()).isnan().all()


def test_an_empty_vector_joined_to_matrices_has_an_empty_gradient() -> None:
    empty, x = minigrad.zeros(0, requires_grad=True), minigrad.ones(2, 3, requires_grad=True)
    for dim in (0, 1):
        first, second = minigrad.autograd.grad(minigrad.cat([empty, x, x], dim).sum(), [empty, x])
        assert first.shape == (0,)
        assert second.tolist() == [[2.0] * 3] * 2


def test_the_product_of_a_number_along_its_dimension_0() -> None:
    x = tensor(3.0, requires_grad=True)
    for keepdim in (False, True):
        assert minigrad.autograd.grad(x.prod(0, keepdim) * 2, x)[0].item() == 2


def test_dimensions_that_a_number_does_not_have() -> None:
    x = tensor(3.0)
    for call in (lambda: x.quantile(0.5, 1), lambda: x.aminmax(dim=1), lambda: x.unique(dim=0)):
        with pytest.raises(IndexError, match="Dimension"):
            call()
    assert x.movedim(0, -1).item() == 3


def test_no_size_is_below_minus_1() -> None:
    with pytest.raises(RuntimeError, match="a size must be -1 or more"):
        tensor(3.0).expand(2, -7)
