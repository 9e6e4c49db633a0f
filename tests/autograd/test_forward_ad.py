"""Forward mode: tangents of every operation and of programs, against reverse mode, finite
differences and derivatives known by hand."""

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import forward_levels
from minigrad.autograd import grad
from minigrad.autograd.forward_ad import ForwardADLevel, dual_level, make_dual, unpack_dual
from minigrad.node import NO_EDGE
from minigrad.testing import Sample, samples, tensors_in
from minigrad.testing.samples import ONCE_DIFFERENTIABLE
from minigrad.testing.table import Array

SAMPLES = samples()
EPS = 1e-6


def number(value: float) -> Any:
    return minigrad.tensor(value, dtype=minigrad.float64)


def jvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """f(*primals) and its derivative along the tangents; may be used in an f of its own."""
    with ForwardADLevel() as level:
        return level.unpack(f(*map(level.dual, primals, tangents)))


def derivative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: jvp(f, (x,), (minigrad.ones_like(x),)).tangent


# ------------------------------------------------------------------------------ every operation


def directions(sample: Sample) -> dict[str, Array]:
    random = np.random.default_rng(5)
    return {n: random.uniform(-1, 1, sample.operands[n].shape) for n in sample.floating}


def tangents_of(sample: Sample, requires_grad: bool) -> list[Any]:
    """By forward mode; with operands that require a gradient, too, all of it is recorded."""
    operands = sample.tensors(minigrad, requires_grad=requires_grad)
    with dual_level():
        for name, direction in directions(sample).items():
            operands[name] = make_dual(operands[name], minigrad.tensor(direction))
        return [unpack_dual(y).tangent for y in tensors_in(sample.call(minigrad, operands))]


def moved(sample: Sample, eps: float) -> list[Array]:
    operands = sample.tensors(minigrad)
    for name, direction in directions(sample).items():
        operands[name] = operands[name] + minigrad.tensor(eps * direction)
    results = tensors_in(sample.call(minigrad, operands))
    return [y.numpy().astype(np.float64) for y in results]


def by_reverse_mode(sample: Sample) -> list[Array | None]:
    """Row by row of the Jacobian: the product of an output element's gradients with the tangent."""
    operands = sample.tensors(minigrad, requires_grad=True)
    results = tensors_in(sample.call(minigrad, operands))
    leaves = [operands[name] for name in sample.floating]
    wanted = list(directions(sample).values())
    found: list[Array | None] = []
    for y in results:
        found.append(None)
        if not y.requires_grad:
            continue
        total = found[-1] = np.zeros(y.shape)
        for place in np.ndindex(*y.shape):
            seed = np.zeros(y.shape)
            seed[place] = 1
            seeds = minigrad.tensor(seed)
            rows = grad(y, leaves, seeds, retain_graph=True, materialize_grads=True)
            products = zip(rows, wanted, strict=True)
            total[place] = sum((row.numpy() * t).sum() for row, t in products)
    return found


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_operation(sample: Sample) -> None:
    if sample.operation == "floor_divide":
        with pytest.raises(NotImplementedError, match="forward AD with floor_divide"):
            tangents_of(sample, False)
        return
    tangents, rows = tangents_of(sample, False), by_reverse_mode(sample)
    above, below = moved(sample, EPS), moved(sample, -EPS)
    for tangent, row, high, low in zip(tangents, rows, above, below, strict=True):
        assert (tangent is None) == (row is None)
        if tangent is not None:
            np.testing.assert_allclose(tangent.numpy(), row, 1e-9, 1e-12)
            np.testing.assert_allclose(tangent.numpy(), (high - low) / (2 * EPS), 1e-5, 1e-7)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_operation_recorded(sample: Sample) -> None:
    if sample.operation in ONCE_DIFFERENTIABLE | {"floor_divide"}:
        return
    for plain, recorded in zip(tangents_of(sample, False), tangents_of(sample, True), strict=True):
        assert (plain is None) == (recorded is None)
        if plain is not None:
            assert not plain.requires_grad
            np.testing.assert_allclose(recorded.numpy(force=True), plain.numpy(), 1e-9, 1e-12)


@pytest.mark.parametrize("requires_grad", [False, True], ids=["constants", "leaves"])
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_operation_along_several_directions_at_once(
    sample: Sample, requires_grad: bool
) -> None:
    """vmap over the tangents; the primals are not batched."""
    operands = sample.tensors(minigrad, requires_grad=requires_grad)
    along = {n: minigrad.tensor(t) for n, t in directions(sample).items()}

    def tangents(*given: Any) -> Any:
        with ForwardADLevel() as level:
            pairs = zip(along, given, strict=True)
            duals = {n: level.dual(operands[n], t) for n, t in pairs}
            results = tensors_in(sample.call(minigrad, operands | duals))
            found = [level.unpack(y).tangent for y in results]
        return [t for t in found if t is not None]

    once = requires_grad and sample.operation in ONCE_DIFFERENTIABLE
    if not along or once or sample.operation == "floor_divide" or not tangents(*along.values()):
        return
    both = [minigrad.stack([t, t * -2]) for t in along.values()]
    batched = minigrad.func.vmap(tangents)(*both)
    for found, alone in zip(batched, tangents(*along.values()), strict=True):
        expected = alone.numpy(force=True)
        np.testing.assert_allclose(found.numpy(force=True)[0], expected, 1e-9, 1e-12)
        np.testing.assert_allclose(found.numpy(force=True)[1], -2 * expected, 1e-9, 1e-12)


# ------------------------------------------------------------------------------- levels


def test_perturbations_are_not_confused() -> None:
    x, one = number(2.0), number(1.0)
    inner = jvp(lambda x: x * jvp(lambda y: x + y, (one,), (one,)).tangent, (x,), (one,))
    assert inner.primal.item() == 2
    assert inner.tangent.item() == 1


def test_a_fourth_derivative_by_nested_levels() -> None:
    f = derivative(derivative(derivative(derivative(lambda x: x**5))))
    assert f(number(2.0)).item() == pytest.approx(240)


def test_an_inner_level_leaves_the_outer_tangents_alone() -> None:
    def f(x: Any) -> Any:
        value, slope = jvp(minigrad.sin, (x * 2,), (number(1.0),))
        return value * slope  # sin(2x) cos(2x), whose derivative is 2 cos(4x)

    x = number(0.3)
    assert derivative(f)(x).item() == pytest.approx(2 * np.cos(1.2))


def hessian_cases() -> list[Any]:
    weight = minigrad.tensor(np.random.default_rng(0).normal(size=(3, 3)))

    def f(x: Any) -> Any:
        return (weight @ x).tanh().sum() * x[0].exp()

    def forward_over_reverse(x: Any, v: Any) -> Any:
        return jvp(minigrad.func.grad(f), (x,), (v,)).tangent

    def reverse_over_forward(x: Any, v: Any) -> Any:
        leaf = x.clone().requires_grad_()
        return grad(jvp(f, (leaf,), (v,)).tangent, leaf)[0]

    def forward_over_forward(x: Any, v: Any) -> Any:
        units = minigrad.eye(3, dtype=minigrad.float64)
        rows = [jvp(lambda x, e=e: jvp(f, (x,), (e,)).tangent, (x,), (v,)) for e in units]
        return minigrad.stack([row.tangent for row in rows])

    def reverse_over_reverse(x: Any, v: Any) -> Any:
        leaf = x.clone().requires_grad_()
        (gradient,) = grad(f(leaf), leaf, create_graph=True)
        return grad(gradient, leaf, v)[0]

    return [reverse_over_reverse, forward_over_reverse, reverse_over_forward, forward_over_forward]


def test_four_ways_to_a_hessian_vector_product() -> None:
    random = np.random.default_rng(1)
    x, v = minigrad.tensor(random.normal(size=3)), minigrad.tensor(random.normal(size=3))
    expected, *others = [product(x, v).numpy() for product in hessian_cases()]
    for other in others:
        np.testing.assert_allclose(other, expected, 1e-9)


# ------------------------------------------------------------------------------- writes in place


def test_a_write_of_a_tensor_to_itself() -> None:
    """torch computes the second factor's part with the new values."""

    def f(x: Any) -> Any:
        y = x * 2
        y.mul_(y)
        return y

    assert derivative(f)(number(3.0)).item() == 24


def test_tangents_are_known_before_saved_values_are_overwritten() -> None:
    def f(x: Any) -> Any:
        y = x.exp()
        y.mul_(x)
        return y.sqrt_().mul_(x)

    x = 1.3
    value = x * np.sqrt(x * np.exp(x))
    expected = value * (1 / x + (1 / x + 1) / 2)
    assert derivative(f)(number(x)).item() == pytest.approx(expected)


def test_overwriting_what_another_result_needs_is_refused() -> None:
    with dual_level():
        x, w = make_dual(number(2.0), number(1.0)), number(3.0)
        y = x * w
        w.add_(1)
        with pytest.raises(RuntimeError, match=r"modified by an inplace.* in test_overwriting"):
            unpack_dual(y)


