"""CudaArray: an array in the memory of a GPU, with the attributes of a NumPy array.

A CudaArray is a flat buffer on the device plus `layout`, a NumPy array of the same shape, strides
and dtype whose CONTENTS ARE NEVER READ.  NumPy works out every view on it (x[1:, ::2], transpose,
reshape, broadcast_to), and the address of the view less the address of the layout it came from
is where the view begins in the buffer.  `np.empty` touches no memory, so a layout costs none.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.kernels import strided
from minigrad.kernels.cuda import driver, pointwise

Shape = int | Sequence[int]
BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


class CudaArray:
    """An array of a GPU.  Make one with `to_device`, `empty`, `zeros` or `full`.

    Attributes are those of ndarray; `strides` are in bytes.
    """

    __slots__ = ("__weakref__", "buffer", "layout", "origin")

    def __init__(self, buffer: Any, layout: np.ndarray, origin: int):
        self.buffer, self.layout, self.origin = buffer, layout, origin

    # ------------------------------------------------------------------- what an ndarray tells

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout.shape

    @property
    def strides(self) -> tuple[int, ...]:
        return self.layout.strides

    @property
    def ndim(self) -> int:
        return self.layout.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.layout.dtype

    @property
    def size(self) -> int:
        return self.layout.size

    @property
    def itemsize(self) -> int:
        return self.layout.itemsize

    @property
    def nbytes(self) -> int:
        return self.layout.nbytes

    @property
    def flags(self) -> Any:
        return self.layout.flags

    @property
    def device(self) -> int:
        """The number of the GPU: of cuda:0, 0."""
        return 0

    @property
    def base(self) -> Any:
        """None if this array is no view of another."""
        return self.layout.base

    @property
    def T(self) -> "CudaArray":
        return self.view_as(self.layout.T)

    @property
    def offset(self) -> int:
        """Where the array begins in its buffer, in elements."""
        return (address(self.layout) - self.origin) // self.layout.itemsize

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, in elements."""
        itemsize = self.layout.itemsize
        return tuple(stride // itemsize for stride in self.layout.strides)

    @property
    def is_contiguous(self) -> bool:
        return bool(self.layout.flags.c_contiguous)

    def __len__(self) -> int:
        return len(self.layout)

    def __bool__(self) -> bool:
        return bool(self.item())

    def __reduce__(self) -> Any:
        """Pickled by value.  (Copied as it stands, a layout would have another address.)"""
        return to_device, (self.to_host(), self.device)

    def __repr__(self) -> str:
        values = np.array2string(self.to_host(), separator=", ", prefix="CudaArray(")
        return f"CudaArray({values}, dtype={self.dtype}, device='cuda:{self.device}')"

    # ------------------------------------------------------------------------------------ views

    def view_as(self, layout: np.ndarray) -> "CudaArray":
        """The same memory under a layout that was made as a view of this array's."""
        return CudaArray(self.buffer, layout, self.origin)

    def __getitem__(self, key: Any) -> "CudaArray":
        return self.view_as(self.layout[basic(key)])

    def transpose(self, *axes: Any) -> "CudaArray":
        return self.view_as(self.layout.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> "CudaArray":
        return self.view_as(self.layout.swapaxes(first, second))

    def squeeze(self, axis: Any = None) -> "CudaArray":
        return self.view_as(self.layout.squeeze(axis))

    def broadcast_to(self, shape: Shape) -> "CudaArray":
        return self.view_as(np.broadcast_to(self.layout, shape))

    def reshape(self, *shape: Any) -> "CudaArray":
        """A view where the strides allow it, a copy otherwise."""
        wanted = shape[0] if len(shape) == 1 else shape
        try:
            return self.view_as(self.layout.reshape(wanted, copy=False))
        except ValueError:
            contiguous = self.copy()  # reshape() below raises if the sizes differ
            return contiguous.view_as(contiguous.layout.reshape(wanted))

    def ravel(self) -> "CudaArray":
        return self.reshape(-1)

    def as_strided(self, shape: Any, strides: Any, shift: int) -> "CudaArray":
        """Any view of this memory; strides and shift are in bytes."""
        return self.view_as(strided.as_strided(self.layout, shape, strides, shift))

    # ----------------------------------------------------------------------------------- copies

    def astype(self, dtype: Any, copy: bool = True) -> "CudaArray":
        if np.dtype(dtype) == self.dtype and not copy:
            return self
        result = empty(self.shape, dtype)
        pointwise.copy(self, result)
        return result

    def copy(self) -> "CudaArray":
        """A contiguous copy."""
        return self.astype(self.dtype)

    def contiguous(self) -> "CudaArray":
        """This array if its elements lie in order, else a copy."""
        return self if self.is_contiguous else self.copy()

    def __setitem__(self, key: Any, value: Any) -> None:
        target = self[key]
        if isinstance(value, np.ndarray) and value.ndim:
            raise RuntimeError(pointwise.TWO_DEVICES)
        if isinstance(value, CudaArray):
            source = apart_from(target, value)
            pointwise.copy(source.broadcast_to(target.shape), target)
        else:
            pointwise.fill(target, self.dtype.type(value))

    def fill(self, value: Any) -> None:
        self[...] = value

    def to_host(self) -> np.ndarray:
        """The values as a C-contiguous NumPy array; waits for the kernels that make them."""
        array = self.contiguous()
        if array.size == 0:
            return np.empty(self.shape, self.dtype)
        flat = array.buffer[array.offset : array.offset + array.size].copy_to_host()
        driver.check_faults()
        return np.asarray(flat).reshape(self.shape)

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self.to_host().item()

    def tolist(self) -> Any:
        return self.to_host().tolist()

    # ---------------------------------------------------------------------------- NumPy's hooks

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            f"can't convert cuda:{self.device} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (None,), **options: Any
    ) -> "CudaArray":
        if any(hasattr(x, "level") for x in inputs):
            return NotImplemented  # a BatchedArray beside this one sees to it
        if method != "__call__" or options:
            raise TypeError(f"a CudaArray has no {ufunc.__name__}.{method} with {list(options)}")
        formula, operands = pointwise.formula_of(ufunc), pointwise.operands_of(inputs)
        shape, result_dtype = pointwise.result_of(formula, operands)
        target = out[0] if isinstance(out[0], CudaArray) else empty(shape, result_dtype)
        if target.shape != shape or target.dtype != result_dtype:
            raise ValueError(
                f"{formula.name} gives {result_dtype} of shape {shape}, "
                f"which does not fit an output of {target.dtype} and shape {target.shape}"
            )
        operands = [apart_from(target, x) for x in operands]
        pointwise.run(formula, operands, target)
        return target

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        """np.transpose(x), np.broadcast_to(x, shape)...: whatever only makes a view."""
        if function not in VIEWS or inputs[0] is not self:
            raise TypeError(f"np.{function.__name__} is not available for a CudaArray")
        return self.view_as(function(self.layout, *inputs[1:], **options))


VIEWS = {np.broadcast_to, np.expand_dims, np.moveaxis, np.squeeze, np.swapaxes, np.transpose}


def apart_from(target: CudaArray, x: Any) -> Any:
    """`x`, copied if writing `target` element by element would change elements still to be read."""
    if not isinstance(x, CudaArray) or x.buffer is not target.buffer:
        return x
    same_places = x.shape == target.shape and x.steps == target.steps and x.offset == target.offset
    if same_places or not np.may_share_memory(x.layout, target.layout):
        return x
    return x.copy()


def address(layout: np.ndarray) -> int:
    pointer: int = layout.__array_interface__["data"][0]
    return pointer


def basic(key: Any) -> tuple[Any, ...]:
    """A key that makes NumPy give a view, even where it would give a scalar."""
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if not isinstance(part, BASIC) or isinstance(part, bool | np.bool_):
            raise TypeError(
                f"a CudaArray takes ints, slices, None and ... between its brackets, "
                f"got {type(part).__name__}"
            )
    return parts if any(part is Ellipsis for part in parts) else (*parts, Ellipsis)


# -------------------------------------------------------------------------------------- new arrays


def wrap(buffer: Any, layout: np.ndarray) -> CudaArray:
    """The array that owns a buffer; `layout` is new and contiguous."""
    return CudaArray(buffer, layout, address(layout))


def empty(shape: Shape, dtype: Any = np.float32, index: int = 0) -> CudaArray:
    """An array on the GPU `cuda:index` with any contents."""
    driver.require(index)
    layout = np.empty(shape, dtype)
    return wrap(driver.allocate(layout.size, layout.dtype), layout)


def full(shape: Shape, value: Any, dtype: Any = np.float32, index: int = 0) -> CudaArray:
    """An array on the GPU `cuda:index` filled with one number."""
    result = empty(shape, dtype, index)
    result.fill(value)
    return result


def zeros(shape: Shape, dtype: Any = np.float32, index: int = 0) -> CudaArray:
    return full(shape, 0, dtype, index)


def to_device(array: np.ndarray, index: int = 0) -> CudaArray:
    """A copy of a NumPy array on the GPU `cuda:index`."""
    driver.require(index)
    flat = np.ascontiguousarray(array).reshape(-1)
    return wrap(driver.upload(flat), np.empty(array.shape, array.dtype))
