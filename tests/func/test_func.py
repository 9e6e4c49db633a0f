"""func: derivatives by hand and by finite differences, and how the transforms compose."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import func, nn
from minigrad.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def tensor(values: Any) -> minigrad.Tensor:
    return minigrad.tensor(values, dtype=minigrad.float64)


def cubes(x: minigrad.Tensor) -> minigrad.Tensor:
    """Its gradient is 3 x^2, its Hessian 6 x on the diagonal."""
    return (x * x * x).sum()


def times_a(x: minigrad.Tensor) -> minigrad.Tensor:
    """Its Jacobian is A."""
    return tensor(A) @ x


def wavy(x: minigrad.Tensor) -> minigrad.Tensor:
    return (x.sin() * x.exp()).tanh() + x.prod()


X = tensor([0.3, -0.7, 1.1])
V = tensor([1.0, -2.0, 0.5])


def same(given: minigrad.Tensor, wanted: Any) -> None:
    np.testing.assert_allclose(given.detach().numpy(), wanted, atol=1e-12)


# ------------------------------------------------------------------------------ by hand


def test_grad_is_the_derivative() -> None:
    same(grad(cubes)(X), 3 * X.numpy() ** 2)
    same(grad(grad(grad(minigrad.sin)))(tensor(0.7)), -math.cos(0.7))


def test_argnums_choose_what_is_differentiated() -> None:
    def product(x: minigrad.Tensor, y: minigrad.Tensor) -> minigrad.Tensor:
        return (x * y).sum()

    same(grad(product, argnums=1)(X, V), X.numpy())
    same(grad(product, argnums=-2)(X, V), V.numpy())
    second, first = grad(product, argnums=(1, 0))(X, V)
    same(second, X.numpy())
    same(first, V.numpy())
    same(grad(product)(X, y=V), V.numpy())


def test_gradients_have_the_structure_of_the_argument() -> None:
    tree = {"weight": X, "rest": [V, (X,)]}

    def loss(tree: Any) -> minigrad.Tensor:
        return (tree["weight"] * tree["rest"][0]).sum() + 2 * tree["rest"][1][0].sum()

    found = grad(loss)(tree)
    assert list(found) == ["weight", "rest"]
    same(found["weight"], V.numpy())
    same(found["rest"][0], X.numpy())
    same(found["rest"][1][0], [2, 2, 2])


def test_vjp_may_be_asked_again_and_again() -> None:
    value, vjp_fn = vjp(times_a, X)
    same(value, A @ X.numpy())
    for row in ([1.0, 0.0], [10.0, 1.0]):
        (product,) = vjp_fn(tensor(row))
        same(product, row @ A)


def test_jvp_and_linearize_push_a_direction() -> None:
    value, change = jvp(times_a, (X,), (V,))
    same(value, A @ X.numpy())
    same(change, A @ V.numpy())
    value, push = linearize(cubes, X)
    same(value, (X.numpy() ** 3).sum())
    for direction in (V, 2 * V):
        same(push(direction), (3 * X.numpy() ** 2 * direction.numpy()).sum())


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
def test_jacobians(jacobian: Any) -> None:
    same(jacobian(times_a)(X), A)
    same(jacobian(jacobian(cubes))(X), np.diag(6 * X.numpy()))
    eps, columns = 1e-6, []
    for step in np.eye(3) * eps:
        above, below = wavy(tensor(X.numpy() + step)), wavy(tensor(X.numpy() - step))
        columns.append((above - below).numpy() / (2 * eps))
    np.testing.assert_allclose(jacobian(wavy)(X).numpy(), np.stack(columns, -1), atol=1e-8)


@pytest.mark.parametrize("chunk_size", [1, 2, 5])
def test_jacrev_in_chunks(chunk_size: int) -> None:
    same(jacrev(times_a, chunk_size=chunk_size)(X), A)


def test_hessian() -> None:
    same(hessian(cubes)(X), np.diag(6 * X.numpy()))
    blocks = hessian(lambda x, y: (x.sum() * y).sum(), argnums=(0, 1))(X, V)
    for (i, j), wanted in {(0, 0): 0.0, (0, 1): 1.0, (1, 0): 1.0, (1, 1): 0.0}.items():
        same(blocks[i][j], np.full((3, 3), wanted))


# ------------------------------------------------------------------------------ composed


def test_gradients_of_many_samples_at_once() -> None:
    rows = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    same(vmap(grad(cubes))(rows), 3 * rows.numpy() ** 2)
    same(vmap(hessian(cubes))(rows), [np.diag(6 * row) for row in rows.numpy()])
    same(grad(lambda x: vmap(cubes)(x).sum())(rows), 3 * rows.numpy() ** 2)


def test_gradients_of_what_all_samples_share() -> None:
    rows, scale = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([0.5, 2.0]).requires_grad_()
    found = vmap(grad(lambda x: (scale * x * x).sum()))(rows)
    same(found, 2 * scale.detach().numpy() * rows.numpy())
    found.sum().backward()
    same(scale.grad, 2 * rows.numpy().sum(0))


def test_perturbations_are_not_confused() -> None:
    """The inner derivative must take the outer x for a constant: d/dx (x * d/dy (x + y)) is 1."""

    def outer(x: minigrad.Tensor) -> minigrad.Tensor:
        return x * grad(lambda y: x + y)(tensor(1.0))

    def outer_forward(x: minigrad.Tensor) -> minigrad.Tensor:
        return x * jvp(lambda y: x + y, (tensor(1.0),), (tensor(1.0),))[1]

    same(grad(outer)(tensor(5.0)), 1.0)
    same(jvp(outer_forward, (tensor(5.0),), (tensor(1.0),))[1], 1.0)
    same(grad(outer_forward)(tensor(5.0)), 1.0)
    same(jvp(outer, (tensor(5.0),), (tensor(1.0),))[1], 1.0)


def test_forward_over_reverse_and_reverse_over_forward() -> None:
    wanted = 6 * X.numpy() * V.numpy()
    same(jvp(grad(cubes), (X,), (V,))[1], wanted)
    same(grad(lambda x: jvp(cubes, (x,), (V,))[1])(X), wanted)
    same(vjp(grad(cubes), X)[1](V)[0], wanted)


# ------------------------------------------------------------------------------ the graphs


def test_results_belong_to_no_graph_of_their_own() -> None:
    for transform in (grad(cubes), jacrev(times_a), jacfwd(times_a), hessian(cubes)):
        assert not transform(X).requires_grad
    gradient, value = func.grad_and_value(cubes)(X)
    assert not gradient.requires_grad
    assert not value.requires_grad


def test_results_continue_the_graph_of_what_they_depend_on() -> None:
    x, scale = X.clone().requires_grad_(), tensor(2.0).requires_grad_()
    gradient = grad(lambda y: scale * cubes(y))(x)
    gradient.sum().backward()
    same(x.grad, 12 * X.numpy())
    same(scale.grad, (3 * X.numpy() ** 2).sum())


def test_a_result_has_a_graph_only_if_it_depends_on_something_outside() -> None:
    x = X.clone().requires_grad_()
    first, second = grad(lambda a, b: (a * a).sum() + cubes(b), argnums=(0, 1))(x, V)
    assert first.requires_grad
    assert not second.requires_grad


def test_grad_modes() -> None:
    x = X.clone().requires_grad_()
    with minigrad.no_grad():  # outside: the derivative is there, but not recorded
        gradient = grad(cubes)(x)
        same(grad(grad(minigrad.sin))(tensor(0.7)), -math.sin(0.7))
    same(gradient, 3 * X.numpy() ** 2)
    assert not gradient.requires_grad

    def half_constant(x: minigrad.Tensor) -> minigrad.Tensor:
        with minigrad.no_grad():  # inside: a constant
            factor = x * x
        return (x * factor).sum()

    same(grad(half_constant)(X), X.numpy() ** 2)


def test_in_inference_mode() -> None:
    with minigrad.inference_mode():
        same(grad(cubes)(X), 3 * X.numpy() ** 2)
        same(grad(cubes)(2 * X), 12 * X.numpy() ** 2)
        same(jvp(times_a, (X,), (V,))[1], A @ V.numpy())
        same(hessian(cubes)(X), np.diag(6 * X.numpy()))
    assert not X.is_inference()


def test_arguments_are_left_alone() -> None:
    x, out = X.clone(), minigrad.zeros(3, dtype=minigrad.float64)
    same(grad(lambda x, out: out.copy_(x * x).sum())(x, out), 2 * X.numpy())
    assert not x.requires_grad
    assert not out.requires_grad
    assert out.grad_fn is None
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        grad(lambda x: x.mul_(2).sum())(x)


def test_what_does_not_depend_on_the_argument_has_a_gradient_of_zeros() -> None:
    same(grad(lambda x: V.sum())(X), [0, 0, 0])
    same(jacfwd(lambda x: V * 1)(X), np.zeros((3, 3)))
    with pytest.raises(RuntimeError, match="independent of the inputs"):
        jvp(lambda x: V * 1, (X,), (V,), strict=True)


def test_aux_comes_out_beside_the_derivative() -> None:
    def loss(x: minigrad.Tensor) -> Any:
        return cubes(x), {"doubled": 2 * x}

    gradient, aux = grad(loss, has_aux=True)(X)
    same(gradient, 3 * X.numpy() ** 2)
    same(aux["doubled"], 2 * X.numpy())
    gradient, (value, aux) = func.grad_and_value(loss, has_aux=True)(X)
    same(value, (X.numpy() ** 3).sum())
    assert not aux["doubled"].requires_grad


# ------------------------------------------------------------------------------ modules


class Counter(nn.Module):
    """Two layers that share their weight, and a buffer that counts calls."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("calls", minigrad.tensor(0.0))

    def forward(self, x: minigrad.Tensor) -> minigrad.Tensor:
        self.calls = self.calls + 1
        return self.second(self.first(x))


