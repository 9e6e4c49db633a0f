"""Every operation x dtype x layout: values, dtypes, shapes, graphs, gradients, exceptions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.testing import Sample, samples
from minigrad.testing.samples import OWN_GRAPH
from tests.parity.compare import (
    LIBRARIES,
    NO_KERNEL,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_results,
    second_order,
    tensors_in,
)

DTYPES = ("float32", "float64", "float16", "int64", "int32", "bool")
SAMPLES = samples()

Operand = tuple[np.ndarray, Callable[[Any], Any]]  # an array, and what makes a view of its tensor


def contiguous(array: np.ndarray) -> Operand:
    return array, lambda x: x


def transposed(array: np.ndarray) -> Operand:
    return array.swapaxes(0, -1).copy(), lambda x: x.transpose(0, -1)


def sliced(array: np.ndarray) -> Operand:
    return np.repeat(array, 2, -1), lambda x: x[..., ::2]


def broadcast(array: np.ndarray) -> Operand:
    return array[:1].copy(), lambda x: x.expand(array.shape)


# torch gives the result a node whose derivative "is not implemented"; minigrad gives it none.
NO_DERIVATIVE = {"floor_divide"}

# torch refuses addcdiv of integers, in which it used to round; minigrad divides.
ONLY_FLOATS = {"addcdiv"}

# What torch says of a second derivative that it lacks, as of these; tests/ops/test_gradcheck.py
# compares ours with finite differences (ctc_loss has none either).
NO_DERIVATIVE_YET = "is not implemented"
NO_SECOND_DERIVATIVE = {
    *("hardsigmoid", "multi_head_attention_forward", "multi_margin_loss"),
    *("multilabel_margin_loss", "ctc_loss", "cdist", "embedding_bag"),
}
# torch adds 1e-12 to a divisor in its second derivative.
ONLY_ONE_DERIVATIVE = {"binary_cross_entropy"}

# torch's hardsigmoid of float64 has a derivative of the float32 number 1 / 6.
COARSE = {("hardsigmoid", "float64")}

# Which of two errors torch raises for integers depends on how their memory lies; ours is the one
# for contiguous memory, NotImplementedError, which is a RuntimeError as well.
EITHER_ERROR = {"batch_norm"}

LAYOUTS = (contiguous, transposed, sliced, broadcast)


def called(library: Any, sample: Sample, dtype: str, layout: Any) -> tuple[dict[str, Any], Any]:
    """The leaves and the results of a sample, for operands of a dtype and a layout."""
    leaves, operands = {}, {}
    for name, array in sample.arrays(dtype).items():
        base, view = layout(array) if array.ndim else contiguous(array)
        leaf = leaves[name] = library.tensor(base)
        wanted = name in sample.floating and sample.operation not in NO_DERIVATIVE
        if wanted and base.dtype.kind == "f":
            leaf.requires_grad_()
        operands[name] = view(leaf)
    return leaves, sample.call(library, operands)


def one_layout(sample: Sample, dtype: str, layout: Any) -> None:
    (theirs, error), (ours, our_error) = (
        outcome(called, library, sample, dtype, layout) for library in LIBRARIES
    )
    if error is not None:
        if sample.operation in EITHER_ERROR:
            assert isinstance(our_error, RuntimeError), our_error
        elif NO_KERNEL not in str(error):
            same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same_results(theirs[1], ours[1], graphs=sample.operation not in OWN_GRAPH)
    for library, (_, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        run_backward(library, value)
    same_gradients(theirs[0], ours[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_first_order(sample: Sample, dtype: str) -> None:
    if sample.operation in ONLY_FLOATS and not dtype.startswith("float"):
        return
    if (sample.operation, dtype) in COARSE:
        return
    for layout in LAYOUTS:
        one_layout(sample, dtype, layout)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_second_order(sample: Sample) -> None:
    if sample.operation in ONLY_ONE_DERIVATIVE:
        return
    layout = contiguous if ".view(" in sample.expression else transposed
    theirs, ours = (called(library, sample, "float64", layout) for library in LIBRARIES)
    for library, (leaves, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        floating = [leaves[name] for name in sample.floating]
        if any(x.requires_grad for x in tensors_in(value)):
            _, error = outcome(second_order, library, value, floating)
            if library is LIBRARIES[0] and NO_DERIVATIVE_YET in str(error):
                assert sample.operation in NO_SECOND_DERIVATIVE, error
                return
            if error is not None:
                raise error
    same_gradients(theirs[0], ours[0], zeros=True)
