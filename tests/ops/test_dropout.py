"""Dropout: what is dropped, that a gradient goes the same way, and what is refused."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import func
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn import functional as F


@pytest.fixture(autouse=True)
def seeded() -> None:
    minigrad.manual_seed(3)


def test_elements_are_dropped_or_scaled() -> None:
    y = F.dropout(minigrad.ones(10_000), 0.2)
    values, counts = np.unique(y.numpy(), return_counts=True)
    assert values.tolist() == [0, 1.25]
    assert abs(counts[0] - 2000) < 160


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_gradient_goes_through_the_same_mask(dtype: str) -> None:
    x = minigrad.ones(3, 7, dtype=getattr(minigrad, dtype), requires_grad=True)
    y = F.dropout(x, 0.5)
    minigrad.rand(5)  # what is drawn in between changes nothing
    (gradient,) = minigrad.autograd.grad(y.sum(), x)
    assert gradient.tolist() == y.tolist()
    assert gradient.dtype == x.dtype


DROPS: dict[str, Any] = {
    "dropout": lambda x: F.dropout(x, 0.4),
    "dropout1d": lambda x: F.dropout1d(x, 0.4),
    "dropout2d": lambda x: F.dropout2d(x[:, :, None], 0.4),
    "alpha_dropout": lambda x: F.alpha_dropout(x, 0.4, True),
    "feature_alpha_dropout": lambda x: F.feature_alpha_dropout(x, 0.4, True),
}


@pytest.mark.parametrize("name", DROPS)
def test_derivatives(name: str) -> None:
    x = minigrad.randn(2, 3, 2, dtype=minigrad.float64, requires_grad=True)

    def drop(x: Any) -> Any:
        minigrad.manual_seed(5)
        return DROPS[name](x) ** 2

    assert gradcheck(drop, (x,), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(drop, (x,))


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_in_place(name: str) -> None:
    drop = getattr(F, name)
    x = minigrad.randn(4, 5)
    minigrad.manual_seed(4)
    expected = drop(x, 0.3, True)
    minigrad.manual_seed(4)
    y = x.clone()
    assert drop(y, 0.3, True, True) is y
    assert y.tolist() == expected.tolist()
    leaf = minigrad.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        drop(leaf, 0.3, True, True)


def test_whole_channels() -> None:
    y = F.dropout2d(minigrad.ones(20, 30, 2, 2), 0.5).numpy()
    assert (y.reshape(600, 4).min(1) == y.reshape(600, 4).max(1)).all()
    assert 230 < (y[:, :, 0, 0] == 0).sum() < 370
    unbatched = F.dropout1d(minigrad.ones(300, 2), 0.5).numpy()
    assert (unbatched[:, 0] == unbatched[:, 1]).all()
    assert set(unbatched.ravel().tolist()) == {0, 2}


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = minigrad.randn(100_000)
    y = F.alpha_dropout(x, 0.3, True)
    assert abs(float(y.mean())) < 0.02
    assert abs(float(y.std()) - 1) < 0.02


def test_samples_of_vmap() -> None:
    x = minigrad.ones(4, 50)
    apart = func.vmap(lambda row: F.dropout(row, 0.5), randomness="different")(x)
    assert len({tuple(row) for row in apart.tolist()}) == 4
    together = func.vmap(lambda row: F.dropout(row, 0.5), randomness="same")(x)
    assert len({tuple(row) for row in together.tolist()}) == 1
    with pytest.raises(RuntimeError, match="randomness error mode"):
        func.vmap(lambda row: F.dropout(row, 0.5))(x)


def test_nothing_to_do() -> None:
    x = minigrad.ones(3, requires_grad=True)
    assert F.dropout(x, 0.5, False) is x
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).tolist() == [0, 0, 0]
    assert F.dropout(minigrad.ones(0), 0.5).shape == (0,)


def test_what_is_refused() -> None:
    x = minigrad.ones(3)
    for drop in (F.dropout, F.dropout1d, F.dropout2d, F.alpha_dropout, F.feature_alpha_dropout):
        for p in (-0.1, 1.5):
            with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
                drop(x, p)
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        F.dropout(minigrad.ones(3, dtype=minigrad.int64))
    with pytest.raises(RuntimeError, match="dropout1d: Expected 2D or 3D input"):
        F.dropout1d(x)
    with pytest.raises(RuntimeError, match="requires at least 2 dimensions"):
        F.feature_alpha_dropout(x, 0.5, True)
    with pytest.warns(UserWarning, match="3D input to dropout2d"):
        F.dropout2d(minigrad.ones(2, 3, 4))