def test_functional_call_uses_the_given_tensors_and_puts_the_old_ones_back() -> None:
    module = Counter()
    own = module.first.weight
    given = {"first.weight": 3 * minigrad.eye(2), "calls": minigrad.tensor(7.0)}
    x = minigrad.ones(1, 2)
    np.testing.assert_allclose(func.functional_call(module, given, x).numpy(), [[9.0, 9.0]])
    assert module.first.weight is own
    assert module.second.weight is own
    assert module.calls.item() == 0
    assert given["calls"].item() == 8


def test_functional_call_restores_after_an_exception() -> None:
    module = nn.Linear(2, 1)
    own = module.weight
    with pytest.raises(RuntimeError):
        func.functional_call(module, {"weight": minigrad.ones(1, 5)}, minigrad.ones(1, 2))
    assert module.weight is own


def test_gradient_of_a_module_is_that_of_backward() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    x = minigrad.randn(5, 3)
    parameters = dict(module.named_parameters())

    def loss(parameters: Any) -> minigrad.Tensor:
        return (func.functional_call(module, parameters, x) ** 2).sum()

    found = grad(loss)({name: p.detach() for name, p in parameters.items()})
    loss(parameters).backward()
    for name, parameter in parameters.items():
        np.testing.assert_allclose(found[name].numpy(), parameter.grad.numpy(), rtol=1e-5)


