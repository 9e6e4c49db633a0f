"""autograd.functional: values, structures, what requires a gradient, and what is refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_tree


def names(lib: Any) -> dict[str, Any]:
    """What the expressions below are written with."""
    x = (lib.arange(6, dtype=lib.float64) / 7 + 0.3).reshape(2, 3)
    y = lib.tensor([0.5, -0.25, 2.0], dtype=lib.float64)
    one = lib.tensor(1.5, dtype=lib.float64)
    functions = SimpleNamespace(
        rows=lambda x: x.exp().sum(1),
        number=lambda x: (x.sin() * x).sum(),
        cube=lambda x: (x * x * x).sum(),
        pair=lambda x, y: (x.exp() * y, (x * y * y).sum()),
        mixed=lambda x, y: ((x * y) @ y.exp()).sum(),
        first=lambda x, y: (x * x).sum(),
        linear=lambda x: 3 * x,
        constant=lambda x: lib.ones(2, dtype=lib.float64),
        some=lambda x, y: (x * 2, y.detach()),
        several=lambda x, y: (x * x, y * y),
    )
    leaves = {"X": x.clone().requires_grad_(), "Y": y.clone().requires_grad_()}
    return {
        **{"x": x, "y": y, "one": one, "v2": y[:2], "v3": y, "vx": x.cos(), "vy": y.cos()},
        **{"forward": {"vectorize": True, "strategy": "forward-mode"}},
        **{"forward_outside": {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}},
        **{**vars(functions), **vars(lib.autograd.functional), **leaves, "lib": lib},
    }


ACCEPTED = [
    # one input, one output
    "vjp(rows, x, v2)",
    "vjp(rows, (x,), (v2,))",
    "vjp(number, x)",
    "vjp(rows, X, v2, create_graph=True)",
    "vjp(rows, x, v2.clone().requires_grad_(), create_graph=True)",
    "vjp(linear, y, v3, create_graph=True)",
    "vjp(constant, y, v2)",
    "jvp(rows, x, vx)",
    "jvp(rows, (x,), (vx,))",
    "jvp(linear, one)",
    "jvp(rows, X, vx, create_graph=True)",
    "jvp(rows, X, vx.clone().requires_grad_(), create_graph=True, strict=True)",
    "jvp(linear, Y, v3, create_graph=True)",
    "jvp(constant, y, v3)",
    *(f"{name}(cube, y, v3)" for name in ("vhp", "hvp")),
    *(f"{name}(number, (x,), (vx,))" for name in ("vhp", "hvp")),
    *(f"{name}(cube, one)" for name in ("vhp", "hvp")),
    *(f"{name}(cube, Y, v3, create_graph=True)" for name in ("vhp", "hvp")),
    *(f"{name}(lambda x: (2 * x).sum(), y, v3)" for name in ("vhp", "hvp")),
    # several inputs and outputs
    "vjp(pair, (x, y), (vx, one))",
    "vjp(pair, (X, y), (vx, one), create_graph=True)",
    "vjp(first, (x, y))",
    "vjp(some, (x, y), (vx, vy))",
    "jvp(pair, (x, y), (vx, vy))",
    "jvp(pair, (x, Y), (vx, vy), create_graph=True)",
    "jvp(first, (x, y), (vx, vy))",
    "jvp(some, (x, y), (vx, vy))",
    *(f"{name}(mixed, (x, y), (vx, vy))" for name in ("vhp", "hvp")),
    *(f"{name}(mixed, (X, Y), (vx, vy), create_graph=True)" for name in ("vhp", "hvp")),
    *(f"{name}(first, (x, y), (vx, vy))" for name in ("vhp", "hvp")),
    # whole matrices
    "jacobian(rows, x)",
    "jacobian(rows, (x,))",
    "jacobian(rows, X)",
    "jacobian(rows, X, create_graph=True)",
    "jacobian(rows, X, create_graph=True, strict=True)",
    "jacobian(number, x)",
    "jacobian(linear, Y, create_graph=True)",
    "jacobian(constant, y)",
    "jacobian(pair, (x, y))",
    "jacobian(pair, (X, Y), create_graph=True)",
    "jacobian(several, (x, y))",
    "jacobian(lambda x: (x * 2,), y)",
    "hessian(number, x)",
    "hessian(number, (x,))",
    "hessian(cube, Y, create_graph=True)",
    "hessian(mixed, (x, y))",
    "hessian(mixed, (X, Y), create_graph=True)",
    "hessian(lambda x, y: (x * y).sin().sum(), (x, y), strict=True)",
    "hessian(first, (x, y))",
    "hessian(lambda x: x.sum(), y)",
    "hessian(lambda x: (x ** 3).sum().reshape(1, 1), y)",
    # all rows at once
    "jacobian(rows, x, vectorize=True)",
    "jacobian(rows, X, create_graph=True, vectorize=True)",
    "jacobian(constant, y, vectorize=True)",
    "jacobian(pair, (x, y), vectorize=True)",
    "jacobian(pair, (x, Y), create_graph=True, vectorize=True)",
    "jacobian(some, (X, y), vectorize=True)",
    "jacobian(lambda x: (x * 2,), y, vectorize=True)",
    "hessian(number, x, vectorize=True)",
    "hessian(cube, Y, create_graph=True, vectorize=True)",
    "hessian(mixed, (x, y), vectorize=True)",
    "hessian(lambda x: x.sum(), y, vectorize=True)",
    # derivatives of derivatives
    "vjp(lambda x: jacobian(rows, x, create_graph=True), x, lib.ones(2, 2, 3).double())",
    "jacobian(lambda y: hessian(lambda y: (y ** 4).sum(), y, create_graph=True), y)",
    "lib.autograd.grad(hvp(cube, Y, v3, create_graph=True)[1].sum(), Y)",
    "lib.autograd.grad(jacobian(rows, X, create_graph=True).sum(), X)",
]


@pytest.mark.parametrize("expression", ACCEPTED)
@pytest.mark.parametrize("mode", ["enable_grad", "no_grad"])
def test_accepted(expression: str, mode: str) -> None:
    if mode == "no_grad" and "autograd.grad" in expression:
        mode = "enable_grad"
    results = []
    for lib in LIBRARIES:
        with getattr(lib, mode)():
            results.append(eval(expression, names(lib)))
    same_tree(*results)


# Forward mode gives lists in torch, which documents tuples; and its Hessians keep a graph that
# leads nowhere.
FORWARD = [
    "jacobian(rows, x, **forward)",
    "jacobian(rows, X, **forward)",
    "jacobian(pair, (x, y), **forward)",
    "jacobian(some, (x, y), **forward)",
    "jacobian(constant, y, **forward)",
    "jacobian(lambda x: (x * 2,), (y,), **forward)",
    "hessian(number, x, **forward_outside)",
    "hessian(mixed, (x, y), **forward_outside)",
    "hessian(lambda x: x.sum(), y, **forward_outside)",
]


def tuples(value: Any) -> Any:
    """Tuples in the place of lists, and of tensors without a graph."""
    if isinstance(value, tuple | list):
        return tuple(tuples(x) for x in value)
    return value.detach()


@pytest.mark.parametrize("expression", FORWARD)
def test_forward_mode(expression: str) -> None:
    same_tree(*(tuples(eval(expression, names(lib))) for lib in LIBRARIES))


REFUSED = {
    # not tensors
    "vjp(rows, 3)": "inputs given to vjp must be either a Tensor or a tuple of Tensors but",
    "jvp(rows, [x])": "inputs given to jvp must be .* has type <class 'list'>",
    "hessian(rows, (x, 2))": "inputs given to hessian .* value at index 1 has type <class 'int'>",
    "jacobian(lambda x: [x], x)": "outputs of the user-provided function given to jacobian must be",
    "jacobian(lambda x: (x, None), x)": "the value at index 1 has type <class 'NoneType'>",
    "vhp(lambda x: 3, x, x)": "outputs of the user-provided function given to vhp must be",
    "vjp(rows, x, 1.0)": "The v given to vjp must be either a Tensor or a tuple of Tensors",
    "jvp(linear, lib.tensor([1, 2]), v2)": "only Tensors of floating point",
    "jvp(lambda x: x.long(), y, y)": "nly Tensors of floating point",
    # v
    "vjp(rows, x)": "v can only be None if the user-provided function returns a single Tensor with",
    "jvp(rows, x)": "v can only be None if the input to the user-provided function is a single Ten",
    "vhp(cube, y)": "v can only be None if the input to the user-provided function",
    "hvp(cube, y)": "v can only be None if the input to the user-provided function",
    "vjp(rows, x, v3)": r"^v has invalid size: should be .*Size\(\[2\]\) but got .*Size\(\[3\]\)",
    "jvp(rows, (x,), v3)": "Entry 0 in v has invalid size",
    "vjp(pair, (x, y), (vx, v2))": "Entry 1 in v has invalid size",
    "vjp(pair, (x, y), vx)": "v is a tuple of invalid length: should be 2 but got 1",
    "vjp(rows, x, (v2, v2))": "The given v should contain a single Tensor",
    # not a number
    "vhp(rows, x, vx)": "Tensor returned by the function given to vhp should contain a single elem",
    "hvp(lambda x: (x.sum(),), x, vx)": "function given to hvp should return a single Tensor",
    "hessian(rows, x)": "given to hessian should contain a single element",
    "hessian(lambda x: (x.sum(), x), x)": "function given to hessian should return a single Tensor",
    # strict
    "vjp(constant, x, v2, strict=True)": "Output 0 of the user-provided function does not require",
    "vjp(some, (x, y), (vx, vy), strict=True)": "Output 1 of .* does not require gradients",
    "vjp(first, (x, y), strict=True)": "output of the .* independent of input 1",
    "vjp(linear, Y, v3, True, True)": "jacobian .* independent of input 0.*when create_graph=True",
    "jvp(first, (x, y), (vx, vy), strict=True)": "function is independent of input 1",
    "jvp(linear, Y, v3, True, True)": "jacobian .* independent of input 0.*when create_graph=True",
    "vhp(first, (x, y), (vx, vy), strict=True)": "function is independent of input 1",
    "vhp(lambda x: x.sum(), y, v3, strict=True)": "jacobian .* input 0 is independent",
    "vhp(lambda x: (x * x).sum(), Y, v3, True, True)": "hessian .* when create_graph=True",
    "hvp(lambda x: x.sum(), y, v3, strict=True)": "jacobian .* input 0 is independent",
    "hvp(lambda x: (x * x).sum(), Y, v3, True, True)": "hessian .* when create_graph=True",
    "vhp(lambda x, y: cube(x) + y.sum(), (x, y), (vx, vy), strict=True)": "respect to input 1",
    "jacobian(constant, y, strict=True)": "Output 0 .* does not require gradients",
    "jacobian(several, (x, y), strict=True)": "Output 0 .* is independent of input 1",
    "jacobian(linear, Y, True, True)": "jacobian .* independent of input 0.*when create_graph=True",
    "hessian(first, (x, y), strict=True)": "found that the jacobian .* input 1 is independent",
    "hessian(mixed, (x, y), strict=True)": "Output 0 .* is independent of input 0",
    "hessian(lambda x: x.sum(), y, strict=True)": "create_graph=True|jacobian .* input 0 is indep",
    # options
    "jacobian(rows, x, strategy='sideways')": 'strategy to be either "forward-mode" or "reverse',
    "hessian(number, x, outer_jacobian_strategy='up')": 'strategy to be either "forward-mode" or "',
    "jacobian(rows, x, strict=True, vectorize=True)": "`strict=True` and `vectorized=True` are",
    "hessian(number, x, strict=True, vectorize=True)": "`strict=True` and `vectorized=True` are",
    "jacobian(rows, x, strategy='forward-mode')": "implemented for `vectorize=True`",
    "jacobian(rows, x, strict=True, **forward)": '`strict=True` and `strategy="forward-mode"` are',
    "jacobian(rows, x, True, **forward)": '`create_graph=True` and `strategy="forward-mode"` are',
    "jacobian(linear, lib.tensor([1, 2]), **forward)": "Expected primal to be floating point",
    "jacobian(lambda x: [x], x, **forward)": "must be either a Tensor or a tuple of Tensors",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    (_, theirs), (_, ours) = (outcome(eval, expression, names(lib)) for lib in LIBRARIES)
    assert theirs is not None, "torch accepts this"
    same_error(theirs, ours)
    for error in (theirs, ours):
        with pytest.raises(type(error), match=REFUSED[expression]):
            raise error


def test_inputs_are_left_alone() -> None:
    for lib in LIBRARIES:
        found = names(lib)
        x, leaf = found["x"], found["X"]
        for call in (
            "jacobian(rows, x)",
            "jacobian(rows, X)",
            "vjp(number, X)",
            "hessian(cube, X)",
        ):
            eval(call, found)
        assert not x.requires_grad
        assert leaf.requires_grad
        assert x.grad is None
        assert leaf.grad is None
