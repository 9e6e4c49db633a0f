"""How the samples of a batch become one sample with a batch axis in front."""

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import float64
from minigrad.ops.creation import as_tensor, tensor
from minigrad.ops.joining import stack
from minigrad.tensor import Tensor

NO_TENSORS = "SUO"  # kinds of NumPy arrays: bytes, text, objects


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack tensors, arrays and numbers; go into dicts, tuples and lists; leave strings alone."""
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, np.ndarray):
        return collate_arrays(batch)
    if isinstance(first, np.bool_ | np.number):
        return as_tensor(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        columns = {name: [sample[name] for sample in batch] for name in first}
        return mapping_like(first, columns, default_collate)
    if isinstance(first, Sequence):
        return collate_sequences(batch)
    raise cannot_collate(type(first))


def collate_arrays(batch: Sequence[Any]) -> Tensor:
    if batch[0].dtype.kind in NO_TENSORS:
        raise cannot_collate(batch[0].dtype)
    return stack([as_tensor(array) for array in batch])


def collate_sequences(batch: Sequence[Sequence[Any]]) -> Any:
    """Collate first with first, second with second, and so on.  Named tuples stay named."""
    if any(len(sample) != len(batch[0]) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    return sequence_like(batch[0], list(zip(*batch, strict=True)), default_collate)


def cannot_collate(kind: Any) -> TypeError:
    return TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {kind}.  Write a collate_fn that makes a batch of them."
    )


def default_convert(data: Any) -> Any:
    """NumPy's arrays and numbers become tensors, in dicts, tuples and lists as well."""
    if isinstance(data, np.ndarray | np.generic):
        return data if data.dtype.kind in NO_TENSORS else as_tensor(data)
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return mapping_like(data, data, default_convert)
    if isinstance(data, Sequence):
        return sequence_like(data, data, default_convert)
    return data


def mapping_like(
    model: Mapping[Any, Any], values: Mapping[Any, Any], change: Callable[[Any], Any]
) -> Any:
    """The values, changed, in a mapping of the model's type; in a dict if that cannot be made."""
    changed = {name: change(values[name]) for name in model}
    try:
        if not isinstance(model, MutableMapping):
            return type(model)(changed)  # type: ignore[call-arg]
        clone = copy.copy(model)  # keeps what else such an object knows, a default for example
        clone.update(changed)
        return clone
    except TypeError:
        return changed


def sequence_like(model: Sequence[Any], values: Sequence[Any], change: Callable[[Any], Any]) -> Any:
    """The values, changed, in a sequence of the model's type; a tuple becomes a list."""
    changed = [change(value) for value in values]
    if isinstance(model, tuple):
        return type(model)(*changed) if hasattr(model, "_fields") else changed
    try:
        if not isinstance(model, MutableSequence):
            return type(model)(changed)  # type: ignore[call-arg]
        clone = copy.copy(model)
        for place, value in enumerate(changed):
            clone[place] = value
        return clone
    except TypeError:
        return changed