def test_overwriting_a_given_tangent_is_refused() -> None:
    with dual_level():
        tangent = number(1.0)
        y = make_dual(number(2.0), tangent) * 3
        tangent.mul_(5)
        with pytest.raises(RuntimeError, match=r"tangent .* modified .* in test_overwriting_a"):
            unpack_dual(y)


# ------------------------------------------------------------------------------- grad modes


def test_no_grad_stops_gradients_but_not_tangents() -> None:
    x = number(2.0).requires_grad_()
    with dual_level():
        y = make_dual(x, number(1.0))
        with minigrad.no_grad():
            z = y * y
        assert not z.requires_grad
        assert z.grad_fn is None
        value, tangent = unpack_dual(z * y)
    assert tangent.item() == 12  # of y ** 3
    assert grad(value, x)[0].item() == 4  # with y * y as a constant


def test_a_gradient_without_a_graph_has_a_tangent() -> None:
    with dual_level():
        x = make_dual(number(2.0).requires_grad_(), number(1.0))
        (slope,) = grad(x**3, x)
        assert not slope.requires_grad
        assert unpack_dual(slope).tangent.item() == 12


def test_after_the_level_no_grad_records_nothing() -> None:
    x = number(2.0).requires_grad_()
    with minigrad.no_grad():
        with dual_level():
            make_dual(x, number(1.0))
        assert (x * 2).edge is NO_EDGE
    with dual_level(), minigrad.no_grad():
        pass
    assert (x * 2).requires_grad


def test_a_training_step_inside_of_a_level() -> None:
    x = number(2.0).requires_grad_()
    optimizer = minigrad.optim.SGD([x], lr=0.25)
    with dual_level():
        y = make_dual(x, number(1.0)) ** 2
        y.backward()
        optimizer.step()
        assert unpack_dual(y).tangent.item() == 4
        assert x.is_leaf
        assert x.item() == 1


def test_a_tangent_cannot_be_written_into_a_leaf() -> None:
    x = number(2.0).requires_grad_()
    with (
        dual_level(),
        minigrad.no_grad(),
        pytest.raises(RuntimeError, match="written under no_grad"),
    ):
        x.mul_(make_dual(number(3.0), number(1.0)))


def test_a_level_is_seen_by_its_own_thread_alone() -> None:
    with dual_level(), ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(make_dual, number(2.0), number(1.0))
        assert "no level exists" in str(elsewhere.exception())


def test_a_level_keeps_no_graph() -> None:
    with dual_level():
        x = make_dual(number(2.0), number(1.0))
        y = x.exp() * 3
        assert unpack_dual(y).tangent.item() == pytest.approx(3 * np.exp(2))
        nodes = [weakref.ref(y.edge[0]), weakref.ref(x.edge[0])]
        del x, y
        assert [node() for node in nodes] == [None, None]


def test_freed_values_are_missed_only_where_they_are_needed() -> None:
    x = number(2.0).requires_grad_()
    with dual_level():
        middle = make_dual(x, number(1.0)).exp()
        y, z = middle * 2, middle.sin()
        y.backward()
        assert unpack_dual(y).tangent.item() == pytest.approx(2 * np.exp(2))
        expected = np.exp(2) * np.cos(np.exp(2))
        assert unpack_dual(z).tangent.item() == pytest.approx(expected)


def test_a_dual_shows_its_tangent() -> None:
    with dual_level():
        x = make_dual(number(2.0), number(1.0))
        assert (
            repr(x)
            == "tensor(2., dtype=minigrad.float64, tangent=tensor(1., dtype=minigrad.float64))"
        )
        assert "tangent=tensor(4.," in repr(x * x)
        assert "tangent" not in repr(unpack_dual(x).primal)
        assert "tangent" not in repr(number(2.0))
    assert "tangent" not in repr(x)


def test_nodes_that_no_gradient_comes_to_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = []
    walk = forward_levels.walk

    def counting(*arguments: Any) -> Iterator[Any]:
        for node in walk(*arguments):
            steps.append(node)
            yield node

    monkeypatch.setattr(forward_levels, "walk", counting)
    x = minigrad.ones(3)
    with dual_level():
        y = make_dual(x, x) * 1
        for _ in range(300):
            y[0] = y[1] * 0.5
        assert unpack_dual(y).tangent.tolist()[1:] == [1.0, 1.0]
    assert len(steps) < 300 * 20
