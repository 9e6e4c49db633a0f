"""What operations with several results return: tuples whose parts have names, as in torch."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def described(result: Any) -> str:
    """One part a line, as torch prints it."""
    parts = ",\n".join(f"{name}={getattr(result, name)!r}" for name in result._fields)
    return f"minigrad.return_types.{type(result).__name__}(\n{parts})"


def named_results(name: str, fields: str, what: str) -> Any:
    """The type of the results of the operation `name`."""
    members = {"__slots__": (), "__repr__": described, "__doc__": what, "__module__": __name__}
    kind: Any = namedtuple(name, fields)  # type: ignore[misc]
    return type(name, (kind,), members)


PLACES = "values indices"

aminmax = named_results("aminmax", "min max", "The smallest and the largest elements.")
cummax = named_results("cummax", PLACES, "The largest elements so far, and where they are.")
cummin = named_results("cummin", PLACES, "The smallest elements so far, and where they are.")
histogram = named_results("histogram", "hist bin_edges", "What fell into bins, and their bounds.")
kthvalue = named_results("kthvalue", PLACES, "The k-th smallest elements, and where they are.")
linalg_qr = named_results("linalg_qr", "Q R", "Orthonormal columns, and an upper triangle.")
linalg_slogdet = named_results("linalg_slogdet", "sign logabsdet", "Of a determinant.")
max = named_results("max", PLACES, "The largest elements, and where they are.")
median = named_results("median", PLACES, "The medians, and where they are.")
min = named_results("min", PLACES, "The smallest elements, and where they are.")
mode = named_results("mode", PLACES, "The most frequent elements, and where they are.")
nanmedian = named_results("nanmedian", PLACES, "Medians of the numbers, and where they are.")
qr = named_results("qr", "Q R", "Orthonormal columns, and an upper triangle.")
slogdet = named_results("slogdet", "sign logabsdet", "Of a determinant.")
sort = named_results("sort", PLACES, "Elements in order, and where they were.")
topk = named_results("topk", PLACES, "The largest elements, and where they are.")
