"""Values: what a tensor tells of its array, in the terms of Python and NumPy.  No graph here."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import device as devices
from minigrad import dtypes, kernels
from minigrad.formats import check_format, contiguous_format, layout, strided
from minigrad.memory import owner_of
from minigrad.shapes import axis_of

Array = Any  # numpy.ndarray, CudaArray or BatchedArray

ITEM_IN_VMAP = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling "
    ".item() on a Tensor: it stands for all samples at once. Please try to rewrite what you're "
    "doing with other operations."
)
CONTROL_FLOW_IN_VMAP = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. "
    "We don't support that: the samples may differ. Choose with minigrad.where(condition, x, y)."
)


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as torch's does."""

    __slots__ = ()

    def numel(self) -> int:
        return int(np.prod(self, dtype=np.int64))

    def __repr__(self) -> str:
        return f"minigrad.Size({list(self)})"


class Values:
    """The half of Tensor that is about its array."""

    __slots__ = ("array",)
    array: Array

    # -------------------------------------------------------------------------- what it is

    @property
    def shape(self) -> Size:
        return Size(self.array.shape)

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.array.shape[axis_of(dim, self.array.ndim)]

    @property
    def ndim(self) -> int:
        return int(self.array.ndim)

    def dim(self) -> int:
        return int(self.array.ndim)

    def numel(self) -> int:
        return int(self.array.size)

    nelement, ndimension = numel, dim

    def stride(self, dim: int | None = None) -> Any:
        """Steps from an element to the next along each dimension, in elements."""
        steps = steps_of(self.array)
        return steps if dim is None else steps[axis_of(dim, len(steps))]

    def storage_offset(self) -> int:
        """Where the first element lies in the memory, in elements."""
        return offset_of(self.array)

    def data_ptr(self) -> int:
        """The address of the first element (on a GPU, one that tells tensors apart)."""
        return address(self.array)

    def is_contiguous(self, *, memory_format: Any = contiguous_format) -> bool:
        """Whether the elements lie in order, side by side."""
        check_format("is_contiguous", memory_format, contiguous_format)
        return bool(self.array.flags.c_contiguous)

    def is_same_size(self, other: Values) -> bool:
        """Whether both have one shape."""
        return bool(self.array.shape == other.array.shape)

    def element_size(self) -> int:
        """Bytes an element."""
        return int(self.array.itemsize)

    @property
    def itemsize(self) -> int:
        return int(self.array.itemsize)

    @property
    def nbytes(self) -> int:
        return int(self.array.size * self.array.itemsize)

    @property
    def layout(self) -> layout:
        return strided

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of_numpy(self.array.dtype)

    def is_floating_point(self) -> bool:
        return bool(self.array.dtype.kind == "f")

    def is_complex(self) -> bool:
        return False

    def is_signed(self) -> bool:
        return bool(self.array.dtype.kind in "if")

    @property
    def device(self) -> devices.device:
        return devices.of_array(self.array)

    @property
    def is_cuda(self) -> bool:
        return type(self.array) is not np.ndarray and self.array.device != "cpu"

    def get_device(self) -> int:
        """The number of the GPU; -1 on the CPU."""
        return int(self.array.device) if self.is_cuda else -1

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self.array.shape[0])

    # ------------------------------------------------------------------------ its values

    def host_array(self) -> np.ndarray[Any, Any]:
        """The values as a NumPy array: the memory itself on the CPU, a copy from a GPU."""
        return kernels.to_host(self.array)

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if kernels.is_batched(self.array):
            raise RuntimeError(ITEM_IN_VMAP)
        if self.array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self.array.size} elements cannot be converted to Scalar"
            )
        return self.host_array().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.host_array().tolist()

    def __bool__(self) -> bool:
        if kernels.is_batched(self.array):
            raise RuntimeError(CONTROL_FLOW_IN_VMAP)
        if self.array.size != 1:
            reason = "no values" if self.array.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {reason} is ambiguous")
        return bool(self.item())

    def is_nonzero(self) -> bool:
        """Whether a one-element tensor is not zero."""
        return bool(self)

    def __float__(self) -> float:
        return float(self.only_element())

    def __int__(self) -> int:
        return int(self.only_element())

    def only_element(self) -> Any:
        if self.array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __index__(self) -> int:
        if self.array.dtype.kind == "f" or self.array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())


# ------------------------------------------------------------------------- of a tensor's memory


def steps_of(array: Array) -> tuple[int, ...]:
    """The strides, in elements."""
    return tuple(step // array.itemsize for step in array.strides)


def address(array: Array) -> int:
    memory: Any = getattr(array, "layout", array)
    return int(memory.__array_interface__["data"][0])


def offset_of(array: Array) -> int:
    """Where the first element lies in the memory, in elements."""
    distance = address(array) - address(owner_of(array))
    return distance // int(array.itemsize)