def test_an_ensemble_runs_at_once() -> None:
    models = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    assert not buffers
    assert parameters["weight"].is_leaf
    assert parameters["weight"].requires_grad
    x = minigrad.randn(5, 3)
    outputs = vmap(lambda p: func.functional_call(models[0], p, x))(parameters)
    for output, model in zip(outputs, models, strict=True):
        np.testing.assert_allclose(output.detach().numpy(), model(x).detach().numpy(), rtol=1e-5)


# ------------------------------------------------------------------------ levels in one another


def test_no_grad_is_no_matter_of_the_tangents_around() -> None:
    def squares(x: minigrad.Tensor) -> minigrad.Tensor:
        with minigrad.no_grad():
            inner = grad(lambda y: (x * y).sum())(V)  # x
        assert not inner.requires_grad
        return inner * x

    same(jacfwd(squares)(X), np.diag(2 * X.numpy()))


def test_a_function_of_constants_under_no_grad_has_no_gradient_but_a_tangent() -> None:
    def constant(x: minigrad.Tensor) -> minigrad.Tensor:
        with minigrad.no_grad():
            hidden = x.sin()
        return grad(lambda y: hidden.sum())(x)

    value, tangent = jvp(constant, (X,), (V,))
    same(value, np.zeros(3))
    same(tangent, np.zeros(3))


def test_a_tangent_asked_for_under_no_grad_keeps_its_graph() -> None:
    weight = tensor(2.0).requires_grad_()

    def f(x: minigrad.Tensor) -> minigrad.Tensor:
        y = x * x * weight
        with minigrad.no_grad():
            grad(lambda z: (y * z).sum())(V)
        return y

    _, tangent = jvp(f, (X,), (V,))
    (found,) = minigrad.autograd.grad(tangent.sum(), weight)
    same(found, (2 * X * V).sum().item())


@pytest.mark.parametrize("part", [slice(0, 3), slice(1, 3)])
def test_the_gradient_of_a_tangent_of_what_was_written_in_place(part: slice) -> None:
    s = tensor(0.8).requires_grad_()

    def f(s: minigrad.Tensor) -> minigrad.Tensor:
        y = X * s
        if part.start:
            y[part].tanh_()
        else:
            y.tanh_()
        return y

    _, tangent = jvp(f, (s,), (tensor(1.0),))
    (found,) = minigrad.autograd.grad(tangent.sum(), s)
    x, t = X.numpy(), np.tanh(0.8 * X.numpy())
    same(found, (-2 * x * x * t * (1 - t * t))[part].sum())


def test_the_tangent_of_a_product_in_place_has_the_old_values_in_its_graph() -> None:
    direction = V.clone().requires_grad_()

    def f(x: minigrad.Tensor) -> minigrad.Tensor:
        y = X.clone()
        y *= x
        return y

    _, tangent = jvp(f, (V,), (direction,))
    (found,) = minigrad.autograd.grad(tangent.sum(), direction)
    same(found, X.numpy())


def test_what_an_inner_transform_made_for_itself_leaves_no_graph_behind() -> None:
    def trained(rate: minigrad.Tensor) -> minigrad.Tensor:
        step = grad(lambda p: cubes(p) + rate * (p * p).sum())(X)
        return ((X - 0.1 * step) ** 2).sum()

    found = grad(trained)(tensor(0.5))
    assert not found.requires_grad
    x = X.numpy()
    same(found, (2 * (x - 0.1 * (3 * x * x + x)) * -0.2 * x).sum())
    along = grad(lambda x: jvp(lambda y: x * y, (X,), (V,))[0].sum())(V)
    assert not along.requires_grad
