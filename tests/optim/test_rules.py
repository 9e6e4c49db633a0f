"""The update rules, beside the textbook's written with NumPy, and beside their own formulas."""

import inspect
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.nn import Parameter
from minigrad.optim.elementwise import counter, options_of

START = np.array([1.0, -2.0, 0.5, 0.0])
TARGET = np.array([0.5, 0.5, -1.0, 0.0])
STEPS = 6

SGD_OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.3},
    {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.3, "maximize": True},
    {},
]
ADAM_OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1},
    {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3},
    {"lr": 0.1, "weight_decay": 0.3},
    {"lr": 0.3, "betas": (0.3, 0.4), "amsgrad": True},
    {"lr": 0.1, "maximize": True},
]


def course(library: Any, rule: str, options: dict[str, Any], dtype: str) -> list[list[float]]:
    """The parameter after each step down (param - target)**2; the same code for torch."""
    param = library.nn.Parameter(library.tensor(START, dtype=getattr(library, dtype)))
    target = library.tensor(TARGET, dtype=param.dtype)
    optimizer = getattr(library.optim, rule)([param], **options)
    values = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((param - target) ** 2).sum().backward()
        optimizer.step()
        values.append(param.tolist())
    return values


def sgd(
    lr: float = 1e-3,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    maximize: bool = False,
) -> list[np.ndarray]:
    param, velocity, values = START, None, []
    for _ in range(STEPS):
        grad = 2 * (param - TARGET) * (-1 if maximize else 1) + weight_decay * param
        first = velocity is None
        velocity = grad if first else momentum * velocity + (1 - dampening) * grad
        param = param - lr * (grad + momentum * velocity if nesterov else velocity)
        velocity = velocity if momentum else None
        values.append(param)
    return values


def adam(
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    maximize: bool = False,
) -> list[np.ndarray]:
    param, values = START, []
    mean, square, largest = (np.zeros_like(START) for _ in range(3))
    for step in range(1, STEPS + 1):
        grad = 2 * (param - TARGET) * (-1 if maximize else 1) + weight_decay * param
        mean = betas[0] * mean + (1 - betas[0]) * grad
        square = betas[1] * square + (1 - betas[1]) * grad**2
        largest = np.maximum(largest, square) if amsgrad else square
        unbiased = mean / (1 - betas[0] ** step), largest / (1 - betas[1] ** step)
        param = param - lr * unbiased[0] / (np.sqrt(unbiased[1]) + eps)
        values.append(param)
    return values


@pytest.mark.parametrize("options", SGD_OPTIONS)
def test_sgd(options: dict[str, Any]) -> None:
    np.testing.assert_allclose(course(minigrad, "SGD", options, "float64"), sgd(**options), 1e-12)


@pytest.mark.parametrize("options", ADAM_OPTIONS)
def test_adam(options: dict[str, Any]) -> None:
    np.testing.assert_allclose(course(minigrad, "Adam", options, "float64"), adam(**options), 1e-9)


def test_float32_stays_float32() -> None:
    for rule, options in (("SGD", {"momentum": 0.9}), ("Adam", {})):
        param = Parameter(minigrad.tensor([1.0, 2.0]))
        optimizer = getattr(minigrad.optim, rule)([param], **options)
        param.sum().backward()
        optimizer.step()
        assert param.dtype == minigrad.float32
        state = optimizer.state[param]
        assert all(value.dtype == minigrad.float32 for value in state.values())


# ------------------------------------------------------- every rule beside its formula in Python

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": SGD_OPTIONS,
    "Adam": [*ADAM_OPTIONS, {"weight_decay": 0.3, "decoupled_weight_decay": True}],
    "AdamW": [{}, {"amsgrad": True}],
    "RMSprop": [{}, {"centered": True, "momentum": 0.5}, {"weight_decay": 0.3, "maximize": True}],
    "Adagrad": [{}, {"lr_decay": 0.5, "initial_accumulator_value": 0.25, "weight_decay": 0.3}],
    "Adadelta": [{}, {"rho": 0.5, "weight_decay": 0.3, "maximize": True}],
    "Adamax": [{}, {"betas": (0.5, 0.7), "weight_decay": 0.3, "maximize": True}],
    "NAdam": [{}, {"weight_decay": 0.3}, {"decoupled_weight_decay": True, "weight_decay": 0.3}],
    "RAdam": [{}, {"betas": (0.5, 0.6), "weight_decay": 0.3, "maximize": True}],
}


def by_hand(optimizer: Any, param: Parameter, grads: list[np.ndarray]) -> list[float]:
    """The course of a parameter, its rule called as the Python function that it is."""
    (group,) = optimizer.param_groups
    rule, state = type(optimizer).rule, optimizer.state.get(param, {})
    options = options_of(group)
    names = [name for name in rule.arrays if name != "grad"]
    starts = {n: state[n].item() if n in state else 0.0 for n in names[1:]}
    values = {"param": param.item(), **starts}
    for name, value in optimizer.counters.items():
        state.setdefault(name, counter(value))
    course = []
    for step, grad in enumerate(grads):
        own = zip(optimizer.own, optimizer.advance(state, group, step == 0), strict=True)
        given = {**options, **values, **dict(own), "grad": float(grad)}
        wanted = inspect.signature(rule.function).parameters
        results = rule.function(**{name: given[name] for name in wanted})
        values = dict(zip(names, results, strict=True))
        course.append(values["param"])
    return course


FLAT = [(rule, options) for rule, several in OPTIONS.items() for options in several]


@pytest.mark.parametrize(("name", "options"), FLAT)
def test_the_kernel_does_what_the_formula_says(name: str, options: dict[str, Any]) -> None:
    grads = np.random.default_rng(0).standard_normal(2 * STEPS)
    expected_of, param = (
        Parameter(minigrad.tensor(0.75, dtype=minigrad.float64)) for _ in range(2)
    )
    rule = getattr(minigrad.optim, name)
    expected = by_hand(rule([expected_of], **options), expected_of, list(grads))
    optimizer, values = rule([param], **options), []
    for grad in grads:
        param.grad = minigrad.tensor(grad)
        optimizer.step()
        values.append(param.item())
    np.testing.assert_allclose(values, expected, 1e-12)


@pytest.mark.parametrize(("name", "options"), FLAT)
def test_a_step_makes_the_loss_smaller(name: str, options: dict[str, Any]) -> None:
    param = Parameter(minigrad.tensor(START, dtype=minigrad.float64))
    optimizer = getattr(minigrad.optim, name)([param], **{"lr": 1e-3, **options})
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = ((param - minigrad.tensor(TARGET)) ** 2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert (losses[2] < losses[0]) != options.get("maximize", False)
