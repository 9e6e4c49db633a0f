"""Random tensors: that their distributions are those asked for, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Generator

N = 20_000


@pytest.fixture(autouse=True)
def seeded() -> None:
    minigrad.manual_seed(3)


def moments(x: Any) -> tuple[float, float]:
    values = x.double().numpy()
    return values.mean(), values.std()


# mean and standard deviation of what is drawn
DISTRIBUTIONS: dict[str, tuple[Any, float, float]] = {
    "rand": (lambda: minigrad.rand(N), 0.5, 12**-0.5),
    "rand, float64": (lambda: minigrad.rand(N, dtype=minigrad.float64), 0.5, 12**-0.5),
    "rand, float16": (lambda: minigrad.rand(N, dtype=minigrad.float16), 0.5, 12**-0.5),
    "randn": (lambda: minigrad.randn(N), 0, 1),
    "randn, float64": (lambda: minigrad.randn(N, dtype=minigrad.float64), 0, 1),
    "randn, float16": (lambda: minigrad.randn(N, dtype=minigrad.float16), 0, 1),
    "normal": (lambda: minigrad.normal(2.0, 3.0, (N,)), 2, 3),
    "normal of tensors": (
        lambda: minigrad.normal(minigrad.full((N,), 2.0), minigrad.tensor(3.0)),
        2,
        3,
    ),
    "normal of a std": (lambda: minigrad.normal(2.0, minigrad.full((N,), 3.0)), 2, 3),
    "uniform_": (lambda: minigrad.zeros(N).uniform_(-1, 3), 1, 4 * 12**-0.5),
    "normal_": (lambda: minigrad.zeros(N).normal_(1, 2), 1, 2),
    "exponential_": (lambda: minigrad.zeros(N).exponential_(0.5), 2, 2),
    "geometric_": (lambda: minigrad.zeros(N).geometric_(0.3), 1 / 0.3, math.sqrt(0.7) / 0.3),
    "log_normal_": (
        lambda: minigrad.zeros(N).log_normal_(0, 0.5),
        math.exp(0.125),
        math.sqrt((math.exp(0.25) - 1) * math.exp(0.25)),
    ),
    "randint": (lambda: minigrad.randint(-2, 3, (N,)), 0, math.sqrt(2)),
    "random_": (lambda: minigrad.zeros(N).random_(5), 2, math.sqrt(2)),
    "random_ of bools": (lambda: minigrad.zeros(N, dtype=minigrad.bool).random_(), 0.5, 0.5),
    "bernoulli": (lambda: minigrad.full((N,), 0.2).bernoulli(), 0.2, 0.4),
    "bernoulli_": (lambda: minigrad.zeros(N).bernoulli_(0.2), 0.2, 0.4),
    "bernoulli_ of a tensor": (
        lambda: minigrad.zeros(N).bernoulli_(minigrad.tensor(0.2)),
        0.2,
        0.4,
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_moments(name: str) -> None:
    draw, mean, std = DISTRIBUTIONS[name]
    found_mean, found_std = moments(draw())
    assert abs(found_mean - mean) < 4 * std / math.sqrt(N)
    assert abs(found_std / std - 1) < 0.05


def test_the_shape_of_the_normal_distribution() -> None:
    x = np.sort(minigrad.randn(N).numpy())
    expected = [0.5 * math.erfc(-v / math.sqrt(2)) for v in x]
    assert np.abs(np.array(expected) - (np.arange(N) + 0.5) / N).max() < 1.63 / math.sqrt(N)


def test_neighbours_have_nothing_in_common() -> None:
    x = minigrad.randn(N).numpy()
    for distance in (1, 2, 3, 4, 8, 16):
        assert abs(np.mean(x[distance:] * x[:-distance])) < 4 / math.sqrt(N)


def test_every_place_of_a_permutation_gets_every_number() -> None:
    rows = np.array([minigrad.randperm(5).tolist() for _ in range(2000)])
    assert (np.sort(rows, 1) == np.arange(5)).all()
    counts = np.array([np.bincount(column, minlength=5) for column in rows.T])
    assert np.abs(counts - 400).max() < 4 * math.sqrt(400 * 0.8)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_multinomial(replacement: bool, count: int) -> None:
    weights = minigrad.tensor([1.0, 0.0, 3.0, 6.0])
    rows = minigrad.multinomial(weights.expand(4000, 4), count, replacement).numpy()
    first = np.bincount(rows[:, 0], minlength=4) / 4000
    assert np.abs(first - [0.1, 0, 0.3, 0.6]).max() < 0.04
    assert rows.shape == (4000, count)
    if count == 2 and not replacement:
        assert (rows[:, 0] != rows[:, 1]).all()
        second = np.bincount(rows[rows[:, 0] == 3, 1], minlength=4) / (rows[:, 0] == 3).sum()
        assert np.abs(second - [0.25, 0, 0.75, 0]).max() < 0.05


def test_places_without_weight_are_never_drawn_with_replacement() -> None:
    weights = minigrad.tensor([0.0, 1.0, 0.0])
    assert set(minigrad.multinomial(weights, 1000, True).tolist()) == {1}


def test_certain_coins() -> None:
    p = minigrad.tensor([0.0, 1.0]).expand(500, 2)
    assert p.bernoulli().tolist() == p.tolist()


# ------------------------------------------------------------------------------------- generators

DRAWS: dict[str, Any] = {
    "rand": lambda g: minigrad.rand(5, generator=g),
    "randn": lambda g: minigrad.randn(5, generator=g),
    "randint": lambda g: minigrad.randint(1000, (5,), generator=g),
    "randperm": lambda g: minigrad.randperm(9, generator=g),
    "rand_like": lambda g: minigrad.rand_like(minigrad.zeros(5), generator=g),
    "randn_like": lambda g: minigrad.randn_like(minigrad.zeros(5), generator=g),
    "randint_like": lambda g: minigrad.randint_like(minigrad.zeros(5), 1000, generator=g),
    "normal": lambda g: minigrad.normal(0.0, 1.0, (5,), generator=g),
    "bernoulli": lambda g: minigrad.bernoulli(minigrad.full((50,), 0.5), generator=g),
    "multinomial": lambda g: minigrad.multinomial(minigrad.ones(99), 9, generator=g),
    "multinomial again": lambda g: minigrad.multinomial(minigrad.ones(99), 9, True, generator=g),
    "uniform_": lambda g: minigrad.zeros(5).uniform_(generator=g),
    "normal_": lambda g: minigrad.zeros(5).normal_(generator=g),
    "exponential_": lambda g: minigrad.zeros(5).exponential_(generator=g),
    "log_normal_": lambda g: minigrad.zeros(5).log_normal_(generator=g),
    "cauchy_": lambda g: minigrad.zeros(5).cauchy_(generator=g),
    "geometric_": lambda g: minigrad.zeros(50).geometric_(0.1, generator=g),
    "random_": lambda g: minigrad.zeros(5).random_(generator=g),
    "bernoulli_": lambda g: minigrad.zeros(50).bernoulli_(generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_generator_of_ones_own(name: str) -> None:
    draw, before = DRAWS[name], minigrad.get_rng_state().tolist()
    first = draw(Generator().manual_seed(5)).tolist()
    assert draw(Generator().manual_seed(5)).tolist() == first
    assert draw(Generator().manual_seed(6)).tolist() != first
    assert minigrad.get_rng_state().tolist() == before
    assert draw(None).tolist() != draw(None).tolist()


@pytest.mark.parametrize("make", [lambda: minigrad.zeros(3, 4).T, lambda: minigrad.zeros(3, 8)])
def test_memory_in_any_order_gets_the_same_numbers(make: Any) -> None:
    x = make()
    flat = minigrad.zeros(*x.shape)
    for name in ("uniform_", "normal_"):
        ours, other = Generator().manual_seed(1), Generator().manual_seed(1)
        drawn = getattr(x, name)(generator=ours).tolist()
        assert drawn == getattr(flat, name)(generator=other).tolist()


def test_threads_change_nothing() -> None:
    threads = minigrad.get_num_threads()
    big = 300_001
    try:
        results = []
        for count in (1, 3):
            minigrad.set_num_threads(count)
            results.append(minigrad.randn(big, generator=Generator().manual_seed(1)).numpy())
    finally:
        minigrad.set_num_threads(threads)
    np.testing.assert_array_equal(*results)


# ----------------------------------------------------------------------------------- what is what


def test_no_gradient_flows_through_a_draw() -> None:
    x = minigrad.full((3,), 0.5, requires_grad=True)
    for draw in (minigrad.bernoulli, lambda p: minigrad.normal(p, p), lambda p: (p * 1).uniform_()):
        x.grad = None
        draw(x).sum().backward()
        assert x.grad.tolist() == [0, 0, 0]


REFUSED: dict[str, tuple[Any, type[Exception]]] = {
    '"normal_kernel" not implemented for': (
        lambda: minigrad.randn(3, dtype=minigrad.int64),
        NotImplementedError,
    ),
    '"check_uniform_bounds" not implemented': (
        lambda: minigrad.zeros(3).long().uniform_(),
        NotImplementedError,
    ),
    "found from=2 > to=1": (lambda: minigrad.zeros(3).uniform_(2, 1), RuntimeError),
    "to is out of bounds for float": (
        lambda: minigrad.zeros(3).uniform_(0, math.inf),
        RuntimeError,
    ),
    "found std -1": (lambda: minigrad.normal(0.0, -1, (2,)), RuntimeError),
    "all elements of std >= 0": (
        lambda: minigrad.normal(0.0, minigrad.tensor([1.0, -1])),
        RuntimeError,
    ),
    "from=3 >= to=3": (lambda: minigrad.randint(3, 3, (2,)), RuntimeError),
    "to - 1 is out of bounds": (
        lambda: minigrad.randint(300, (2,), dtype=minigrad.uint8),
        RuntimeError,
    ),
    "negative dimension": (lambda: minigrad.rand(-1), RuntimeError),
    "without overflow": (lambda: minigrad.randperm(300, dtype=minigrad.uint8), RuntimeError),
    "expects lambda > 0.0": (lambda: minigrad.zeros(3).exponential_(0), RuntimeError),
    "expects p to be in .0, 1.": (lambda: minigrad.zeros(3).geometric_(1), RuntimeError),
    "p_in >= 0": (lambda: minigrad.tensor([0.5, math.nan]).bernoulli(), RuntimeError),
    "without replacement": (lambda: minigrad.multinomial(minigrad.ones(2), 3), RuntimeError),
    "element < 0": (lambda: minigrad.multinomial(minigrad.tensor([1.0, -1]), 1), RuntimeError),
    "sum of probabilities <= 0": (
        lambda: minigrad.multinomial(minigrad.zeros(3), 1),
        RuntimeError,
    ),
    "must be 1 or 2 dim": (lambda: minigrad.multinomial(minigrad.ones(2, 2, 2), 1), RuntimeError),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused(words: str) -> None:
    call, error = REFUSED[words]
    with pytest.raises(error, match=words):
        call()


def test_empty_and_zero_dimensional() -> None:
    assert minigrad.rand(0, 3).shape == (0, 3)
    assert minigrad.randperm(0).tolist() == []
    assert minigrad.rand(()).shape == ()
    assert minigrad.multinomial(minigrad.ones(0, 3), 1).shape == (0, 1)


def test_arguments_of_another_kind_are_named() -> None:
    with pytest.raises(TypeError, match=r"'generator' must be minigrad\.Generator, not int"):
        minigrad.rand(2, generator=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'input' must be Tensor, not float"):
        minigrad.bernoulli(0.4)  # type: ignore[arg-type]
