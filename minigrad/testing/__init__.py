"""What tests of the operations share: sample calls of each one."""

from minigrad.testing.samples import Sample, pointwise_samples, routine_samples, samples, tensors_in

__all__ = ["Sample", "pointwise_samples", "routine_samples", "samples", "tensors_in"]
