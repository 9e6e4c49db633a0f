"""Every CUDA kernel compiles, and stays in the registers and the precision meant for it."""

from typing import Any

import pytest

from tests.ptx import report

Figures = list[dict[str, Any]]
KERNELS = ["sum: reduction", "matmul: matmul", "softmax: softmax", "add: loop", "exp: loop"]

GOOD = dict.fromkeys((*report.COLUMNS, "error", "angles", "has_float64"), 0)
GOOD |= {"kernel": "exp: loop", "dtype": "float32", "cc": "9.0"}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_capability_is_covered(figures: Figures, kernel: str, dtype: str) -> None:
    found = {line["cc"] for line in figures if (line["kernel"], line["dtype"]) == (kernel, dtype)}
    assert found == {"7.5", "8.0", "9.0"}


def test_every_kernel_keeps_the_rules(figures: Figures) -> None:
    assert len(figures) > 1000
    assert report.broken_rules(figures) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"error": "TypingError"}, "does not compile"),
        ({"f64": 3}, "has float64 instructions"),
        ({"spills": 8}, "spills registers"),
        ({"stack": 64}, "uses local memory"),
    ],
)
def test_a_broken_rule_is_told(fault: dict[str, Any], message: str) -> None:
    (sentence,) = report.broken_rules([GOOD, GOOD | fault])
    assert sentence.startswith(f"exp: loop of float32 for 9.0 {message}")


@pytest.mark.parametrize(
    "allowed", [{"f64": 3, "dtype": "float64"}, {"f64": 3, "angles": 1}, {"stack": 32, "angles": 1}]
)
def test_what_the_rules_allow(allowed: dict[str, Any]) -> None:
    assert report.broken_rules([GOOD | allowed]) == []
