"""Formulas on a GPU: any layout of operands, the dtypes of the CPU's ufunc, the same extremes."""

import ast
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.kernels.codegen import Formula
from minigrad.kernels.cpu.vector_math import FUNCTIONS
from minigrad.kernels.cuda import driver, pointwise, runtime, to_device


def formula(function: Callable[..., Any]) -> Formula:
    """A formula that no operation registers."""
    return Formula(
        function.__name__, function, lambda: ast.parse(inspect.getsource(function)).body[0]
    )


def axpy(a, x, y):
    return a * x + y


def softplus_like(x):
    return math.log1p(math.exp(x)) if x < 20 else x


def choose(condition, x, y):
    return x if condition else y


def positive(x):
    return max(x, 0)


def smaller(x, y):
    return x < y


def minus(x, y):
    return x - y


AXPY, SOFTPLUS, CHOOSE = map(formula, (axpy, softplus_like, choose))
POSITIVE, SMALLER = map(formula, (positive, smaller))


@pytest.fixture(autouse=True)
def gpu() -> None:
    driver.require()


def run(one: Formula, *arrays: np.ndarray) -> np.ndarray:
    return one.ufunc(*map(to_device, arrays)).to_host()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int32"])
def test_dtypes(dtype: str) -> None:
    a, x, y = (np.arange(1, 11).astype(dtype) * k for k in (1, 2, 3))
    result = run(AXPY, a, x, y)
    assert result.dtype == dtype
    assert np.array_equal(result, a * x + y)


def test_any_layout() -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    g = to_device(x)
    assert np.array_equal(AXPY.ufunc(g, g[::-1], g[:, :1]).to_host(), x * x[::-1] + x[:, :1])
    assert np.array_equal(AXPY.ufunc(g.T, g.T, g.T[:, 1:2]).to_host(), x.T * x.T + x.T[:, 1:2])
    assert np.array_equal(AXPY.ufunc(g[0, 0], g, g[0]).to_host(), x[0, 0] * x + x[0])


def test_numbers_are_0d_arrays_of_either_device() -> None:
    x = np.arange(5, dtype=np.float32)
    two, half = np.array(2, np.float32), np.array(0.5, np.float32)
    g = to_device(x)
    assert np.array_equal(AXPY.ufunc(two, g, half).to_host(), 2 * x + 0.5)
    assert np.array_equal(AXPY.ufunc(to_device(two), g, half).to_host(), 2 * x + 0.5)
    assert AXPY.ufunc(to_device(two), two, two).shape == ()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 1)])
def test_shapes_without_much_in_them(shape: tuple[int, ...]) -> None:
    x = np.ones(shape, np.float32)
    assert np.array_equal(run(AXPY, x, x, x), x + 1)


def test_the_result_of_a_comparison_is_bool() -> None:
    result = run(SMALLER, np.arange(3.0), np.ones(3))
    assert result.dtype == bool
    assert result.tolist() == [True, False, False]


def test_a_condition_is_bool_beside_any_dtype() -> None:
    mask, x = np.array([True, False, True]), np.arange(3, dtype=np.int64)
    assert run(CHOOSE, mask, x, -x).tolist() == [0, -1, 2]


def test_into_an_operand() -> None:
    x = to_device(np.arange(6, dtype=np.float32))
    POSITIVE.ufunc(x, out=x[::-1])
    assert x.tolist() == [5, 4, 3, 2, 1, 0]
    with pytest.raises(ValueError, match="does not fit an output"):
        POSITIVE.ufunc(x, out=x[:2])


def test_extremes_are_those_of_ieee() -> None:
    x = np.array([1000, -1000, np.inf, -np.inf, np.nan, 0], np.float32)
    expected = [1000, 0, np.inf, 0, np.nan, np.log(2)]
    assert np.allclose(run(SOFTPLUS, x), expected, equal_nan=True)
    assert np.array_equal(run(POSITIVE, x), [1000, 0, np.inf, 0, np.nan, 0], equal_nan=True)


def test_dtypes_to_be_promoted_raise_as_a_ufunc_does() -> None:
    x = to_device(np.arange(3, dtype=np.float32))
    with pytest.raises(TypeError, match="smaller has no kernel for float32, int64"):
        SMALLER.ufunc(x, to_device(np.arange(3)))
    with pytest.raises(TypeError, match="softplus_like has no kernel for int64"):
        SOFTPLUS.ufunc(to_device(np.arange(3)))
    with pytest.raises(TypeError, match=r"np.sinc|np.arctan has no kernel"):
        np.arctan(x)


def test_dtypes_that_a_formula_refuses() -> None:
    difference = formula(minus)
    difference.refuse("Subtraction with two bool tensors is not supported", False)
    x = to_device(np.array([True, False]))
    with pytest.raises(RuntimeError, match="Subtraction with two bool tensors"):
        difference.ufunc(x, x)


def test_two_devices_raise() -> None:
    x = np.ones(3, np.float32)
    with pytest.raises(RuntimeError, match="on the same device, but found at least two devices"):
        SMALLER.ufunc(to_device(x), x)


def test_shapes_that_do_not_broadcast_raise() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        run(SMALLER, np.ones(3), np.ones(4))


@pytest.mark.parametrize(
    ("shape", "steps", "merged"),
    [
        ((2, 3, 4), [(12, 4, 1)], ((24,), [(1,)])),
        ((2, 3, 4), [(12, 4, 1), (0, 0, 0)], ((24,), [(1,), (0,)])),
        ((2, 3, 4), [(12, 4, 1), (4, 0, 1)], ((2, 3, 4), [(12, 4, 1), (4, 0, 1)])),
        ((2, 3, 4), [(12, 4, 1), (0, 4, 1)], ((2, 12), [(12, 1), (0, 1)])),
        ((1, 3, 1), [(7, 2, 9)], ((3,), [(2,)])),
        ((), [(), ()], ((1,), [(0,), (0,)])),
        ((3, 2), [(1, 3)], ((3, 2), [(1, 3)])),
    ],
)
def test_axes_that_lie_in_order_are_merged(shape: Any, steps: Any, merged: Any) -> None:
    assert pointwise.merge_axes(shape, steps) == merged


def test_the_generated_text_can_be_read() -> None:
    text = pointwise.formula_text(SOFTPLUS, np.dtype(np.float32))
    assert 'exp_ = math_function("exp", "float32")' in text
    assert "x < float32(20)" in text
    assert "for i in range(cuda.grid(1), n, cuda.gridsize(1)):" in text


BUILT_IN = {"maximum": 0.5, "minimum": 0.25, "floor_divide": 2.0, "remainder": 0.0}  # 0.5, 0.25


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_function_of_the_cpu_is_here_too(name: str, dtype: str) -> None:
    function = runtime.math_function(name, dtype)
    if not runtime.SIMULATED:
        return  # compiled by the PTX check
    values = (np.dtype(dtype).type(0.5), np.dtype(dtype).type(0.25))
    two = name in ("atan2", "pow", "copysign", "fmod", *BUILT_IN)
    expected = {"exp2": 2**0.5, "rint": 0.0, **BUILT_IN}.get(name)
    if expected is None:
        expected = getattr(math, name)(*map(float, values[: 1 + two]))
    assert np.isclose(function(*values[: 1 + two]), expected)
    assert function(*values[: 1 + two]).dtype in (dtype, np.dtype(bool))
