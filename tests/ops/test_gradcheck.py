"""First and second derivatives of every operation, backward and forward, one and many at once,
compared with finite differences."""

import functools
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.methods import METHODS
from minigrad.ops.define import POINTWISE
from minigrad.testing import Sample, has_derivative, pointwise_samples, samples, tensors_in
from minigrad.testing.samples import ONCE_DIFFERENTIABLE, ROUTINES

# Methods of METHODS that are no operations of their own, or whose result has no history.
NOT_SAMPLED = {"backward", "copy_", "detach_", "fill_", "normal_", "uniform_", "zero_", "_is_view"}
NOT_SAMPLED |= {"index_put", "index_put_"}  # tests/parity/test_inplace.py
NOT_SAMPLED |= {"bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_"}
NOT_SAMPLED |= {"multinomial", "random_"}  # tests/ops/test_random.py
NOT_SAMPLED |= {"cpu", "cuda", "double", "float", "half", "int", "long", "bool", "type"}
NOT_SAMPLED |= {"allclose", "equal", "float_power_", "positive"}  # test_pointwise.py
NOT_SAMPLED |= {"new_empty", "new_full", "new_ones", "new_tensor", "new_zeros"}

SAMPLES = samples()


def function_of(sample: Sample, names: list[str]) -> Any:
    """The sample as a function of the operands in `names`."""
    constant = {k: v for k, v in sample.tensors(minigrad).items() if k not in names}

    def call(*tensors: Any) -> Any:
        return sample.call(minigrad, constant | dict(zip(names, tensors, strict=True)))

    return call


@functools.cache
def has_gradient(sample_number: int) -> bool:
    sample = SAMPLES[sample_number]
    result = sample.call(minigrad, sample.tensors(minigrad, requires_grad=True))
    return any(has_derivative(x) for x in tensors_in(result))


def test_an_unknown_derivative_raises() -> None:
    x = minigrad.tensor([5.0, -3.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative for floor_divide is not implemented"):
        (x // 2 + x).sum().backward()


def checked(sample: Sample, check: Any, **options: bool) -> None:
    names = sample.floating
    tensors = [sample.tensors(minigrad, requires_grad=True)[name] for name in names]
    assert check(function_of(sample, names), tensors, **options)


@pytest.mark.parametrize("number", range(len(SAMPLES)), ids=map(str, SAMPLES))
def test_first_derivatives(number: int) -> None:
    if has_gradient(number):
        batches = {"check_batched_grad": True, "check_batched_forward_grad": True}
        checked(SAMPLES[number], gradcheck, check_forward_ad=True, **batches)


@pytest.mark.parametrize("number", range(len(SAMPLES)), ids=map(str, SAMPLES))
def test_second_derivatives(number: int) -> None:
    if has_gradient(number) and SAMPLES[number].operation not in ONCE_DIFFERENTIABLE:
        checked(SAMPLES[number], gradgradcheck, check_fwd_over_rev=True)


# ------------------------------------------------------------------- are the samples any good?


@pytest.mark.parametrize("name", POINTWISE)
def test_every_pointwise_operation_has_samples_that_reach_it(name: str) -> None:
    op = POINTWISE[name]
    for sample in [s for s in pointwise_samples() if s.operation == name]:
        result = sample.call(minigrad, sample.tensors(minigrad, requires_grad=True))
        assert np.isfinite(result.numpy(force=True)).all(), (
            f"{sample.expression} is not finite for the usual operands: give {name} its own "
            "in DOMAINS of minigrad/testing/samples.py"
        )
        if op.definition.differentiable:
            assert type(result.grad_fn) is op.node_type, (
                f"{sample.expression} ends in {result.grad_fn}, not in {name}'s node: correct its "
                "line in SPELLINGS of minigrad/testing/samples.py"
            )


def test_every_other_operation_has_samples() -> None:
    pointwise = set(POINTWISE.values())
    missing = [
        name
        for name, method in METHODS.items()
        if name not in ROUTINES and name not in NOT_SAMPLED and method not in pointwise
    ]
    known = {"arctan2", "bitwise_not", "clamp", "clip", "fmod", "lerp", "masked_fill", "pow"}
    known |= {"add", "remainder", "sub", "subtract", "copysign", "div", "divide", "logit"}
    known |= {"nan_to_num", "polygamma", "round"}
    missing = [name for name in missing if name not in known]
    functions = {name for name in minigrad.nn.functional.__all__ if not name.endswith("_")}
    spelled = " ".join(s.expression for s in SAMPLES)
    missing += [f"F.{name}" for name in functions if f".{name}(" not in spelled]
    assert not missing, f"no samples in ROUTINES of minigrad/testing/samples.py for: {missing}"
