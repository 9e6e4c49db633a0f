"""What the operations on batches of matrices share: products and transposes of arrays or Tensors,
nodes with several outputs, and what is asked of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Edge, Node
from minigrad.ops.either import Either
from minigrad.ops.matmul import matmul
from minigrad.ops.view import transpose
from minigrad.tensor import TENSORS

Array = Any


def product(a: Either, b: Either) -> Either:
    return matmul(a, b) if type(a) in TENSORS else kernels.matmul(a, b)


def turned(x: Either) -> Either:
    """Every matrix transposed."""
    return transpose(x, -2, -1)


def check_matrices(name: str, x: Array, letter: str = "A") -> None:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(name: str, x: Array) -> None:
    check_matrices(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by "
            f"{x.shape[-1]} matrices"
        )


def check_floating(name: str, x: Array) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {type_name(x.dtype)}"
        )
    if x.dtype.itemsize < 4:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {type_name(x.dtype)}")


def check_same_dtype(name: str, a: Array, b: Array) -> None:
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{type_name(a.dtype)} and B of type {type_name(b.dtype)} instead"
        )


class NodeOfSeveral(Node):
    """A node with several outputs, which are saved after the input."""

    __slots__ = ("kinds", "outputs")
    plain = False
    kinds: list[tuple[tuple[int, ...], Any]]  # shape and dtype of each output

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        return self.kinds[output_nr]

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, *[(self, nr) for nr in range(self.outputs)]


def kinds_of(results: Sequence[Array]) -> dict[str, Any]:
    """What a node has to know of its outputs."""
    kinds = [(result.shape, result.dtype) for result in results]
    return {"kinds": kinds, "outputs": len(kinds)}
