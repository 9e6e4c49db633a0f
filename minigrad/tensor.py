"""Tensor: an array that may require a gradient, and remembers the operation that made it.

A tensor's `edge` says where its gradient goes: (node, output number) for the result of an
operation, NO_EDGE for a constant, and a Leaf (or a View of ops/shared_memory.py) that is asked.
Operators and methods are operations of ops/, bound in methods.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import kernels, printing
from minigrad.forward_levels import forward_only, gets_gradient, open_levels, tangents_at
from minigrad.grad_mode import is_inference_mode_enabled, is_recording
from minigrad.hooks import RemovableHandle
from minigrad.inference import is_made_in_inference, note_inference
from minigrad.leaf import NOT_A_LEAF, AccumulateGrad, Leaf, check_grad, check_may_require_grad
from minigrad.memory import USER_FILES, get_frame, tick, user_frame, version, with_own_writes
from minigrad.modes import check_flag
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.recording import notify, observers
from minigrad.values import Values

Array = Any  # numpy.ndarray or CudaArray

HOW_TO_REQUIRE = (
    ": call requires_grad_() on it before it is used; if it should have come from tensors that "
    "require one, minigrad.explain_grad(this tensor) tells how it lost its history"
)
TENSORS: set[type] = set()  # Tensor and its subclasses: `type(x) in TENSORS` beats isinstance


class Tensor(Values):
    """An array, its gradient and its place in the graph; minigrad.tensor and operations make it."""

    __slots__ = ("__weakref__", "_grad", "edge")
    __array_priority__ = 1000  # numpy_array * tensor is left to Tensor.__rmul__

    edge: Any
    _grad: Tensor | None

    if TYPE_CHECKING:  # bound in methods.py

        def __getattr__(self, name: str) -> Any: ...

        __add__: Callable[[Any, Any], Tensor]
        __radd__: Callable[[Any, Any], Tensor]
        __sub__: Callable[[Any, Any], Tensor]
        __rsub__: Callable[[Any, Any], Tensor]
        __mul__: Callable[[Any, Any], Tensor]
        __rmul__: Callable[[Any, Any], Tensor]
        __truediv__: Callable[[Any, Any], Tensor]
        __matmul__: Callable[[Any, Any], Tensor]
        __neg__: Callable[[Any], Tensor]
        __getitem__: Callable[[Any, Any], Tensor]
        __setitem__: Callable[[Any, Any, Any], None]

    def __init_subclass__(cls) -> None:
        TENSORS.add(cls)

    __hash__ = object.__hash__

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return printing.describe(self, tangent_of(self) if open_levels() else None)

    def __format__(self, specification: str) -> str:
        """f"{loss}" is a number, f"{loss!r}" a tensor; a parameter needs a specification."""
        if self.array.ndim == 0 and (specification or type(self) is Tensor):
            return format(self.item(), specification)
        return object.__format__(self, specification)

    # ------------------------------------------------------------------ its place in the graph

    @property
    def grad_fn(self) -> Node | None:
        """The operation that made this tensor; None for a leaf."""
        node = edge_of(self)[0]
        if type(node) is AccumulateGrad or (forward_only and not gets_gradient(node)):
            return None
        return node

    @property
    def output_nr(self) -> int:
        return edge_of(self)[1]

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it: what .grad is kept for."""
        return self.grad_fn is None

    @property
    def requires_grad(self) -> bool:
        edge = self.edge
        wanted: bool = edge is not NO_EDGE if type(edge) is tuple else edge.requires_grad
        if not wanted or not forward_only:
            return wanted
        node = edge_of(self)[0]
        return node is not None and gets_gradient(node)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError("requires_grad must be a bool")
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Make this leaf a variable whose gradient is wanted (or, with False, a constant)."""
        check_flag(requires_grad, "requires_grad_", "requires_grad")
        node = self.grad_fn
        if node is not None:
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. This tensor is the "
                f"result of {node.name()}, made at {node.line}. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if requires_grad:
            check_may_require_grad(self)
        edge = self.edge
        tangents = tangents_at(edge_of(self)) if requires_grad and open_levels() else ()
        if type(edge) is tuple or type(edge) is Leaf:
            if requires_grad != self.requires_grad:
                self.edge = Leaf() if requires_grad else NO_EDGE
        elif requires_grad != (type(edge.edge) is Leaf):  # a view can be a leaf beside its base
            edge.edge = Leaf() if requires_grad else NO_EDGE
        for level, tangent in tangents:
            level.push(self, tangent, True)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() has added up here so far; leaves have one, and tensors
        with retain_grad()."""
        if self._grad is None and not self.is_leaf and not self.retains_grad:
            node = self.grad_fn
            assert node is not None
            text = f"{NOT_A_LEAF} (This one is the result of {node.name()}, made at {node.line}.)"
            warnings.warn(text, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            check_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def _set_grad(self, array: Array) -> None:
        self._grad = constant(array)

    def retain_grad(self) -> None:
        """Keep .grad for a tensor that is not a leaf, too."""
        node, output_nr = edge = edge_of(self)
        if edge is NO_EDGE:
            raise RuntimeError(
                f"can't retain_grad on Tensor that has requires_grad=False{HOW_TO_REQUIRE}"
            )
        if node is not None and type(node) is not AccumulateGrad:
            node.own_hooks().retain(output_nr, self)

    @property
    def retains_grad(self) -> bool:
        node, output_nr = edge_of(self)
        hooks = None if node is None else node.hooks
        return hooks is not None and output_nr in hooks.retained

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call hook(grad) when this tensor's gradient is known; what it returns replaces it."""
        node, output_nr = edge = edge_of(self)
        if edge is NO_EDGE:
            raise RuntimeError(
                f"cannot register a hook on a tensor that doesn't require gradient{HOW_TO_REQUIRE}"
            )
        if node is None:  # no gradient will ever come here
            return RemovableHandle({}, hook)
        return node.own_hooks().add_tensor_hook(output_nr, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call hook(leaf) after a backward pass added to this leaf's .grad."""
        node, _ = edge_of(self)
        if node is None:
            raise RuntimeError(
                f"cannot register a hook on a tensor that doesn't require gradient{HOW_TO_REQUIRE}"
            )
        if type(node) is not AccumulateGrad:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors: this one is "
                f"the result of {node.name()}, made at {node.line}. Use register_hook()."
            )
        return RemovableHandle(node.own_hooks().after_accumulation, hook)

    def detach(self) -> Tensor:
        """The same memory, outside of the graph."""
        return constant(self.array)

    @property
    def data(self) -> Tensor:
        """The same memory, outside of the graph and out of sight: writes through it are not seen as
        damage.  Assigning replaces this tensor's array."""
        if type(self.array) is not np.ndarray and kernels.is_batched(self.array):
            raise RuntimeError(
                "accessing `data` under vmap transform is not allowed: use x.detach()"
            )
        return constant(with_own_writes(self.array))

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self.requires_grad and value.array.dtype.kind != "f":
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point, but this is "
                f"{value.dtype}: convert it with .float() first"
            )
        if type(self.edge) is Leaf and value.array.dtype != self.array.dtype:
            self.edge.forget()
        self.array = value.array

    @property
    def _version(self) -> int:
        """How often this tensor's memory was written to in place."""
        if self.is_inference():
            raise RuntimeError("Inference tensors do not track version counter.")
        return version(self.array)

    def is_inference(self) -> bool:
        """Whether this tensor was made in inference mode."""
        return is_made_in_inference(self.array)


