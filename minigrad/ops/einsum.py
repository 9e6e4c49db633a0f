"""einsum: sums of products, written with a letter for each dimension.

Operands are multiplied from left to right, two at a time.  Letters that a pair shares and that
nobody needs afterwards are summed over, as the inner dimension of a matrix product; those that are
shared and stay are its batch:

    bij,bjk->bik    batch b, rows i, inner j, columns k

Where there is nothing to be summed, or neither rows nor columns, it is an elementwise product.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from typing import Any

from minigrad.ops.diagonals import diagonal
from minigrad.ops.joining import check_tensors
from minigrad.ops.matmul import bmm, mm
from minigrad.ops.pointwise import mul
from minigrad.ops.reduction import sum
from minigrad.ops.view import permute, reshape, unsqueeze_axes
from minigrad.tensor import TENSORS, Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ELLIPSIS = "..."

Labels = tuple[Any, ...]  # a letter a dimension; a number for one that an ellipsis stands for
MISSING = (
    "einsum(): must specify the equation string and at least one operand, or at least one operand "
    "and its subscripts list"
)


def einsum(*args: Any) -> Tensor:
    """Sums of products: einsum("ij,jk->ik", x, y).  Letters that the result lacks are summed over;
    without "->" it has those that occur once, in alphabetical order.  "..." stands for any
    dimensions.  Instead of letters, lists of numbers: einsum(x, [0, 1], y, [1, 2], [0, 2])."""
    if len(args) < 2:
        raise ValueError(MISSING)
    if type(args[0]) in TENSORS:
        equation, operands = from_lists(args)
    else:
        equation, *operands = args
        if not isinstance(equation, str):
            kind = type(equation).__name__
            raise TypeError(f"einsum(): argument 'equation' (position 1) must be str, not {kind}")
        if len(operands) == 1 and isinstance(operands[0], list | tuple):
            operands = list(operands[0])
    check_tensors(operands)
    inputs, result = parse(equation, tuple([x.array.ndim for x in operands]))
    return contract(operands, inputs, result)


def from_lists(args: Sequence[Any]) -> tuple[str, list[Tensor]]:
    """The other form of the arguments: each operand with a list of numbers, then the result's."""
    parts = ["".join(map(letter, args[i])) for i in range(1, len(args), 2)]
    equation = ",".join(parts)
    if len(args) % 2:
        equation += "->" + "".join(map(letter, args[-1]))
    operands = args[::2] if len(args) % 2 == 0 else args[:-1:2]
    return equation, list(operands)


def letter(subscript: Any) -> str:
    if subscript is Ellipsis:
        return ELLIPSIS
    if not 0 <= subscript < len(LETTERS):
        raise ValueError(
            "einsum(): subscript in subscript list is not within the valid range [0, 52)"
        )
    return LETTERS[subscript]


# ------------------------------------------------------------------------------------ the equation


