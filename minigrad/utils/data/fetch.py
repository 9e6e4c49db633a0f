"""How a batch is got from a dataset: by the numbers of its samples, or as the next of a stream."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from minigrad.utils.data.collate import default_collate
from minigrad.utils.data.columns import TensorDataset
from minigrad.utils.data.subset import Subset

Collate = Callable[[Any], Any]


class MapFetcher:
    """Asks a dataset for the samples of a list of numbers, or (not `batched`) for one sample."""

    def __init__(self, dataset: Any, collate_fn: Collate, batched: bool) -> None:
        self.dataset, self.collate_fn, self.batched = dataset, collate_fn, batched

    def fetch(self, indices: Any) -> Any:
        dataset = self.dataset
        if not self.batched:
            return self.collate_fn(dataset[indices])
        if self.collate_fn is default_collate:
            table, rows = rows_of_table(dataset, indices)
            if table is not None:
                return table.batch(rows)
        if getattr(dataset, "__getitems__", None):
            return self.collate_fn(dataset.__getitems__(indices))
        return self.collate_fn([dataset[index] for index in indices])


def rows_of_table(dataset: Any, indices: Any) -> tuple[TensorDataset | None, Any]:
    """The table of tensors behind a dataset, if it is one or a part of one, and these rows of it.

    It collates a batch in one copy.
    """
    while type(dataset) is Subset:
        dataset, indices = dataset.dataset, [dataset.indices[index] for index in indices]
    return (dataset if type(dataset) is TensorDataset else None), indices


class StreamFetcher:
    """Takes the next samples of a stream; StopIteration at its end."""

    def __init__(
        self, stream: Iterator[Any], collate_fn: Collate, batched: bool, drop_last: bool
    ) -> None:
        self.stream, self.collate_fn = stream, collate_fn
        self.batched, self.drop_last = batched, drop_last

    def fetch(self, places: Any) -> Any:
        """A batch of as many samples as there are places."""
        if not self.batched:
            return self.collate_fn(next(self.stream))
        samples = list(islice(self.stream, len(places)))
        if not samples or (self.drop_last and len(samples) < len(places)):
            raise StopIteration
        return self.collate_fn(samples)
