"""Every sample with operands that hypothesis draws: other sizes, 0 among them, ties, extremes.

The sizes 2, 3 and 4 of a sample's operands each become another one, everywhere alike, so that most
calls still fit together; where they do not, both libraries must say so.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.testing import Sample, routine_samples
from minigrad.testing.samples import OWN_GRAPH
from tests.parity.compare import (
    LIBRARIES,
    NO_KERNEL,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_results,
    tensors_in,
)

# Which of equal elements is named, and what NaN and infinities do to the gradients of scans and to
# a mean beside its variance: docs/differences.md.
OWN_WAYS = {"kthvalue", "median", "nanmedian", "cumprod", "logcumsumexp", "std_mean", "var_mean"}
# torch reads memory that is not its own: of labels that are no classes, of rows that no table has,
# and where a negative padding takes everything away.
OWN_WAYS |= {"ctc_loss", "embedding_bag", "circular_pad"}
CONVOLUTIONS = {f"conv{of}{n}d" for of in ("", "_transpose") for n in (1, 2, 3)}
# A weight or a padding of zero times infinity.
FINITE = CONVOLUTIONS | {"interpolate", "binary_cross_entropy_with_logits"}
# torch has shapes of its own for what has no elements, or refuses a backward pass.
FILLED = CONVOLUTIONS | {"pixel_shuffle", "pixel_unshuffle"}
FILLED |= {"adaptive_avg_pool1d", "adaptive_avg_pool2d"}
FILLED |= {"multi_margin_loss", "multilabel_margin_loss"}
# torch refuses gradients of sources that are larger than the index, or has others.
VALUES_ALONE = {"scatter", "scatter_add", "scatter_reduce"}
# An IndexError or a RuntimeError, as it comes; nothing at all where the result is empty.
OUT_OF_BOUNDS = ("out of bounds", "out of range")
SAMPLES = [sample for sample in routine_samples() if sample.operation not in OWN_WAYS]
USUAL_SIZES = (2, 3, 4)
KINDS = {
    "usual": np.linspace(-2, 2, 53),
    "ties": np.array([-1.0, 0.0, 1.0, 1.0, 2.0]),
    "extreme": np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, 50.0]),
}
EXAMPLES = settings(max_examples=8, derandomize=True, deadline=None)
Drawn = tuple[tuple[int, ...], str, int]

DRAWN = st.tuples(
    st.one_of(st.just(USUAL_SIZES), st.tuples(*[st.integers(0, 4)] * 3)),
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 9),
)


def redrawn(sample: Sample, drawn: Drawn) -> Sample:
    """The sample with other operands."""
    sizes, kind, seed = drawn
    named = dict(zip(USUAL_SIZES, sizes, strict=True))
    generator = np.random.default_rng(seed)
    operands = {}
    for name, array in sample.operands.items():
        shape = tuple(named.get(n, n) for n in array.shape)
        if array.dtype.kind == "f" and name in sample.floating:
            values = KINDS[kind]
            if sample.operation in FINITE:
                values = values[np.isfinite(values)]
            operands[name] = generator.choice(values, shape)
        else:
            operands[name] = np.resize(array, shape)
    return replace(sample, operands=operands)


def is_out_of_bounds(error: Exception | None) -> bool:
    return any(words in str(error) for words in OUT_OF_BOUNDS)


def called(library: Any, sample: Sample) -> tuple[dict[str, Any], Any]:
    operands = sample.tensors(library, "float64", requires_grad=True)
    return operands, sample.call(library, operands)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@EXAMPLES
@given(drawn=DRAWN)
def test_as_in_torch(sample: Sample, drawn: Drawn) -> None:
    chosen = redrawn(sample, drawn)
    if sample.operation in FILLED and not all(a.size for a in chosen.operands.values()):
        return
    (theirs, error), (ours, our_error) = (outcome(called, lib, chosen) for lib in LIBRARIES)
    if error is not None:
        if is_out_of_bounds(our_error):
            assert isinstance(error, IndexError | RuntimeError)
        elif NO_KERNEL not in str(error):
            same_error(error, our_error)
        return
    if is_out_of_bounds(our_error) and not any(x.numel() for x in tensors_in(theirs[1])):
        return
    if our_error is not None:
        raise our_error
    same_results(theirs[1], ours[1], graphs=sample.operation not in OWN_GRAPH)
    if sample.operation in VALUES_ALONE:
        return
    for library, (_, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        run_backward(library, value)
    same_gradients(theirs[0], ours[0])
