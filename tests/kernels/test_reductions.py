"""Reductions against NumPy in float64: every choice of axes, layouts, odd sizes, extremes."""

import itertools
import math

import numpy as np
import pytest

from minigrad.kernels import threads
from minigrad.kernels.cpu import reductions

NAN, INF = math.nan, math.inf
DTYPES = ["float16", "float32", "float64", "int32", "int64", "bool"]
SHAPES = [(), (1,), (7,), (0, 3), (3, 0), (5, 3), (17, 5, 9), (2, 3, 4, 5), (1, 1, 3)]


def sample(shape, dtype):
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape) * 2).astype(dtype)


def layouts(x):
    """The same kind of array in other places of memory."""
    yield x
    yield x.T
    if x.ndim:
        yield x[::-1]
        yield x[..., ::2]
        yield np.broadcast_to(x[..., None], (*x.shape, 3))
        yield np.broadcast_to(x, (4, *x.shape)).swapaxes(0, -1)


def axes_of(x):
    """Every sorted tuple of axes; no axes only where there are none."""
    for count in range(1 if x.ndim else 0, x.ndim + 1):
        yield from itertools.combinations(range(x.ndim), count)


def check(result, expected, dtype):
    assert type(result) is np.ndarray
    assert result.dtype == dtype
    assert result.shape == expected.shape
    tolerance = {"float16": 5e-3, "float32": 3e-6, "float64": 1e-13}.get(str(dtype), 0)
    with np.errstate(over="ignore"):
        expected = expected.astype(dtype)
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=30 * tolerance)


REFERENCES = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sum", "amax", "amin", "prod"])
def test_any_axes_of_any_layout(name, dtype):
    function, reference = getattr(reductions, name), REFERENCES[name]
    counted = name in ("sum", "prod") and np.dtype(dtype).kind != "f"
    for shape in SHAPES:
        start = sample(shape, dtype)
        if name == "prod" and start.dtype.kind == "f":
            start = 1 + start / 20  # no overflow on the way
        for x in layouts(start):
            for axes, keepdim in itertools.product(axes_of(x), [False, True]):
                if name in ("amax", "amin") and 0 in [x.shape[axis] for axis in axes]:
                    continue
                wide = x.astype(np.float64 if x.dtype.kind == "f" else np.int64)
                with np.errstate(over="ignore"):
                    expected = np.asarray(reference(wide, axis=axes, keepdims=keepdim))
                check(
                    function(x, axes, keepdim), expected, np.dtype(np.int64 if counted else dtype)
                )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["any", "all"])
def test_truth(name, dtype):
    for x in layouts(np.arange(-1, 11).reshape(3, 4).astype(dtype)):
        for axes, keepdim in itertools.product(axes_of(x), [False, True]):
            result = getattr(reductions, name)(x, axes, keepdim)
            expected = getattr(np, name)(x, axis=axes, keepdims=keepdim)
            assert result.dtype == np.bool_
            assert np.array_equal(result, expected)


