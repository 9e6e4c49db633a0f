"""Forward mode under torch and minigrad: every operation, the same programs, the same refusals."""

import re
from typing import Any

import numpy as np
import pytest

from minigrad.testing import Sample, samples
from tests.parity.compare import LIBRARIES, outcome, same_error, same_tensor, tensors_in

Results = dict[str, Any]


# ------------------------------------------------------------------------------ every operation


def tangents_of(library: Any, sample: Sample, requires_grad: bool) -> list[Any]:
    forward_ad, random = library.autograd.forward_ad, np.random.default_rng(5)
    operands = sample.tensors(library, requires_grad=requires_grad)
    with forward_ad.dual_level():
        for name in sample.floating:
            direction = random.uniform(-1, 1, sample.operands[name].shape)
            operands[name] = forward_ad.make_dual(operands[name], library.tensor(direction))
        results = tensors_in(sample.call(library, operands))
        return [forward_ad.unpack_dual(y).tangent for y in results]


# What torch says of an operation without forward mode; tests/ops/test_gradcheck.py compares ours
# with finite differences.
NOT_YET = "does not support it because it has not been implemented yet"
# torch's tangent is another one: it counts the half of a factor that cholesky_inverse does not
# read, is left out where scatter_reduce multiplies, and has a float32 number in hardsigmoid.
OWN_TANGENT = ("cholesky_inverse(", "'prod', include_self", "hardsigmoid(")


@pytest.mark.parametrize("requires_grad", [False, True], ids=["constants", "leaves"])
@pytest.mark.parametrize("sample", samples(), ids=str)
def test_every_operation(sample: Sample, requires_grad: bool) -> None:
    (theirs, error), (ours, our_error) = (
        outcome(tangents_of, library, sample, requires_grad) for library in LIBRARIES
    )
    if error is not None and NOT_YET not in str(error):
        same_error(error, our_error)
        return
    if sample.operation == "ctc_loss":  # no tangent of leaves here, none at all in torch
        return
    if our_error is not None:
        raise our_error
    if error is not None or any(name in sample.expression for name in OWN_TANGENT):
        return
    for a, b in zip(theirs, ours, strict=True):
        same_dual("tangent", a, b)


def same_dual(name: str, theirs: Any, ours: Any) -> None:
    assert (ours is None) == (theirs is None), f"{name}: torch {theirs}, minigrad {ours}"
    if theirs is not None:
        same_tensor(theirs, ours, name)


# ------------------------------------------------------------------------------------- programs


def ramp(lib: Any, *shape: int) -> Any:
    count = int(np.prod(shape))
    return (lib.arange(count, dtype=lib.float64) / 7 - 0.6).reshape(shape)


def dual(lib: Any, *shape: int) -> Any:
    x = ramp(lib, *shape)
    return lib.autograd.forward_ad.make_dual(x, x.cos())


def unpacked(lib: Any, **tensors: Any) -> Results:
    results = {}
    for name, x in tensors.items():
        primal, tangent = lib.autograd.forward_ad.unpack_dual(x)
        results |= {name: primal, f"tangent of {name}": tangent}
    return results


def write_in_place(lib: Any) -> Results:
    x = dual(lib, 3, 4)
    y, z = x * 2, x.exp()
    y.mul_(x).add_(1).sin_()
    z.mul_(2)  # the memory of what exp saved
    return unpacked(lib, y=y, z=z)


def write_to_a_dual(lib: Any) -> Results:
    y = dual(lib, 3)
    y.mul_(3)
    y += 1
    return unpacked(lib, y=y)


def write_to_a_view(lib: Any) -> Results:
    y = dual(lib, 3, 4) * 2
    row = y[0]
    row.mul_(3)
    y[:, 1].copy_(y[:, 2] * 5)
    y.t()[1:3, 0].mul_(y[0, 0])
    return unpacked(lib, y=y, row=row)


