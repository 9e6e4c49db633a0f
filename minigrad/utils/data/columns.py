"""Datasets side by side: sample i is made of each one's sample i."""

from typing import Any

import numpy as np

from minigrad.ops.creation import as_tensor
from minigrad.tensor import Tensor
from minigrad.utils.data.dataset import Dataset


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of the same first size: sample i is the tuple of their rows i."""

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensor.shape[0] != tensors[0].shape[0] for tensor in tensors):
            sizes = [tensor.shape[0] for tensor in tensors]
            raise AssertionError(f"Size mismatch between tensors: first sizes {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def batch(self, indices: list[int]) -> list[Tensor]:
        """The samples of these numbers, collated: one copy a tensor, not one a sample."""
        rows = as_tensor(np.array(indices, np.int64))
        return [x[rows.to(x.device)] for x in self.tensors]

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset[Any]):
    """Datasets of the same length; a sample is a tuple, or a dict where they were given names."""

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "StackDataset makes tuples of datasets given by position or dicts of those given "
                "by name, but both types are given."
            )
        self.datasets = args or kwargs
        if not self.datasets:
            raise ValueError("At least one dataset should be passed")
        sizes = [len(dataset) for dataset in self.columns()]
        if len(set(sizes)) > 1:
            raise ValueError(f"Size mismatch between datasets: they have {sizes} samples")

    def columns(self) -> list[Any]:
        datasets = self.datasets
        return list(datasets.values() if isinstance(datasets, dict) else datasets)

    def __getitem__(self, index: Any) -> Any:
        return self.sample([dataset[index] for dataset in self.columns()])

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        columns = [samples(dataset, indices) for dataset in self.columns()]
        return [self.sample(parts) for parts in zip(*columns, strict=True)]

    def sample(self, parts: Any) -> Any:
        """One sample of the parts, one from each dataset."""
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, parts, strict=True))
        return tuple(parts)

    def __len__(self) -> int:
        return len(self.columns()[0])


def samples(dataset: Any, indices: list[Any]) -> list[Any]:
    """The samples of these numbers, all at once where the dataset knows how to."""
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[index] for index in indices]
    items: list[Any] = dataset.__getitems__(indices)
    if len(items) != len(indices):
        raise ValueError(
            f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(items)}"
        )
    return items
