"""Large launches whose operands are stretched, which go row by row."""

import warnings
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import kernels
from minigrad.kernels.codegen import SCALARS

SHAPES = [
    ((300, 400), (300, 1)),
    ((300, 400), (400,)),
    ((1000, 1), (1, 900)),
    ((2, 300, 8, 64), (300, 1, 1)),
    ((4, 1, 60, 64), (5, 60, 1)),
    ((1, 40, 1, 40), (40, 1, 40, 1)),
]


def some(shape: Any, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def launched_by_rows(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows with every launch that goes row by row."""
    launches: list[Any] = []
    run = kernels.run_by_rows

    def run_and_note(*arguments: Any) -> None:
        launches.append(arguments)
        run(*arguments)

    monkeypatch.setattr(kernels, "run_by_rows", run_and_note)
    return launches


@pytest.mark.parametrize(("one", "other"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_the_values_are_those_of_numpy(
    monkeypatch: pytest.MonkeyPatch, one: Any, other: Any, dtype: Any
) -> None:
    launches = launched_by_rows(monkeypatch)
    x, y = some(one, dtype), some(other, dtype)
    add, less = SCALARS["add"].ufunc, SCALARS["lt"].ufunc
    for a, b in ((x, y), (y, x)):
        np.testing.assert_array_equal(kernels.launch2(add, a, b), a + b)
        np.testing.assert_array_equal(kernels.launch2(less, a, b), a < b)
    assert len(launches) == 4


def test_dtypes_are_promoted_and_conditions_stay_bools(monkeypatch: pytest.MonkeyPatch) -> None:
    launches = launched_by_rows(monkeypatch)
    x, w = some((200, 300)), some((200, 1), np.float64)
    result = kernels.launch2(SCALARS["add"].ufunc, x, w)
    np.testing.assert_array_equal(result, x + w)
    chosen = kernels.where(x > 0, w, x.astype(np.float64))
    np.testing.assert_array_equal(chosen, np.where(x > 0, w, x))
    halves = kernels.launch2(SCALARS["mul"].ufunc, x.astype(np.float16), w.astype(np.float16))
    assert halves.dtype == np.float16
    assert len(launches) == 3


def test_in_place_with_gaps_and_over_its_own_operands(monkeypatch: pytest.MonkeyPatch) -> None:
    launches = launched_by_rows(monkeypatch)
    memory, row, column = some((300, 500)), some(400), some((300, 1))
    part, expected = minigrad.from_numpy(memory)[:, 50:450], memory.copy()
    part.mul_(minigrad.from_numpy(row)).add_(minigrad.from_numpy(column))
    expected[:, 50:450] = expected[:, 50:450] * row + column
    np.testing.assert_array_equal(memory, expected)
    assert len(launches) == 2


def test_an_operand_within_the_result_is_read_before_it_is_written() -> None:
    memory = some((300, 400))
    expected = memory + memory[:1]
    kernels.launch_into(SCALARS["add"].ufunc, memory, memory, memory[:1])
    np.testing.assert_array_equal(memory, expected)


def test_no_warning_of_a_division_by_zero() -> None:
    x, zeros = minigrad.ones(300, 400), minigrad.zeros(300, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (x / zeros).isinf().all()
        assert x.clone().div_(zeros).isinf().all()


def test_sizes_that_do_not_fit_are_named() -> None:
    with pytest.raises(RuntimeError, match=r"size of tensor a \(400\).*tensor b \(300\)"):
        minigrad.ones(1000, 400) + minigrad.ones(1000, 300)


def test_elements_of_a_transposed_operand_keep_their_order() -> None:
    x, row = some((400, 300)).T, some(400)
    result = kernels.launch2(SCALARS["mul"].ufunc, x, row)
    np.testing.assert_array_equal(result, x * row)
    assert result.strides == x.strides


def test_operands_with_gaps_between_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    launches = launched_by_rows(monkeypatch)
    memory = some((4, 80, 90))
    x, y, neg = memory[:, 1:, 1:], memory[:, :-1, :-1], SCALARS["neg"].ufunc
    np.testing.assert_array_equal(kernels.launch2(SCALARS["sub"].ufunc, x, y), x - y)
    np.testing.assert_array_equal(kernels.launch1(neg, x), -x)
    np.testing.assert_array_equal(kernels.where(x > 0, x, y), np.where(x > 0, x, y))
    assert len(launches) == 3
    for other in (memory.swapaxes(0, 1), memory[:, :, ::2], memory[:, ::-1]):
        result = kernels.launch1(neg, other)
        np.testing.assert_array_equal(result, -other)
        assert result.strides == (-other).strides  # NumPy's way, and its order
    assert len(launches) == 3
