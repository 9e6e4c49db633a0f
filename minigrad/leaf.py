"""Leaves: where the graph ends, and gradients add up in .grad."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.grad_mode import is_grad_enabled, is_inference_mode_enabled
from minigrad.hooks import Hooks
from minigrad.memory import note_write, tick
from minigrad.node import NO_EDGE, Edge, Node

Array = Any  # numpy.ndarray or CudaArray


NOT_A_LEAF = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
    "attribute won't be populated during autograd.backward(). If you indeed want the .grad field "
    "to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you "
    "access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead."
)


class Leaf:
    """The edge of a leaf: leads to its AccumulateGrad, which only the graph keeps alive.

    made: the time when a transform of minigrad.func made the leaf for itself; else None.
    """

    __slots__ = ("hooks", "made", "node")
    requires_grad = True

    def __init__(self) -> None:
        self.node: Callable[[], AccumulateGrad | None] = no_node
        self.hooks: Hooks | None = None
        self.made: int | None = None

    def resolve(self, leaf: Any) -> Edge:
        node = self.node()
        if node is None:
            node = AccumulateGrad(leaf)
            node.hooks = self.hooks
            self.node = weakref.ref(node)
        return node, 0

    def forget(self) -> None:
        """The leaf's array has another dtype: from now on the graph ends in a new node."""
        self.node = no_node


def no_node() -> None:
    return None


class AccumulateGrad(Node):
    """The end of a path: adds what arrives to the leaf's .grad."""

    __slots__ = ("variable",)
    next_functions = saved = ()
    line = None  # a leaf is made by no operation
    runs_without_gradient = True  # its hooks want to know

    def __init__(self, variable: Any):
        self.variable = variable
        self.shape, self.dtype = variable.array.shape, variable.array.dtype
        self.sequence_nr = tick()

    def own_hooks(self) -> Hooks:
        hooks = super().own_hooks()
        leaf = self.variable.edge
        leaf = getattr(leaf, "edge", leaf)  # a View's: it may be a leaf beside its base
        if type(leaf) is Leaf:  # this node may die before the next backward pass
            leaf.hooks = hooks
        return hooks

    def vjp(self, grad: Array | None) -> tuple[()]:
        variable = self.variable
        if grad is not None and variable.edge is not NO_EDGE:  # requires_grad_(False) came later
            with accumulating:
                have = variable._grad
                if have is None:  # the array itself becomes .grad if nobody else can see it
                    alone = sys.getrefcount(grad) <= UNSHARED and has_memory_alone(grad)
                    variable._set_grad(grad if alone else grad.copy())
                elif has_an_element_a_place(have.array):  # a part of a buffer, too
                    kernels.add_into(have.array, grad)
                    note_write(have.array)
                else:
                    variable._set_grad(kernels.add(have.array, grad))
        if self.hooks is not None:
            self.run_hooks()
        return ()

    def vjp_of_tensors(self, grad: Any) -> tuple[()]:
        if grad is None:
            return self.vjp(None)
        if not is_grad_enabled():  # what tangents it has are for autograd.grad
            return self.vjp(grad.array)
        if self.variable.edge is not NO_EDGE:
            with accumulating:
                have = self.variable._grad
                self.variable._grad = grad if have is None else have + grad
        self.run_hooks()
        return ()

    def run_hooks(self) -> None:
        if self.hooks is not None and self.hooks.after_accumulation:
            self.hooks.run_after_accumulation(self.variable)


accumulating = threading.RLock()  # backward passes of several threads may meet at a leaf


# -------------------------------------------------------------------- what a leaf and .grad may be


def check_may_require_grad(x: Any) -> None:
    if x.array.dtype.kind != "f":
        raise RuntimeError(
            "only Tensors of floating point dtype can require gradients, but this one is "
            f"{x.dtype}: make it with dtype=minigrad.float32, or call .float() first"
        )
    if x.is_inference() and not is_inference_mode_enabled():
        raise RuntimeError(
            "Setting requires_grad=True on inference tensor outside InferenceMode is not "
            "allowed. Use a clone() of it, which is a normal tensor."
        )


def check_grad(x: Any, grad: Any) -> None:
    """What torch asks of a tensor that is assigned to .grad."""
    if not hasattr(grad, "edge"):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(grad)}")
    if grad is x:
        raise RuntimeError("can't assign Variable as its own grad")
    for what, given, wanted in (
        ("with dtype", grad.dtype, x.dtype),
        ("with device type", grad.device.type, x.device.type),
        ("of size", list(grad.array.shape), list(x.array.shape)),
    ):
        if given != wanted:
            raise RuntimeError(
                f"attempting to assign a gradient {what} '{given}' to a tensor {what} '{wanted}'. "
                "Please ensure that the gradient and the tensor are the same there"
            )


# ----------------------------------------------------------------------- whose memory a gradient is


def has_memory_alone(array: Array) -> bool:
    """Whether no other array shows this memory, which lies in order; a transposed or reshaped one,
    as the gradient of a weight is, may be the last that is left of a result."""
    base, flags = array.base, array.flags
    if not (flags.writeable and flags.c_contiguous):
        return False
    if base is None:
        return True
    if type(base) is not np.ndarray or base.base is not None or base.size != array.size:
        return False
    del base
    return references_of_base(array) <= UNSHARED_BASE


def has_an_element_a_place(array: Array) -> bool:
    """Whether all elements can be written to apart: not one stretched over several places."""
    if 0 not in array.strides:
        return True
    return all(step or n == 1 for step, n in zip(array.strides, array.shape, strict=True))


def to_write_to(grad: Array) -> Array:
    """A gradient for users, who may change it in place: that of a mean is one number, stretched."""
    return grad if has_an_element_a_place(grad) else grad.copy()


def references_of_argument(array: Array) -> int:
    return sys.getrefcount(array)


def references_of_base(array: Array) -> int:
    return sys.getrefcount(array.base)


def count_unshared() -> int:
    """What getrefcount says in a callee of an array that only its caller's one variable holds."""
    array = np.empty(0)
    return references_of_argument(array)


UNSHARED = count_unshared()
UNSHARED_BASE = references_of_base(np.empty((2, 2)).T)
