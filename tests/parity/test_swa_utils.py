"""Averaged models beside torch's: values, state_dicts and statistics of batch norm."""

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

AVERAGES: dict[str, Any] = {
    "mean": lambda swa: {},
    "mean, one by one": lambda swa: {"avg_fn": swa.get_swa_avg_fn()},
    "ema": lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)},
    "ema, one by one": lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)},
    "with buffers": lambda swa: {"use_buffers": True},
    "ema with buffers": lambda swa: {
        "multi_avg_fn": swa.get_ema_multi_avg_fn(0.75),
        "use_buffers": True,
    },
}
BATCHES = np.random.default_rng(0).standard_normal((5, 8, 3))


def model_of(library: Any) -> Any:
    """A layer and its norm, with given weights."""
    layers = library.nn.Linear(3, 4), library.nn.BatchNorm1d(4)
    model = library.nn.Sequential(*layers).to(library.float64)
    random = np.random.default_rng(1)
    with library.no_grad():
        for param in model.parameters():
            param.copy_(library.tensor(random.standard_normal(tuple(param.shape))))
    return model


def values(model: Any) -> dict[str, Any]:
    return {name: np.array(x.tolist()) for name, x in model.state_dict().items()}


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, 1e-10, err_msg=name)


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_over_a_training(name: str) -> None:
    results = []
    for library in (minigrad, torch):
        model, swa = model_of(library), library.optim.swa_utils
        average = swa.AveragedModel(model, **AVERAGES[name](swa))
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)
        for batch in BATCHES:
            optimizer.zero_grad()
            (model(library.tensor(batch)) ** 2).sum().backward()
            optimizer.step()
            average.update_parameters(model)
        results.append((values(average), average(library.tensor(BATCHES[0])).tolist()))
    same(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], 1e-9, 1e-12)


@pytest.mark.parametrize("in_lists", [False, True])
def test_update_bn(in_lists: bool) -> None:
    results = []
    for library in (minigrad, torch):
        model = model_of(library).eval()
        batches = [library.tensor(batch) for batch in BATCHES]
        loader = [[batch, None] for batch in batches] if in_lists else batches
        library.optim.swa_utils.update_bn(loader, model)
        assert model[1].momentum == 0.1
        assert not model.training
        results.append(values(model))
    same(*results)
