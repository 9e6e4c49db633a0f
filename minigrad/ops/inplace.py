"""In-place operations: x.mul_(y) and its like, x[...] = v, and what they do to histories.

A write computes the new values, puts them into x's memory, and lets x adopt the history of the
result.  A view's write changes its base: the base's new history is a CopySlices node, which sends
the written part of a gradient through the write and the rest past it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.grad_mode import is_grad_enabled, is_inference_mode_enabled
from minigrad.kernels.promotion import CATEGORY
from minigrad.leaf import Leaf
from minigrad.levels import catch_up, open_levels
from minigrad.memory import is_inference, note_write
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.define import NUMBERS, as_tensor
from minigrad.ops.index import basic_part, expanded, index
from minigrad.ops.move import to_device_array
from minigrad.ops.pointwise import mul
from minigrad.ops.view import (
    IN_FUNCTION,
    Replay,
    View,
    described,
    expand,
    put,
    reshape,
    stretched_axes,
    zeros_like,
)
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, record

Array = Any
Either = Any

MANY_VIEWS = (
    "Output {} of {} is a view and is being modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)
SHARED_ELEMENTS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)
WRITE_TO_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone "
    "to get a normal tensor before doing inplace update."
)
HOW_TO_WRITE_LEAF = (
    " Write inside `with minigrad.no_grad():` to change its values, or use an operation that makes "
    "a new tensor."
)


# Who wants to see an array before it is written to; none in an ordinary program.
before_write: dict[object, Callable[[Any], None]] = {}


def check_writable(x: Tensor) -> None:
    """RuntimeError where an in-place write would lose or falsify a gradient."""
    array = x.array
    for watch in before_write.values():
        watch(array)
    if is_inference(array) and not is_inference_mode_enabled():
        raise RuntimeError(WRITE_TO_INFERENCE)
    if 0 in array.strides and array.size and stretched_axes(array):
        raise RuntimeError(SHARED_ELEMENTS)
    if not is_grad_enabled():
        return
    view = x.edge if type(x.edge) is View else None
    edge = x.edge if view is None else view.base.edge
    if type(edge) is Leaf:
        what = "a leaf Variable" if view is None else "a view of a leaf Variable"
        raise RuntimeError(
            f"{what} that requires grad is being used in an in-place operation.{HOW_TO_WRITE_LEAF}"
        )
    if view is not None and view.many and x.requires_grad:
        raise RuntimeError(MANY_VIEWS.format(*described(edge_of(x))))
    if view is not None and view.in_function and x.requires_grad:
        what = "is a view and is being modified"
        raise RuntimeError(IN_FUNCTION.format(*described(edge_of(x)), what))


def in_place(op: Callable[..., Any], ufunc: np.ufunc | None = None) -> Callable[..., Tensor]:
    """The method x.op_(...) of an operation.  `ufunc`: its kernel, when it takes tensors alone."""

    def method(x: Tensor, *others: Any, **named: Any) -> Tensor:
        check_writable(x)
        if ufunc is not None and not named and written_directly(ufunc, x, others):
            return x
        before = x
        if is_grad_enabled() and x.requires_grad:
            before = constant(x.array.copy())  # a derivative may want the old values
            before.edge = edge_of(x)
        write(x, op(before, *others, **named))
        return x

    method.__name__, method.__doc__ = op.__name__ + "_", f"The in-place form of {op.__name__}."
    return method


def written_directly(ufunc: np.ufunc, x: Tensor, others: tuple[Any, ...]) -> bool:
    """Run the kernel with x as its output, if nothing is to be recorded and nothing promoted."""
    array, recording = x.array, is_grad_enabled()
    dtype, shape = array.dtype, array.shape
    if ufunc.nin != len(others) + 1 or (recording and edge_of(x) is not NO_EDGE):
        return False
    arrays = [array]
    for y in others:
        if type(y) not in TENSORS and type(y) not in NUMBERS:
            return False
        operand = as_tensor(y, dtype)
        other = operand.array
        if other.dtype != dtype or (other.ndim and other.shape != shape):
            return False
        if recording and edge_of(operand) is not NO_EDGE:
            return False
        arrays.append(other)
    if not kernels.keeps_dtype(ufunc, dtype):
        return False
    kernels.launch_into(ufunc, array, *arrays)
    note_write(array)
    return True


def write(x: Tensor, result: Tensor) -> None:
    """Put a result into x's memory, and let x have its history."""
    array, values = x.array, result.array
    if values.shape != array.shape:
        raise RuntimeError(
            f"output with shape {list(array.shape)} doesn't match the broadcast shape "
            f"{list(values.shape)}"
        )
    if CATEGORY[values.dtype.kind] > CATEGORY[array.dtype.kind]:
        raise RuntimeError(
            f"result type {values.dtype} can't be cast to the desired output type {array.dtype}"
        )
    if type(values) is not np.ndarray:
        kernels.check_assignable(array, values)
    if open_levels():
        catch_up(edge_of(result))
    array[...] = values
    note_write(array)
    if result.edge is not NO_EDGE:
        adopt(x, edge_of(result))


def rebase_history(x: Tensor, edge: Edge, place: int) -> None:
    """A Function modified its argument x, the one that its node has at `place`."""
    check_writable(x)
    adopt(x, edge, place)


