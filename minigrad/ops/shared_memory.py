"""Memory that several tensors show: what a view remembers, and how its gradient becomes its base's.

A view remembers its base and `replay`, the function that makes it out of the base.  So when the
base is written to (through whichever view), the view's history can be made again from the base's
new one; and the gradient of a view is put() into a gradient of the base.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.grad_mode import is_inference_mode_enabled, is_recording
from minigrad.leaf import Leaf
from minigrad.memory import Write, clock, get_frame, user_frame, write_after
from minigrad.node import NO_EDGE, UNTRACKED, Edge, Line, LinearNode, Node, line_of
from minigrad.ops.either import Either
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, record

Array = Any
Replay = Callable[[Any], Any]

# Why in-place writes to a view are forbidden, by how it was made: torch's reasons and advice.
ALLOWED = ""
AMBIGUOUS = (
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
    "code by moving both the view and the inplace either both inside the {0} block (if you don't "
    "want the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
)
NO_GRAD = AMBIGUOUS.format("no_grad")
INFERENCE = AMBIGUOUS.format("inference_mode")
MANY = (
    "This view is the output of a function that returns multiple views. Such functions do not "
    "allow the output views to be modified inplace. You should replace the inplace operation by "
    "an out-of-place one."
)
RESHAPED = (
    "The base of this view, whose memory was written to, has been given other dimensions in place "
    "since (by t_(), squeeze_() and the like): the view's history cannot be made again. Use the "
    "operation that makes a new tensor, as x = x.t(), or clone() the view."
)
IN_FUNCTION = (
    "This view was created inside a custom Function (or because an input was returned as-is) and "
    "the autograd logic to handle view+inplace would override the custom backward associated with "
    "the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix "
    "this by cloning the output of the custom Function."
)


class View:
    """The edge of a view.  When its memory was written to, the view's history is made again."""

    __slots__ = ("base", "edge", "forbidden", "place", "replay", "seen")

    def __init__(self, base: Tensor, replay: Replay, edge: Any, forbidden: str = ALLOWED):
        self.base, self.replay, self.edge, self.forbidden = base, replay, edge, forbidden
        self.seen = clock.last_write
        self.place: tuple[CodeType, int] | None = None  # the user's line, where no node knows it
        if forbidden and edge is NO_EDGE:
            frame = user_frame(get_frame(1))
            self.place = frame.f_code, frame.f_lasti

    def of_function(self, edge: Edge, many: bool) -> View:
        """The edge of this view as a result of a Function, whose backward is the user's."""
        return View(self.base, self.replay, edge, MANY if many else IN_FUNCTION)

    def resolve(self, view: Tensor) -> Edge:
        """Where the view's gradient goes, as the writes to its memory have left it."""
        edge = self.edge
        if self.base.edge is NO_EDGE and (edge is NO_EDGE or type(edge) is Leaf):
            return edge if edge is NO_EDGE else edge.resolve(view)
        if clock.last_write > self.seen:
            self.notice_writes(view)
            edge = self.edge
        if edge is NO_EDGE:
            return UNTRACKED
        return edge if type(edge) is tuple else edge.resolve(view)

    def notice_writes(self, view: Tensor) -> None:
        """Make the view of the base again, if its memory was written to."""
        now = clock.last_write
        write = write_after(view.array, self.seen)
        if write is not None:
            self.refuse("its base or another view of its base has been", write)
            check_same_memory(self.replay, self.base.array, view.array)
            old = self.edge
            node = AsStridedBackward0()
            node.next_functions, node.saved = (edge_of(self.base),), ()
            node.input_shape, node.show = self.base.array.shape, self.replay
            self.edge, self.seen = attach(node, view.array).edge, now
            keep_retaining(view, old)
        self.seen = now

    @property
    def requires_grad(self) -> bool:
        """Without a look at what writes did, which may raise."""
        return self.edge is not NO_EDGE or self.base.edge is not NO_EDGE

    def refuse(self, modified: str, write: Write | None = None) -> None:
        """RuntimeError if what `modified` says is forbidden to a view that was made like this."""
        if self.forbidden:
            lines = f" (The view was made at {self.line}"
            if write is not None:
                lines += f", the write was at {line_of(write.code, write.instruction)}"
            raise RuntimeError(f"{self.described(modified)} {self.forbidden}{lines}.)")

    def described(self, modified: str) -> str:
        """What was done to what kind of view, in torch's words."""
        node, output_nr = self.edge if type(self.edge) is tuple else NO_EDGE
        name = f"Output {output_nr} of {short_name(node)}" if node else ""
        if node is not None and self.forbidden in (MANY, IN_FUNCTION):
            return f"{name} is a view and {modified} modified inplace."
        view = f"{name} is a view of a view which was created" if node else "A view was created"
        if self.forbidden is INFERENCE:
            return f"{view} in inference mode and {modified} modified inplace in normal mode."
        return f"{view} in no_grad mode and {modified} modified inplace with grad mode enabled."

    @property
    def line(self) -> Line | None:
        """The user's line that made the view."""
        node = self.edge[0] if type(self.edge) is tuple else None
        if node is not None:
            return node.line
        return None if self.place is None else line_of(*self.place)


def short_name(node: Node) -> str:
    """A node's name as torch's messages have it: Unbind for UnbindBackward0."""
    return node.name().partition("Backward")[0]


def keep_retaining(x: Tensor, old: Any) -> None:
    """retain_grad() before an in-place write means the gradient of what x became."""
    node, output_nr = old if type(old) is tuple else NO_EDGE
    hooks = None if node is None else node.hooks
    if hooks is not None and hooks.retained.pop(output_nr, None):
        x.retain_grad()


