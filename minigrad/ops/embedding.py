"""Rows of a table by number: embedding, and one_hot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.grad_mode import no_grad
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.index import ends_of
from minigrad.ops.inplace import check_writable, write
from minigrad.ops.pointwise import abs, add, div, gt, mul, pow, sqrt, where
from minigrad.ops.rows import RowsNode, add_rows, check_rows, put_rows, take_rows
from minigrad.ops.shared_memory import new_zeros, put
from minigrad.ops.view import unsqueeze
from minigrad.tensor import TENSORS, Tensor, constant, record, unrecorded

Array = Any


class EmbeddingBackward0(RowsNode):
    """Rows add up in the table's gradient: there is no array of it for each row that was read."""

    __slots__ = ("by_frequency", "padding")
    by_frequency: bool
    padding: int | None

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        if self.by_frequency:
            share = unsqueeze(one_over_frequency(indices, self.input_shape[0], array_of(grad)), -1)
            grad = mul(grad, constant_like(share, grad))
        total = add_rows(grad, indices, 0, self.input_shape)
        return (total if self.padding is None else without_row(total, self.padding),)


def one_over_frequency(indices: Array, rows: int, like: Array) -> Array:
    """For each index, one over how often it is named; in the dtype of `like`."""
    ones = kernels.full(indices.shape, 1, like.dtype, indices)
    return div(ones, take_rows(add_rows(ones, indices, 0, (rows,)), indices, 0))


def without_row(total: Either, row: int) -> Either:
    """A new gradient, with zeros in one row."""
    if type(total) in TENSORS:
        return put(total, new_zeros(total, ()), lambda whole: whole[row])
    total[row] = 0
    return total


@typed
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `input` numbers: (...) int64 and (V, D) give (..., D).

    padding_idx: a row without a gradient.  max_norm: rows that are longer are first made this
    long, in place.  scale_grad_by_freq: each row's gradient is divided by how often it was read.
    """
    refuse_sparse("embedding", sparse)
    padding = padding_row(padding_idx, weight.array.shape)
    indices = row_numbers("embedding", input.array)
    if weight.array.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    kernels.check_one_device((weight.array, indices))
    check_rows("embedding", indices, weight.array.shape[0])
    if max_norm is not None:
        renormalize(weight, indices, max_norm, norm_type)
    array = weight.array
    details = {"axis": 0, "input_shape": array.shape, "padding": padding}
    return record(
        EmbeddingBackward0,
        kernels.take_rows(array, indices, 0),
        (weight,),
        (indices,),
        by_frequency=scale_grad_by_freq,
        **details,
    )


def refuse_sparse(name: str, sparse: bool) -> None:
    if sparse:
        raise NotImplementedError(
            f"{name}(): sparse=True is not supported: there are no sparse gradients here"
        )


def padding_row(padding_idx: int | None, shape: tuple[int, ...]) -> int | None:
    if padding_idx is None:
        return None
    rows = shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def row_numbers(name: str, indices: Array) -> Array:
    if indices.dtype.kind != "i" or indices.dtype.itemsize < 4:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got minigrad.{type_name(indices.dtype)}Tensor instead (while checking "
            f"arguments for {name})"
        )
    return indices.astype(np.int64, copy=False)


def renormalize(weight: Tensor, indices: Array, max_norm: float, norm_type: float) -> None:
    """Make the rows that are read no longer than max_norm, in place and without a history."""
    rows = kernels.take_rows(weight.array, indices.reshape(-1), 0)
    norms = norm_of_rows(rows, norm_type)
    scale = where(gt(norms, max_norm), div(max_norm, add(norms, 1e-7)), 1.0)
    shorter = put_rows(weight.array, 0, indices.reshape(-1), mul(rows, scale))
    with no_grad():
        check_writable(weight)
        write(weight, constant(shorter))


def norm_of_rows(rows: Array, p: float) -> Array:
    """(N, 1): (sum |x|^p)^(1/p) of each row."""
    if p == math.inf:
        return kernels.amax(abs(rows), (1,), True)
    if p == 2:
        return sqrt(kernels.sum(mul(rows, rows), (1,), True))
    return pow(kernels.sum(pow(abs(rows), p), (1,), True), 1 / p)


@typed
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """For each class in `input`, a vector of num_classes zeros with a 1 at its place; int64.

    num_classes: one more than the largest, if it is not given.
    """
    classes = input.array
    if classes.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not classes.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if classes.size:
        lowest, highest = ends_of(classes)
        if lowest < 0:
            raise RuntimeError("Class values must be non-negative.")
        if num_classes != -1 and highest >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
        num_classes = highest + 1 if num_classes == -1 else num_classes
    places = classes.reshape((*classes.shape, 1))
    ones = kernels.full(places.shape, 1, classes.dtype, classes)
    shape = (*classes.shape, num_classes)
    return unrecorded(kernels.add_along(shape, places, ones, classes.ndim))
