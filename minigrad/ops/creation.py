"""Making tensors from data: numbers, nested lists, NumPy arrays.

filled.py has zeros and the like, progressions.py arange and its like.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.formats import check_usual
from minigrad.kernels.promotion import promote
from minigrad.ops.arguments import typed
from minigrad.ops.move import to_device_array
from minigrad.ops.reduction import cast
from minigrad.ops.shared_memory import stretched_axes
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


@typed
def tensor(
    data: Any,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested lists, a NumPy array."""
    check_usual("tensor", None, pin_memory)
    array = as_array(data, dtype)
    copy = np.array(array, copy=True, order="C" if stretched_axes(array) else "K")
    return finish(copy, device, requires_grad)


def as_array(data: Any, dtype: Dtype) -> np.ndarray[Any, Any]:
    """Data as a NumPy array of this dtype, or (None) of the one that torch would give it."""
    if dtype is not None:
        return in_dtype(data, dtypes.to_numpy(dtype))
    if isinstance(data, list | tuple) and holds_tensor(data):
        return untyped_array(data).astype(dtype_of_mixed(data))
    array = untyped_array(data)
    check_byte_order(array)
    if is_typed(data):
        dtypes.of_numpy(array.dtype)
    elif array.dtype.kind == "f":
        return array.astype(dtypes.get_default_dtype().numpy)
    elif array.dtype == np.uint64:
        raise ValueError("Overflow when unpacking long long")
    else:
        dtypes.of_numpy(array.dtype)
    return array


def in_dtype(data: Any, wanted: np.dtype[Any]) -> np.ndarray[Any, Any]:
    array = untyped_array(data, wanted)
    check_byte_order(array)
    if wanted.kind in "iu" and array.dtype.kind in "iuf" and not is_typed(data):
        check_range(array, wanted)
    return array if array.dtype == wanted else kernels.converted(array, wanted)


def check_range(array: np.ndarray[Any, Any], wanted: np.dtype[Any]) -> None:
    """RuntimeError for Python numbers beyond an integer dtype.  (-1 is welcome in uint8.)"""
    bounds = np.iinfo(wanted)
    wraps = wanted.kind == "u" and array.dtype.kind != "f"
    lowest = -bounds.max if wraps else bounds.min
    if array.size and not (lowest <= array.min() and array.max() <= bounds.max):
        raise RuntimeError(f"value cannot be converted to type {wanted} without overflow")


def is_typed(data: Any) -> bool:
    """Whether data has a dtype of its own, as Python numbers and empty lists do not."""
    first = first_element(data)
    return type(first) in TENSORS or isinstance(first, np.ndarray | np.generic)


def untyped_array(data: Any, wanted: np.dtype[Any] | None = None) -> np.ndarray[Any, Any]:
    if type(data) in TENSORS:
        return data.host_array()
    if isinstance(data, list | tuple) and holds_tensor(data):
        data = untensored(data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        kind = TypeError if is_ragged(data) else ValueError
        raise kind(f"expected sequences of equal lengths at every depth: {error}") from None
    if array.dtype.kind == "O":
        return of_large_integers(data, wanted)
    if array.dtype.kind in "USMm":
        kind = ValueError if isinstance(data, list | tuple) else TypeError
        raise kind(f"invalid data type or too many dimensions: {no_tensor_of(data)}")
    return array


def of_large_integers(data: Any, wanted: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    """Python's integers beyond 64 bits, where floats are wanted; of nothing else NumPy does not
    know can a tensor be made."""
    first = first_element(data)
    if not isinstance(first, int | float):
        name = type(first).__name__
        raise RuntimeError(f"Could not infer dtype of {name}: {no_tensor_of(data)}")
    if wanted is None or wanted.kind != "f":
        raise ValueError("Overflow when unpacking long long")
    return np.asarray(data, np.float64)


def no_tensor_of(data: Any) -> str:
    return (
        f"can't make a tensor of {type(data).__name__} with elements of type "
        f"{type(first_element(data)).__name__}: numbers, lists of numbers and NumPy arrays will do"
    )


def is_ragged(data: Any) -> bool:
    """Whether numbers and lists stand side by side at some depth."""
    lists = [d for d in data if isinstance(d, list | tuple)]
    return 0 < len(lists) < len(data) or any(is_ragged(d) for d in lists)


def first_element(data: Any) -> Any:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


# ---------------------------------------------------------------------- lists with tensors in them


def holds_tensor(data: Any) -> bool:
    kinds = set(map(type, data))
    if not TENSORS.isdisjoint(kinds):
        return True
    return (list in kinds or tuple in kinds) and any(
        holds_tensor(d) for d in data if isinstance(d, list | tuple)
    )


def untensored(data: Any) -> Any:
    """Tensors of one element as numbers, in lists of lists."""
    if isinstance(data, list | tuple):
        return [untensored(d) for d in data]
    return data.only_element() if type(data) in TENSORS else data


def dtype_of_mixed(data: Any) -> np.dtype[Any]:
    """What the elements of a list promote to, tensors with their own dtypes."""
    if isinstance(data, list | tuple):
        return functools.reduce(promote, map(dtype_of_mixed, data))
    if type(data) in TENSORS or isinstance(data, np.ndarray | np.generic):
        return np.dtype(data.array.dtype if type(data) in TENSORS else data.dtype)
    default = dtypes.get_default_dtype().numpy
    return np.dtype(bool if type(data) is bool else np.int64 if type(data) is int else default)


# ------------------------------------------------------------------------------- sharing memory


@typed
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
    if min(ndarray.strides, default=0) < 0:
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not supported. (array.copy() has none.)"
        )
    return constant(ndarray.view(np.ndarray))


def new_tensor(
    self: Tensor,
    data: Any,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`, in this one's dtype and on its device."""
    check_usual("new_tensor", layout, pin_memory)
    kind = self.dtype if dtype is None else dtype
    where = self.device if device is None else device
    return tensor(data, dtype=kind, device=where, requires_grad=requires_grad)


# ------------------------------------------------------------------------- what all of them share


def new_shape(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of a new tensor, given as f(2, 3) or as f((2, 3))."""
    shape = shape_argument(sizes)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def plain_number(function: str, argument: str, value: Any) -> Any:
    """A Python number, also of a one-element tensor or NumPy's; TypeError for anything else."""
    if type(value) in TENSORS or isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, int | float):
        raise TypeError(
            f"{function}(): argument '{argument}' must be Number, not {type(value).__name__}"
        )
    return value
