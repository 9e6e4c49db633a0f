"""Making tensors: from data, filled, and counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad import dtypes, kernels
from minigrad.ops.move import to_device_array
from minigrad.ops.reduction import cast
from minigrad.shapes import shape_argument
from minigrad.tensor import TENSORS, Tensor, constant, unrecorded

Device = Any  # a device, its name, an index or None
Dtype = Any  # a minigrad dtype or None


def finish(array: Any, device: Device, requires_grad: bool) -> Tensor:
    """The tensor of a NumPy array on the wanted device."""
    x = unrecorded(to_device_array(array, device))
    return x.requires_grad_() if requires_grad else x


def numpy_dtype(dtype: Dtype, default: dtypes.dtype | None = None) -> np.dtype[Any]:
    if dtype is None:
        return (default or dtypes.get_default_dtype()).numpy
    return dtypes.to_numpy(dtype)


def tensor(
    data: Any,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested lists, a NumPy array."""
    array = np.array(as_array(data, dtype), copy=True, order="C")
    return finish(array, device, requires_grad)


def as_array(data: Any, dtype: Dtype) -> np.ndarray[Any, Any]:
    """Data as a NumPy array of this dtype, or (None) of the one that torch would give it."""
    array = untyped_array(data)
    check_byte_order(array)
    if dtype is not None:
        wanted = dtypes.to_numpy(dtype)
        if wanted.kind in "iu" and array.dtype.kind in "iuf" and not is_typed(data):
            check_range(array, wanted)
        return array if array.dtype == wanted else kernels.converted(array, wanted)
    if array.dtype.kind == "f" and not is_typed(data):
        return array.astype(dtypes.get_default_dtype().numpy)
    dtypes.of_numpy(array.dtype)
    return array


def check_range(array: np.ndarray[Any, Any], wanted: np.dtype[Any]) -> None:
    """RuntimeError for Python numbers beyond an integer dtype.  (-1 is welcome in uint8.)"""
    bounds = np.iinfo(wanted)
    lowest = -bounds.max if wanted.kind == "u" else bounds.min
    if array.size and not (lowest <= array.min() and array.max() <= bounds.max):
        raise RuntimeError(f"value cannot be converted to type {wanted} without overflow")


def is_typed(data: Any) -> bool:
    """Whether data has a dtype of its own, as Python numbers and empty lists do not."""
    first = first_element(data)
    return type(first) in TENSORS or isinstance(first, np.ndarray | np.generic)


def untyped_array(data: Any) -> np.ndarray[Any, Any]:
    if type(data) in TENSORS:
        return data.host_array()
    try:
        array = np.asarray(untensored(data))
    except ValueError as error:
        raise ValueError(f"expected sequences of equal lengths at every depth: {error}") from None
    if array.dtype.kind == "O" or array.dtype.kind in "USMm":
        raise TypeError(
            f"can't make a tensor of {type(data).__name__} with elements of type "
            f"{first_type(data)}: numbers, lists of numbers and NumPy arrays will do"
        )
    if array.dtype == np.uint64 and not is_typed(data):
        raise RuntimeError("Overflow when unpacking long long")
    return array


def untensored(data: Any) -> Any:
    """Lists with Tensors in them as lists of arrays."""
    if type(data) in TENSORS:
        return data.host_array()
    if isinstance(first_element(data), int | float):
        return data
    return [untensored(d) for d in data] if isinstance(data, list | tuple) else data


def first_element(data: Any) -> Any:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


def first_type(data: Any) -> str:
    return type(first_element(data)).__name__


def as_tensor(data: Any, dtype: Dtype = None, device: Device = None) -> Tensor:
    """The tensor of `data`, sharing its memory where dtype and device allow."""
    if type(data) in TENSORS:
        wanted = data.array.dtype if dtype is None else dtypes.to_numpy(dtype)
        x = data if data.array.dtype == wanted else cast(data, wanted)
        return x if device is None else x.to(device)
    return finish(as_array(data, dtype), device, False)


