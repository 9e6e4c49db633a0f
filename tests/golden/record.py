"""Record what torch computes into operations.json.gz, for the tests that run without torch.

    python -m tests.golden.record        (needs torch==2.13.0)

Two tables: every sample of minigrad/testing/samples.py, and pointwise operations of extreme
numbers.  Numbers are written with the digits that give the same float32 back.
"""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.testing import Sample, samples
from tests.golden.extremes import EXTREMES, called, extreme_samples

FILE = Path(__file__).parent / "operations.json.gz"


def numbers(x: Any) -> dict[str, Any]:
    """A tensor as JSON: its dtype, shape and values."""
    array = x.numpy(force=True)  # some zeros of torch need the force
    flat = array.reshape(-1).tolist()
    if array.dtype == np.float32:
        flat = [float(str(np.float32(value))) for value in flat]
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": flat}


def recorded(library: Any, sample: Sample, dtype: str) -> dict[str, Any] | None:
    """The results and gradients of a sample; None where torch has no kernel."""
    try:
        values, operands = called(library, sample, dtype)
    except (RuntimeError, NotImplementedError, TypeError):
        return None
    grads = {n: numbers(x.grad) for n, x in operands.items() if x.grad is not None}
    return {"results": [numbers(x) for x in values], "gradients": grads}


def element_by_element(library: Any, sample: Sample) -> dict[str, Any] | None:
    """The same for one element at a time: torch's vectorised loops differ from its scalar ones, as
    in gelu(inf), which is nan in the middle of an array and inf at its end."""
    whole = sample.operands
    shape = next(iter(whole.values())).shape
    parts = [
        recorded(
            library, replace(sample, operands={n: a[place] for n, a in whole.items()}), "float32"
        )
        for place in np.ndindex(*shape)
    ]
    return None if None in parts else joined(parts, list(shape))


def joined(parts: list[Any], shape: list[int]) -> dict[str, Any]:
    """Recorded elements as one recorded array."""

    def join(elements: list[dict[str, Any]]) -> dict[str, Any]:
        values = [e["values"][0] for e in elements]
        return {"dtype": elements[0]["dtype"], "shape": shape, "values": values}

    names = parts[0]["gradients"]
    return {
        "results": [join([part["results"][0] for part in parts])],
        "gradients": {n: join([part["gradients"][n] for part in parts]) for n in names},
    }


def table(library: Any) -> dict[str, Any]:
    usual = {
        f"{sample.expression} of {dtype}": recorded(library, sample, dtype)
        for sample in samples()
        for dtype in ("float32", "int64", "bool")
        if dtype == "float32" or sample.floating
    }
    extreme = {s.expression: element_by_element(library, s) for s in extreme_samples()}
    return {
        "torch": library.__version__.partition("+")[0],
        "samples": {k: v for k, v in usual.items() if v is not None},
        "extremes": {k: v for k, v in extreme.items() if v is not None},
    }


def main() -> None:
    import torch

    text = json.dumps(table(torch), separators=(",", ":"))
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{FILE}: {FILE.stat().st_size // 1024} KB, {len(EXTREMES)} extreme numbers")


if __name__ == "__main__":
    main()
