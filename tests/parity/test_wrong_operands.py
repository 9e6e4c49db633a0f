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
    "where": "RuntimeError",
    "maximum": "accepted",
    "minimum": "accepted",
    "fmax": "accepted",
    "fmin": "accepted",
    "clamp_tensors": "accepted",
    "add_multiple": "AttributeError",
    "sub_multiple": "AttributeError",
    "addcmul": "accepted",
    "addcdiv": "accepted",
    "lerp_tensor": "accepted",
    "lerp_number": "accepted",
    "rsub_multiple": "AttributeError",
    "whole_floor_divide": "RuntimeError",
    "whole_trunc_divide": "RuntimeError",
    "div_trunc": "AttributeError",
    "div_floor": "AttributeError",
    "logaddexp": "accepted",
    "logaddexp2": "accepted",
    "atan2": "accepted",
    "hypot": "accepted",
    "prelu_elements": "AttributeError",
    "logical_and": "accepted",
    "logical_or": "accepted",
    "logical_xor": "accepted",
    "logistic_margin": "AttributeError",
    "max": "accepted",
    "min": "accepted",
    "layer_norm": "AttributeError",
    "batch_norm": "AttributeError",
    "instance_norm": "AttributeError",
    "group_norm": "AttributeError",
    "rms_norm": "AttributeError",
    "local_response_norm": "AttributeError",
    "scaled_dot_product_attention": "AttributeError",
    "multi_head_attention_forward": "AttributeError",
    "dropout": "AttributeError",
    "dropout1d": "AttributeError",
    "alpha_dropout": "AttributeError",
    "feature_alpha_dropout": "AttributeError",
    "cross_entropy": "AttributeError",
    "cross_entropy, in one node": "AttributeError",
    "nll_loss": "AttributeError",
    "mse_loss": "AttributeError",
    "l1_loss": "AttributeError",
    "smooth_l1_loss": "AttributeError",
    "huber_loss": "AttributeError",
    "binary_cross_entropy": "AttributeError",
    "binary_cross_entropy_with_logits": "AttributeError",
    "binary_cross_entropy_with_logits, pos_weight": "AttributeError",
    "poisson_nll_loss": "accepted",
    "gaussian_nll_loss": "AttributeError",
    "margin_ranking_loss": "AttributeError",
    "soft_margin_loss": "AttributeError",
    "triplet_margin_loss": "AttributeError",
    "multi_margin_loss": "AttributeError",
    "multilabel_margin_loss": "AttributeError",
    "multilabel_soft_margin_loss": "TypeError, torch accepts it",
    "ctc_loss": "AttributeError",
    "dist": "accepted",
    "pairwise_distance": "accepted",
    "addmm": "AttributeError",
    "bmm": "AttributeError",
    "einsum": "AttributeError",
    "linear": "AttributeError",
    "mm": "AttributeError",
    "multi_dot": "AttributeError",
    "mv": "AttributeError",
    "split": "AttributeError",
    "broadcast_tensors": "AttributeError",
    "atleast_1d": "AttributeError",
    "atleast_2d": "AttributeError",
    "atleast_3d": "AttributeError",
    "repeat_interleave": "NotImplementedError",
    "cartesian_prod": "AttributeError",
    "type_as": "AttributeError",
    "scatter": "AttributeError",
    "scatter_add": "AttributeError",
    "index_put": "accepted",
    "searchsorted": "AttributeError",
    "embedding_bag": "AttributeError",
    "float_power": "ValueError",
    "glu": "AttributeError",
    "prelu": "AttributeError",
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
