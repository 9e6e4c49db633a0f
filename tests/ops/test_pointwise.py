"""Pointwise operations where samples do not reach: options, integers, poles, refusals."""

import math

import numpy as np
import pytest

import minigrad
from minigrad import tensor
from minigrad.nn import functional as F

INF, NAN = math.inf, math.nan


def test_quotients_are_rounded_down_or_towards_zero() -> None:
    x, y = tensor([7, -7, 7, -7]), tensor([2, 2, -2, -2])
    assert minigrad.div(x, y, rounding_mode="trunc").tolist() == [3, -3, -3, 3]
    assert minigrad.div(x, y, rounding_mode="floor").tolist() == [3, -4, -4, 3]
    assert minigrad.div(x, y).tolist() == [3.5, -3.5, -3.5, 3.5]
    assert x.clone().div_(2, rounding_mode="floor").tolist() == [3, -4, 3, -4]
    smallest = tensor([-(2**63)])
    assert (smallest // -1).tolist() == smallest.tolist()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        x.div(0, rounding_mode="trunc")
    with pytest.raises(RuntimeError, match="None, 'trunc', or 'floor' but found 'up'"):
        x.div(2, rounding_mode="up")


def test_rounding_to_places_and_tens() -> None:
    x = tensor([155.0, 145.0, 1.234])
    assert x.round(decimals=-1).tolist() == [160.0, 140.0, 0.0]
    assert x.round(decimals=2).numpy() == pytest.approx([155.0, 145.0, 1.23])
    with pytest.raises(NotImplementedError, match="needs floats"):
        tensor([1]).round(decimals=1)


def test_nan_to_num_knows_the_extremes_of_its_dtype() -> None:
    for dtype, largest in ((minigrad.float16, 65504.0), (minigrad.float32, 3.4028234663852886e38)):
        x = tensor([NAN, INF, -INF, 1.0], dtype=dtype)
        assert x.nan_to_num().tolist() == [0.0, largest, -largest, 1.0]
    assert tensor([NAN, INF]).nan_to_num(nan=3, posinf=4).tolist() == [3.0, 4.0]
    assert tensor([3, 4]).nan_to_num(nan=0.5).tolist() == [3, 4]


def test_derivatives_of_the_gamma_function_as_far_as_wanted() -> None:
    x = tensor([0.3, 1.0, 7.5, -2.4], dtype=minigrad.float64, requires_grad=True)
    y = x.lgamma()
    for order in range(4):
        (y,) = minigrad.autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(
            y.numpy(force=True), minigrad.polygamma(order, x).numpy(force=True), rtol=1e-13
        )
    zeta_of_two = math.pi**2 / 6
    assert minigrad.polygamma(1, x)[1].item() == pytest.approx(zeta_of_two, rel=1e-15)
    with pytest.raises(RuntimeError, match="does not support negative n"):
        x.polygamma(-1)


def test_nearness() -> None:
    x, y = tensor([1.0, INF, NAN]), tensor([1.0 + 1e-6, INF, NAN])
    assert minigrad.isclose(x, y).tolist() == [True, True, False]
    assert minigrad.allclose(x, y, equal_nan=True)
    assert not minigrad.equal(x, x)
    assert minigrad.equal(x[:2], x[:2])
    assert not minigrad.equal(x, x[:1])
    with pytest.raises(RuntimeError, match="Float did not match Long"):
        minigrad.isclose(x, tensor([1, 2, 3]))
    with pytest.raises(RuntimeError, match="rtol must be greater"):
        minigrad.isclose(x, y, rtol=-1)


def test_powers_in_float64() -> None:
    assert tensor([2, 3]).float_power(-1).tolist() == [0.5, 1 / 3]
    assert minigrad.float_power(2, tensor([3])).dtype == minigrad.float64
    with pytest.raises(RuntimeError, match="requires dtype Double"):
        tensor([2.0]).float_power_(2)


def test_plus_is_the_tensor_itself() -> None:
    x = tensor([1.0])
    assert +x is x
    with pytest.raises(RuntimeError, match="on a bool tensor is not supported"):
        minigrad.positive(tensor([True]))


ACTIVATIONS = "relu relu6 leaky_relu elu selu celu silu mish hardtanh hardsigmoid hardswish rrelu"


@pytest.mark.parametrize("name", ACTIVATIONS.split())
def test_activations_in_place(name: str) -> None:
    activation = getattr(F, name)
    x = tensor([-2.0, -0.5, 0.0, 3.0, 8.0], requires_grad=True)
    y = x * 1
    same = activation(y, inplace=True)
    assert same is y
    expected = activation(x)
    assert y.tolist() == expected.tolist()
    (of_written,) = minigrad.autograd.grad(y.sum(), x)
    (of_new,) = minigrad.autograd.grad(expected.sum(), x)
    assert of_written.tolist() == of_new.tolist()


def test_rrelu_draws_slopes_in_training() -> None:
    minigrad.manual_seed(0)
    x = minigrad.full((1000,), -1.0, requires_grad=True)
    y = F.rrelu(x, 0.2, 0.6, training=True)
    assert -0.6 <= y.min().item() < -0.55
    assert -0.25 < y.max().item() <= -0.2
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == (-y).tolist()
    assert F.rrelu(tensor([5.0]), training=True).tolist() == [5.0]


def test_prelu_has_one_weight_or_one_a_channel() -> None:
    x = -minigrad.ones(2, 3)
    assert F.prelu(x, tensor([1.0, 2.0, 3.0])).tolist() == [[-1.0, -2.0, -3.0]] * 2
    assert F.prelu(x, tensor(0.5)).tolist() == [[-0.5] * 3] * 2
    with pytest.raises(RuntimeError, match="parameter numbers = 2 and channel size = 3"):
        F.prelu(x, tensor([1.0, 2.0]))
    with pytest.raises(RuntimeError, match="Got Float and Double"):
        F.prelu(x, tensor([1.0], dtype=minigrad.float64))


def test_activations_refuse_what_torch_refuses() -> None:
    x = tensor([1.0, 2.0, 3.0])
    with pytest.raises(RuntimeError, match="alpha cannot be 0 for CELU"):
        F.celu(x, 0.0)
    with pytest.raises(ValueError, match="min_val cannot be greater than max_val"):
        F.hardtanh(x, 2, 1)
    with pytest.raises(RuntimeError, match="Lower bound should be less"):
        F.rrelu(x, 0.5, 0.1)
    with pytest.raises(RuntimeError, match="Halving dimension must be even, but dimension 0 is"):
        F.glu(x)
    with pytest.raises(RuntimeError, match="lambda must"):
        F.softshrink(x, -1.0)


def test_many_numbers_in_half_precision() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(4000) * 10.0 ** rng.uniform(-9, 6, 4000)
    x = np.concatenate([x, [INF, -INF, NAN, 0.0, -0.0, 65504, 65520, 6e-8, 2.9e-8]]).astype("f")
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    np.testing.assert_array_equal(tensor(x).half().numpy(), expected)
    np.testing.assert_array_equal(tensor(x[::2]).half().numpy(), expected[::2])
