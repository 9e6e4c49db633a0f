"""In and out of vmap: samples hidden behind a BatchedArray, and brought back.

Inside, a gradient belongs to one sample.  A tensor from outside that the samples share gets the sum
of theirs; when the call ends, nodes that sum are put in where the graph made inside leads out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.batched.array import batched, has_level, spread, unbatched
from minigrad.kernels.batched.levels import Level
from minigrad.leaf import AccumulateGrad
from minigrad.node import Edge, LinearNode, Node
from minigrad.ops.either import Either
from minigrad.ops.shared_memory import view_of
from minigrad.reach import walk
from minigrad.shapes import inverse
from minigrad.tensor import TENSORS, Tensor, attach, edge_of, record

Array = Any


class SamplesNode(Node):
    __slots__ = ("dim", "level")
    dim: int
    level: Level


class SplitSamplesBackward(SamplesNode):
    """Into vmap."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (join_samples(grad, self.dim, self.level),)


class JoinSamplesBackward(SamplesNode):
    """Out of vmap."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (split_samples(grad, self.dim, self.level),)


def split_samples(x: Either, dim: int, level: Level) -> Either:
    """x without dimension `dim`, whose places become the samples of a level."""
    if type(x) not in TENSORS:
        return batched(x.transpose(to_front(dim, x.ndim)), level.number)
    array = split_samples(x.array, dim, level)

    def replay(whole: Either) -> Either:
        return split_samples(whole, dim, level)

    return view_of(x, SplitSamplesBackward, replay, array, dim=dim, level=level)


def join_samples(x: Either, dim: int, level: Level) -> Either:
    """The samples of a level as dimension `dim`; what they share is repeated."""
    if type(x) not in TENSORS:
        values = unbatched(x, level.number, level.size)
        return values.transpose(inverse(to_front(dim, values.ndim)))
    array = join_samples(x.array, dim, level)

    def replay(whole: Either) -> Either:
        return join_samples(whole, dim, level)

    return view_of(x, JoinSamplesBackward, replay, array, dim=dim, level=level)


def to_front(dim: int, ndim: int) -> tuple[int, ...]:
    """The order of dimensions with one moved to the front."""
    return (dim, *[i for i in range(ndim) if i != dim])


# ------------------------------------------------------------------------ what the samples share


class SumSamplesBackward(LinearNode):
    """Passes the sum of the samples' gradients on to a tensor from outside."""

    __slots__ = ("level",)
    level: Level

    def vjp(self, grad: Either) -> Any:
        return (sum_samples(grad, self.level),)

    def jvp(self, tangent: Either) -> Either:
        return share_samples(tangent, self.level)  # every sample gets it


class ShareSamplesBackward(Node):
    """The derivative of sum_samples: every sample gets the gradient."""

    __slots__ = ("level",)
    level: Level

    def vjp(self, grad: Either) -> Any:
        return (share_samples(grad, self.level),)


def sum_samples(x: Either, level: Level) -> Either:
    if type(x) in TENSORS:
        if not has_level(x.array, level.number):
            return x
        return record(ShareSamplesBackward, sum_samples(x.array, level), (x,), level=level)
    if not has_level(x, level.number):
        return x
    return kernels.sum(unbatched(x, level.number, level.size), (0,), False)


def share_samples(x: Either, level: Level) -> Either:
    if type(x) in TENSORS:
        return record(SumSamplesBackward, share_samples(x.array, level), (x,), level=level)
    return batched(spread(x, -2, level.size), level.number)


def sum_where_shared(outputs: Iterable[Tensor], level: Level) -> None:
    """Let the graph that was made in a call of vmap sum its gradients where it leads outside."""
    sums: dict[Edge, Edge] = {}
    roots = [edge_of(x)[0] for x in outputs]
    for node in walk(roots, lambda node: not is_outside(node, level)):
        if isinstance(node, AccumulateGrad):
            continue  # of a leaf made inside
        if isinstance(node, SplitSamplesBackward) and node.level is level:
            continue  # its gradients have all samples in one array again
        if level.was_paused_at(node.sequence_nr):
            continue  # made in a Function's rule, where the samples can be seen
        node.next_functions = tuple(summed(edge, level, sums) for edge in node.next_functions)
        if hasattr(node, "_edges_of_saved"):  # of a Function: the places of what it saved
            node._edges_of_saved = tuple(
                summed(edge, level, sums) if isinstance(edge, tuple) else edge
                for edge in node._edges_of_saved
            )


def is_outside(node: Node, level: Level) -> bool:
    """Whether a node stands for a value that was there before the call, the same for all."""
    if isinstance(node, AccumulateGrad):
        return not has_level(node.variable.array, level.number)
    return node.sequence_nr <= level.began


def summed(edge: Edge, level: Level, sums: dict[Edge, Edge]) -> Edge:
    """The edge, with a node that sums before it if it leads outside."""
    target, output_nr = edge
    if target is None or not is_outside(target, level):
        return edge
    if edge not in sums:
        node = SumSamplesBackward()
        node.next_functions, node.saved, node.level = (edge,), (), level
        shape, dtype = target.output_kind(output_nr)
        sums[edge] = attach(node, np.broadcast_to(np.empty((), dtype), shape)).edge
        # older than all that was made inside, younger than what it passes gradients to
        node.sequence_nr = level.began + 1
        target.sequence_nr = min(target.sequence_nr, level.began)
    return sums[edge]
