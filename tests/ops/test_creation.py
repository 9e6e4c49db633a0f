"""New tensors: numbers that must fit, counts that rounding does not change, exact ends."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor


def test_a_range_has_the_elements_that_its_bounds_ask_for() -> None:
    assert minigrad.arange(0, 1, 0.1).shape == (10,)
    assert minigrad.arange(1, 2.2, 0.3).shape == (5,)  # 1.2 / 0.3 is a little more than 4
    assert minigrad.arange(2**53 + 1, 2**53 + 3).tolist() == [2**53 + 1, 2**53 + 2]
    assert minigrad.arange(0, 4, 1.5, dtype=minigrad.int32).tolist() == [0, 1, 2]
    assert minigrad.arange(tensor(3)).dtype == minigrad.int64
    for wrong in ((0, 1, -1), (1, 0), (0, 1, 0), (float("inf"),), (float("nan"),)):
        with pytest.raises(RuntimeError):
            minigrad.arange(*wrong)


@pytest.mark.parametrize("dtype", [minigrad.float16, minigrad.float32, minigrad.float64])
def test_both_ends_of_a_linspace_are_exact(dtype: Any) -> None:
    for start, end in ((0.1, 0.7), (-3.3, 1e3), (5.0, -5.0)):
        x = minigrad.linspace(start, end, 50, dtype=dtype)
        assert x[0] == tensor(start, dtype=dtype)
        assert x[-1] == tensor(end, dtype=dtype)
        assert abs(x.double().numpy() - np.linspace(start, end, 50)).max() < 2e-3 * abs(end - start)


def test_a_linspace_of_integers() -> None:
    assert minigrad.linspace(0, 10, 4, dtype=minigrad.int64).tolist() == [0, 3, 6, 10]
    assert minigrad.linspace(-5, 5, 4, dtype=minigrad.int32).tolist() == [-5, -1, 1, 5]
    assert minigrad.logspace(0, 3, 4, dtype=minigrad.int64).tolist() == [1, 10, 100, 1000]
    assert minigrad.linspace(2, 3, 1).tolist() == [2.0]
    assert minigrad.linspace(2, 3, 0).tolist() == []


def test_fill_values_must_fit() -> None:
    assert minigrad.full((2,), -1, dtype=minigrad.uint8).tolist() == [255, 255]
    assert minigrad.full((1,), 2.7, dtype=minigrad.int64).tolist() == [2]
    for value, dtype in ((300, minigrad.uint8), (1e10, minigrad.int32), (np.nan, minigrad.int64)):
        with pytest.raises(RuntimeError, match="without overflow"):
            minigrad.full((2,), value, dtype=dtype)
    with pytest.raises(TypeError, match="must be Number"):
        minigrad.full((2,), "a")


def test_tensors_in_lists_are_numbers() -> None:
    assert tensor([tensor([1.0]), tensor([2.0])]).tolist() == [1.0, 2.0]
    assert tensor([tensor(1.5), 2]).dtype == minigrad.float32
    assert tensor([[1, tensor(2)]]).dtype == minigrad.int64
    with pytest.raises(ValueError, match="only one element tensors"):
        tensor([tensor([1.0, 2.0])])


def test_what_no_tensor_is_made_of() -> None:
    for data, error in (
        (None, RuntimeError),
        ({1}, RuntimeError),
        ("a", TypeError),
        (["a"], ValueError),
        ([1, [2]], TypeError),
        ([[1, 2], [3]], ValueError),
        ([2**63], ValueError),
        ([-(2**63) - 1], ValueError),
    ):
        with pytest.raises(error):
            tensor(data)
    assert tensor([2**64], dtype=minigrad.float64).tolist() == [2.0**64]
    with pytest.raises(ValueError, match="stride in the given numpy array is negative"):
        minigrad.from_numpy(np.arange(3)[::-1])


def test_like_another_in_the_order_of_its_memory() -> None:
    x = minigrad.ones(2, 3).T
    assert minigrad.zeros_like(x).stride() == x.stride() == (1, 3)
    usual = minigrad.contiguous_format
    assert minigrad.zeros_like(x, memory_format=usual).stride() == (2, 1)
    assert x.clone().stride() == (1, 3)
    assert x.clone(memory_format=usual).stride() == (2, 1)
    assert tensor(np.ones((2, 3)).T).stride() == (1, 3)


def test_new_tensors_of_a_tensors_dtype() -> None:
    x = minigrad.ones(1, dtype=minigrad.float64)
    for made in (x.new_zeros(2, 3), x.new_ones((2, 3)), x.new_empty(size=(2, 3))):
        assert (made.dtype, made.shape) == (minigrad.float64, (2, 3))
    assert x.new_full((2,), 3).tolist() == [3.0, 3.0]
    assert x.new_zeros(2, requires_grad=True).requires_grad
    with pytest.raises(TypeError):
        x.new_zeros(2, colour="red")
