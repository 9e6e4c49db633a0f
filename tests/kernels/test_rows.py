"""Row kernels against their formulas in float64: axes, layouts, odd sizes, extremes."""

import math

import numpy as np
import pytest

from minigrad.kernels import threads
from minigrad.kernels.cpu import rows

NAN, INF = math.nan, math.inf
DTYPES = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 4e-3, "float32": 3e-6, "float64": 1e-13}
SHAPES = [
    (1,),
    (0,),
    (7,),
    (0, 3),
    (3, 0),
    (5, 13),
    (2, 17, 9),
    (2, 3, 4, 5),
    (128, 1000),
    (33, 64),
]


def sample(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def softmax(x, axis):
    if x.shape[axis] == 0:
        return x
    power = np.exp(x - x.max(axis, keepdims=True))
    return power / power.sum(axis, keepdims=True)


def log_softmax(x, axis):
    if x.shape[axis] == 0:
        return x
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def softmax_backward(grad, result, axis):
    return result * (grad - (grad * result).sum(axis, keepdims=True))


def log_softmax_backward(grad, result, axis):
    return grad - np.exp(result) * grad.sum(axis, keepdims=True)


def check(result, expected, dtype):
    assert type(result) is np.ndarray
    assert result.dtype == dtype
    assert result.shape == expected.shape
    assert result.flags.c_contiguous
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=2 * tolerance)


def layouts(x):
    yield x
    yield x.T
    yield x[::-1]
    yield np.broadcast_to(x[:1], x.shape) if len(x) else x
    yield np.stack([x, x], axis=-1)[..., 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_along_any_axis(shape, name, dtype):
    for x in layouts(sample(shape, dtype)):
        before = x.copy()
        for axis in range(x.ndim):
            expected = globals()[name](x.astype(np.float64), axis)
            check(getattr(rows, name)(x, axis), expected, dtype)
        assert np.array_equal(x, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["softmax_backward", "log_softmax_backward"])
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_backward_along_any_axis(shape, name, dtype):
    forward = log_softmax if name.startswith("log") else softmax
    for grad, x in zip(
        layouts(sample(shape, dtype)), layouts(sample(shape, dtype, 1)), strict=True
    ):
        for axis in range(x.ndim):
            result = forward(x.astype(np.float64), axis).astype(dtype)
            wide = grad.astype(np.float64), result.astype(np.float64)
            expected = globals()[name](*wide, axis)
            got = getattr(rows, name)(grad, result, axis)
            assert got.dtype == dtype
            assert got.shape == expected.shape
            scale = 1 + np.abs(wide[0]).sum(axis, keepdims=True)
            assert (np.abs(got - expected) <= TOLERANCE[dtype] * scale).all()


def test_softmax_of_a_number():
    x = np.array(3, np.float32)
    assert rows.softmax(x, 0) == 1
    assert rows.log_softmax(x, 0) == 0
    assert rows.softmax(x, 0).shape == ()
    assert rows.softmax_backward(x, np.array(1, np.float32), 0) == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [3, 16, 70])
def test_softmax_at_the_extremes(length, dtype):
    def both(*ends):
        x = np.full(length, ends[0], dtype)
        x[-len(ends) :] = ends
        return rows.softmax(x, 0), rows.log_softmax(x, 0)

    for row in ([1, NAN], [1, INF], [-INF, -INF], [INF, INF], [NAN, -INF]):
        for result in both(*row):
            assert np.isnan(result).any(), row
    assert np.isnan(both(-INF, -INF)[0]).all()
    assert np.isnan(both(1, NAN)[1]).all()
    soft, logs = both(-INF, 2)
    assert soft.tolist() == [0] * (length - 1) + [1]
    assert logs.tolist() == [-INF] * (length - 1) + [0]
    soft, logs = both(-60000, 60000)
    assert soft.tolist() == [0] * (length - 1) + [1]
    assert logs[-1] == 0


def test_a_large_offset_changes_nothing():
    x = sample((4, 50), "float32").round(2)
    shifted = (x * 64).round() + np.float32(2**16)  # exact in float32
    np.testing.assert_array_equal(rows.softmax(shifted, 1), rows.softmax(shifted - 2**16, 1))


# ------------------------------------------------------------------------------ layer_norm
def normalise(x, eps):
    mean = x.mean(1, keepdims=True)
    rstd = 1 / np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + eps)
    return (x - mean) * rstd, mean[:, 0], rstd[:, 0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 13), (0, 3), (128, 1000), (301, 64)])
