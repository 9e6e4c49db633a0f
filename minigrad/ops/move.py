"""Moving: to another dtype or device.  Nothing moves unless one of these is called."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad import dtypes, kernels
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.reduction import cast
from minigrad.tensor import TENSORS, Tensor, record


def to_device_array(array: Any, device: Any) -> Any:
    """An array on the device that a `device=` argument names; None leaves it where it is."""
    if device is None:
        return array
    wanted = devices.device(device)
    if kernels.is_batched(array):
        return array.with_values(to_device_array(array.values, device))
    if wanted.type == "cpu":
        return kernels.to_host(array)
    if type(array) is not np.ndarray:
        return array
    return kernels.cuda_module("array").to_device(array, wanted.index or 0)


class MoveBackward(Node):
    """A copy on another device: the gradient goes back to where the input is."""

    __slots__ = ("device",)
    device: devices.device

    def vjp(self, grad: Either) -> Any:
        return (moved(grad, self.device),)


MoveBackward.__name__ = "ToCopyBackward0"  # torch has one node for both kinds of copy


def moved(x: Either, device: devices.device) -> Either:
    if type(x) not in TENSORS:
        return to_device_array(x, device)
    return record(MoveBackward, to_device_array(x.array, device), (x,), device=x.device)


def to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x.to(dtype), x.to(device), x.to(device, dtype), x.to(other): x itself if nothing changes."""
    device, dtype, copy = parse(args, kwargs)
    result = x
    if device is not None:
        wanted = devices.device(device)
        if wanted.type != x.device.type:
            result = moved(result, wanted)
    if dtype is not None and dtypes.to_numpy(dtype) != x.array.dtype:
        result = cast(result, dtypes.to_numpy(dtype))
    return result.clone() if copy and result is x else result


def parse(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool]:
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    if kwargs:
        raise TypeError(f"to() got unexpected arguments: {', '.join(kwargs)}")
    for argument in args:
        if isinstance(argument, dtypes.dtype):
            dtype = argument
        elif isinstance(argument, Tensor):
            device, dtype = argument.device, argument.dtype
        elif isinstance(argument, str | int | devices.device) and not isinstance(argument, bool):
            device = argument
        elif isinstance(argument, type):
            dtype = argument
        elif not isinstance(argument, bool):
            raise TypeError(f"to() takes a dtype, a device or a Tensor, not {argument!r}")
    return device, dtype, copy


def cpu(x: Tensor) -> Tensor:
    """The tensor on the CPU."""
    return to(x, "cpu")


def cuda(x: Tensor, device: Any = None) -> Tensor:
    """The tensor on a GPU.  RuntimeError if there is none."""
    return to(x, "cuda" if device is None else devices.device(device))


@typed
def type_as(x: Tensor, other: Tensor) -> Tensor:
    """The tensor in another one's dtype."""
    return to(x, other.dtype)


TYPES = {
    f"minigrad.{kind}Tensor": dtypes.of_numpy(np.dtype(n)) for n, kind in dtypes.TYPE_NAMES.items()
}


def type_of(x: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """x.type() is "minigrad.FloatTensor"; x.type(dtype), or x.type of such a name, x in it."""
    if dtype is None:
        place = "minigrad.cuda." if x.is_cuda else "minigrad."
        return f"{place}{dtypes.type_name(x.array.dtype)}Tensor"
    if isinstance(dtype, str):
        if dtype not in TYPES:
            raise ValueError(f"invalid type: {dtype!r}. Names are {', '.join(TYPES)}")
        dtype = TYPES[dtype]
    if not isinstance(dtype, dtypes.dtype):
        raise TypeError("type(): dtype must be a type, str, or dtype object")
    return to(x, dtype)


def cast_to(dtype: dtypes.dtype) -> Any:
    """The method x.float(), x.long(), ..."""

    def method(x: Tensor) -> Tensor:
        return x if x.array.dtype == dtype.numpy else cast(x, dtype.numpy)

    method.__name__ = dtype.name
    method.__doc__ = f"The tensor in {dtype!r}."
    return method
