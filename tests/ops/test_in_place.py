"""Every in-place form: the values, gradients and identity that its out-of-place form promises."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.testing import Sample, has_derivative, samples

# These change what the tensor is a view of, and with that its shape.
VIEW_FORMS = {"as_strided", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"}


def in_place_samples() -> Iterator[Sample]:
    """x.name_(...) for every sample x.name(...) whose operation has that form."""
    for sample in samples():
        call = ast.parse(sample.expression, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        name, target = call.func.attr, ast.unparse(call.func.value)
        if target in sample.operands and hasattr(minigrad.Tensor, f"{name}_"):
            changed = sample.expression.replace(f".{name}(", f".{name}_(", 1)
            yield replace(sample, expression=changed)


SAMPLES = list(in_place_samples())


def promised(sample: Sample) -> tuple[Any, dict[str, Any]]:
    """The result and the operands of the out-of-place form."""
    out_of_place = sample.expression.replace("_(", "(", 1)
    operands = sample.tensors(minigrad, requires_grad=True)
    return replace(sample, expression=out_of_place).call(minigrad, operands), operands


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_in_place(sample: Sample) -> None:
    target = sample.expression.partition(".")[0]
    expected, leaves = promised(sample)
    operands = sample.tensors(minigrad, requires_grad=True)
    x = operands[target] + 0  # a leaf that requires a gradient cannot be written to
    if sample.operation not in VIEW_FORMS and not fits(expected, x):
        with pytest.raises(RuntimeError):
            sample.call(minigrad, operands | {target: x})
        return
    result = sample.call(minigrad, operands | {target: x})
    assert result is x
    np.testing.assert_array_equal(x.numpy(force=True), expected.numpy(force=True))
    if has_derivative(expected):
        seed = minigrad.rand(expected.shape, dtype=expected.dtype)
        expected.backward(seed)
        x.backward(seed)
        for name in sample.floating:
            same_gradient(operands[name].grad, leaves[name].grad)


def fits(result: Any, x: Any) -> bool:
    """Whether a result can be written into x.  A truth value becomes 0 or 1."""
    return result.shape == x.shape and result.dtype in (x.dtype, minigrad.bool)


def same_gradient(given: Any, expected: Any) -> None:
    assert (given is None) == (expected is None)
    if expected is not None:
        np.testing.assert_allclose(given.numpy(), expected.numpy(), 1e-12, 1e-12)