def fill_a_buffer(lib: Any) -> Results:
    x, buffer = dual(lib, 3), lib.zeros(2, 3, dtype=lib.float64)
    buffer[0] = x * 2
    buffer[1, 1] = x[0] * x[2]
    buffer[lib.tensor([1]), lib.tensor([0])] = x[1]
    return unpacked(lib, buffer=buffer)


def write_a_constant(lib: Any) -> Results:
    y = dual(lib, 3) * 2
    y[1] = 5
    z = y * 1
    z.zero_()
    return unpacked(lib, y=y, z=z)


def several_outputs(lib: Any) -> Results:
    x = dual(lib, 4, 3)
    a, b = x.split(2)
    first, *_, last = x.unbind(1)
    high, places = x.max(1)
    return unpacked(lib, a=a * 2, b=b, first=first, last=last, high=high, places=places)


def no_tangent(lib: Any) -> Results:
    x = dual(lib, 3)
    return unpacked(lib, detached=x.detach(), data=x.data, bools=x > 0, other=ramp(lib, 2))


def zero_tangents(lib: Any) -> Results:
    x = dual(lib, 3)
    return unpacked(lib, sign=x.sign(), rounded=x.round(), dead=(x - 10).relu())


def broadcast(lib: Any) -> Results:
    x, y = dual(lib, 3, 1), dual(lib, 4)
    return unpacked(lib, product=x * y, sum=x + ramp(lib, 2, 3, 4), wider=y.expand(2, 4) * 2)


def dtypes(lib: Any) -> Results:
    x = dual(lib, 3)
    narrow = x.float()
    return unpacked(lib, narrow=narrow, wide=narrow * 2 + ramp(lib, 3), back=narrow.double())


def what_is_unpacked_has_no_tangent(lib: Any) -> Results:
    y = dual(lib, 3).sin()
    primal, tangent = lib.autograd.forward_ad.unpack_dual(y)
    return unpacked(lib, primal=primal * 2, tangent=tangent * 2, y=y * 2)


