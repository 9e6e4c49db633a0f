"""From an update rule to the text of its kernel."""

import math
from typing import Any

import numpy as np
import pytest

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule, cpu_text


def rule(
    param: Any,
    grad: Any,
    mean: Any,
    unused: Any,
    lr: Number,
    beta: Number,
    step: Number,
    flag: bool,
) -> Any:
    """A rule with all that a rule may have."""
    if flag:
        grad = -grad
    elif step:
        grad = grad * 2
    bias = 1 - beta**step
    if beta:
        mean = beta * mean + (1 - beta) * grad
        grad = mean / math.sqrt(bias)
    if beta and not flag:
        unused = max(unused, abs(grad))
    way = grad if step > 1 else 0.5 * grad
    return param - lr / (1 + lr) * way, mean, unused


RULE = Rule(rule)


def variant(**options: Any) -> Any:
    return RULE.variant({"lr": 0.1, "beta": 0.9, "step": 1, "flag": False, **options})


@pytest.mark.parametrize(
    ("options", "arrays", "written"),
    [
        ({}, ["param", "grad", "mean", "unused"], ["param", "mean", "unused"]),
        ({"flag": True}, ["param", "grad", "mean"], ["param", "mean"]),
        ({"beta": 0}, ["param", "grad"], ["param"]),
    ],
)
def test_a_variant_touches_what_it_needs(options: Any, arrays: Any, written: Any) -> None:
    found = variant(**options)
    assert found.arrays == arrays
    assert [found.arrays[i] for i in found.written] == written


def test_equal_answers_have_one_variant() -> None:
    assert variant(lr=0.5, beta=0.5) is variant()
    assert variant(flag=True) is not variant()


def test_numbers_are_computed_by_python() -> None:
    found = variant()
    values = dict(zip(found.given, found.numbers(0.5, 0.75, 2), strict=True))
    assert values["beta"] == 0.75
    assert sorted(values.values()) == sorted([0.75, 0.25, math.sqrt(1 - 0.75**2), 1.0, 0.5 / 1.5])


def test_the_text_of_a_kernel() -> None:
    """The statements of the formula, typed, between loads and stores."""
    text = cpu_text(variant(flag=True), np.dtype(np.float32))
    lines = [line.strip() for line in text.splitlines()]
    loop = lines[lines.index("param = load(param_data, i * 4, float32)") :]
    numbers = variant(flag=True).given
    rate = numbers[-1]
    assert loop == [
        "param = load(param_data, i * 4, float32)",
        "grad = load(grad_data, i * 4, float32)",
        "mean = load(mean_data, i * 4, float32)",
        "grad = -grad",
        f"mean = beta * mean + {numbers[1]} * grad",
        f"grad = mean / {numbers[2]}",
        f"way = where_({numbers[3]} != float32(0), grad, float32(0.5) * grad)",
        f"param = param - {rate} * way",
        "store(param_data, i * 4, float32, param)",
        "store(mean_data, i * 4, float32, mean)",
        "start, stop = start - size, stop - size",
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("flag", [False, True])
def test_the_kernel_computes_the_formula(dtype: str, step: int, flag: bool) -> None:
    found = variant(flag=flag)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(9).astype(dtype) for _ in found.arrays]
    given = dict(zip(found.arrays, (x.copy() for x in arrays), strict=True))
    table = np.array([[*map(id, arrays), 9, 0]], np.int64)
    numbers = np.array([found.numbers(0.1, 0.9, step)])
    found.kernel(np.dtype(dtype))(table, numbers, 0, 7)
    for i in range(9):
        element = {name: float(x[i]) for name, x in {"unused": np.zeros(9), **given}.items()}
        expected = rule(**element, lr=0.1, beta=0.9, step=step, flag=flag)
        after = dict(zip(("param", "mean", "unused"), expected, strict=True))
        for name, x in zip(found.arrays, arrays, strict=True):
            wanted = after.get(name, element[name]) if i < 7 else element[name]
            assert x[i] == pytest.approx(wanted, abs=1e-6 if dtype == "float32" else 1e-14)
