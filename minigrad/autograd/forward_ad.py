"""Forward mode: derivatives along a direction, the tangent, that are known with the value itself.

    with dual_level():
        x = make_dual(primal, tangent)
        y, tangent_of_y = unpack_dual(f(x))

There are no rules of its own here: it is the recorded graph, walked from the inputs to the result.
make_dual() gives a view of `primal` with a node for its grad_fn, and the level notes the tangent of
that node.  unpack_dual() finds the nodes between there and the result and runs them, oldest first:
each makes the tangent of its output from those of its inputs (node_jvp.py).

torch computes every tangent at once with the value.  Here that is seen in one case: if memory that
an operation saved, or a given tangent, is overwritten before the tangent of a result was asked for,
unpack_dual() raises.  (A write to the result itself, and backward(), let the level catch up first:
see forward_levels.py.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from minigrad.autograd.node_jvp import cast_to, jvp_of
from minigrad.autograd.saved_hooks import without_saved_tensors_hooks
from minigrad.forward_levels import close_level, forward_only, open_level
from minigrad.grad_mode import GradMode
from minigrad.memory import tick, write_after
from minigrad.node import NO_EDGE, Edge, Node, line_of
from minigrad.ops.inplace import CopySlices
from minigrad.ops.shared_memory import IN_FUNCTION, view_edge
from minigrad.reach import walk
from minigrad.tensor import Tensor, attach, constant, edge_of

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

Either = Any  # a Tensor or an array


class UnpackedDualTensor(NamedTuple):
    """What unpack_dual() returns; `tangent` is None for a tensor that depends on no dual."""

    primal: Tensor
    tangent: Tensor | None


class Identity(Node):
    """The grad_fn of a dual, and of what is unpacked: the same values, with other tangents."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (grad,)


class ViewBackward0(Identity):
    """What torch calls the grad_fn of a dual."""

    __slots__ = ()


class Known(NamedTuple):
    """What a level knows of a node: the tangents of its outputs, None where there is none."""

    tangents: Sequence[Tensor | None]
    tracked: bool  # whether it depends on more than the level's duals: a leaf, another level's


NOTHING = Known((None,), False)


class ForwardADLevel:
    """The tangents of one forward pass, for the length of a `with` block.  Levels may nest: what
    one computes is recorded, so that the other sees it."""

    def __init__(self) -> None:
        self.known: WeakKeyDictionary[Node, Known] = WeakKeyDictionary()
        self.given: WeakKeyDictionary[Node, int] = WeakKeyDictionary()  # tangents, by their time
        self.leaves: list[Node] = []  # nothing else holds the node of a leaf
        self.first: float = float("inf")  # older nodes than the first dual depend on none

    def __enter__(self) -> ForwardADLevel:
        open_level(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        close_level(self)
        self.known.clear()
        self.given.clear()
        self.leaves.clear()
        self.first = float("inf")

    def dual(self, x: Tensor, tangent: Tensor) -> Tensor:
        """A view of x with a tangent."""
        if self.tangent_at(edge_of(x)) is not None:
            raise RuntimeError(
                "Making a dual Tensor based on a Tensor that already has a forward gradient at "
                "the same level 0 is not supported. unpack_dual(x).primal is x without it."
            )
        if self.tangent_at(edge_of(tangent)) is not None:
            raise RuntimeError(
                "Setting a forward grad that itself has a forward gradient at the same level 0 is "
                "not supported. Use minigrad.func.jvp in a jvp for second derivatives."
            )
        if tangent.array.shape != x.array.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                f"original Tensor, this is not supported. Tensor is of size {list(x.shape)} while "
                f"the given forward gradient is of size {list(tangent.shape)}."
            )
        node = ViewBackward0()
        with GradMode(True):
            made = view_with(node, x)
        if edge_of(x) is NO_EDGE:
            forward_only[node] = node.next_functions
        self.push(made, tangent, edge_of(x) is not NO_EDGE)
        return made

    def push(self, x: Tensor, tangent: Tensor, tracked: bool) -> None:
        """Give x, which what follows was made of, a tangent."""
        node, _ = edge_of(x)
        assert node is not None
        self.known[node] = Known((tangent,), tracked or edge_of(tangent) is not NO_EDGE)
        self.given[node] = tick()
        if not node.next_functions:
            self.leaves.append(node)
        self.first = min(self.first, node.sequence_nr)

    def unpack(self, y: Tensor) -> UnpackedDualTensor:
        """The value of y and its tangent, neither of which has a tangent at this level."""
        edge = edge_of(y)
        tangent = self.tangent_at(edge)
        if tangent is None and edge is NO_EDGE:
            return UnpackedDualTensor(constant(y.array), None)
        known = self.known.get(edge[0]) if edge[0] is not None else None
        tracked = known is None or known.tracked
        primal = self.without_tangent(y) if tracked else constant(y.array)
        if tangent is None:
            return UnpackedDualTensor(primal, None)
        tangent = cast_like(tangent, y)
        if edge_of(tangent) is not NO_EDGE:
            tangent = self.without_tangent(tangent)
        return UnpackedDualTensor(primal, tangent)

    def without_tangent(self, x: Tensor) -> Tensor:
        node = Identity()
        made = view_with(node, x)
        self.known[node] = Known((None,), True)
        return made

    def tangent_at(self, edge: Edge) -> Tensor | None:
        """The tangent of the tensor with this edge, computed if it is not known yet."""
        nodes = self.unknown_behind(edge)
        if nodes:
            self.check_given()
            with GradMode(True), without_saved_tensors_hooks():  # whoever asks, and wherever
                for node in nodes:
                    self.known[node] = self.push_through(node)
        return self.known_of(edge).tangents[edge[1]]

    def check_given(self) -> None:
        """RuntimeError if a tangent was written to since it was given, for it is used only now."""
        for node, time in list(self.given.items()):
            (tangent,) = self.known[node].tangents
            write = None if tangent is None else write_after(tangent.array, time)
            if write is not None:
                raise RuntimeError(
                    "a tangent given to make_dual() has been modified by an inplace operation at "
                    f"{line_of(write.code, write.instruction)}, before the tangents of what was "
                    "computed from it were unpacked. Give a clone() of it to make_dual()."
                )

    def known_of(self, edge: Edge) -> Known:
        node = edge[0]
        if node is None:
            return NOTHING
        known = self.known.get(node)
        if known is None:  # older than every dual
            return Known((None,) * node.outputs, True)
        return known

    def unknown_behind(self, edge: Edge) -> list[Node]:
        """The nodes that lead from the duals to this edge and have not run, the oldest first."""

        def is_unknown(node: Node) -> bool:
            return node.sequence_nr >= self.first and node not in self.known

        return sorted(walk([edge[0]], is_unknown, sources), key=age)

    def push_through(self, node: Node) -> Known:
        """The tangents of a node's outputs from those of its inputs."""
        edges = sources(node)
        before = [self.known_of(edge) for edge in edges]
        pairs = zip(before, edges, strict=True)
        tangents = [known.tangents[output_nr] for known, (_, output_nr) in pairs]
        is_end = all(target is None for target, _ in edges)
        tracked = is_end or any(known.tracked for known in before)
        if all(t is None for t in tangents):
            return Known((None,) * node.outputs, tracked)
        tracked = tracked or any(t is not None and edge_of(t) is not NO_EDGE for t in tangents)
        if node not in forward_only:
            return Known(jvp_of(node, tangents, tracked), tracked)
        with real_edges(node):
            return Known(jvp_of(node, tangents, tracked), tracked)


