"""Normalisations with every option, shape and layout: values, statistics, both derivatives."""

from typing import Any

import numpy as np
import pytest

from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_tree,
    second_order,
)

RNG = np.random.default_rng(0)
INPUTS = {
    "X": RNG.normal(size=(9, 6)),
    "Y": RNG.normal(size=(3, 6, 5)),
    "Z": RNG.normal(size=(2, 6, 3, 4)) + 3,
}
WEIGHTS = {"W": RNG.normal(size=6), "B": RNG.normal(size=6)}
STATISTICS = {"m": RNG.normal(size=6), "r": RNG.uniform(0.5, 2, 6)}

OF_ANY = (
    "F.batch_norm(I, None, None, training=True)",
    "F.batch_norm(I, None, None, W, B, True)",
    "F.batch_norm(I, None, None, W, None, True, 0.3, 1e-2)",
    "F.batch_norm(I, m, r, W, B)",
    "F.batch_norm(I, m, r)",
    "(F.batch_norm(I, m, r, W, B, True, 0.3), m, r)",
    "F.batch_norm(I.transpose(0, -1)[:, :3], m[:3], r[:3])",
    "F.group_norm(I, 2, W, B)",
    "F.group_norm(I, 3)",
    "F.group_norm(I, 1, W)",
    "F.group_norm(I, 6 if I.dim() > 2 else 3, W, None, 1e-2)",
    "F.rms_norm(I, tuple(I.shape[-1:]))",
    "F.rms_norm(I, tuple(I.shape[-2:]), eps=1e-2)",
    "F.batch_norm(I[:0], None, None, W, B, True)",
    "F.batch_norm(I[:0], m, r)",
    "F.group_norm(I[:0], 2, W)",
)
OF_SEQUENCES = (
    "F.instance_norm(I)",
    "F.instance_norm(I, None, None, W, B)",
    "F.instance_norm(I, m, r, W, B, False)",
    "(F.instance_norm(I, m, r, W, B, True, 0.4), m, r)",
    "F.local_response_norm(I, 3)",
    "F.local_response_norm(I, 4, 0.7, 0.4, 2.0)",
    "F.local_response_norm(I, 9, 1.0)",
)
REFUSED = (
    "F.batch_norm(X[:1], m, r, training=True)",
    "F.batch_norm(X, None, None)",
    "F.batch_norm(X, m, None)",
    "F.batch_norm(X, m[:3], r)",
    "F.batch_norm(X, m, r, W[:2])",
    "F.batch_norm(X, m, r.double())",
    "F.batch_norm(X.long(), m, r)",
    "F.batch_norm(X, W, r)",
    "F.group_norm(X, 4)",
    "F.group_norm(X, -1)",
    "F.group_norm(X, 2, W[:2])",
    "F.group_norm(X[:1], 6)",
    "F.group_norm(W, 2)",
    "F.instance_norm(X)",
    "F.instance_norm(Y, m)",
    "F.instance_norm(Y, use_input_stats=False)",
    "F.instance_norm(Y, weight=W[:2])",
    "F.rms_norm(X, (5,))",
    "F.rms_norm(X, (6,), W[:5])",
    "F.local_response_norm(X, 2)",
    "F.local_response_norm(Y, 0)",
    "F.layer_norm(X, (5,))",
)


def called(library: Any, expression: str, dtype: str) -> tuple[dict[str, Any], Any]:
    leaves = {
        name: library.tensor(x.astype(dtype)).requires_grad_()
        for name, x in (INPUTS | WEIGHTS).items()
    }
    constant = {name: library.tensor(x.astype(dtype)) for name, x in STATISTICS.items()}
    names = {"F": library.nn.functional, **leaves, **constant}
    return leaves, eval(expression, names)


def expressions() -> list[str]:
    found = [e.replace("I", name) for name in INPUTS for e in OF_ANY]
    return found + [e.replace("I", name) for name in ("Y", "Z") for e in OF_SEQUENCES]


@pytest.mark.parametrize("expression", expressions())
def test_values_and_gradients(expression: str) -> None:
    sides = [called(library, expression, "float64") for library in LIBRARIES]
    same_tree(sides[0][1], sides[1][1])
    for library, (_, value) in zip(LIBRARIES, sides, strict=True):
        run_backward(library, value)
    same_gradients(sides[0][0], sides[1][0])


@pytest.mark.parametrize("expression", [e for e in expressions() if ":0" not in e])
def test_second_derivatives(expression: str) -> None:
    sides = []
    for library in LIBRARIES:
        leaves, value = called(library, expression, "float64")
        used = [x for name, x in leaves.items() if name in expression]
        second_order(library, value, used)
        sides.append(leaves)
    same_gradients(*sides, zeros=True)


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_refused(expression: str) -> None:
    (_, error), (_, our_error) = (
        outcome(called, library, expression, "float32") for library in LIBRARIES
    )
    assert error is not None
    same_error(error, our_error)
