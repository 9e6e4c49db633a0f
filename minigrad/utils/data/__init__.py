"""Datasets and how to go through them in batches, with the names of torch.utils.data."""

from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.columns import StackDataset, TensorDataset
from minigrad.utils.data.dataloader import DataLoader
from minigrad.utils.data.dataset import ChainDataset, ConcatDataset, Dataset, IterableDataset
from minigrad.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minigrad.utils.data.subset import Subset, random_split
from minigrad.utils.data.worker import get_worker_info

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
