"""New tensors of one value: zeros, ones, full, those like another; and the identity matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad import dtypes, kernels
from minigrad.determinism import are_deterministic_algorithms_enabled
from minigrad.formats import check_format, check_usual, contiguous_format, preserve_format
from minigrad.kernels.codegen import Number
from minigrad.ops.arguments import typed
from minigrad.ops.creation import (
    Device,
    Dtype,
    finish,
    new_shape,
    numpy_dtype,
    plain_number,
)
from minigrad.ops.define import fitting
from minigrad.ops.shared_memory import stretched_axes
from minigrad.shapes import sizes_of
from minigrad.tensor import Tensor, unrecorded

Array = Any


def filling(function: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """A number to fill with.  RuntimeError where the dtype cannot hold it."""
    return fitting(plain_number(function, "fill_value", value), dtype)


@typed
def full(
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with every element `fill_value`, whose kind of number decides the dtype."""
    check_usual("full", layout, pin_memory)
    value = plain_number("full", "fill_value", fill_value)
    default = {bool: dtypes.bool, int: dtypes.int64}.get(type(value))
    kind = numpy_dtype(dtype, default)
    array = np.full(new_shape(tuple(size)), filling("full", value, kind), kind)
    return finish(array, device, requires_grad)


@typed
def zeros(
    *sizes: Any,
    size: Any = None,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of zeros."""
    check_usual("zeros", layout, pin_memory)
    shape = new_shape(sizes_of("zeros", "size", sizes, size))
    return finish(np.zeros(shape, numpy_dtype(dtype)), device, requires_grad)


@typed
def ones(
    *sizes: Any,
    size: Any = None,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of ones."""
    check_usual("ones", layout, pin_memory)
    shape = new_shape(sizes_of("ones", "size", sizes, size))
    return finish(np.ones(shape, numpy_dtype(dtype)), device, requires_grad)


@typed
def empty(
    *sizes: Any,
    size: Any = None,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = contiguous_format,
) -> Tensor:
    """A tensor of whatever was in the memory."""
    check_usual("empty", layout, pin_memory)
    check_format("empty", memory_format, contiguous_format)
    shape = new_shape(sizes_of("empty", "size", sizes, size))
    array = np.empty(shape, numpy_dtype(dtype))
    if are_deterministic_algorithms_enabled():
        array.fill(np.nan if array.dtype.kind == "f" else largest(array.dtype))
    return finish(array, device, requires_grad)


@typed
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Ones on the diagonal, zeros elsewhere."""
    check_usual("eye", layout, pin_memory)
    for name, size in (("n", n), ("m", n if m is None else m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return finish(np.eye(n, m, dtype=numpy_dtype(dtype)), device, requires_grad)


def largest(dtype: np.dtype[Any]) -> Any:
    """The largest integer of a dtype, or True."""
    return True if dtype.kind == "b" else np.iinfo(dtype).max


# ------------------------------------------------------------------------------ like another tensor


def filled_like(
    function: str,
    x: Tensor,
    value: Any,
    dtype: Dtype,
    layout: Any,
    device: Device,
    requires_grad: bool,
    pin_memory: bool,
    memory_format: Any,
) -> Tensor:
    check_usual(function, layout, pin_memory)
    check_format(function, memory_format, preserve_format, contiguous_format)
    kind = x.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    value = filling(function, value, kind)
    if device is not None and devices.device(device) != x.device:
        return finish(np.full(x.array.shape, value, kind), device, requires_grad)
    made = unrecorded(array_like(x.array, value, kind, memory_format is preserve_format))
    return made.requires_grad_() if requires_grad else made


def array_like(array: Array, value: Any, dtype: np.dtype[Any], preserve: bool) -> Array:
    """An array of one value, with its elements in the order of another's if that is wanted."""
    usual = not preserve or type(array) is not np.ndarray or array.flags.c_contiguous
    if usual or stretched_axes(array):
        return kernels.full(array.shape, value, dtype, array)
    return np.full_like(array, value, dtype, order="K")


@typed
def zeros_like(
    input: Tensor,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Zeros in the shape, dtype and device of a tensor."""
    options = (dtype, layout, device, requires_grad, pin_memory, memory_format)
    return filled_like("zeros_like", input, 0, *options)


@typed
def ones_like(
    input: Tensor,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Ones in the shape, dtype and device of a tensor."""
    options = (dtype, layout, device, requires_grad, pin_memory, memory_format)
    return filled_like("ones_like", input, 1, *options)


@typed
def empty_like(
    input: Tensor,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """A tensor in the shape, dtype and device of another: zeros, as it happens."""
    options = (dtype, layout, device, requires_grad, pin_memory, memory_format)
    return filled_like("empty_like", input, 0, *options)


@typed
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """One value in the shape, dtype and device of a tensor."""
    options = (dtype, layout, device, requires_grad, pin_memory, memory_format)
    return filled_like("full_like", input, fill_value, *options)


# ------------------------------------------------------------------ in its dtype, of another shape


@typed
def new_full(
    self: Tensor,
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of one value, with this one's dtype and device."""
    check_usual("new_full", layout, pin_memory)
    kind = self.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    value = filling("new_full", fill_value, kind)
    made = unrecorded(kernels.full(new_shape((tuple(size),)), value, kind, self.array))
    made = made if device is None else made.to(device)
    return made.requires_grad_() if requires_grad else made


@typed
def new_zeros(self: Tensor, *sizes: Any, size: Any = None, **options: Any) -> Tensor:
    """Zeros of any shape, with this tensor's dtype and device.  Options: as new_full has them."""
    return new_full(self, sizes_of("new_zeros", "size", sizes, size), 0, **options)


@typed
def new_ones(self: Tensor, *sizes: Any, size: Any = None, **options: Any) -> Tensor:
    """Ones of any shape, with this tensor's dtype and device.  Options: as new_full has them."""
    return new_full(self, sizes_of("new_ones", "size", sizes, size), 1, **options)


@typed
def new_empty(self: Tensor, *sizes: Any, size: Any = None, **options: Any) -> Tensor:
    """A tensor of any shape, with this one's dtype and device; its values are of no account.
    Options: as new_full has them."""
    return new_full(self, sizes_of("new_empty", "size", sizes, size), 0, **options)
