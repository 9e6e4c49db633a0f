"""The matrix product beside NumPy's OpenBLAS and torch's MKL, on one thread.

    python -m benchmarks.gemm [float64]

A ratio is the other library's time over ours: above 1, ours is faster.  Times are CPU time, medians
of rounds in which the three take turns, so that a change of clock rate meets all of them.
"""

import importlib
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.timing import Call, Plan, geometric_mean, in_turns, median_ratio, torch_if_installed
from minigrad.kernels import threads
from minigrad.kernels.cpu.gemm import matmul

Row = tuple[str, float, float]  # label, OpenBLAS / ours, MKL / ours (NaN without torch)
LAYOUTS = ("NN", "TN", "NT")
SQUARES = [64, 96, 128, 192, 256, 384, 512, 768, 1024]
PLAN = Plan(turns=15)

# Rows, depth, columns and layout of the products of a training step; a weight is (out, in).
STEPS = {
    "784-128-10, batch 64": [
        ("x @ W1.T", 64, 784, 128, "NT"),
        ("h @ W2.T", 64, 128, 10, "NT"),
        ("dy @ W2", 64, 10, 128, "NN"),
        ("dy.T @ h", 10, 64, 128, "TN"),
        ("dh.T @ x", 128, 64, 784, "TN"),
    ],
    "512-512, batch 512": [
        ("x @ W.T", 512, 512, 512, "NT"),
        ("dy @ W", 512, 512, 512, "NN"),
        ("dy.T @ x", 512, 512, 512, "TN"),
    ],
}


def rows(dtype: str = "float32", sizes: list[int] = SQUARES, plan: Plan = PLAN) -> Iterator[Row]:
    """Square products in three layouts (T: transposed), then those of two networks."""
    for size in sizes:
        for layout in LAYOUTS:
            yield compare(f"{size} {layout}", size, size, size, layout, dtype, plan)
    for network, products in STEPS.items():
        for name, m, k, n, layout in products:
            yield compare(f"{network}: {name}", m, k, n, layout, dtype, plan)


def compare(
    label: str, m: int, k: int, n: int, layout: str, dtype: str = "float32", plan: Plan = PLAN
) -> Row:
    random = np.random.default_rng(0)
    a = stored(random.standard_normal((m, k)).astype(dtype), layout[0])
    b = stored(random.standard_normal((k, n)).astype(dtype), layout[1])
    products: list[Call] = [lambda: matmul(a, b), lambda: np.matmul(a, b)]
    torch = torch_if_installed()
    if torch is not None:
        x, y = torch.from_numpy(a), torch.from_numpy(b)
        products.append(lambda: torch.matmul(x, y))
    ours, *others = in_turns(products, plan)
    openblas, *mkl = [median_ratio(times, ours).cpu for times in others]
    return label, openblas, mkl[0] if mkl else math.nan


def stored(matrix: np.ndarray[Any, Any], letter: str) -> np.ndarray[Any, Any]:
    return matrix if letter == "N" else np.asfortranarray(matrix)


def one_thread() -> None:
    """Everywhere; NumPy's pool obeys threadpoolctl, or else OPENBLAS_NUM_THREADS=1."""
    threads.set_num_threads(1)
    torch = torch_if_installed()
    if torch is not None:
        torch.set_num_threads(1)
    try:
        importlib.import_module("threadpoolctl").threadpool_limits(1)
    except ImportError:
        print("threadpoolctl is not installed: set OPENBLAS_NUM_THREADS=1", file=sys.stderr)


def main(dtype: str = "float32") -> None:
    one_thread()
    print(f"{dtype}, one thread; above 1: ours is faster\n\n{'':36}OpenBLAS    MKL")
    table = []
    for row in rows(dtype):
        table.append(row)
        print(f"{row[0]:36}{row[1]:8.2f}{row[2]:7.2f}", flush=True)
    print()
    squares = table[: 3 * len(SQUARES)]
    groups = {layout: squares[i::3] for i, layout in enumerate(LAYOUTS)}
    groups |= {"all squares": squares, "networks": table[len(squares) :]}
    for name, group in groups.items():
        means = geometric_mean([row[1] for row in group]), geometric_mean([row[2] for row in group])
        print(f"geometric mean, {name:20}{means[0]:8.2f}{means[1]:7.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
