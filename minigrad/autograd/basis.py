"""Whole Jacobians: the directions to differentiate along, and the result cut into blocks."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.ops.filled import eye
from minigrad.ops.joining import split
from minigrad.tensor import Tensor


def standard_basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The rows of the identity matrix, cut into the shapes of the tensors.

    For each tensor, one with a new first dimension: entry j is 1 in the j-th element of all of
    them, and 0 elsewhere.
    """
    total = sum(x.numel() for x in tensors)
    parts, start = [], 0
    for x in tensors:
        columns = eye(total, dtype=x.dtype, device=x.device)[:, start : start + x.numel()]
        parts.append(columns.reshape(total, *x.shape))
        start += x.numel()
    return parts


def cut_rows(
    stacked: Sequence[Tensor], outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[list[Tensor]]:
    """Blocks [output][input] of a Jacobian that is one tall matrix for each input."""
    sizes = [x.numel() for x in outputs]
    columns = [split(rows, sizes) for rows in stacked]
    return [
        [column[i].view(output.shape + x.shape) for column, x in zip(columns, inputs, strict=True)]
        for i, output in enumerate(outputs)
    ]


def cut_columns(stacked: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """Blocks [output][input] of a Jacobian that is a stack of columns for each output."""
    sizes = [x.numel() for x in inputs]
    return [
        [
            part.reshape(part.shape[:-1] + x.shape)
            for part, x in zip(split(columns.movedim(0, -1), sizes, -1), inputs, strict=True)
        ]
        for columns in stacked
    ]
