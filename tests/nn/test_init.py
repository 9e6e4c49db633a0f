"""Starting values: how they are spread, and what is refused."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import init

FILLS: list[tuple[Callable[[Any], Any], float]] = [
    (init.xavier_normal_, math.sqrt(2 / 700)),
    (init.xavier_uniform_, math.sqrt(2 / 700)),
    (init.kaiming_normal_, math.sqrt(2 / 500)),
    (init.kaiming_uniform_, math.sqrt(2 / 500)),
    (init.normal_, 1.0),
    (init.uniform_, math.sqrt(1 / 12)),
    (init.ones_, 0.0),
    (init.zeros_, 0.0),
    (init.trunc_normal_, 0.8796),  # of a normal distribution cut off at two deviations
    (init.orthogonal_, 1 / math.sqrt(500)),
    (lambda w: init.sparse_(w, 0.75, std=1.0), 0.5),
    (lambda w: init.xavier_normal_(w, gain=3), 3 * math.sqrt(2 / 700)),
    (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), 0.1),
    (lambda w: init.trunc_normal_(w, std=3.0, a=-0.5, b=0.5), 0.2881),  # almost uniform
]


@pytest.mark.parametrize(("fill", "std"), FILLS)
def test_fills_in_place_with_this_spread(fill: Callable[[Any], Any], std: float) -> None:
    minigrad.manual_seed(0)
    weight = nn.Parameter(minigrad.empty(200, 500))
    assert fill(weight) is weight
    assert weight.is_leaf
    assert weight.detach().numpy().std() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize(
    "fill",
    [
        init.uniform_,
        init.normal_,
        init.trunc_normal_,
        init.xavier_uniform_,
        init.xavier_normal_,
        init.kaiming_uniform_,
        init.kaiming_normal_,
        init.orthogonal_,
        lambda w, generator: init.sparse_(w, 0.5, generator=generator),
    ],
)
def test_a_generator_decides_alone(fill: Callable[..., Any]) -> None:
    before = minigrad.get_rng_state().tolist()
    first, second = minigrad.empty(4, 6), minigrad.empty(4, 6)
    fill(first, generator=minigrad.Generator().manual_seed(3))
    fill(second, generator=minigrad.Generator().manual_seed(3))
    assert first.tolist() == second.tolist()
    assert minigrad.get_rng_state().tolist() == before


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 2), (3, 3)])
def test_orthogonal_vectors_have_one_length(shape: tuple[int, ...]) -> None:
    minigrad.manual_seed(0)
    matrix = init.orthogonal_(minigrad.empty(shape, dtype=minigrad.float64), gain=2)
    rows = matrix.numpy().reshape(shape[0], -1)
    vectors = rows if rows.shape[0] <= rows.shape[1] else rows.T
    np.testing.assert_allclose(vectors @ vectors.T, 4 * np.eye(len(vectors)), atol=1e-12)


def test_orthogonal_signs_are_random() -> None:
    minigrad.manual_seed(0)
    corners = {init.orthogonal_(minigrad.empty(3, 3))[0, 0].item() > 0 for _ in range(20)}
    assert corners == {True, False}


def test_truncated_numbers_stay_inside() -> None:
    minigrad.manual_seed(0)
    values = init.trunc_normal_(minigrad.empty(10_000), mean=1.0, std=2.0, a=0.0, b=1.5).numpy()
    assert 0 <= values.min() < 0.01
    assert 1.49 < values.max() <= 1.5


def test_sparse_columns_have_as_many_zeros() -> None:
    weight = init.sparse_(minigrad.empty(10, 7), sparsity=0.25)
    assert (weight == 0).sum(0).tolist() == [3] * 7


def test_a_seed_gives_the_same_on_every_device(device: str) -> None:
    for fill in (init.normal_, init.orthogonal_, lambda w: init.sparse_(w, 0.5)):
        filled = []
        for place in ("cpu", device):
            minigrad.manual_seed(0)
            filled.append(fill(minigrad.empty(3, 4, device=place)).tolist())
        np.testing.assert_allclose(filled[0], filled[1], rtol=1e-6)


def test_identity() -> None:
    assert init.eye_(minigrad.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(("dims", "groups"), [(1, 1), (2, 1), (2, 2), (3, 1)])
def test_dirac_gives_back_the_channels(dims: int, groups: int) -> None:
    conv = getattr(minigrad.nn, f"Conv{dims}d")(4, 4, 3, padding=1, groups=groups, bias=False)
    init.dirac_(conv.weight, groups)
    x = minigrad.randn(2, 4, *(5,) * dims)
    np.testing.assert_allclose(conv(x).detach().numpy(), x.numpy(), rtol=1e-6)


def test_gains() -> None:
    assert init.calculate_gain("linear") == init.calculate_gain("conv_transpose2d") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("leaky_relu", 1) == 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: init.calculate_gain("foo"), "Unsupported nonlinearity foo"),
        (lambda: init.calculate_gain("leaky_relu", True), "True not a valid number"),
        (lambda: init.kaiming_uniform_(minigrad.ones(3)), "Fan in and fan out can not be computed"),
        (lambda: init.kaiming_uniform_(minigrad.ones(3, 3), mode="x"), "Mode x not supported"),
        (lambda: init.eye_(minigrad.ones(3)), "Only tensors with 2 dimensions"),
        (lambda: init.sparse_(minigrad.ones(3), 0.1), "Only tensors with 2 dimensions"),
        (lambda: init.orthogonal_(minigrad.ones(3)), "Only tensors with 2 or more dimensions"),
        (lambda: init.dirac_(minigrad.ones(3, 3)), "Only tensors with 3, 4, or 5 dimensions"),
        (lambda: init.dirac_(minigrad.ones(3, 3, 3), 2), "dim 0 must be divisible by groups"),
    ],
)
def test_refused(act: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_nothing_to_fill_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        init.kaiming_normal_(minigrad.empty(0, 3))
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(minigrad.empty(3), mean=9.0)
