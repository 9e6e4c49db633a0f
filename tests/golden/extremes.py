"""Numbers at which functions go wrong, and samples of every pointwise operation with them."""

from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.testing import Sample, pointwise_samples, tensors_in

SUBNORMAL = 1e-40  # in float32
EXTREMES = np.array(
    [
        *(np.nan, np.inf, -np.inf, 0.0, -0.0, SUBNORMAL, -SUBNORMAL, 1e-30, 3e38, -3e38),
        *(1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.0, -3.0, 20.0, -20.0, 100.0, -100.0),
    ]
)
SOME = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, SUBNORMAL, 1.0, -1.0, 0.5, 2.5, -3.0])

BY_CHANNEL = {"prelu_elements"}  # whose operands may not all have one shape


def extreme_samples() -> list[Sample]:
    """Every pointwise operation: of one operand, all EXTREMES; of two, all pairs of SOME."""
    chosen = [s for s in pointwise_samples() if s.floating and s.operation not in BY_CHANNEL]
    return [with_extremes(s) for s in chosen]


def with_extremes(sample: Sample) -> Sample:
    floating = sample.floating
    operands: dict[str, Any] = {}
    for name, array in sample.operands.items():
        if len(floating) == 1:
            values = EXTREMES
        else:
            values = SOME.reshape(-1, 1) if name == floating[0] else SOME
            values = np.roll(values, 3) if name == floating[-1] and len(floating) > 2 else values
        if array.dtype.kind == "b":
            values = np.arange(EXTREMES.size if len(floating) == 1 else SOME.size) % 2 == 0
        operands[name] = values
    shape = np.broadcast_shapes(*[a.shape for a in operands.values()])
    whole = {name: np.broadcast_to(a, shape) for name, a in operands.items()}
    return replace(sample, operands=whole)  # so that the gradient of each element can be seen


def called(library: Any, sample: Sample, dtype: str) -> tuple[list[Any], dict[str, Any]]:
    """The results of a sample, and its operands with their gradients."""
    operands = sample.tensors(library, dtype, requires_grad=dtype.startswith("float"))
    if sample.operation == "floor_divide":  # torch's has a derivative that raises
        operands = {name: x.detach() for name, x in operands.items()}
    values = tensors_in(sample.call(library, operands))
    with_gradient = [x for x in values if x.requires_grad]
    seeds = [library.ones_like(x) for x in with_gradient]
    if with_gradient:
        library.autograd.backward(with_gradient, seeds)
    return values, operands