def view_of(
    x: Tensor, node_type: type[Node], replay: Replay, array: Array, **details: Any
) -> Tensor:
    """The view `array` of x, which replay() makes out of any array or Tensor like x."""
    out = record(node_type, array, (x,), **details)
    out.edge = view_edge(x, replay, out.edge)
    return out


def view_edge(x: Tensor, replay: Replay, edge: Edge, forbidden: str = ALLOWED) -> View:
    """The edge of a view of x; a view of a view is a view of the first one's base."""
    forbidden = without_recording() or forbidden
    whole = x.edge
    if type(whole) is not View:
        return View(x, replay, edge, forbidden)
    return View(whole.base, Chain(whole.replay, replay), edge, forbidden or whole.forbidden)


def without_recording() -> str:
    """Why writes to a view that is made now are forbidden, if nothing is recorded."""
    if is_recording():
        return ALLOWED
    return INFERENCE if is_inference_mode_enabled() else NO_GRAD


def check_same_memory(replay: Replay, base: Array, view: Array) -> None:
    """RuntimeError if a view made again of its base would not be what it was."""
    try:
        replayed = replay(base)
    except (IndexError, ValueError, RuntimeError):
        raise RuntimeError(RESHAPED) from None
    made, kept = as_numpy(replayed), as_numpy(view)
    same = made.shape == kept.shape and made.strides == kept.strides
    if not same or made.ctypes.data != kept.ctypes.data:
        raise RuntimeError(RESHAPED)


def as_numpy(array: Array) -> Array:
    """The array by which memory is known."""
    return getattr(array, "layout", array)


class Chain:
    """A replay after another, which may be a chain itself: walked, however long it is."""

    __slots__ = ("first", "step")

    def __init__(self, first: Replay, step: Replay):
        self.first, self.step = first, step

    def __call__(self, whole: Either) -> Either:
        steps: list[Replay] = []
        replay: Replay = self
        while isinstance(replay, Chain):
            steps.append(replay.step)
            replay = replay.first
        for step in (replay, *reversed(steps)):
            whole = step(whole)
        return whole


class ViewNode(LinearNode):
    """The gradient of a view: zeros, with the view of them filled in."""

    __slots__ = ("input_shape", "show")
    input_shape: tuple[int, ...]
    show: Replay

    def vjp(self, grad: Either) -> Any:
        return (put(new_zeros(grad, self.input_shape), grad, self.show),)

    def jvp(self, tangent: Either) -> Either:
        return self.show(tangent)


class AsStridedBackward0(ViewNode):
    __slots__ = ()


class PutBackward0(Node):
    __slots__ = ("replay",)
    replay: Replay

    def vjp(self, grad: Either) -> Any:
        return put(grad, new_zeros(grad, ()), self.replay), self.replay(grad)


def put(x: Either, value: Either, replay: Replay) -> Either:
    """x with the part that replay(x) shows replaced by `value`."""
    if type(x) not in TENSORS and type(value) not in TENSORS:
        result = x.copy()
        shown = replay(result)
        if type(value) is not np.ndarray and not kernels.may_hold(shown, value):
            result = kernels.spread_over_samples(result, shown, value)
            shown = replay(result)
        if overlaps(shown) or (shown.size and not kernels.may_share_memory(shown, result)):
            return put_by_number(result, value, replay)
        stretched = stretched_axes(shown)
        if stretched:  # the gradients of an element that is shown several times add up
            once = tuple(slice(0, 1) if i in stretched else slice(None) for i in range(shown.ndim))
            shown = shown[once]
            value = kernels.sum(value, stretched, True)
        allow_writes(shown)[...] = value
        return result
    result = put(x.array, value.array, replay)
    return record(PutBackward0, result, (x, value), replay=replay)


def put_by_number(x: Array, value: Array, replay: Replay) -> Array:
    """The same where the replay is no view of x's copy, or shows elements at several places (as
    unfold does): their values add up."""
    numbers = np.ascontiguousarray(replay(np.arange(x.size).reshape(x.shape)))
    written = np.zeros(x.shape, bool)
    written.reshape(-1)[numbers] = True
    mask = kernels.to_device_of(written, x)
    places = kernels.to_device_of(numbers.reshape(-1), x)
    flat = kernels.broadcast_to(value, numbers.shape).reshape((-1,))
    total = kernels.add_rows((x.size,), places, flat, 0)
    return kernels.where(mask, total.reshape(x.shape), x)


def overlaps(array: Array) -> bool:
    """Whether different places, that are not just stretched, may show one element."""
    reach = 0
    for step, n in sorted(zip(array.strides, array.shape, strict=True)):
        if n > 1 and step:
            if step <= reach:
                return True
            reach += (n - 1) * step
    return False


def stretched_axes(array: Array) -> tuple[int, ...]:
    """The dimensions along which all places show one element."""
    sizes = zip(array.strides, array.shape, strict=True)
    return tuple(i for i, (step, n) in enumerate(sizes) if step == 0 and n > 1)


def allow_writes(array: Array) -> Array:
    """NumPy makes views with stretched dimensions read-only; parts of them may be written to."""
    memory = array.layout if kernels.is_batched(array) else array
    if type(memory) is np.ndarray and not memory.flags.writeable:
        memory.flags.writeable = True
    return array


def new_zeros(x: Either, shape: tuple[int, ...], dtype: Any = None) -> Either:
    """Zeros where x is, of its dtype or another."""
    if type(x) in TENSORS:
        return constant(new_zeros(x.array, shape, dtype))
    return kernels.full(shape, 0, x.dtype if dtype is None else dtype, x)


def base_of(x: Tensor) -> Tensor | None:
    """x._base: the tensor that a view is a view of."""
    return x.edge.base if type(x.edge) is View else None


def is_view(x: Tensor) -> bool:
    """x._is_view()"""
    return type(x.edge) is View
