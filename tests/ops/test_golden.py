"""Values, gradients, dtypes and shapes as torch 2.13 gave them to tests/golden/record.py."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.testing import Sample, samples
from tests.golden.extremes import called, extreme_samples

FILE = Path(__file__).parents[1] / "golden" / "operations.json.gz"
GOLDEN: dict[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
USUAL = {f"{s.expression} of {d}": (s, d) for s in samples() for d in ("float32", "int64", "bool")}
EXTREME = {s.expression: s for s in extreme_samples()}


# Which zero max(0.0, -0.0) is depends in torch on the order; here it is 0.0, as IEEE 754 says.
# A remainder of 0 has the sign of x in torch; lerp of two -0.0 is 0.0 here.
ANY_ZERO = {"maximum", "minimum", "clamp_low", "clamp_tensors"}
ANY_ZERO |= {"fmod_number", "fmod_tensor", "remainder_number", "remainder_tensor", "lerp_number"}

DIFFERENT = {
    "x.digamma()": "torch's trigamma is large at the poles of negative x, where this is inf",
    "x.polygamma(1)": "torch's trigamma is large at the poles of negative x, where this is inf",
    "x % y": "torch's derivative with respect to y is nan where x is infinite",
}


def array_of(recorded: dict[str, Any]) -> np.ndarray:
    array = np.array(recorded["values"], dtype=recorded["dtype"])
    return array.reshape(recorded["shape"])


def same(x: Any, recorded: dict[str, Any], what: str) -> None:
    expected, given = array_of(recorded), x.numpy(force=True)
    assert given.dtype == expected.dtype, what
    assert given.shape == expected.shape, what
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(given, expected, 1e-5, 2e-6, equal_nan=True, err_msg=what)
    else:
        np.testing.assert_array_equal(given, expected, what)


def same_signs(x: Any, recorded: dict[str, Any]) -> None:
    """0.0 and -0.0 are equal to NumPy."""
    expected, given = array_of(recorded), x.numpy(force=True)
    zeros = expected == 0
    np.testing.assert_array_equal(
        np.signbit(given[zeros]), np.signbit(expected[zeros]), "signs of 0"
    )


def check(sample: Sample, dtype: str, recorded: dict[str, Any]) -> None:
    values, operands = called(minigrad, sample, dtype)
    for number, (x, expected) in enumerate(zip(values, recorded["results"], strict=True)):
        same(x, expected, f"result {number}")
        if sample.operation not in ANY_ZERO:
            same_signs(x, expected)
    for name, expected in recorded["gradients"].items():
        same(operands[name].grad, expected, f"gradient of {name}")
    ours = {name for name, x in operands.items() if x.grad is not None}
    assert ours == set(recorded["gradients"])


@pytest.mark.parametrize("name", GOLDEN["samples"])
def test_samples(name: str) -> None:
    sample, dtype = USUAL[name]
    check(sample, dtype, GOLDEN["samples"][name])


@pytest.mark.parametrize("expression", GOLDEN["extremes"])
def test_extreme_numbers(expression: str, request: pytest.FixtureRequest) -> None:
    if expression in DIFFERENT:
        request.applymarker(pytest.mark.xfail(reason=DIFFERENT[expression]))
    check(EXTREME[expression], "float32", GOLDEN["extremes"][expression])


def test_every_operation_was_recorded() -> None:
    missing = [
        s.expression for s in samples() if f"{s.expression} of float32" not in GOLDEN["samples"]
    ]
    integers = {s.expression for s in samples() if not s.floating}
    missing = [e for e in missing if e not in integers]
    assert not missing, f"run `python -m tests.golden.record` with torch 2.13 to record: {missing}"