@functools.lru_cache(maxsize=256)
def parse(equation: str, ndims: tuple[int, ...]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels of every operand and of the result, with ellipses written out."""
    left, arrow, right = equation.partition("->")
    parts = left.split(",")
    if len(parts) != len(ndims):
        amount = "more" if len(ndims) > len(parts) else "fewer"
        raise RuntimeError(
            f"einsum(): {amount} operands were provided than specified in the equation"
        )
    inputs, start = [], 0
    for number, (part, ndim) in enumerate(zip(parts, ndims, strict=True)):
        labels = labels_in(part, start, f"operand {number}")
        inputs.append(written_out(labels, ndim, number))
        start += len(part) + 1
    used = [label for labels in inputs for label in labels]
    hidden = sorted({label for label in used if isinstance(label, int)})
    if arrow:
        return tuple(inputs), labels_of_result(right, len(left) + 2, used, hidden)
    once = sorted(label for label in used if isinstance(label, str) and used.count(label) == 1)
    return tuple(inputs), (*hidden, *once)


def labels_of_result(part: str, start: int, used: Sequence[Any], hidden: Sequence[int]) -> Labels:
    result: list[Any] = []
    for label in labels_in(part, start, "output"):
        result += hidden if label == ELLIPSIS else [label]
        if label != ELLIPSIS and label not in used:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input "
                "operand"
            )
        if result.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
    return tuple(result)


def labels_in(part: str, start: int, where: str) -> Labels:
    """The letters of one operand, or of the result; `start`: the place of the part in the
    equation."""
    labels: list[Any] = []
    dots = 0  # left of an ellipsis
    for place, character in enumerate(part):
        if character == "." and dots:
            dots -= 1
        elif character == ".":
            check_ellipsis(part[place:], labels, where)
            labels.append(ELLIPSIS)
            dots = 2
        elif character.isascii() and character.isalpha():
            labels.append(character)
        elif character != " ":
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {start + place} in the equation "
                "string, subscripts must be in [a-zA-Z]"
            )
    return tuple(labels)


def check_ellipsis(rest: str, labels: Sequence[Any], where: str) -> None:
    if ELLIPSIS in labels:
        already = "but an" if where == "output" else "for which an"
        raise RuntimeError(f"einsum(): found '.' for {where} {already} ellipsis was already found")
    if not rest.startswith(ELLIPSIS):
        raise RuntimeError(f"einsum(): found '.' for {where} that is not part of any ellipsis")


def written_out(labels: Labels, ndim: int, number: int) -> Labels:
    """An ellipsis as numbers: -1 for the last of its dimensions, -2 for the one before."""
    if ELLIPSIS not in labels:
        if len(labels) != ndim:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(labels)}) does not "
                f"match the number of dimensions ({ndim}) for operand {number} and no ellipsis "
                "was given"
            )
        return labels
    hidden = ndim - len(labels) + 1
    if hidden < 0:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(labels) - 1}) is more than "
            f"the number of dimensions ({ndim}) for operand {number}"
        )
    place = labels.index(ELLIPSIS)
    return (*labels[:place], *range(-hidden, 0), *labels[place + 1 :])


# ----------------------------------------------------------------------------------- the products


def contract(operands: Sequence[Tensor], inputs: Sequence[Labels], result: Labels) -> Tensor:
    """The sum of products, of operands whose dimensions have these labels."""
    pairs = [
        with_diagonals(x, labels, number)
        for number, (x, labels) in enumerate(zip(operands, inputs, strict=True))
    ]
    sizes = sizes_of(pairs)
    pairs = [without_ones(x, labels, sizes) for x, labels in pairs]
    x, labels = pairs[0]
    for number, (y, others) in enumerate(pairs[1:], 1):
        wanted = {*result}.union(*[later for _, later in pairs[number + 1 :]])
        x, labels = product_of_pair(x, labels, y, others, wanted)
    x, labels = summed(x, labels, {*result})
    return in_order(x, labels, result)


def with_diagonals(x: Tensor, labels: Labels, number: int) -> tuple[Tensor, Labels]:
    """Of dimensions that share a letter, the diagonal."""
    while len({*labels}) < len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        n, m = x.array.shape[first], x.array.shape[second]
        if n != m:
            raise RuntimeError(
                f"einsum(): subscript {label} is repeated for operand {number} but the sizes "
                f"don't match, {m} != {n}"
            )
        x = diagonal(x, 0, first, second)
        labels = (*[k for i, k in enumerate(labels) if i not in (first, second)], label)
    return x, labels


def sizes_of(pairs: Sequence[tuple[Tensor, Labels]]) -> dict[Any, int]:
    """The size of each label.  RuntimeError where two differ and none is 1."""
    sizes: dict[Any, int] = {}
    for number, (x, labels) in enumerate(pairs):
        for label, n in zip(labels, x.array.shape, strict=True):
            seen = sizes.get(label, 1)
            if n != seen and 1 not in (n, seen):
                raise RuntimeError(
                    mismatch_of_ellipses(number, label, n, seen)
                    if isinstance(label, int)
                    else f"einsum(): subscript {label} has size {n} for operand {number} which "
                    f"does not broadcast with previously seen size {seen}"
                )
            sizes[label] = n if seen == 1 else seen
    return sizes


def mismatch_of_ellipses(number: int, label: int, n: int, seen: int) -> str:
    return (
        f"einsum(): dimension {label} covered by ellipsis in operand {number} has size {n} which "
        f"does not broadcast with previously seen ellipsis with size {seen} for the respective "
        "dimension"
    )


def without_ones(x: Tensor, labels: Labels, sizes: dict[Any, int]) -> tuple[Tensor, Labels]:
    """x without the dimensions that are stretched to those of another operand."""
    shape = x.array.shape
    kept = [i for i, label in enumerate(labels) if shape[i] == sizes[label]]
    if len(kept) == len(labels):
        return x, labels
    return reshape(x, [shape[i] for i in kept]), tuple([labels[i] for i in kept])


def summed(x: Tensor, labels: Labels, wanted: Collection[Any]) -> tuple[Tensor, Labels]:
    """x summed over the dimensions that are not wanted."""
    axes = [i for i, label in enumerate(labels) if label not in wanted]
    if not axes:
        return x, labels
    return sum(x, axes), tuple([label for label in labels if label in wanted])


def in_order(x: Tensor, labels: Labels, order: Sequence[Any]) -> Tensor:
    """x with its dimensions in this order."""
    if labels == tuple(order):
        return x
    result: Tensor = permute(x, [labels.index(label) for label in order])
    return result


def product_of_pair(
    x: Tensor, x_labels: Labels, y: Tensor, y_labels: Labels, wanted: set[Any]
) -> tuple[Tensor, Labels]:
    """The sum of x * y over what is not wanted."""
    x, x_labels = summed(x, x_labels, wanted.union(y_labels))
    y, y_labels = summed(y, y_labels, wanted.union(x_labels))
    shared = [label for label in x_labels if label in y_labels]
    batch = [label for label in shared if label in wanted]
    inner = [label for label in shared if label not in wanted]
    rows = [label for label in x_labels if label not in shared]
    columns = [label for label in y_labels if label not in shared]
    if not inner or not (rows or columns):
        return elementwise(x, x_labels, y, y_labels, [*batch, *rows, *columns, *inner], len(inner))
    x = in_order(x, x_labels, (*batch, *rows, *inner))
    y = in_order(y, y_labels, (*batch, *inner, *columns))
    counts = len(batch), len(rows), len(inner)
    return matrix_product(x, y, counts), (*batch, *rows, *columns)


def matrix_product(x: Tensor, y: Tensor, counts: tuple[int, int, int]) -> Tensor:
    """The product of x, with dimensions for batch, rows and inner, and y, for batch, inner and
    columns; how many there are of the first three is in `counts`."""
    batch, rows, inner = counts
    x_shape, y_shape = x.array.shape, y.array.shape
    shape = (*x_shape[: batch + rows], *y_shape[batch + inner :])
    size = math.prod(x_shape[batch + rows :])
    height, width = math.prod(x_shape[batch : batch + rows]), math.prod(y_shape[batch + inner :])
    if not batch:
        product = mm(reshaped(x, (height, size)), reshaped(y, (size, width)))
        return reshaped(product, shape)
    count = math.prod(x_shape[:batch])
    left, right = reshaped(x, (count, height, size)), reshaped(y, (count, size, width))
    return reshaped(bmm(left, right), shape)


def reshaped(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    result: Tensor = x if x.array.shape == shape else reshape(x, shape)
    return result


def elementwise(
    x: Tensor, x_labels: Labels, y: Tensor, y_labels: Labels, order: list[Any], inner: int
) -> tuple[Tensor, Labels]:
    """The product of every element with those of the same labels, in this order, of which the last
    are summed over."""
    product = mul(laid_out(x, x_labels, order), laid_out(y, y_labels, order))
    labels = tuple(order)
    if inner:
        last = tuple(range(len(order) - inner, len(order)))
        product = sum(product, last, dtype=product.dtype)  # as a matrix product: int32 stays
        labels = labels[:-inner]
    return product, labels


def laid_out(x: Tensor, labels: Labels, order: Sequence[Any]) -> Tensor:
    """x with its dimensions in this order, and of size 1 where it has none of a label."""
    x = in_order(x, labels, [label for label in order if label in labels])
    missing = [i for i, label in enumerate(order) if label not in labels]
    result: Tensor = unsqueeze_axes(x, missing) if missing else x
    return result