def a_dual_of_what_was_unpacked(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    primal, tangent = forward_ad.unpack_dual(dual(lib, 3).exp())
    return unpacked(lib, y=forward_ad.make_dual(primal, tangent).square())


def after_the_level(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    x = dual(lib, 3)
    y = x.sin()
    forward_ad.exit_dual_level()
    outside = unpacked(lib, x=x, y=y)
    forward_ad.enter_dual_level()
    z = dual(lib, 3) * y
    return outside | unpacked(lib, y_again=y, z=z)


def backward_through_duals(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    x = ramp(lib, 3).requires_grad_()
    y = forward_ad.make_dual(x, lib.ones_like(x)) ** 3
    value, tangent = forward_ad.unpack_dual(y)
    (first,) = lib.autograd.grad(value.sum(), x, retain_graph=True)
    (second,) = lib.autograd.grad(tangent.sum(), x)
    return {"value": value, "tangent": tangent, "first": first, "second": second}


def backward_to_a_tangent(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    x, t = ramp(lib, 2, 3), ramp(lib, 2, 3).requires_grad_()
    y = forward_ad.make_dual(x, t).softmax(1).log().sum(0)
    primal, tangent = forward_ad.unpack_dual(y)
    (tangent * tangent).sum().backward()
    return {"primal": primal, "tangent": tangent, "t.grad": t.grad}


def module_with_dual_parameters(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    model = lib.nn.Linear(3, 2).double()
    for name, p in list(model.named_parameters()):
        values = ramp(lib, *p.shape)
        delattr(model, name)
        setattr(model, name, forward_ad.make_dual(values, values * 2))
    return unpacked(lib, y=model(ramp(lib, 4, 3)).relu())


def network(lib: Any) -> Results:
    functional = lib.nn.functional
    w, b, scale = dual(lib, 3, 4), dual(lib, 3), dual(lib, 3)
    hidden = functional.linear(ramp(lib, 5, 4), w, b)
    hidden = functional.gelu(functional.layer_norm(hidden, (3,), scale, scale * 2))
    loss = functional.cross_entropy(hidden, lib.tensor([0, 1, 2, 1, 0]))
    return unpacked(lib, hidden=hidden, loss=loss)


def under_no_grad(lib: Any) -> Results:
    x = ramp(lib, 3).requires_grad_()
    y = lib.autograd.forward_ad.make_dual(x, lib.ones_like(x))
    with lib.no_grad():
        z = (y * y).sin()
        first, _, last = z.unbind()
        buffer = z.clone()
        buffer[1] = last * y[0]
        buffer.mul_(y)
    (gradient,) = lib.autograd.grad((z * y).sum(), x, retain_graph=True)
    results = {"gradient": gradient, "z itself": z, "buffer itself": buffer}
    return results | unpacked(lib, z=z, first=first, buffer=buffer, product=z * y)


def leaves_stay_leaves_under_no_grad(lib: Any) -> Results:
    x = ramp(lib, 3).requires_grad_()
    dual(lib, 3)
    with lib.no_grad():
        x.add_(1)
        y = x * 2
    leaf = [x.is_leaf, y.is_leaf, y.grad_fn is None]
    return {"x": x, "y": y, "leaf": lib.tensor(leaf)} | unpacked(lib, unpacked=y)


def in_inference_mode(lib: Any) -> Results:
    x = dual(lib, 3)
    with lib.inference_mode():
        y = x * 2
        found = lib.autograd.forward_ad.unpack_dual(y).tangent
    return {"found": found}


def results_of_duals_alone(lib: Any) -> Results:
    x = dual(lib, 3)
    y = x.exp()
    z = y * ramp(lib, 3).requires_grad_()
    facts = [y.is_leaf, y.grad_fn is None, z.is_leaf, z.grad_fn is None]
    return {"x": x, "y": y, "z": z, "facts": lib.tensor(facts), "values": lib.tensor(y.numpy())}


def a_dual_that_requires_a_gradient_later(lib: Any) -> Results:
    x = dual(lib, 3).requires_grad_()
    y = (x**3).sum()
    results = unpacked(lib, y=y)
    results["y"].backward()
    return results | {"leaf": lib.tensor(x.is_leaf), "x.grad": x.grad}


def gradients_have_tangents(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    x, w = ramp(lib, 3).requires_grad_(), ramp(lib, 3, 3)
    y = forward_ad.make_dual(x, lib.ones_like(x))
    loss = (w @ y).tanh().sum() * y[0]
    (gradient,) = lib.autograd.grad(loss, y)
    return {"gradient itself": gradient} | unpacked(lib, gradient=gradient, loss=loss)


def backward_frees_nothing_that_tangents_need(lib: Any) -> Results:
    forward_ad = lib.autograd.forward_ad
    x = ramp(lib, 3).requires_grad_()
    y = (forward_ad.make_dual(x, lib.ones_like(x)) ** 3).exp()
    loss = y.sum()
    loss.backward()
    return {"x.grad": x.grad, "tangent": forward_ad.unpack_dual(loss).tangent.detach()}


def custom_function(lib: Any) -> Results:
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.scale = scale
            return scale * x**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return ctx.scale * grad * 3 * x**2, None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, scale: None) -> Any:
            (x,) = ctx.saved_tensors
            return ctx.scale * tangent * 3 * x**2

    forward_ad = lib.autograd.forward_ad
    x = ramp(lib, 3).requires_grad_()
    y = Cube.apply(forward_ad.make_dual(x, lib.ones_like(x)) * 2, 0.5)
    alone = Cube.apply(dual(lib, 3), 2.0)
    tangent = forward_ad.unpack_dual(y).tangent
    (second,) = lib.autograd.grad(tangent.sum(), x)
    return unpacked(lib, y=y, alone=alone) | {"second": second}


def functional_call(lib: Any) -> Results:
    model = lib.nn.Linear(3, 2).double()
    duals = {name: dual(lib, *p.shape) for name, p in model.named_parameters()}
    return unpacked(lib, y=lib.func.functional_call(model, duals, (ramp(lib, 4, 3),)))


PROGRAMS = [
    *(write_in_place, write_to_a_dual, write_to_a_view, fill_a_buffer, write_a_constant),
    *(several_outputs, no_tangent, zero_tangents, broadcast, dtypes),
    *(what_is_unpacked_has_no_tangent, a_dual_of_what_was_unpacked, after_the_level),
    *(backward_through_duals, backward_to_a_tangent, module_with_dual_parameters, network),
    *(under_no_grad, leaves_stay_leaves_under_no_grad, in_inference_mode, results_of_duals_alone),
    *(a_dual_that_requires_a_gradient_later, gradients_have_tangents, custom_function),
    *(backward_frees_nothing_that_tangents_need, functional_call),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program: Any) -> None:
    results = []
    for library in LIBRARIES:
        with library.autograd.forward_ad.dual_level():
            results.append(program(library))
    theirs, ours = results
    for name in theirs:
        same_dual(name, theirs[name], ours[name])
        if ours[name] is not None:
            assert ours[name].requires_grad == theirs[name].requires_grad, name


# ----------------------------------------------------------------------------------- refusals


def outside_of_a_level(lib: Any) -> None:
    lib.autograd.forward_ad.make_dual(ramp(lib, 3), ramp(lib, 3))


def at_a_level_that_does_not_exist(lib: Any) -> None:
    lib.autograd.forward_ad.make_dual(ramp(lib, 3), ramp(lib, 3), level=0)


def exit_without_enter(lib: Any) -> None:
    lib.autograd.forward_ad.exit_dual_level()


def nested_levels(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.enter_dual_level()


def exit_another_level(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.exit_dual_level(level=3)


def make_at_another_level(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(ramp(lib, 3), ramp(lib, 3), level=3)


def integer_primal(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(ramp(lib, 3).long(), ramp(lib, 3))


def integer_tangent(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(ramp(lib, 3), ramp(lib, 3).long())


def tangent_of_another_shape(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(ramp(lib, 3), ramp(lib, 2))


def two_tangents(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(dual(lib, 3) * 2, ramp(lib, 3))


def tangent_with_a_tangent(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        lib.autograd.forward_ad.make_dual(ramp(lib, 3), dual(lib, 3) * 2)


def backward_from_duals_alone(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        dual(lib, 3).sum().backward()


def function_without_jvp(lib: Any) -> None:
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    with lib.autograd.forward_ad.dual_level():
        unpacked(lib, y=Double.apply(dual(lib, 3)))


def write_to_a_dual_of_a_leaf(lib: Any) -> None:
    with lib.autograd.forward_ad.dual_level():
        x = ramp(lib, 3).requires_grad_()
        lib.autograd.forward_ad.make_dual(x, ramp(lib, 3)).mul_(2)


REFUSED = {
    outside_of_a_level: "no level exists, make sure to enter_dual_level\\(\\) first",
    at_a_level_that_does_not_exist: "invalid index. This index was either not created or is",
    exit_without_enter: "Dual level must be a positive number",
    nested_levels: "Nested forward mode AD is not supported at the moment",
    exit_another_level: "was not the last one that was created. This is not supported",
    make_at_another_level: "Invalid level given to _make_dual",
    integer_primal: "Expected primal to be floating point or complex, but got",
    integer_tangent: "Expected tangent to be floating point or complex, but got",
    tangent_of_another_shape: "Tensor is of size \\[3\\] while the given forward gradient is of",
    two_tangents: "already has a forward gradient at the same level 0 is not supported",
    tangent_with_a_tangent: "itself has a forward gradient at the same level ?0 is not supported",
    backward_from_duals_alone: "does not require grad and does not have a grad_fn",
    function_without_jvp: "You must implement the jvp function for custom autograd.Function",
    write_to_a_dual_of_a_leaf: " view .*is being (used in an in-place operation|modified inplace)",
}


@pytest.mark.parametrize("program", REFUSED, ids=lambda p: p.__name__)
def test_refusal(program: Any) -> None:
    (_, error), (_, our_error) = (outcome(program, library) for library in LIBRARIES)
    assert error is not None
    same_error(error, our_error)
    for raised in (error, our_error):
        assert re.search(REFUSED[program], str(raised)), raised
