"""Products with Jacobians and Hessians, and the whole matrices, against hand-made ones and finite
differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp

Function = Callable[..., Any]
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def tensor(values: Any) -> minigrad.Tensor:
    return minigrad.tensor(values, dtype=minigrad.float64)


def times_a(x: minigrad.Tensor) -> minigrad.Tensor:
    """Its Jacobian is A."""
    return tensor(A) @ x


def cubes(x: minigrad.Tensor) -> minigrad.Tensor:
    """Its gradient is 3 x^2, its Hessian 6 x on the diagonal."""
    return (x * x * x).sum()


def wavy(x: minigrad.Tensor) -> minigrad.Tensor:
    return (x.sin() * x.exp()).tanh() + x.prod()


def differences(function: Function, x: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """The Jacobian of a function of arrays, by central differences."""
    columns = []
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = eps
        columns.append((function(x + step) - function(x - step)) / (2 * eps))
    return np.stack(columns, -1).reshape(*columns[0].shape, *x.shape)


X = tensor([0.3, -0.7, 1.1])
V = tensor([1.0, -2.0, 0.5])


def test_vjp_weights_the_rows() -> None:
    value, product = vjp(times_a, X, tensor([10.0, 1.0]))
    np.testing.assert_allclose(value.numpy(), A @ X.numpy())
    np.testing.assert_allclose(product.numpy(), [14.0, 25.0, 36.0])


def test_jvp_weights_the_columns() -> None:
    value, product = jvp(times_a, X, tensor([1.0, 0.0, 10.0]))
    np.testing.assert_allclose(value.numpy(), A @ X.numpy())
    np.testing.assert_allclose(product.numpy(), [31.0, 64.0])


@pytest.mark.parametrize("product", [vhp, hvp])
def test_products_with_the_hessian(product: Function) -> None:
    value, result = product(cubes, X, V)
    np.testing.assert_allclose(value.numpy(), (X.numpy() ** 3).sum())
    np.testing.assert_allclose(result.numpy(), 6 * X.numpy() * V.numpy())


def test_jacobian_and_hessian_by_hand() -> None:
    np.testing.assert_allclose(jacobian(times_a, X).numpy(), A)
    np.testing.assert_allclose(hessian(cubes, X).numpy(), np.diag(6 * X.numpy()))


def test_jacobian_is_what_finite_differences_say() -> None:
    wanted = differences(lambda x: wavy(tensor(x)).numpy(), X.numpy())
    np.testing.assert_allclose(jacobian(wavy, X).numpy(), wanted, atol=1e-8)
    np.testing.assert_allclose(jvp(wavy, X, V)[1].numpy(), wanted @ V.numpy(), atol=1e-8)
    np.testing.assert_allclose(vjp(wavy, X, V)[1].numpy(), V.numpy() @ wanted, atol=1e-8)


def test_hessian_is_what_finite_differences_of_the_gradient_say() -> None:
    def gradient(x: np.ndarray) -> np.ndarray:
        return jacobian(lambda x: wavy(x).sum(), tensor(x)).numpy()

    wanted = differences(gradient, X.numpy())
    np.testing.assert_allclose(hessian(lambda x: wavy(x).sum(), X).numpy(), wanted, atol=1e-8)
    np.testing.assert_allclose(
        hvp(lambda x: wavy(x).sum(), X, V)[1].numpy(), wanted @ V.numpy(), atol=1e-8
    )


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_all_rows_or_columns_at_once(strategy: str) -> None:
    at_once = jacobian(wavy, X, vectorize=True, strategy=strategy)
    np.testing.assert_allclose(at_once.numpy(), jacobian(wavy, X).numpy(), atol=1e-12)
    at_once = hessian(cubes, X, vectorize=True, outer_jacobian_strategy=strategy)
    np.testing.assert_allclose(at_once.numpy(), np.diag(6 * X.numpy()), atol=1e-12)


def test_shapes_are_those_of_the_output_and_then_of_the_input() -> None:
    x, y = minigrad.ones(2, 3), minigrad.ones(4)
    rows = jacobian(lambda x, y: (x.sum(1), y.reshape(2, 2) * x[0, 0]), (x, y))
    assert [[tuple(block.shape) for block in row] for row in rows] == [
        [(2, 2, 3), (2, 4)],
        [(2, 2, 2, 3), (2, 2, 4)],
    ]
    blocks = hessian(lambda x, y: (x.sum() * y).sum(), (x, y))
    assert [[tuple(block.shape) for block in row] for row in blocks] == [
        [(2, 3, 2, 3), (2, 3, 4)],
        [(4, 2, 3), (4, 4)],
    ]


def test_results_belong_to_no_graph_unless_one_is_asked_for() -> None:
    x = tensor([0.3, -0.7]).requires_grad_()
    for value, product in (vjp(cubes, x), jvp(times_three, x, V[:2]), hvp(cubes, x, V[:2])):
        assert not value.requires_grad
        assert not product.requires_grad
    assert not jacobian(times_three, x).requires_grad
    matrix = jacobian(lambda x: x * x * x, x, create_graph=True)
    matrix.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 6 * x.detach().numpy())


def times_three(x: minigrad.Tensor) -> minigrad.Tensor:
    return 3 * x


def test_inputs_are_left_alone() -> None:
    x, leaf = tensor([1.0]), tensor([1.0]).requires_grad_()
    for function in (lambda x: jacobian(times_three, x), lambda x: hessian(cubes, x)):
        function(x), function(leaf)
    assert not x.requires_grad
    assert leaf.requires_grad
    assert leaf.grad is None


def test_what_does_not_depend_on_an_input_gives_zeros() -> None:
    def first(x: minigrad.Tensor, y: minigrad.Tensor) -> minigrad.Tensor:
        return x.sum()

    assert not jacobian(first, (X, V))[1].numpy().any()
    with pytest.raises(RuntimeError, match="independent of input 1") as caught:
        jacobian(first, (X, V), strict=True)
    assert "strict=False" in str(caught.value)


def test_the_message_says_what_to_do_about_more_than_one_number() -> None:
    with pytest.raises(RuntimeError, match=r"has shape \[3\]: reduce it, as with .sum\(\)"):
        hessian(times_three, X)
