"""Indexing kernels against NumPy's own, slow as they are."""

import numpy as np
import pytest

from minigrad.kernels.cpu import indexing, masks

DTYPES = ["float16", "float32", "float64", "int32", "int64"]


def sample(shape, dtype):
    return (np.random.default_rng(0).standard_normal(shape) * 5).astype(dtype)


def indices(shape, size):
    return np.random.default_rng(1).integers(0, size, shape)


def tolerance(dtype):
    return {"float16": 1e-2, "float32": 1e-5, "float64": 1e-13}.get(dtype, 0)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@pytest.mark.parametrize("index_shape", [(), (1,), (0,), (11,), (3, 4)])
def test_take_rows(dtype, index_shape):
    x = sample((5, 6, 7), dtype)
    for array in (x, x[::-1], x.transpose(2, 0, 1), np.broadcast_to(x[:1], (4, 6, 7))):
        for axis in range(3):
            index = indices(index_shape, array.shape[axis])
            result = indexing.take_rows(array, index, axis)
            before, after = array.shape[:axis], array.shape[axis + 1 :]
            assert result.shape == (*before, *index_shape, *after)
            assert result.dtype == array.dtype
            assert np.array_equal(result, array[(slice(None),) * axis + (index,)])
            assert not np.shares_memory(result, array)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("index_shape", [(), (1,), (0,), (40,), (5, 8)])
def test_add_rows(dtype, index_shape):
    for axis in range(3):
        shape = (5, 6, 7)
        index = indices(index_shape, shape[axis])
        grad = sample((*shape[:axis], *index_shape, *shape[axis + 1 :]), dtype)
        expected = np.zeros(shape)
        np.add.at(expected, (slice(None),) * axis + (index,), grad)
        for given in (grad, np.asfortranarray(grad)):
            result = indexing.add_rows(shape, index, given, axis)
            assert result.dtype == dtype
            assert result.shape == shape
            np.testing.assert_allclose(result, expected, atol=tolerance(dtype), rtol=1e-2)


def test_add_rows_of_a_strided_index_and_a_broadcast_gradient():
    index = np.array([0, 9, 2, 9, 0, 9])[::2]
    grad = np.broadcast_to(np.float32(1), (3, 2))
    assert indexing.add_rows((3, 2), index, grad, 0).tolist() == [[2, 2], [0, 0], [1, 1]]


def test_add_rows_leaves_out_what_is_outside():
    index = np.array([-2, 0, 3, 2**62])
    result = indexing.add_rows((3, 1), index, np.ones((4, 1), np.float32), 0)
    assert result.ravel().tolist() == [1, 0, 0]


def test_float16_rows_add_up_in_float32():
    ones = np.ones((4096, 1), np.float16)
    zeros = np.zeros(4096, np.int64)
    assert indexing.add_rows((1, 1), zeros, ones, 0).item() == 4096
    assert indexing.add_rows((1, 1), zeros, ones * 60, 0).item() == np.inf


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_gather_nd(dtype):
    x = sample((4, 5, 6), dtype)
    for count in (1, 2, 3):
        places = tuple(indices((3, 2), size) for size in x.shape[:count])
        result = indexing.gather_nd(x, places)
        assert result.shape == (3, 2, *x.shape[count:])
        assert np.array_equal(result, x[places])
    scalar = indexing.gather_nd(x, (np.array(1), np.array(2), np.array(3)))
    assert type(scalar) is np.ndarray
    assert scalar == x[1, 2, 3]


@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_add_nd(dtype):
    shape = (4, 5, 6)
    for count, index_shape in [(1, (40,)), (2, (5, 8)), (3, (100,)), (2, (0,)), (3, ())]:
        places = tuple(indices(index_shape, size) for size in shape[:count])
        values = sample((*index_shape, *shape[count:]), dtype)
        expected = np.zeros(shape)
        np.add.at(expected, places, values)
        result = indexing.scatter_add_nd(shape, np.dtype(dtype), places, values)
        assert result.dtype == dtype
        assert result.shape == shape
        np.testing.assert_allclose(result, expected, atol=tolerance(dtype), rtol=1e-2)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (0, 3), (4, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["bool", "float32", "int64"])
def test_nonzero(shape, dtype):
    x = (sample(shape, "float64") > 0).astype(dtype)
    for array in (x, x.T):
        result = masks.nonzero(array)
        assert result.dtype == np.int64
        assert result.shape == (np.count_nonzero(array), array.ndim)
        if array.ndim:
            assert np.array_equal(result, np.argwhere(array))
