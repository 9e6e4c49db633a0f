"""CudaArray: NumPy's views and attributes over a buffer on the device."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from minigrad.kernels.cuda import CudaArray, driver, empty, full, to_device, zeros

VIEWS = {
    "int": lambda x: x[1],
    "negative": lambda x: x[-1, 2],
    "slice": lambda x: x[1:, ::2],
    "backwards": lambda x: x[::-1, :, ::-2],
    "ellipsis": lambda x: x[..., 1],
    "none": lambda x: x[:, None, 1],
    "one element": lambda x: x[1, 2, 3],
    "transpose": lambda x: x.transpose(2, 0, 1),
    "T": lambda x: x.T,
    "swapaxes": lambda x: x.swapaxes(0, 2),
    "view of a view": lambda x: x[:, 1:][1].T[2:],
    "reshape": lambda x: x.reshape(6, 4),
    "reshape of a view": lambda x: x[:, :2].reshape(2, -1),
    "ravel": lambda x: x.T.ravel(),
    "squeeze": lambda x: x[:1].squeeze(0),
    "np.transpose": lambda x: np.transpose(x, (1, 0, 2)),
    "np.broadcast_to": lambda x: np.broadcast_to(x[:, :1], (2, 3, 4)),
    "np.expand_dims": lambda x: np.expand_dims(x, 1),
    "nothing": lambda x: x[:, 3:],
}


@pytest.fixture(autouse=True)
def gpu() -> None:
    driver.require()


def cube() -> np.ndarray:
    return np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_those_of_numpy(name: str) -> None:
    view, expected = VIEWS[name](to_device(cube())), VIEWS[name](cube())
    assert isinstance(view, CudaArray)
    assert view.shape == np.shape(expected)
    assert np.array_equal(view.to_host(), expected)
    assert view.to_host().flags.c_contiguous


def test_attributes() -> None:
    host = cube()[:, ::2]
    x = to_device(cube())[:, ::2]
    for name in ("shape", "strides", "ndim", "dtype", "size", "itemsize", "nbytes"):
        assert getattr(x, name) == getattr(host, name)
    assert x.device == 0
    assert not x.is_contiguous
    assert x.T.T.is_contiguous == host.T.T.flags.c_contiguous
    assert len(x) == 2
    assert x.contiguous().is_contiguous
    assert repr(x[0, 0]) == "CudaArray([0., 1., 2., 3.], dtype=float32, device='cuda:0')"


def test_writing_through_a_view_changes_the_array() -> None:
    x, host = to_device(cube()), cube()
    x[:, 1] = -1
    x[0].T[1:3] = to_device(np.array([7, 8, 9], np.int64))
    host[:, 1] = -1
    host[0].T[1:3] = [7, 8, 9]
    x[1, 2, 3] = np.float64(0.5)
    host[1, 2, 3] = 0.5
    assert np.array_equal(x.to_host(), host)


def test_writing_an_array_into_its_own_other_place() -> None:
    x, host = to_device(np.arange(12)), np.arange(12)
    x[1:] = x[:-1]
    host[1:] = host[:-1].copy()
    assert x.tolist() == host.tolist()
    x[:] = x[::-1]
    assert x.tolist() == host[::-1].tolist()


def test_a_reshape_is_a_view_when_it_can_be() -> None:
    x = to_device(cube())
    x.reshape(24)[0] = 100
    assert x[0, 0, 0].item() == 100
    x.T.reshape(24)[0] = 5
    assert x[0, 0, 0].item() == 100
    with pytest.raises(ValueError, match="cannot reshape array of size 24"):
        x.reshape(5, 5)


DTYPES = ("float16", "float32", "float64", "int64", "int32", "uint8", "bool")


@pytest.mark.parametrize("source", DTYPES)
def test_astype(source: str) -> None:
    host = np.array([0, 1, 2.6, 100], source)
    for target in DTYPES:
        result = to_device(host).astype(target)
        assert result.dtype == target
        assert np.array_equal(result.to_host(), host.astype(target))


def test_astype_copies_only_when_it_must() -> None:
    x = to_device(cube())
    assert x.astype(np.float32, copy=False) is x
    assert x.astype(np.float32).buffer is not x.buffer


def test_copies_and_pickles_are_by_value() -> None:
    x = to_device(cube())[1, ::2]
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert np.array_equal(other.to_host(), cube()[1, ::2])
        other.fill(0)
    assert np.array_equal(x.to_host(), cube()[1, ::2])


def test_truth_is_that_of_one_element() -> None:
    x = to_device(np.array([0.0, 2.0]))
    assert (bool(x[0]), bool(x[1:])) == (False, True)
    with pytest.raises(ValueError, match="size 1"):
        bool(x)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), 3])
def test_new_arrays(shape: Any) -> None:
    assert np.array_equal(full(shape, 3, np.int32).to_host(), np.full(shape, 3, np.int32))
    assert np.array_equal(zeros(shape, bool).to_host(), np.zeros(shape, bool))
    assert empty(shape).shape == np.empty(shape).shape
    assert to_device(np.ones(shape)).copy().shape == np.ones(shape).shape


def test_numpy_does_not_fetch_values_silently() -> None:
    with pytest.raises(
        TypeError, match=r"can't convert cuda:0 device type tensor to numpy. Use Te"
    ):
        np.asarray(to_device(cube()))
    with pytest.raises(TypeError, match=r"np.concatenate is not available"):
        np.concatenate([to_device(cube()), to_device(cube())])


@pytest.mark.parametrize("key", [[0, 1], np.array([0, 1]), True, 1.5, (0, [1])])
def test_keys_that_make_no_view(key: Any) -> None:
    with pytest.raises(TypeError, match="a CudaArray takes ints, slices, None"):
        to_device(cube())[key]


def test_a_host_array_is_not_moved_silently() -> None:
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cpu"):
        to_device(cube())[0] = cube()[0]