def check_byte_order(array: np.ndarray[Any, Any]) -> None:
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order: convert it "
            "with array.astype(array.dtype.newbyteorder('='))"
        )


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """The tensor that shares the memory of a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    check_byte_order(ndarray)
    dtypes.of_numpy(ndarray.dtype)
    return constant(ndarray.view(np.ndarray))


# -------------------------------------------------------------------------------------- filled


def full(
    size: Sequence[int],
    fill_value: float,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor with every element `fill_value`."""
    default = {bool: dtypes.bool, int: dtypes.int64}.get(type(fill_value))
    shape = new_shape(tuple(size) if isinstance(size, tuple | list) else (size,))
    return finish(np.full(shape, fill_value, numpy_dtype(dtype, default)), device, requires_grad)


def new_shape(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of a new tensor, given as f(2, 3) or as f((2, 3))."""
    shape = shape_argument(sizes)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def zeros(
    *sizes: Any,
    size: Any = (),
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros."""
    shape = new_shape(sizes or (size,))
    return finish(np.zeros(shape, numpy_dtype(dtype)), device, requires_grad)


def ones(
    *sizes: Any,
    size: Any = (),
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones."""
    shape = new_shape(sizes or (size,))
    return finish(np.ones(shape, numpy_dtype(dtype)), device, requires_grad)


def empty(
    *sizes: Any,
    size: Any = (),
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of whatever was in the memory."""
    shape = new_shape(sizes or (size,))
    return finish(np.empty(shape, numpy_dtype(dtype)), device, requires_grad)


def filled_like(
    x: Tensor, value: float, dtype: Dtype, device: Device, requires_grad: bool
) -> Tensor:
    kind = x.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    if device is not None and devices.device(device) != x.device:
        return finish(np.full(x.array.shape, value, kind), device, requires_grad)
    made = unrecorded(kernels.full(x.array.shape, value, kind, x.array))
    return made.requires_grad_() if requires_grad else made


def zeros_like(
    input: Tensor, *, dtype: Dtype = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """Zeros in the shape, dtype and device of a tensor."""
    return filled_like(input, 0, dtype, device, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Dtype = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """Ones in the shape, dtype and device of a tensor."""
    return filled_like(input, 1, dtype, device, requires_grad)


def full_like(
    input: Tensor,
    fill_value: float,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """One value in the shape, dtype and device of a tensor."""
    return filled_like(input, fill_value, dtype, device, requires_grad)


empty_like = zeros_like


def new_full(
    self: Tensor, size: Any, fill_value: float, *, dtype: Dtype = None, device: Device = None
) -> Tensor:
    """A tensor of one value, with this one's dtype and device."""
    kind = self.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    shape = shape_argument((tuple(size),))
    made = unrecorded(kernels.full(shape, fill_value, kind, self.array))
    return made if device is None else made.to(device)


def new_zeros(self: Tensor, *size: Any, dtype: Dtype = None, device: Device = None) -> Tensor:
    return new_full(self, shape_argument(size), 0, dtype=dtype, device=device)


def new_ones(self: Tensor, *size: Any, dtype: Dtype = None, device: Device = None) -> Tensor:
    return new_full(self, shape_argument(size), 1, dtype=dtype, device=device)


def new_tensor(
    self: Tensor, data: Any, *, dtype: Dtype = None, requires_grad: bool = False
) -> Tensor:
    kind = self.dtype if dtype is None else dtype
    return tensor(data, dtype=kind, device=self.device, requires_grad=requires_grad)


# -------------------------------------------------------------------------------------- counted


def arange(
    *bounds: float,
    start: float = 0,
    end: float | None = None,
    step: float = 1,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """arange(end), arange(start, end) or arange(start, end, step); the end is left out."""
    if len(bounds) > 3 or (not bounds and end is None):
        raise TypeError(f"arange() takes from 1 to 3 numbers, but got {len(bounds)}")
    if len(bounds) == 1 and end is None:
        bounds = (start, *bounds)
    numbers: Any = (*bounds, *(start, end, step)[len(bounds) :])
    start, end, step = numbers
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(number, int) for number in numbers)
    kind = numpy_dtype(dtype, dtypes.int64 if whole else None)
    count = math.ceil((end - start) / step)
    array = (start + np.arange(count, dtype=np.int64) * step).astype(kind)
    return finish(array, device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from start to end, both included, at equal distances."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    array = np.linspace(start, end, steps).astype(numpy_dtype(dtype))
    return finish(array, device, requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    return finish(np.eye(n, m, dtype=numpy_dtype(dtype)), device, requires_grad)
