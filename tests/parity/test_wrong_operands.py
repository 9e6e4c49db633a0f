"""What is no tensor, in the place of each operand of each operation: torch's type of exception."""

import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from minigrad.testing import Sample, samples
from tests.parity.compare import LIBRARIES, outcome

NO_TENSORS = ([1.0, 2.0], 1.5, None, "a")

# The operations that still raise another exception than torch, or none: what is raised here.
DIFFERENT: dict[str, str] = {
    "add_multiple": "torch adds two numbers",
    "sub_multiple": "torch subtracts two numbers",
    "multilabel_soft_margin_loss": "torch takes a number as target",
}

SAMPLES: dict[str, list[Sample]] = defaultdict(list)
for each in samples():
    SAMPLES[each.operation].append(each)


def swapped(sample: Sample) -> Iterator[tuple[str, Any]]:
    """The operands that may be another thing: not the tensor whose method is called."""
    for name in sample.operands:
        if not sample.expression.startswith((f"{name}.", "(")):
            yield from ((name, wrong) for wrong in NO_TENSORS)


def error_of(library: Any, sample: Sample, name: str, wrong: Any) -> Exception | None:
    return outcome(sample.call, library, sample.tensors(library) | {name: wrong})[1]


def same_kind(theirs: Exception | None, ours: Exception | None) -> bool:
    """Where torch stumbles over a missing attribute, minigrad has a TypeError; unless it is the
    sample itself that asks for the attribute."""
    kind = type(theirs).__name__.lstrip("_")
    if kind == "AttributeError" and str(theirs) != str(ours):
        kind = "TypeError"
    return type(ours).__name__ == kind


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(name, marks=[pytest.mark.xfail(reason=DIFFERENT[name], strict=True)])
        if name in DIFFERENT
        else name
        for name in SAMPLES
    ],
)
def test_refused_as_in_torch(operation: str) -> None:
    for sample in SAMPLES[operation]:
        for name, wrong in swapped(sample):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs, ours = (error_of(lib, sample, name, wrong) for lib in LIBRARIES)
            call = f"{sample} with {name} = {wrong!r}"
            assert same_kind(theirs, ours), f"{call}:\n{theirs!r}\n{ours!r}"
