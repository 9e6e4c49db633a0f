"""In-place operations and writes to views, side by side with torch."""

from typing import Any

import numpy as np
import pytest

import minigrad
from tests.parity.compare import LIBRARIES, graph, outcome, same_error, same_tensor, torch
from tests.parity.random_programs import Program, attempt

# ------------------------------------------------------------------------------ random programs

BLOCK = 15  # seeds a test, so that a failure names few


@pytest.mark.parametrize("block", range(10))
def test_random_programs(block: int) -> None:
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        theirs, ours = (Program(library, seed) for library in LIBRARIES)
        same_log(theirs.log, ours.log, seed)
        for number, (a, b) in enumerate(zip(theirs.describe(), ours.describe(), strict=True)):
            assert b == a, f"seed {seed}, tensor {number}"
        same_arrays(theirs.values(), ours.values(), f"values of seed {seed}")
        for second in (True, False):
            (a, wrong_a), (b, wrong_b) = (attempt(p.gradients, second) for p in (theirs, ours))
            assert type(wrong_b) is type(wrong_a), f"seed {seed}: {wrong_a} {wrong_b}"
            if wrong_a is None:
                same_arrays(a, b, f"gradients of seed {seed}, second {second}", zeros=second)


def same_log(theirs: list[Any], ours: list[Any], seed: int) -> None:
    for step, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        assert b[:3] == a[:3], f"seed {seed}, step {step}: torch {a}, minigrad {b}"
        if "its base or another view" not in a[3]:  # of two errors at once, torch has another first
            words = a[3].replace("torch", "minigrad")[:45]
            assert b[3].startswith(words), f"seed {seed}, step {step}: torch {a}, minigrad {b}"


def same_arrays(theirs: Any, ours: Any, what: str, zeros: bool = False) -> None:
    """`zeros`: None is as good as zeros, as for second derivatives of what is linear."""
    for a, b in zip(theirs, ours, strict=True):
        if zeros and (a is None or b is None):
            assert all(x is None or not x.any() for x in (a, b)), what
            continue
        assert (a is None) == (b is None), what
        if a is not None:
            np.testing.assert_allclose(b, a, 1e-8, 1e-11, err_msg=what)


# -------------------------------------------------------------------- every in-place form there is

OPERANDS: dict[str, list[str]] = {
    "add_": ["y", "0.75", "1", "y, alpha=2", "row", "x.detach()"],
    "sub_": ["y", "0.75", "y, alpha=2", "row"],
    "mul_": ["y", "0.75", "row", "scalar"],
    "div_": ["y", "0.75", "row"],
    "pow_": ["2", "y", "0.5"],
    "floor_divide_": ["0.75", "y"],
    "remainder_": ["0.75", "y"],
    "fmod_": ["0.75", "y"],
    "clamp_": ["0.3, 0.8", "min=0.5", "max=0.5", "y", "y, y + 1"],
    "lerp_": ["y, 0.25", "y, y"],
    "masked_fill_": ["mask, 0.5", "mask, scalar", "mask, torch.tensor(0.5)", "mask[0], 2"],
    "addcmul_": ["y, y", "y, y, value=2"],
    "addcdiv_": ["y, y"],
    "addmm_": ["y, y.detach().T @ y"],
    "copy_": ["y", "row", "0.5", "y.float()", "scalar", "x"],
    "fill_": ["0.5", "scalar", "torch.tensor(0.5)", "True"],
    "index_put_": [
        "(torch.tensor([1]),), y[:1]",
        "(torch.tensor([0, 0]),), y, True",
        "(torch.tensor([0, 1]), torch.tensor([2, 2])), scalar",
        "(mask,), scalar",
        "(torch.tensor(1),), row",
    ],
    "scatter_": [
        "0, places, y",
        "1, places[:, :2], 0.5",
        "dim=0, index=places, src=y",
        "0, places, 2.0, reduce='add'",
    ],
    "scatter_add_": ["0, places, y", "dim=1, index=places, src=y"],
    "scatter_reduce_": ["0, places, y, 'sum'", "0, places, y + 1, 'amax', include_self=False"],
    "index_add_": ["0, torch.tensor([1, 1]), y", "1, places[0, :1], y[:, :1], alpha=2"],
    "index_copy_": ["0, torch.tensor([1, 0]), y"],
    "index_fill_": ["0, torch.tensor([1, -1]), 0.5", "1, torch.tensor([2]), scalar"],
    "masked_scatter_": ["mask, y", "mask[0], y"],
    "clip_": ["0.3, 0.8"],
    "clamp_min_": ["0.5"],
    "clamp_max_": ["0.5"],
    "bitwise_and_": [],
    "bitwise_or_": [],
    "bitwise_xor_": [],
    "bitwise_not_": [],
    "addbmm_": ["torch.stack((y, y)), torch.stack((y.T @ x.detach(), y.T @ y))"],
    "addmv_": [],  # in PARTS
    "baddbmm_": [],
    "addr_": ["row[:2], row", "row[:2], row, beta=2, alpha=0.5"],
    "copysign_": ["-y", "-0.75"],
    "cumprod_": ["0", "dim=-1"],
    "cumsum_": ["0", "dim=-1"],
    "polygamma_": ["2"],
    "as_strided_": ["(3, 2), (1, 3)"],
    "squeeze_": ["", "0", "(0, 1)"],
    "swapaxes_": ["0, 1"],
    "swapdims_": ["0, -1"],
    "transpose_": ["0, 1"],
    "unsqueeze_": ["1"],
    "detach_": [],
    "requires_grad_": [],
}
TWO = """
    divide eq ge greater greater_equal gt le less less_equal lt multiply ne not_equal subtract
    true_divide
"""
TENSORS_ONLY = "arctan2 atan2 hypot logical_and logical_or logical_xor xlogy"


