"""Sequences of different lengths: padded to one length, or packed without padding.

A packed sequence has the first elements of all sequences, then all second ones, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad import dtypes
from minigrad.ops.creation import as_tensor
from minigrad.ops.joining import stack, unbind
from minigrad.ops.padding import constant_pad
from minigrad.ops.rows import index_copy, index_select
from minigrad.ops.sorting import argsort
from minigrad.ops.view import narrow, reshape, transpose
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor

Places = np.ndarray[Any, Any]

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class PackedParts(NamedTuple):
    """The fields of a PackedSequence, whose own __new__ a NamedTuple may not have."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedParts):
    """Sequences without padding: `data` has batch_sizes[t] rows for every time t.

    sorted_indices tells which sequence is the longest, and so on; unsorted_indices is the way back.
    pack_sequence() and pack_padded_sequence() make them.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, list | tuple) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. pack_sequence() and pack_padded_sequence() make them."
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data in another dtype or on another device; the indices move along."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        order, back = self.sorted_indices, self.unsorted_indices
        if order is not None and back is not None:
            order, back = order.to(data.device), back.to(data.device)
        return type(self)(data, self.batch_sizes, order, back)

    def cpu(self) -> PackedSequence:
        return self.to("cpu")

    def cuda(self, device: Any = "cuda") -> PackedSequence:
        return self.to(device)

    def double(self) -> PackedSequence:
        return self.to(dtypes.float64)

    def float(self) -> PackedSequence:
        return self.to(dtypes.float32)

    def half(self) -> PackedSequence:
        return self.to(dtypes.float16)

    @property
    def is_cuda(self) -> bool:
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another; None for None."""
    return None if permutation is None else argsort(permutation)


# ---------------------------------------------------------------------------- padded and packed


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences (T, B, *), or (B, T, *) with batch_first, of these lengths.

    Unless enforce_sorted is False the longest must come first.
    """
    steps, batch = padded_sizes(input, batch_first)
    sizes = lengths_of(lengths, steps, batch)
    order = np.arange(batch)
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    elif (sizes[1:] > sizes[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement."
        )
    batch_sizes = (sizes > np.arange(sizes[0])[:, None]).sum(1)
    places = places_in_padded(batch_sizes, order, steps, batch_first)
    rows = reshape(input, (steps * batch, *input.array.shape[2:]))
    data = index_select(rows, 0, beside(places, input))
    indices = None if enforce_sorted else beside(order, input)
    return PackedSequence(data, as_tensor(batch_sizes), indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """(padded, lengths): (T, B, *), or (B, T, *) with batch_first, in the order before packing.

    T is the length of the longest sequence, or total_length.
    """
    data, back = sequence.data, sequence.unsorted_indices
    batch_sizes = sequence.batch_sizes.host_array()
    steps, batch = len(batch_sizes), int(batch_sizes[0])
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {steps}"
        )
    lengths = (batch_sizes > np.arange(batch)[:, None]).sum(1)
    order = np.arange(batch)
    if back is not None:
        undo = back.host_array()
        lengths, order = lengths[undo], np.argsort(undo)
    steps = steps if total_length is None else total_length
    places = places_in_padded(batch_sizes, order, steps, batch_first)
    rest = data.array.shape[1:]
    padding = data.new_full((steps * batch, *rest), padding_value)
    rows = index_copy(padding, 0, beside(places, data), data)
    shape = (batch, steps) if batch_first else (steps, batch)
    return reshape(rows, (*shape, *rest)), as_tensor(lengths)


def padded_sizes(input: Tensor, batch_first: bool) -> tuple[int, int]:
    """(T, B) of padded sequences."""
    if input.dim() < 2:
        raise IndexError(
            f"Dimension out of range: padded sequences have at least 2 dimensions, got "
            f"{input.dim()}"
        )
    if not input.array.size:
        raise RuntimeError("Cannot pack empty tensors.")
    first, second = input.array.shape[:2]
    return (second, first) if batch_first else (first, second)


def lengths_of(lengths: Any, steps: int, batch: int) -> Places:
    """The lengths as an array; RuntimeError unless there is one for each sequence, that fits."""
    sizes = as_tensor(lengths).host_array().astype(np.int64)
    if sizes.ndim != 1:
        raise RuntimeError(f"'lengths' argument should be a 1D tensor, but got {sizes.ndim}D")
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={batch})"
        )
    if sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if sizes.max() > steps:
        raise RuntimeError(
            f"'lengths' has an element {sizes.max()}, but the padded sequences end after {steps}"
        )
    return sizes


def places_in_padded(batch_sizes: Places, order: Places, steps: int, batch_first: bool) -> Places:
    """Where each packed row stands among the rows of the padded sequences; order[k] is the number
    of the sequence that is k-th in length."""
    starts = np.cumsum(batch_sizes) - batch_sizes
    times = np.repeat(np.arange(len(batch_sizes)), batch_sizes)
    sequences = order[np.arange(len(times)) - starts[times]]
    return sequences * steps + times if batch_first else times * len(order) + sequences


def beside(numbers: Places, x: Tensor) -> Tensor:
    """An index on the device of x."""
    return as_tensor(numbers, device=x.device)


# ---------------------------------------------------------------------------- lists of sequences


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, *) of different lengths as one tensor (T, B, *), or (B, T, *) with
    batch_first, filled up on the right or the left."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    sequences = list(sequences)
    check_sequences(sequences)
    steps = max(x.array.shape[0] for x in sequences)
    padded = []
    for x in sequences:
        missing = steps - x.array.shape[0]
        ends = (missing, 0) if padding_side == "left" else (0, missing)
        padded.append(constant_pad(x, (ends, *[(0, 0)] * (x.dim() - 1)), padding_value))
    return stack(padded, 0 if batch_first else 1)


def check_sequences(sequences: Sequence[Any]) -> None:
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    for number, x in enumerate(sequences):
        if type(x) not in TENSORS:
            raise TypeError(
                f"expected Tensor as element {number} in argument 0, but got {type(x).__name__}"
            )
        if not x.dim():
            raise RuntimeError("pad_sequence: a sequence needs at least one dimension, not 0")
        first = sequences[0].array.shape
        broadcast_shape((1, *first[1:]), (1, *x.array.shape[1:]))
        if x.array.shape[1:] != first[1:]:
            raise RuntimeError(
                "pad_sequence: sequences may differ in their first dimension only, but got "
                f"{list(first)} and {list(x.array.shape)}"
            )


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor, each of its length."""
    sequences = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    pairs = zip(unbind(sequences), lengths.tolist(), strict=True)
    return [narrow(x, 0, 0, min(length, x.array.shape[0])) for x, length in pairs]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L, *); unless enforce_sorted is False the longest comes first."""
    lengths = [x.array.shape[0] for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences that was packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
