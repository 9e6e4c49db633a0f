"""What a DataLoader's options may be together."""

import warnings
from collections.abc import Iterable
from typing import Any


def check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.  Let "
            "num_workers > 0, or leave prefetch_factor out."
        )
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(
            "prefetch_factor option should be non-negative, and not 0: it is how many batches a "
            "worker makes before they are wanted"
        )
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def check_pinned(pin_memory: bool, pin_memory_device: str) -> None:
    """Scripts ask for pinned memory to be faster; they run without it, and are told so."""
    if pin_memory or pin_memory_device:
        warnings.warn(
            "'pin_memory' argument is set as true but minigrad has no pinned memory: batches are "
            "in ordinary memory, and x.to('cuda') copies them as well",
            stacklevel=3,
        )


def check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    """ValueError if an order is asked of an IterableDataset, which has its own."""
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )


def check_order(
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Iterable[Any] | None,
    batch_sampler: Iterable[Any] | None,
    drop_last: bool,
) -> None:
    """Raise if two options ask for two different orders, or for two kinds of batches."""
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )
