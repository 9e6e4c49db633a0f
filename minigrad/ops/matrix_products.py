"""Products of several matrices or of many vectors: powers, chains, dot products."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from minigrad.dtypes import type_name
from minigrad.formats import check_no_out
from minigrad.ops.arguments import typed
from minigrad.ops.filled import eye
from minigrad.ops.joining import check_tensors
from minigrad.ops.linear_systems import inv
from minigrad.ops.matmul import matmul, mm
from minigrad.ops.matrices import check_square
from minigrad.ops.pointwise import add, mul
from minigrad.ops.reduction import sum
from minigrad.ops.view import expand, unsqueeze
from minigrad.tensor import Tensor

Array = Any


@typed
def matrix_power(input: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The product of n equal matrices; of inverses, for a negative n."""
    name = "linalg.matrix_power"
    check_no_out(name, out)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    check_square(name, input.array)
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        shape = input.array.shape
        ones = expand(eye(shape[-1], dtype=input.dtype, device=input.device), shape)
        return add(mul(ones, 1), mul(input, 0)) if input.requires_grad else mul(ones, 1)
    if n == 3:
        return matmul(matmul(input, input), input)
    result, square = None, input
    while n:
        if n % 2:
            result = square if result is None else matmul(result, square)
        n //= 2
        square = matmul(square, square) if n else square
    assert result is not None
    return result.clone() if result is input else result


@typed
def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications; the
    first and the last may be vectors."""
    check_no_out("linalg.multi_dot", out)
    matrices = list(tensors)
    check_tensors(matrices)
    check_chain([x.array for x in matrices])
    first, last = matrices[0].array.ndim == 1, matrices[-1].array.ndim == 1
    if first:
        matrices[0] = unsqueeze(matrices[0], 0)
    if last:
        matrices[-1] = unsqueeze(matrices[-1], 1)
    sizes = [x.array.shape[0] for x in matrices] + [matrices[-1].array.shape[1]]
    result = chained(matrices, best_splits(sizes), 0, len(matrices) - 1)
    shape = result.array.shape
    return result.reshape(shape[int(first) : 2 - int(last)])


def check_chain(arrays: Sequence[Array]) -> None:
    if len(arrays) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(arrays)}")
    for number, x in enumerate(arrays):
        at_end = number in (0, len(arrays) - 1)
        if x.ndim != 2 and not (at_end and x.ndim == 1):
            which = "the first tensor" if number == 0 else "the last tensor"
            wanted = "1D or 2D" if at_end else "2D"
            which = which if at_end else f"tensor {number}"
            raise RuntimeError(f"multi_dot(): {which} must be {wanted} but got {x.ndim}D")
        if x.dtype != arrays[0].dtype:
            raise RuntimeError(
                "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{arrays[0].dtype} and tensor {number} {x.dtype}"
            )
    for number, (x, y) in enumerate(itertools.pairwise(arrays)):
        if x.shape[-1] != y.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {number} and {number + 1} with shapes {list(x.shape)} and "
                f"{list(y.shape)} cannot be multiplied"
            )


def best_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split the product of matrices i to j, for all i < j.  Matrix i has sizes[i] rows."""
    count = len(sizes) - 1
    costs = {(i, i): 0 for i in range(count)}
    splits = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs[i, j], splits[i, j] = min(
                (costs[i, k] + costs[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return splits


def chained(
    matrices: Sequence[Tensor], splits: dict[tuple[int, int], int], i: int, j: int
) -> Tensor:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    result: Tensor = mm(chained(matrices, splits, i, k), chained(matrices, splits, k + 1, j))
    return result


@typed
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The dot products of vectors along one dimension."""
    check_no_out("linalg.vecdot", out)
    check_floating_product("linalg.vecdot", x.array, y.array)
    return sum(mul(x, y), dim)


def check_floating_product(name: str, x: Array, y: Array) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {type_name(x.dtype)}"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: Expected x and y to have the same dtype, but found x of type "
            f"{type_name(x.dtype)} and y of type {type_name(y.dtype)} instead"
        )