@pytest.mark.parametrize("with_weight", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_layer_norm(shape, with_weight, with_bias, dtype):
    weight = sample(shape[1], dtype, 1) if with_weight else None
    bias = sample(shape[1], dtype, 2) if with_bias else None
    for x in (sample(shape, dtype), np.asfortranarray(sample(shape, dtype))):
        out, mean, rstd = rows.layer_norm(x, weight, bias, 1e-5)
        expected, expected_mean, expected_rstd = normalise(x.astype(np.float64), 1e-5)
        check(mean, expected_mean, dtype)
        np.testing.assert_allclose(rstd, expected_rstd, rtol=TOLERANCE[dtype])
        expected = expected * (1 if weight is None else weight) + (0 if bias is None else bias)
        check(out, expected, dtype)


def test_layer_norm_with_a_large_offset():
    x = sample((4, 512), "float32") + np.float32(1000)
    expected, *_ = normalise(x.astype(np.float64), 1e-5)
    out, *_ = rows.layer_norm(x, None, None, 1e-5)
    np.testing.assert_allclose(out, expected, atol=5e-4)


def test_layer_norm_passes_nan_on():
    x = np.ones((3, 40), np.float32)
    x[1, 7] = NAN
    x[2, 7] = INF
    out, *_ = rows.layer_norm(x, None, None, 1e-5)
    assert np.isnan(out).all(axis=1).tolist() == [False, True, True]
    assert not out[0].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 13), (0, 3), (128, 1000), (301, 64)])
@pytest.mark.parametrize("with_weight", [False, True])
def test_layer_norm_backward(shape, with_weight, dtype):
    grad, x = sample(shape, dtype), sample(shape, dtype, 1)
    weight = sample(shape[1], dtype, 2) if with_weight else None
    _, mean, rstd = rows.layer_norm(x, weight, None, 1e-5)
    dx, dweight, dbias = rows.layer_norm_backward(grad, x, mean, rstd, weight, (True,) * 3)

    wide = grad.astype(np.float64)
    normal, _, exact_rstd = normalise(x.astype(np.float64), 1e-5)
    scaled = wide if weight is None else wide * weight
    inner = scaled - scaled.mean(1, keepdims=True)
    inner -= normal * (scaled * normal).mean(1, keepdims=True)
    size = 1 + np.abs(wide).sum(0).max(initial=0)
    np.testing.assert_allclose(dx, exact_rstd[:, None] * inner, atol=100 * TOLERANCE[dtype])
    np.testing.assert_allclose(dweight, (wide * normal).sum(0), atol=size * TOLERANCE[dtype])
    np.testing.assert_allclose(dbias, wide.sum(0), atol=size * TOLERANCE[dtype])
    assert {str(array.dtype) for array in (dx, dweight, dbias)} == {dtype}


def test_layer_norm_backward_computes_what_is_asked():
    x = sample((3, 4), "float32")
    _, mean, rstd = rows.layer_norm(x, None, None, 1e-5)
    for mask in ((True, False, False), (False, True, False), (False, False, True)):
        results = rows.layer_norm_backward(x, x, mean, rstd, None, mask)
        assert tuple(result is not None for result in results) == mask


def test_layer_norm_backward_in_float16():
    grad, x = sample((6, 40), "float16"), sample((6, 40), "float16", 1)
    _, mean, rstd = rows.layer_norm(x, None, None, 1e-5)
    results = rows.layer_norm_backward(grad, x, mean, rstd, None, (True,) * 3)
    wide = [array.astype(np.float32) for array in (grad, x, mean, rstd)]
    expected = rows.layer_norm_backward(*wide, None, (True,) * 3)
    for result, goal in zip(results, expected, strict=True):
        check(result, goal, "float16")


def test_threads_change_nothing():
    x, grad = sample((700, 300), "float32"), sample((700, 300), "float32", 1)
    before = threads.get_num_threads()

    def everything():
        out, mean, rstd = rows.layer_norm(x, None, None, 1e-5)
        backward = rows.layer_norm_backward(grad, x, mean, rstd, None, (True,) * 3)
        return [rows.softmax(x, 1), rows.log_softmax(x, 1), out, mean, rstd, *backward]

    try:
        threads.set_num_threads(1)
        alone = everything()
        threads.set_num_threads(3)
        together = everything()
    finally:
        threads.set_num_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
