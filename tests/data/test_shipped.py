"""The tables that ship with the package, and where they say they come from."""

from importlib import resources

import numpy as np
import pytest

import minigrad
from minigrad.data import diabetes, first_names


def test_diabetes() -> None:
    features, progression = diabetes(scaled=False)
    assert (tuple(features.shape), tuple(progression.shape)) == ((442, 10), (442,))
    assert features.dtype == progression.dtype == minigrad.float32
    first = [59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87]
    np.testing.assert_allclose(features[0].tolist(), first, rtol=1e-6)
    assert progression[:3].tolist() == [151, 75, 141]


def test_scaled_columns() -> None:
    features = diabetes()[0].numpy()
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-5)


def test_the_body_mass_index_tells_most_of_the_progression() -> None:
    """As in the paper (figure 1): bmi and s5 come first."""
    features, progression = (x.numpy() for x in diabetes())
    correlations = np.abs([np.corrcoef(column, progression)[0, 1] for column in features.T])
    assert correlations.argsort()[::-1][:2].tolist() == [2, 8]


def test_first_names() -> None:
    names = first_names()
    assert len(names) == len(set(names)) == 5163
    assert names == sorted(names)
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    assert {"ada", "emmy", "alan", "grace"} <= set(names)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digits", ["Alpaydin", "Kaynak", "CC BY 4.0", "scikit-learn"]),
        ("diabetes", ["Efron", "scikit-learn", "BSD"]),
        ("first_names", ["Census", "public domain", "Trey Hunner", "MIT"]),
    ],
)
def test_the_attribution_ships_too(name: str, words: list[str]) -> None:
    text = (resources.files("minigrad.data") / f"{name}.txt").read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []
