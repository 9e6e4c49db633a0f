"""In-place operations, x.mul_(y) and its like, and what they do to histories.

A write computes the new values, puts them into x's memory, and lets x adopt the history of the
result.  A view's write changes its base: the base's new history is a CopySlices node, which sends
the written part of a gradient through the write and the rest past it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.forward_levels import catch_up, open_levels
from minigrad.grad_mode import is_grad_enabled, is_inference_mode_enabled, is_recording
from minigrad.inference import inference_memory, is_made_in_inference
from minigrad.kernels.promotion import CATEGORY
from minigrad.leaf import Leaf
from minigrad.memory import note_write, tick, write_after
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.define import NUMBERS, as_tensor
from minigrad.ops.either import Either, array_of
from minigrad.ops.shared_memory import (
    IN_FUNCTION,
    Replay,
    View,
    keep_retaining,
    new_zeros,
    put,
    short_name,
    stretched_axes,
)
from minigrad.shapes import is_stretched
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, record

Array = Any

SHARED_ELEMENTS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)
OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to "
    "a single memory location. Please clone() the tensor before performing the operation."
)
WRITE_TO_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone "
    "to get a normal tensor before doing inplace update."
)
TANGENT_UNDER_NO_GRAD = (
    "A value with a tangent is written under no_grad() into a tensor that requires a gradient: its "
    "history cannot lead to both. Write to a detach()ed clone of it."
)
HOW_TO_WRITE_LEAF = (
    " Write inside `with minigrad.no_grad():` to change its values, or use an operation that makes "
    "a new tensor."
)

# Who wants to see an array before it is written to; none in an ordinary program.
before_write: dict[object, Callable[[Any], None]] = {}


# ------------------------------------------------------------------------ what may not be written


def check_writable(x: Tensor, operands: Sequence[Any] = ()) -> None:
    """RuntimeError where an in-place write would lose or falsify a gradient or a value."""
    check_history(x, operands)
    check_elements(x)
    check_overlap(x, operands)


def check_elements(x: Tensor) -> None:
    """RuntimeError if x shows an element of its memory at several places."""
    array = x.array
    if type(array) is not np.ndarray:
        array = kernels.physical(array)
    if 0 in array.strides and array.size and stretched_axes(array):
        raise RuntimeError(SHARED_ELEMENTS)


def check_overlap(x: Tensor, operands: Sequence[Any]) -> None:
    """RuntimeError if an operand shares memory with x, its elements at other places."""
    array = x.array
    for y in operands:
        if type(y) not in TENSORS or (array.base is None and y.array.base is None):
            continue
        if partly_overlaps(array, y.array):
            raise RuntimeError(OVERLAP)


def check_history(x: Tensor, operands: Sequence[Any] = ()) -> None:
    """RuntimeError where the write would be recorded, and x is a leaf or an unclear view."""
    if before_write:
        for watch in before_write.values():
            watch(x.array)
    if inference_memory and is_made_in_inference(x.array) and not is_inference_mode_enabled():
        raise RuntimeError(WRITE_TO_INFERENCE)
    if not is_grad_enabled():
        return
    edge = x.edge
    if type(edge) is Leaf:
        raise RuntimeError(leaf_message("a leaf Variable"))
    if type(edge) is View:
        if any(wants_gradient(y) for y in (x, *operands)):
            check_view(edge)
    elif edge[0] is not None and edge[1] in edge[0].aliases:
        node, output_nr = edge
        what = f"Output {output_nr} of {short_name(node)} is a view and is being modified inplace."
        raise RuntimeError(f"{what} {IN_FUNCTION} ({node.name()} was made at {node.line}.)")


def check_view(view: View) -> None:
    """RuntimeError if a view may not be written to, or is one of a leaf."""
    view.refuse("is being")
    of_base = view.base.edge
    if view.requires_grad and (of_base is NO_EDGE or type(of_base) is Leaf):
        made = f" (The view was made at {view.line}.)" if view.line else ""
        raise RuntimeError(leaf_message("a view of a leaf Variable") + made)


def wants_gradient(x: Any) -> bool:
    return type(x) in TENSORS and x.requires_grad


def leaf_message(what: str) -> str:
    return f"{what} that requires grad is being used in an in-place operation.{HOW_TO_WRITE_LEAF}"


def partly_overlaps(x: Array, y: Array) -> bool:
    """Whether two arrays share memory, element by element at different places.  As in torch, what
    has gaps is not looked at."""
    if x is y or not kernels.may_share_memory(x, y):
        return False
    x, y = getattr(x, "layout", x), getattr(y, "layout", y)
    same = x.strides == y.strides and x.shape == y.shape and x.ctypes.data == y.ctypes.data
    return not same and is_dense(x) and is_dense(y)


def is_dense(array: Array) -> bool:
    """Whether the elements lie side by side, in whatever order of the dimensions."""
    expected = array.itemsize
    for step, n in sorted(zip(array.strides, array.shape, strict=True)):
        if n > 1 and step != expected:
            return False
        expected *= n
    return True


# -------------------------------------------------------------------------------------- writing


def in_place(op: Callable[..., Any], ufunc: np.ufunc | None = None) -> Callable[..., Tensor]:
    """The method x.op_(...) of an operation.  `ufunc`: its kernel, when it takes tensors alone."""

    def method(x: Tensor, *others: Any, **named: Any) -> Tensor:
        try:
            check_writable(x, (*others, *named.values()) if named else others)
        except RuntimeError:
            refuse_wrong_call(op, x, others, named)
            raise
        if ufunc is not None and not named and written_directly(ufunc, x, others):
            return x
        before = x
        if is_recording() and (
            open_levels() or any(wants_gradient(y) for y in (x, *others, *named.values()))
        ):
            before = constant(x.array.copy())  # a derivative may want the old values
            before.edge = edge_of(x)
        write(x, op(before, *others, **named))
        return x

    method.__name__, method.__doc__ = op.__name__ + "_", f"The in-place form of {op.__name__}."
    return method


def refuse_wrong_call(op: Callable[..., Any], x: Tensor, others: Any, named: Any) -> None:
    """TypeError where the arguments are wrong, whatever x is: that is said first."""
    try:
        op(constant(x.array), *others, **named)
    except TypeError:
        raise
    except Exception:  # what else is wrong comes after what x is
        return


def compare_in_place(op: Callable[..., Any]) -> Callable[..., Tensor]:
    """The method x.lt_(y) of a comparison: x becomes zeros and ones, of which no gradient flows."""
    name = op.__name__.title()
    of_number, of_tensor = (
        type(f"{name}Backward{nr}", (ComparisonNode,), {"__slots__": ()}) for nr in (0, 1)
    )

    def method(x: Tensor, other: Any) -> Tensor:
        check_writable(x, (other,))
        values = op(x, other).array
        if type(other) in TENSORS:
            return overwrite(x, values, of_tensor, (other,))
        return overwrite(x, values, of_number)

    method.__name__, method.__doc__ = op.__name__ + "_", f"The in-place form of {op.__name__}."
    return method


def written_directly(ufunc: np.ufunc, x: Tensor, others: tuple[Any, ...]) -> bool:
    """Run the kernel with x as its output, if nothing is to be recorded and nothing promoted."""
    array, recording = x.array, is_recording()
    dtype, shape = array.dtype, array.shape
    if ufunc.nin != len(others) + 1 or (recording and edge_of(x) is not NO_EDGE):
        return False
    arrays = [array]
    for y in others:
        if type(y) not in TENSORS and type(y) not in NUMBERS:
            return False
        operand = as_tensor(y, dtype)
        other = operand.array
        if other.dtype != dtype:
            return False
        if other.ndim and other.shape != shape and not stretches_to(other, array):
            return False
        if recording and edge_of(operand) is not NO_EDGE:
            return False
        arrays.append(other)
    if not kernels.keeps_dtype(ufunc, dtype):
        return False
    kernels.launch_into(ufunc, array, *arrays)
    note_write(array)
    return True


def stretches_to(other: Array, array: Array) -> bool:
    """Whether a kernel can write into `array` with `other` stretched."""
    return type(array) is np.ndarray and is_stretched(other.shape, array.shape)


def write(x: Tensor, result: Tensor, places: Any = ...) -> None:
    """Put a result into x's memory, and let x have its history.  `places`: all that changes."""
    array, values = x.array, result.array
    check_fit(array, values)
    if type(values) is not np.ndarray:
        kernels.check_assignable(array, values)
    edge = edge_of(result)
    has_tangent = bool(open_levels()) and catch_up(edge)
    if has_tangent and not is_grad_enabled() and x.requires_grad:
        raise RuntimeError(TANGENT_UNDER_NO_GRAD)
    for watch in before_write.values():  # again: what was just recorded may have saved x
        watch(array)
    new = kernels.converted(values, array.dtype) if values.dtype != array.dtype else values
    array[places] = new[places]
    note_write(array)
    if edge[0] is not None and (is_grad_enabled() or has_tangent):
        if not has_tangent:  # else the tangent's graph, which is older than now, leads to it
            save_written(edge[0], values, array)
        adopt(x, edge)


def check_fit(array: Array, values: Array) -> None:
    """RuntimeError if `values` have another shape, or a dtype that `array` cannot hold."""
    if values.shape != array.shape:
        raise RuntimeError(
            f"output with shape {list(array.shape)} doesn't match the broadcast shape "
            f"{list(values.shape)}"
        )
    if CATEGORY[values.dtype.kind] > CATEGORY[array.dtype.kind]:
        raise RuntimeError(
            f"result type {type_name(values.dtype)} can't be cast to the desired output type "
            f"{type_name(array.dtype)}. (The tensor that is written to stays {array.dtype}; use "
            "an operation that makes a new tensor, or convert this one first.)"
        )


def save_written(writer: Node, values: Array, array: Array) -> None:
    """Where `writer` saved its result, which x now holds, it saves x: a later write to x is damage.

    It becomes as young as the write, unless the write damaged something else that it saved.
    """
    saved = writer.saved
    if not isinstance(saved, tuple) or not any(a is values for a in saved):
        return
    if values.dtype != array.dtype:
        return
    if any(a is not None and write_after(a, writer.sequence_nr) for a in saved):
        return
    writer.saved = tuple([array if a is values else a for a in saved])
    writer.sequence_nr = tick()


def overwrite(
    x: Tensor, values: Array, node_type: type[Node], operands: Sequence[Tensor] = (), **details: Any
) -> Tensor:
    """Write values that do not depend on x's old ones; they may depend on `operands`."""
    values = kernels.converted(values, x.array.dtype) if values.dtype != x.array.dtype else values
    if x.array.dtype.kind == "f":
        write(x, record(node_type, values, (x, *operands), **details))
    else:
        write(x, constant(values))
    return x


