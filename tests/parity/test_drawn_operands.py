"""Every sample with operands that hypothesis draws: other sizes, 0 among them, ties, extremes.

The sizes 2, 3 and 4 of a sample's operands each become another one, everywhere alike, so that most
calls still fit together; where they do not, both libraries must say so.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from minigrad.testing import Sample, routine_samples
from minigrad.testing.samples import OWN_GRAPH
from tests.parity.compare import (
    LIBRARIES,
    NO_KERNEL,
    dtype_name,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_results,
    tensors_in,
)

# ---------------------------------------------- what is not drawn, by operation or sample
# (docs/differences.md says more of what is left out here and below)

CONVOLUTIONS = {f"conv{of}{n}d" for of in ("", "_transpose") for n in (1, 2, 3)}
# A weight or a padding of zero times infinity.
FINITE = CONVOLUTIONS | {"interpolate", "binary_cross_entropy_with_logits"}
# torch has shapes of its own for what has no elements, or refuses a backward pass.
FILLED = CONVOLUTIONS | {"pixel_shuffle", "pixel_unshuffle"}
FILLED |= {"adaptive_avg_pool1d", "adaptive_avg_pool2d"}
FILLED |= {"multi_margin_loss", "multilabel_margin_loss", "addmv"}
# torch reads memory that is not its own: of labels that are no classes, of rows that no table has,
# where a negative padding takes everything away, and of more values than there are keys.
OF_USUAL_SIZES = {"ctc_loss", "embedding_bag", "circular_pad"}
OF_USUAL_SIZES |= {"F.scaled_dot_product_attention(h, h[..., :2, :], g, mask[:, :2], scale=0.3)"}

# ----------------------------------------------------------------- what is not compared

# An IndexError or a RuntimeError, as it comes; nothing at all where the result is empty.
OUT_OF_BOUNDS = ("out of bounds", "out of range")
# Which of equal elements is named; only their values are compared where some are equal.
ONE_OF_EQUALS = {"kthvalue", "median", "mode", "nanmedian", "topk"}
# torch refuses gradients of sources that are larger than the index, or has others.
VALUES_ALONE = {"scatter", "scatter_add", "scatter_reduce"}
# What a LAPACK does with NaN and infinities is its own affair; what it makes of a matrix that is
# nearly singular is a matter of rounding.
LAPACK = {"cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet"}
LAPACK |= {"matrix_power", "qr", "slogdet", "solve", "solve_triangular"}
# Values beside NaN and infinities; shapes and dtypes are compared.
EXTREMES = LAPACK | {
    # infinite weights, before or after the mean is subtracted
    *("batch_norm", "group_norm", "instance_norm"),
    "mode",  # torch sorts with <, which NaN makes undefined
    "scaled_dot_product_attention",  # torch has zeros for some rows with NaN
    "torch.cdist(x * x, y, p=float('inf'))",  # torch forgets NaN
    *("std_mean", "var_mean"),  # torch's running mean meets inf - inf
}
# Gradients there.  (That of relu6 at NaN depends on torch's vectors.)
GRADIENTS_OF_EXTREMES = {"cosine_similarity", "cumprod", "logcumsumexp", "relu6"}
GRADIENTS_OF_EXTREMES |= {"torch.cdist(x, y, p=0.7)", "multi_dot"}
# torch's node of what has no derivative leads to fewer places.
NO_DERIVATIVE = {"floor_divide"}
# torch's gradient of a block takes rows of empty vectors for none; that of empty groups is NaN.
GRADIENTS_OF_NOTHING = {"block_diag", "group_norm"}

# ------------------------------------------------------------------------------- drawing

SAMPLES = routine_samples()
USUAL_SIZES = (2, 3, 4)
KINDS = {
    "usual": np.linspace(-2, 2, 1001),
    "ties": np.array([-1.0, 0.0, 1.0, 1.0, 2.0]),
    "extreme": np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, 50.0]),
}
# Nothing is shrunk: the operands are small, and a failure takes no longer than a success.
EXAMPLES = settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
Drawn = tuple[tuple[int, ...], str, int]

DRAWN = st.tuples(
    st.one_of(st.just(USUAL_SIZES), st.tuples(*[st.integers(0, 4)] * 3)),
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 9),
)


def named(sample: Sample, names: set[str]) -> bool:
    """Whether an operation or a sample is among them."""
    return sample.operation in names or sample.expression in names


def redrawn(sample: Sample, drawn: Drawn) -> Sample:
    """The sample with other operands."""
    sizes, kind, seed = drawn
    sizes = USUAL_SIZES if named(sample, OF_USUAL_SIZES) else sizes
    becomes = dict(zip(USUAL_SIZES, sizes, strict=True))
    values = KINDS[kind]
    if named(sample, FINITE):
        values = values[np.isfinite(values)]
    generator = np.random.default_rng(seed)
    operands = {}
    for name, array in sample.operands.items():
        shape = tuple(becomes.get(n, n) for n in array.shape)
        if array.dtype.kind == "f" and name in sample.floating:
            operands[name] = generator.choice(values, shape, replace=kind != "usual")
        else:
            operands[name] = np.resize(array, shape)
    return replace(sample, operands=operands)


def has_nothing(sample: Sample) -> bool:
    return any(0 in array.shape for array in sample.operands.values())


# ----------------------------------------------------------------------------- comparing


def called(library: Any, sample: Sample) -> tuple[dict[str, Any], Any]:
    operands = sample.tensors(library, "float64", requires_grad=True)
    return operands, sample.call(library, operands)


def are_values_compared(sample: Sample, kind: str) -> bool:
    return not named(sample, {"extreme": EXTREMES, "ties": LAPACK}.get(kind, set()))


def are_gradients_compared(sample: Sample, kind: str) -> bool:
    left_out = VALUES_ALONE | NO_DERIVATIVE
    left_out |= ONE_OF_EQUALS if kind != "usual" else set()
    left_out |= GRADIENTS_OF_EXTREMES if kind == "extreme" else set()
    left_out |= GRADIENTS_OF_NOTHING if has_nothing(sample) else set()
    return not named(sample, left_out)


def same_kinds(theirs: Any, ours: Any) -> None:
    """The same shapes and dtypes."""
    for a, b in zip(tensors_in(theirs), tensors_in(ours), strict=True):
        assert (dtype_name(b), tuple(b.shape)) == (dtype_name(a), tuple(a.shape))


def is_out_of_bounds(error: Exception | None) -> bool:
    return any(words in str(error) for words in OUT_OF_BOUNDS)


def same_failure(error: Exception | None, our_error: Exception | None, theirs: Any) -> None:
    """Both raise; or torch did not look, or has no kernel."""
    if error is None:
        nothing_came = not any(x.numel() for x in tensors_in(theirs))
        if not (is_out_of_bounds(our_error) and nothing_came):
            assert our_error is not None
            raise our_error
    elif is_out_of_bounds(our_error):
        assert isinstance(error, IndexError | RuntimeError)
    elif NO_KERNEL not in str(error):
        same_error(error, our_error)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@EXAMPLES
@given(drawn=DRAWN)
def test_as_in_torch(sample: Sample, drawn: Drawn) -> None:
    chosen, kind = redrawn(sample, drawn), drawn[1]
    if named(chosen, FILLED) and has_nothing(chosen):
        return
    (theirs, error), (ours, our_error) = (outcome(called, lib, chosen) for lib in LIBRARIES)
    values = are_values_compared(chosen, kind)
    if error is not None or our_error is not None:
        if values:
            same_failure(error, our_error, None if theirs is None else theirs[1])
        return
    same_kinds(theirs[1], ours[1])
    if not values:
        return
    values_alone = kind != "usual" and named(chosen, ONE_OF_EQUALS)
    expected, made = (tensors_in(x[1])[: 1 if values_alone else None] for x in (theirs, ours))
    same_results(expected, made, graphs=not named(chosen, OWN_GRAPH | NO_DERIVATIVE))
    if are_gradients_compared(chosen, kind):
        for library, (_, value) in zip(LIBRARIES, (theirs, ours), strict=True):
            run_backward(library, value)
        same_gradients(theirs[0], ours[0])
