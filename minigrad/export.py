"""Values that leave the graph: NumPy arrays, deep copies and pickles.  Methods of Tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.grad_mode import is_grad_enabled
from minigrad.leaf import Leaf
from minigrad.node import NO_EDGE
from minigrad.tensor import Tensor

Array = Any  # numpy.ndarray or CudaArray


def numpy(x: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """The NumPy array that shares this memory; with `force`, detached or copied if need be."""
    if force:
        return x.host_array()
    if x.requires_grad and is_grad_enabled():
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if x.is_cuda:
        raise TypeError(
            f"can't convert {x.device} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )
    return x.host_array()


def as_array(x: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    """x.__array__(): what np.asarray(x) asks for."""
    array = numpy(x)
    return np.array(array, dtype=dtype) if copy else np.asarray(array, dtype=dtype)


def deepcopy(x: Tensor, memo: dict[int, Any]) -> Tensor:
    """x.__deepcopy__(): a leaf like x, with a copy of its .grad."""
    if not x.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use tensor.detach().clone() for a copy of the values."
        )
    copy = memo[id(x)] = leaf(type(x), x.array.copy(), x.requires_grad)
    copy._grad = None if x._grad is None else deepcopy(x._grad, memo)
    return copy


def reduce(x: Tensor) -> tuple[Any, ...]:
    """x.__reduce__(): how pickle makes it again, as a leaf."""
    return leaf, (type(x), x.host_array(), x.requires_grad)


def leaf(kind: type[Tensor], array: Array, requires_grad: bool) -> Tensor:
    x = kind()
    x.array, x.edge, x._grad = array, Leaf() if requires_grad else NO_EDGE, None
    return x