TENSORS.add(Tensor)


def constant(array: Array) -> Tensor:
    """The tensor of an array, outside of any graph.  (An __init__ would double the time.)"""
    self = Tensor()
    self.array, self.edge, self._grad = array, NO_EDGE, None
    return self


# ----------------------------------------------------------------------------------- the graph


def edge_of(x: Tensor) -> Edge:
    """Where the gradient of `x` goes."""
    edge: Any = x.edge
    if type(edge) is not tuple:
        edge = edge.resolve(x)
    return edge


def tangent_of(x: Tensor) -> Tensor | None:
    """The tangent of x at the innermost level of forward mode that knows one."""
    levels = [level for level, _ in tangents_at(edge_of(x))]
    tangent: Tensor | None = levels[-1].unpack(x).tangent if levels else None
    return tangent


def has_history(x: Tensor) -> bool:
    """Whether x leads into a graph: it requires a gradient, or it has a tangent."""
    return edge_of(x)[0] is not None


def attach(node: Node, result: Array, output_nr: int = 0) -> Tensor:
    """The tensor of `result`, with `node` as its grad_fn."""
    node.sequence_nr = tick()
    node.hooks = None
    node.shape, node.dtype = result.shape, result.dtype
    frame = get_frame(2)
    if frame.f_code.co_filename not in USER_FILES:
        frame = user_frame(frame)
    node.code, node.instruction = frame.f_code, frame.f_lasti  # f_lineno would take 4x the time
    if observers:
        notify(node)
    self = Tensor()
    self.array, self.edge, self._grad = result, (node, output_nr), None
    return self


def unrecorded(result: Array) -> Tensor:
    """The tensor of a new array, outside of any graph."""
    if is_inference_mode_enabled() and result.base is None:
        note_inference(result)
    self = Tensor()
    self.array, self.edge, self._grad = result, NO_EDGE, None
    return self


def record(
    node_type: type[Node],
    result: Array,
    inputs: Sequence[Tensor],
    saved: tuple[Any, ...] = (),
    **attributes: Any,
) -> Tensor:
    """The tensor of `result`; with a node, unless no input wants a gradient.

    `saved` holds the arrays of the inputs, then the result's, with None for those not needed.
    """
    if not is_recording():
        return unrecorded(result)
    edges: tuple[Edge, ...] = ()
    wanted = False
    for x in inputs[::-1]:  # a leaf's new node runs before those of later inputs
        edge = x.edge
        if type(edge) is not tuple:
            edge = edge.resolve(x)
        if edge is not NO_EDGE:
            wanted = True
        edges = (edge, *edges)
    if not wanted:
        return unrecorded(result)
    node = node_type()
    node.next_functions, node.saved = edges, saved
    for name, value in attributes.items():
        setattr(node, name, value)
    return attach(node, result)


def record_several(
    node_type: type[Node],
    results: Sequence[Array],
    inputs: Sequence[Tensor],
    saved: tuple[Any, ...] = (),
    **attributes: Any,
) -> tuple[Tensor, ...]:
    """The tensors of several results of one operation, outputs 0, 1, ... of one node."""
    edges = tuple(edge_of(x) for x in inputs)
    if not is_recording() or edges.count(NO_EDGE) == len(edges):
        return tuple(unrecorded(result) for result in results)
    node = node_type()
    node.next_functions, node.saved = edges, saved
    for name, value in attributes.items():
        setattr(node, name, value)
    return tuple(attach(node, result, output_nr) for output_nr, result in enumerate(results))