def operands_of(form: str) -> list[str]:
    name = form[:-1]
    return ["y", "0.75"] if name in TWO.split() else ["y"] if name in TENSORS_ONLY.split() else [""]


# Other numbers than torch's, for the same call.
DRAWN = {
    "bernoulli_": ["", "0.3", "y / 2"],
    "cauchy_": ["", "1.0, 0.5"],
    "exponential_": ["", "2.0"],
    "geometric_": ["0.5", ""],
    "log_normal_": ["", "0.5, 2.0"],
    "normal_": ["", "0.5, 2.0"],
    "random_": ["", "3", "-2, 3"],
    "uniform_": ["", "-1.0, 1.0"],
}
DRAWS = [f"{form}({arguments})" for form, options in DRAWN.items() for arguments in options]
FORMS = sorted(n for n in dir(minigrad.Tensor) if n.endswith("_") and not n.startswith("_"))
CALLS = [
    f"{form}({arguments})"
    for form in FORMS
    if form not in DRAWN
    for arguments in OPERANDS.get(form, operands_of(form))
]
PARTS = ["select(1, 0).addmv_(y, row)", "unsqueeze(0).baddbmm_(y[None], (y.T @ y)[None])"]
AUGMENTED = [
    f"__i{name}__({operand})"
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
    for operand in ("y", "2.0", "row")
]
ASSIGNED = [
    f"__setitem__({key}, {value})"
    for key, values in {
        "0": "1.5 scalar row row[None] y y[0,0]",
        "(0, 1)": "1.5 scalar y[0,0]",
        "slice(None)": "y row 1.5 y[None]",
        "...": "y row 1.5 scalar",
        "(..., 1)": "1.5 y[:,0]",
        "(None, 0)": "row 1.5",
        "True": "y 1.5",
        "False": "y",
        "[0, 1]": "y 1.5 scalar row",
        "torch.tensor([1, 0])": "y",
        "mask": "1.5 scalar",
        "(0, [0, 2])": "1.5 row[:2]",
        "([0, 1], [2, 0])": "row[:2] 1.5",
        "(slice(0, 1), [0, 1])": "1.5",
        "[[0, 1], [2, 0]]": "row[:2] 1.5",
        "[0, slice(1, None)]": "row[1:]",
        "(torch.tensor([1, 0]), None)": "y[:,None] 1.5",
        "[True, False]": "row",
        "(None, torch.tensor([1, 0]), ..., 0)": "row[:2] scalar",
        "(slice(None), torch.tensor([[0, -1]]))": "y[:,None,:2] 1.5",
        "torch.tensor(True)": "1.5",
        "torch.tensor(0)": "row",
        "(slice(None), slice(None, None, 2))": "1.5 y[:,:2]",
        "slice(1, 1)": "1.5",
        "5": "1.5",
        "(0, 0, 0)": "1.5",
    }.items()
    for value in values.split()
]


def operands(library: Any) -> dict[str, Any]:
    numbers = library.arange(1.0, 7.0, dtype=library.float64).reshape(2, 3) / 5
    x = (numbers * 1).requires_grad_()
    y = (numbers.flip(0) if library is torch else numbers[[1, 0]] * 1).clone().requires_grad_()
    row = (numbers[0] + 0.5).requires_grad_()
    scalar = library.tensor(0.5, dtype=library.float64, requires_grad=True)
    mask = library.tensor([[True, False, True], [False, False, True]])
    return {
        **{"a": x, "y": y, "row": row, "scalar": scalar, "mask": mask},
        **{"torch": library, "places": library.tensor([[0, 1, 1], [1, 0, 0]])},
    }


def written(library: Any, call: str, start: str) -> Any:
    """Values, gradients of first and second order, version and graph after a write."""
    names = operands(library)
    names["x"] = x = eval(start, names)
    base = x if x._base is None else x._base
    eval(f"x.{call}", names)
    leaves = [names[n] for n in ("a", "y", "row", "scalar")]
    loss = (base * base * base).sum()
    if not loss.requires_grad:
        return base, x, [], []
    options = {"create_graph": True, "allow_unused": True, "materialize_grads": True}
    first = library.autograd.grad(loss, leaves, **options)
    total = sum((g * g).sum() for g in first)
    second = [None] * 4
    if total.requires_grad:
        second = library.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    return base, x, first, second