def sources(node: Node) -> Sequence[Edge]:
    """The edges whose tangents make those of the node's outputs."""
    edges: Sequence[Edge] = forward_only.get(node, node.next_functions)
    if isinstance(node, CopySlices):  # the base as it was, and what was written to a part of it
        return edges[0], (node.writer, 0)
    return edges


@contextmanager
def real_edges(node: Node) -> Iterator[None]:
    """Inside, a node that was made under no_grad leads where it would lead otherwise, and what is
    recorded lets no gradient through."""
    hidden = node.next_functions
    node.next_functions = forward_only[node]
    with GradMode(False):
        try:
            yield
        finally:
            node.next_functions = hidden


def age(node: Node) -> tuple[int, bool]:
    """Sorts nodes from the oldest to the youngest; a writer and its CopySlices are of one age."""
    return node.sequence_nr, isinstance(node, CopySlices)


def view_with(node: Identity, x: Tensor) -> Tensor:
    """The same values with another node, which leads to x."""
    edge = edge_of(x)
    node.next_functions, node.saved = (edge,), ()
    made = attach(node, x.array)
    if edge is not NO_EDGE:  # a write to it would have to change the history of x
        made.edge = view_edge(x, same, made.edge, IN_FUNCTION)
    return made


def same(whole: Either) -> Either:
    return whole


def cast_like(tangent: Tensor, x: Tensor) -> Tensor:
    """A write in place keeps the dtype of what is written to, whatever was computed."""
    return cast_to(tangent, x.array.dtype)


# --------------------------------------------------------------------------- torch's functions

_level: ContextVar[ForwardADLevel | None] = ContextVar("dual_level", default=None)


def enter_dual_level() -> int:
    """Begin a level: dual tensors may be made until exit_dual_level()."""
    if _level.get() is not None:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment: use minigrad.func.jvp in a jvp."
        )
    _level.set(ForwardADLevel().__enter__())
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level, and forget its tangents."""
    current = _level.get()
    if level not in (None, 0 if current else -1):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. "
            "This is not supported."
        )
    if current is None:
        raise RuntimeError("Dual level must be a positive number: there is none to exit.")
    current.__exit__(None, None, None)
    _level.set(None)


class dual_level:  # torch's name
    """The length of a forward pass: with dual_level(): ..."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A view of `tensor` that carries a tangent: unpack_dual() gives that of what is made of it."""
    current = _level.get()
    number = level if level is not None else 0 if current else -1
    if number < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first: with forward_ad.dual_level(): ..."
        )
    check_dtypes(tensor, tangent)
    if current is None:
        raise RuntimeError(
            "Trying to access a forward AD level with an invalid index. This index was either not "
            "created or is already deleted."
        )
    if number > 0:
        raise RuntimeError("Invalid level given to _make_dual: only level 0 exists")
    return current.dual(tensor, tangent)


def check_dtypes(primal: Tensor, tangent: Tensor) -> None:
    for what, x in (("primal", primal), ("tangent", tangent)):
        if not x.is_floating_point():
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {x.dtype}")


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a result.  The tangent is None outside of a level, or where the tensor
    depends on no dual."""
    current = _level.get()
    if current is None or level not in (None, 0):
        return UnpackedDualTensor(tensor, None)
    return current.unpack(tensor)
