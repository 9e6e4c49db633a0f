"""einsum: sums of products, written with a letter for each dimension.

The operands are first laid out alike: one dimension for every letter, those of the result in front,
in order.  Then they are multiplied from left to right, two at a time.  What both have and is summed
over after them is the inner dimension of a batched matrix product:

    ij,jk->ik     left (1, i, j)  right (1, j, k)     batch: letters of both that stay
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.ops.diagonals import diagonal
from minigrad.ops.matmul import bmm
from minigrad.ops.pointwise import mul
from minigrad.ops.reduction import sum
from minigrad.ops.view import permute, reshape, squeeze, unsqueeze_axes
from minigrad.tensor import TENSORS, Tensor

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ELLIPSIS = "..."

Labels = list[Any]  # a letter for each dimension; a number for one that an ellipsis stands for
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
    inputs, result = parse(equation, operands)
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


def parse(equation: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """The labels of every operand and of the result, with ellipses written out."""
    left, arrow, right = equation.partition("->")
    parts = left.split(",")
    if len(parts) != len(operands):
        amount = "more" if len(operands) > len(parts) else "fewer"
        raise RuntimeError(
            f"einsum(): {amount} operands were provided than specified in the equation"
        )
    inputs, start = [], 0
    for number, (part, x) in enumerate(zip(parts, operands, strict=True)):
        labels = labels_in(part, start, f"operand {number}")
        inputs.append(written_out(labels, x.array.ndim, number))
        start += len(part) + 1
    used = [label for labels in inputs for label in labels]
    numbers = sorted({label for label in used if isinstance(label, int)})
    if not arrow:
        once = sorted(label for label in used if isinstance(label, str) and used.count(label) == 1)
        return inputs, [*numbers, *once]
    result: Labels = []
    for label in labels_in(right, len(left) + 2, "output"):
        result += numbers if label == ELLIPSIS else [label]
        if label != ELLIPSIS and label not in used:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input "
                "operand"
            )
        if result.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
    return inputs, result


def labels_in(part: str, start: int, where: str) -> Labels:
    """The letters of one operand, or of the result; `start`: the place of the part in the
    equation."""
    labels: Labels = []
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
    return labels


def check_ellipsis(rest: str, labels: Labels, where: str) -> None:
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
    return [*labels[:place], *range(-hidden, 0), *labels[place + 1 :]]


# ----------------------------------------------------------------------------------- the products


def contract(operands: Sequence[Tensor], inputs: list[Labels], result: Labels) -> Tensor:
    """The sum of products, of operands whose dimensions have these labels."""
    pairs = [
        with_diagonals(x, labels, number)
        for number, (x, labels) in enumerate(zip(operands, inputs, strict=True))
    ]
    check_sizes(pairs)
    summed = sorted({label for _, labels in pairs for label in labels} - {*result}, key=str)
    order = [*result, *summed]
    parts = [laid_out(x, labels, order) for x, labels in pairs]
    product = parts[0]
    pending = set(range(len(result), len(order)))
    for number, part in enumerate(parts):
        others = parts[number + 1 :]
        now = [i for i in sorted(pending) if all(other.array.shape[i] == 1 for other in others)]
        if number:
            product = product_of_pair(product, part, now)
        elif (now and len(parts) == 1) or (now and not all(part.array.shape[i] == 1 for i in now)):
            product = sum(part, now, True)
        pending -= {*now}
    if not summed:
        return product
    return squeeze(product, tuple(range(len(result), len(order))))


def with_diagonals(x: Tensor, labels: Labels, number: int) -> tuple[Tensor, Labels]:
    """Of dimensions that share a letter, the diagonal."""
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            n, m = x.array.shape[first], x.array.shape[second]
            if n != m:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {number} but the sizes "
                    f"don't match, {m} != {n}"
                )
            x = diagonal(x, 0, first, second)
            labels = [k for i, k in enumerate(labels) if i not in (first, second)] + [label]
    return x, labels


def check_sizes(pairs: Sequence[tuple[Tensor, Labels]]) -> None:
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


def mismatch_of_ellipses(number: int, label: int, n: int, seen: int) -> str:
    return (
        f"einsum(): dimension {label} covered by ellipsis in operand {number} has size {n} which "
        f"does not broadcast with previously seen ellipsis with size {seen} for the respective "
        "dimension"
    )


def laid_out(x: Tensor, labels: Labels, order: Labels) -> Tensor:
    """x with its dimensions in this order, of size 1 where it has none of that label."""
    axes = [labels.index(label) for label in order if label in labels]
    missing = [i for i, label in enumerate(order) if label not in labels]
    if axes != sorted(axes):
        x = permute(x, axes)
    result: Tensor = unsqueeze_axes(x, missing) if missing else x
    return result


def product_of_pair(x: Tensor, y: Tensor, summed: Sequence[int]) -> Tensor:
    """The sum over some dimensions of x * y, which broadcast; summed dimensions stay, of size 1."""
    for axis in summed:  # what only one of them has is summed over before the product
        n, m = x.array.shape[axis], y.array.shape[axis]
        if n != 1 and m == 1:
            x = sum(x, axis, True)
        elif m != 1 and n == 1:
            y = sum(y, axis, True)
    inner = [i for i in summed if x.array.shape[i] != 1]
    if not inner:
        return mul(x, y)
    kept = [i for i in range(x.array.ndim) if i not in summed]
    both = [i for i in kept if x.array.shape[i] != 1 and y.array.shape[i] != 1]
    rows = [i for i in kept if y.array.shape[i] == 1]
    columns = [i for i in kept if i not in both and i not in rows]
    order = [*both, *rows, *columns, *summed]
    left, right = as_matrices(x, both, rows, inner), as_matrices(y, both, inner, columns)
    product = bmm(left, right)
    shape = [x.array.shape[i] for i in (*both, *rows)] + [y.array.shape[i] for i in columns]
    product = reshape(product, shape + [1] * len(summed))
    back = sorted(range(len(order)), key=order.__getitem__)
    return product if back == sorted(back) else permute(product, back)


def as_matrices(
    x: Tensor, batch: Sequence[int], rows: Sequence[int], columns: Sequence[int]
) -> Tensor:
    """x as a batch of matrices, with some of its dimensions for each of batch, rows, columns; the
    others are of size 1."""
    shape = x.array.shape
    order = [*batch, *rows, *columns]
    axes = order + [i for i in range(len(shape)) if i not in order]
    if axes != sorted(axes):
        x = permute(x, axes)
    return reshape(x, [math.prod(shape[i] for i in group) for group in (batch, rows, columns)])