def adopt(x: Tensor, edge: Edge, place: int = 0) -> None:
    """Give x the history that `edge` leads to; a view passes it on to its base."""
    view, writer = x.edge, edge[0]
    if writer is None:
        return
    if type(view) is not View:
        old, x.edge = edge_of(x), edge
        keep_retaining(x, old)
        return
    old, of_base = edge_of(x), edge_of(view.base)
    node = CopySlices()
    others = list(writer.next_functions)
    others.pop(place)
    node.next_functions = (edge_of(view.base), *others)
    node.replay, node.writer, node.kept, node.place = view.replay, writer, None, place
    made = attach(node, view.base.array)
    node.sequence_nr = writer.sequence_nr  # as old as what the writer saved
    view.base.edge = made.edge
    keep_retaining(view.base, of_base)
    keep_retaining(x, old)


def keep_retaining(x: Tensor, old: Edge) -> None:
    """retain_grad() before an in-place write means the gradient of what x became."""
    hooks = None if old[0] is None else old[0].hooks
    if hooks is not None and hooks.retained.pop(old[1], None):
        x.retain_grad()


class CopySlices(Node):
    """A base after a write to one of its views."""

    __slots__ = ("kept", "place", "replay", "writer")
    place: int  # of the old values among the writer's inputs
    kept: Any  # what the writer saved, once derivatives of the gradient may run the writer, too
    replay: Replay
    writer: Node

    def vjp(self, grad: Either) -> Any:
        self.writer.saved = self.saved
        return self.rejoin(grad, self.writer.vjp(self.replay(grad)))

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        self.kept = self.writer.saved = self.saved
        return self.rejoin(grad, self.writer.vjp_of_tensors(self.replay(grad)))

    def rejoin(self, grad: Either, grads: Any) -> Any:
        """The written part of the gradient is the writer's for the old values."""
        others = list(grads)
        own = others.pop(self.place)
        if own is None:
            own = zeros_like(grad, None)
        return put(grad, own, self.replay), *others

    @property
    def saved(self) -> Any:
        return self.writer.saved if self.kept is None else self.kept

    @saved.setter
    def saved(self, arrays: Any) -> None:
        if self.kept is None:
            self.writer.saved = arrays


# ----------------------------------------------------------------------------------- copies


class CopyBackwards(Node):
    """x.copy_(source): all of the gradient goes to the source."""

    __slots__ = ("device",)
    device: Any

    def vjp(self, grad: Either) -> Any:
        own = zeros_like(grad, grad.array.shape if type(grad) in TENSORS else grad.shape)
        return own, grad if self.device is None else grad.to(self.device)


def copied(x: Tensor, source: Any) -> Tensor:
    """What x.copy_(source) makes of x: the source's values, in x's shape, dtype and device."""
    if type(source) not in TENSORS:
        source = assignable(source, x.array.dtype)
    values = to_device_array(source.array, x.device).astype(x.array.dtype, copy=False)
    values = expand(constant(values), x.array.shape).array
    elsewhere = source.device if source.device != x.device else None
    return record(CopyBackwards, values, (x, source), device=elsewhere)


def assignable(value: Any, dtype: Any) -> Tensor:
    """What is assigned, as a Tensor."""
    if type(value) in TENSORS:
        return value
    if type(value) not in NUMBERS and not isinstance(value, np.ndarray | np.generic):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a tensor: make a tensor of it first, with "
            "minigrad.tensor()"
        )
    return as_tensor(value, dtype)


copied.__name__ = "copy"
copy_ = in_place(copied)


def fill_(x: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`."""
    if type(value) in TENSORS and value.array.ndim:
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.array.ndim} dimensions."
        )
    return copy_(x, value)


def zero_(x: Tensor) -> Tensor:
    """Every element becomes 0."""
    return fill_(x, 0)


def detach_(x: Tensor) -> Tensor:
    """Take x out of the graph: a constant from now on."""
    if type(x.edge) is View and x.requires_grad:
        raise RuntimeError(
            "Can't detach views in-place: use detach() instead, or make the view under no_grad()"
        )
    x.edge = NO_EDGE
    return x


# ------------------------------------------------------------------------------- x[key] = value


class IndexPutBackward0(Node):
    """x[indices] = values."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        indices = list(self.saved_arrays())
        return where_written(grad, indices), index(grad, indices)


def where_written(grad: Either, indices: Any) -> Either:
    """The gradient with zeros where values were put."""
    array = grad.array if type(grad) in TENSORS else grad
    ones = kernels.to_device_of(np.ones(array.shape, bool), array)
    kept = kernels.index_put(ones, indices, np.array(False)).astype(array.dtype)
    return mul(grad, constant(kept) if type(grad) in TENSORS else kept)


def index_put(x: Tensor, indices: Any, values: Any) -> Tensor:
    """x with the elements that index arrays pick replaced."""
    if x.is_cuda:
        raise NotImplementedError(
            "x[index tensor] = value is not implemented on device cuda: use minigrad.where, or "
            "assign on the CPU"
        )
    source = assignable(values, x.array.dtype)
    if type(values) in TENSORS and source.array.dtype != x.array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{x.dtype} for the destination and {source.dtype} for the source."
        )
    try:
        result = kernels.index_put(x.array, indices, source.array)
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(source.array.shape)} cannot be broadcast "
            "to indexing result"
        ) from None
    return record(IndexPutBackward0, result, (x, source), tuple(indices))


index_put_ = in_place(index_put)


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value"""
    if type(value) in TENSORS:
        value = without_leading_ones(value)
    keys = expanded(key if isinstance(key, tuple) else (key,), x.array.ndim)
    target, indices = basic_part(x, keys)
    if all(i is None for i in indices):
        copy_(target, value)
    else:
        index_put_(target, indices, value)


def without_leading_ones(value: Tensor) -> Tensor:
    """x[0] = a row of shape (1, n) is welcome."""
    shape = value.array.shape
    while shape[:1] == (1,):
        shape = shape[1:]
    return value if len(shape) == value.array.ndim else reshape(value, shape)