STARTS = {
    "a result": "a * 1",
    "a view": "(a * 1)[:]",
    "a transposed part": "(torch.stack((a, a)) * 1).transpose(1, 2)[1].T",
    "a constant": "a.detach() * 1",
    "a leaf": "a",
}


# torch says "the derivative for 'inplace version of acosh' is not implemented".
NO_DERIVATIVE = ("acosh_", "arccosh_", "arcsinh_", "arctanh_", "asinh_", "atanh_")
# Its polygamma is off by 2e-10, which the second derivative of digamma multiplies.
COARSE = ("digamma_", "polygamma_")


def same_history(a: Any, b: Any, name: str) -> None:
    assert b.shape == a.shape
    assert b._version == a._version
    assert b.requires_grad == a.requires_grad
    if "PolygammaBackward1" not in str(graph(a)):  # polygamma_ has a node of its own name there
        assert graph(b) == graph(a), name


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("call", [*CALLS, *PARTS, *AUGMENTED, *ASSIGNED])
def test_write(call: str, start: str) -> None:
    (theirs, wrong), (ours, error) = (
        outcome(written, library, call, STARTS[start]) for library in LIBRARIES
    )
    if start == "a leaf" and call.startswith("logical"):
        assert wrong is None  # torch damages it, and its gradient
        assert isinstance(error, RuntimeError)
        return
    if call.startswith(NO_DERIVATIVE) and isinstance(wrong, NotImplementedError):
        assert error is None, error
        return
    if wrong is not None:
        same_error(wrong, error)
        return
    assert error is None, error
    for a, b, name in zip(theirs[:2], ours[:2], ("base", "x"), strict=True):
        same_tensor(a, b, name)
        same_history(a, b, name)
    for order in (1,) if call.startswith(COARSE) else (1, 2):
        for a, b in zip(theirs[order + 1], ours[order + 1], strict=True):
            if a is None or b is None:  # as good as zeros: the first derivative was a constant
                assert all(g is None or not g.any() for g in (a, b))
            else:
                same_tensor(a, b, f"gradient of order {order}")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("call", DRAWS)
def test_draw(call: str, start: str) -> None:
    (theirs, wrong), (ours, error) = (
        outcome(written, library, call, STARTS[start]) for library in LIBRARIES
    )
    if wrong is not None:
        same_error(wrong, error)
        return
    assert error is None, error
    same_history(theirs[0], ours[0], "base")
    same_history(theirs[1], ours[1], "x")


def test_torch_has_the_same_in_place_forms() -> None:
    names = [n for n in dir(minigrad.Tensor) if not n.startswith("_") and not n.endswith("_")]
    theirs = {f"{n}_" for n in names if hasattr(torch.Tensor, f"{n}_")}
    assert theirs <= set(FORMS)
    assert all(hasattr(torch.Tensor, form) for form in FORMS)


# ------------------------------------------------------------------------------------------ out=

OUT = {
    "torch.add(c, 1, out=d)": "",
    "torch.add(c, d, alpha=2, out=d)": "",
    "torch.sub(c, 2, alpha=2, out=d)": "",
    "torch.mul(c, d, out=d)": "",
    "torch.exp(c, out=d)": "",
    "torch.exp(c, out=e)": "",
    "torch.eq(c, 1, out=d)": "",
    "torch.clamp(c, 0.5, out=d)": "",
    "torch.where(mask, c, d, out=d)": "",
    "torch.logical_not(mask, out=mask)": "",
    "torch.sin(c, out=f)": "",
    "torch.add(c, 1, out=i)": "result type Double can't be cast to the desired output type Long",
    "torch.exp(a, out=d)": "exp(): functions with out=... arguments don't support automatic",
    "torch.add(a, 1, out=d)": "add(): functions with out=... arguments don't support automatic",
    "torch.mul(c, 2, out=a)": "mul(): functions with out=... arguments don't support automatic",
    "torch.clamp(a, 0, out=d)": "clamp(): functions with out=... arguments don't support automatic",
    "torch.where(mask, a, c, out=d)": "where(): functions with out=... arguments don't support",
    "torch.exp(c, out=[d])": "must be Tensor, not list",
}


@pytest.mark.parametrize("expression", OUT)
def test_out(expression: str) -> None:
    def run(library: Any) -> Any:
        names = operands(library)
        names |= {"c": names["a"].detach() * 1, "d": names["y"].detach() * 1}
        names |= {"e": library.empty(0, dtype=library.float64), "i": library.zeros(2, 3).long()}
        names |= {"f": library.zeros(2, 3)}
        result = eval(expression, names)
        assert result is eval(expression.rpartition("out=")[2].rstrip(")"), names)
        return result, result._version

    (theirs, wrong), (ours, error) = (outcome(run, library) for library in LIBRARIES)
    if OUT[expression]:
        assert wrong is not None
        same_error(wrong, error)
        assert OUT[expression] in str(error)
        assert OUT[expression] in str(wrong)
        return
    assert wrong is None
    assert error is None, error
    same_tensor(theirs[0], ours[0])
    if not expression.endswith("=e)"):  # torch counts the change of its shape, too
        assert ours[1] == theirs[1]
