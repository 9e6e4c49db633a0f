"""What tests of the operations share: sample calls of each one."""

from minigrad.testing.samples import (
    Sample,
    has_derivative,
    pointwise_samples,
    routine_samples,
    samples,
    tensors_in,
)

__all__ = [
    "Sample",
    "has_derivative",
    "pointwise_samples",
    "routine_samples",
    "samples",
    "tensors_in",
]