class OverwriteNode(Node):
    """New values in place of old ones: the old get no gradient, what came instead gets all."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        array = array_of(grad)
        return new_zeros(grad, array.shape), *[grad] * (len(self.next_functions) - 1)


class ComparisonNode(OverwriteNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        own, *others = super().vjp(grad)
        return [own] * (1 + len(others))


# ------------------------------------------------------------------------- histories of the written


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
    base = view.base
    of_base = edge_of(base)
    node = CopySlices()
    others = list(writer.next_functions)
    others.pop(place)
    node.next_functions = (of_base, *others)
    node.replay, node.writer, node.kept, node.place = view.replay, writer, None, place
    made = attach(node, base.array)
    node.sequence_nr = writer.sequence_nr  # as old as what the writer saved
    base.edge = made.edge
    keep_retaining(base, of_base)
    edge_of(x)  # the view's own history is now that of a part of the base


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

    def check_saved(self) -> None:
        self.writer.saved = self.saved
        self.writer.check_saved()

    def rejoin(self, grad: Either, grads: Any) -> Any:
        """The written part of the gradient is the writer's for the old values."""
        others = list(grads)
        own = others.pop(self.place)
        if own is None:
            own = new_zeros(grad, ())
        return put(grad, own, self.replay), *others

    @property
    def saved(self) -> Any:
        return self.writer.saved if self.kept is None else self.kept

    @saved.setter
    def saved(self, arrays: Any) -> None:
        if self.kept is None:
            self.writer.saved = arrays


def detach_(x: Tensor) -> Tensor:
    """Take x out of the graph: a constant from now on."""
    if type(x.edge) is View:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead, which gives a new tensor outside "
            "of the graph."
        )
    x.edge = NO_EDGE
    return x
