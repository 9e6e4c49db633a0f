"""Which checks to make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The arguments of gradcheck, under its names, that say what to check."""

    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    check_batched_grad: bool
    check_batched_forward_grad: bool
    check_forward_ad: bool
    check_backward_ad: bool
    fast_mode: bool

    def __post_init__(self) -> None:
        """AssertionError, as in torch, for options that contradict each other."""
        if not (self.check_forward_ad or self.check_backward_ad):
            raise AssertionError(
                "Expected at least one of check_forward_ad or check_backward_ad to be True"
            )
        if self.check_batched_grad and not self.check_backward_ad:
            raise AssertionError(
                "Setting check_batched_grad=True requires check_backward_ad to be True"
            )
        if self.check_batched_forward_grad and not self.check_forward_ad:
            raise AssertionError(
                "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
            )
