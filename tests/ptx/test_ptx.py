"""Every CUDA kernel compiles, and stays in the registers and the precision meant for it."""

from typing import Any

import pytest

Figures = list[dict[str, Any]]


def names(lines: Figures, *columns: str) -> list[str]:
    shown = ("kernel", "dtype", "cc", *columns)
    return [" ".join(str(line[column]) for column in shown) for line in lines]


def test_every_kernel_compiles(figures: Figures) -> None:
    assert len(figures) > 1000
    assert names([line for line in figures if line["error"]], "error") == []


@pytest.mark.parametrize("kernel", ["sum: reduction", "matmul: matmul", "add: loop", "exp: loop"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_capability_is_covered(figures: Figures, kernel: str, dtype: str) -> None:
    found = {line["cc"] for line in figures if (line["kernel"], line["dtype"]) == (kernel, dtype)}
    assert found == {"7.5", "8.0", "9.0"}


def test_no_float64_in_a_float32_kernel(figures: Figures) -> None:
    """Except in sin, cos and tan, whose reduction of large angles is libdevice's, in float64."""
    narrow = [one for one in figures if one["dtype"] in ("float16", "float32")]
    wrong = [one for one in narrow if one["f64"] and not (one["angles"] or one["has_float64"])]
    assert names(wrong, "f64") == []


def test_no_spills(figures: Figures) -> None:
    assert names([line for line in figures if line["spills"]], "spills") == []


def test_no_local_memory(figures: Figures) -> None:
    """A matrix product keeps its sums in registers.  (The angles again: libdevice has a table.)"""
    wrong = [line for line in figures if line["stack"] and not line["angles"]]
    assert names(wrong, "stack") == []
    assert any(line["kernel"].startswith("matmul") for line in figures)