def test_truth_of_nan_and_of_nothing():
    assert reductions.any(np.array([NAN, 0]), (0,), False)
    assert not reductions.any(np.ones((0,)), (0,), False)
    assert reductions.all(np.ones((0,)), (0,), False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_index_of_the_extremum(name, dtype):
    for x in layouts(sample((17, 5, 9), dtype)):
        for axis, keepdim in itertools.product(range(x.ndim), [False, True]):
            result = getattr(reductions, name)(x, axis, keepdim)
            assert result.dtype == np.int64
            assert np.array_equal(result, getattr(np, name)(x, axis=axis, keepdims=keepdim))


def test_index_of_ties_and_nan():
    assert reductions.argmax(np.array([1, 5, 5, 2]), 0, False) == 1
    assert reductions.argmin(np.array([3.0, 1, 1, 2]), 0, False) == 1
    for dtype in ("float16", "float32", "float64"):
        x = np.array([1, NAN, INF, NAN], dtype)
        assert reductions.argmax(x, 0, False) == 1
        assert reductions.argmin(x, 0, False) == 1


# One length for each way through: one block, several, side by side, in pieces for threads.
LONG = [(1000, 3), (3000, 70), (100_003,), (300_000, 2), (1030, 515), (3, 200_000), (17, 40_000)]


@pytest.mark.parametrize("shape", LONG)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_arrays(shape, dtype):
    x = sample(shape, dtype)
    for axes in axes_of(x):
        wide = x.astype(np.float64)
        scale = np.abs(wide).sum(axis=axes)
        error = np.abs(reductions.sum(x, axes, False) - wide.sum(axis=axes))
        assert (error / scale).max() < (5e-7 if dtype == "float32" else 1e-15)
        assert np.array_equal(reductions.amax(x, axes, False), x.max(axis=axes))
        assert np.array_equal(reductions.amin(x, axes, False), x.min(axis=axes))


def test_sums_do_not_stall_in_float32():
    assert reductions.sum(np.ones(20_000_000, np.float32), (0,), False) == 20_000_000
    tenths = np.full((2_000_000, 4), 0.1, np.float32)
    np.testing.assert_allclose(reductions.sum(tenths, (0,), False), [200_000] * 4, rtol=1e-6)

    x = np.random.default_rng(0).random((2, 100_000, 8), np.float32)
    expected = x.sum(1, dtype=np.float64)
    np.testing.assert_allclose(reductions.sum(x, (1,), False), expected, rtol=1.5e-7)


def test_float16_sums_in_float32():
    assert reductions.sum(np.ones(4096, np.float16), (0,), False) == 4096
    assert reductions.sum(np.full(4096, 60000, np.float16), (0,), False) == INF
    assert reductions.prod(np.full(4096, 2, np.float16), (0,), False) == INF


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(70,), (40, 33), (600, 3)])
def test_nan_and_infinities(shape, dtype):
    for value, others in itertools.product([NAN, INF, -INF], [1.0, INF, -INF]):
        x = np.full(shape, others, dtype)
        x[-1] = value
        with np.errstate(invalid="ignore"):
            assert np.array_equal(reductions.sum(x, (0,), False), x.sum(0), equal_nan=True)
        assert np.array_equal(reductions.amax(x, (0,), False), x.max(0), equal_nan=True)
        assert np.array_equal(reductions.amin(x, (0,), False), x.min(0), equal_nan=True)


def test_overflow_is_silent():
    x = np.full(64, 3e38, np.float32)
    assert reductions.sum(x, (0,), False) == INF
    assert reductions.prod(x, (0,), False) == INF


def test_reductions_of_nothing():
    x = np.ones((0, 3), np.float32)
    assert reductions.sum(x, (0,), False).tolist() == [0, 0, 0]
    assert reductions.prod(x, (0,), True).tolist() == [[1, 1, 1]]
    assert reductions.sum(x, (1,), False).shape == (0,)
    assert reductions.amax(x, (1,), False).shape == (0,)


def test_integers_wrap_around_in_int64():
    x = np.full(3, 2**31 - 1, np.int32)
    assert reductions.sum(x, (0,), False) == 3 * (2**31 - 1)
    assert reductions.sum(np.ones(5, np.bool_), (0,), False) == 5


def test_result_does_not_depend_on_the_number_of_threads():
    x = sample((2_000_000,), "float32")
    before = threads.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(
                [
                    reductions.sum(x, (0,), False),
                    *reductions.sum(x.reshape(1000, 2000), (0,), False),
                    *reductions.sum(x.reshape(1000, 2000), (1,), False),
                ]
            )
    finally:
        threads.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_the_input_is_not_changed_and_not_returned():
    x = sample((1, 5), "float32")
    copy = x.copy()
    result = reductions.sum(x, (0,), False)
    result += 1
    assert np.array_equal(x, copy)
