"""Losses as modules: a value by hand each, reductions, and weights that are part of the state."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, tensor

LOG2 = math.log(2)
A, B = tensor([1.0, 4.0]), tensor([3.0, 4.5])
ONE, MINUS_ONE = tensor([1.0]), tensor([-1.0])
ROW, OTHER = tensor([[3.0, 0.0]]), tensor([[0.0, 4.0]])

VALUES: list[tuple[nn.Module, tuple[minigrad.Tensor, ...], float]] = [
    (nn.L1Loss(), (A, B), 1.25),
    (nn.L1Loss(reduction="sum"), (A, B), 2.5),
    (nn.MSELoss(), (A, B), 2.125),
    (nn.SmoothL1Loss(), (A, B), (1.5 + 0.125) / 2),
    (nn.SmoothL1Loss(beta=4.0), (A, B), (4 + 0.25) / 16),
    (nn.HuberLoss(delta=0.5), (A, B), (0.5 * 1.75 + 0.125) / 2),
    (nn.KLDivLoss(reduction="batchmean"), (tensor([[-LOG2]]), ONE.view(1, 1)), LOG2),
    (nn.PoissonNLLLoss(), (tensor([0.0]), tensor([3.0])), 1.0),
    (nn.PoissonNLLLoss(log_input=False, eps=0.0), (tensor([2.0]), ONE), 2 - LOG2),
    (nn.GaussianNLLLoss(), (tensor([1.0]), tensor([3.0]), tensor([4.0])), (2 * LOG2 + 1) / 2),
    (nn.CrossEntropyLoss(), (tensor([[0.0, 0.0]]), tensor([1])), LOG2),
    (nn.NLLLoss(), (tensor([[-5.0, -7.0]]), tensor([1])), 7.0),
    (nn.BCELoss(), (tensor([0.25]), ONE), 2 * LOG2),
    (nn.BCEWithLogitsLoss(), (tensor([0.0]), ONE), LOG2),
    (nn.BCEWithLogitsLoss(pos_weight=tensor([3.0])), (tensor([0.0]), ONE), 3 * LOG2),
    (nn.MultiLabelSoftMarginLoss(), (tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]])), LOG2),
    (nn.MarginRankingLoss(0.5), (ONE, MINUS_ONE, MINUS_ONE), 2.5),
    (nn.HingeEmbeddingLoss(2.0), (ONE, MINUS_ONE), 1.0),
    (nn.CosineEmbeddingLoss(), (ROW, OTHER, ONE), 1.0),
    (nn.SoftMarginLoss(), (tensor([0.0]), ONE), LOG2),
    (nn.MultiMarginLoss(), (tensor([[0.0, 0.5, 2.0]]), tensor([0])), (1.5 + 3) / 3),
    (nn.MultiLabelMarginLoss(), (tensor([[0.0, 0.5]]), tensor([[0, -1]])), 0.75),
    (nn.TripletMarginLoss(eps=0.0), (ROW, ROW, OTHER), 0.0),
    (nn.TripletMarginLoss(eps=0.0), (ROW, OTHER, ROW), 6.0),
    (nn.TripletMarginWithDistanceLoss(margin=0.5), (ROW, ROW, OTHER), 0.0),
    (
        nn.TripletMarginWithDistanceLoss(distance_function=nn.CosineSimilarity(), margin=2.0),
        (ROW, ROW, OTHER),
        3.0,
    ),
]


@pytest.mark.parametrize(("loss", "given", "expected"), VALUES, ids=lambda x: type(x).__name__)
def test_value(loss: nn.Module, given: tuple[minigrad.Tensor, ...], expected: float) -> None:
    assert loss(*given).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_ctc_of_one_letter() -> None:
    """Two steps, each "blank" or "a": of four ways, three spell "a"."""
    log_probs = minigrad.full((2, 1, 2), -LOG2)
    loss = nn.CTCLoss(reduction="sum")(log_probs, tensor([[1]]), tensor([2]), tensor([1]))
    assert loss.item() == pytest.approx(-math.log(3 / 4), rel=1e-5)


@pytest.mark.parametrize("loss", [nn.L1Loss, nn.MSELoss, nn.SmoothL1Loss, nn.HuberLoss])
def test_reductions(loss: type[nn.L1Loss]) -> None:
    each = loss(reduction="none")(A, B)
    assert each.shape == (2,)
    assert loss(reduction="sum")(A, B).item() == pytest.approx(each.sum().item())
    assert loss()(A, B).item() == pytest.approx(each.mean().item())


def test_flags_of_old_are_reductions() -> None:
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.NLLLoss(reduce=False).reduction == "none"


def test_weights_are_part_of_the_state() -> None:
    loss = nn.CrossEntropyLoss(weight=tensor([1.0, 3.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert loss.double().weight.dtype == minigrad.float64
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    rows = minigrad.zeros(2, 2, dtype=minigrad.float64)
    weighted = loss(rows, tensor([0, 1])).item()
    np.testing.assert_allclose(weighted, LOG2)


def test_a_distance_may_be_a_module() -> None:
    loss = nn.TripletMarginWithDistanceLoss(distance_function=nn.PairwiseDistance(p=1))
    assert "(distance_function): PairwiseDistance()" in repr(loss)
    assert loss(ROW, OTHER, ROW).item() == pytest.approx(8, rel=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: nn.functional.mse_loss(x, x[:, :1]),
        lambda x: nn.L1Loss()(x, x[:, :1]),
        lambda x: nn.functional.kl_div(x, x),
        lambda x: nn.functional.cross_entropy(x, x.long()[:, 0], size_average=True),
        lambda x: nn.functional.softmax(x),
        lambda x: nn.Softmax()(x),
        lambda x: nn.Dropout2d()(x),
    ],
)
def test_a_warning_names_the_line_of_the_program(call: Callable[[Any], Any]) -> None:
    with pytest.warns(UserWarning, match=".") as warned:
        call(minigrad.ones(3, 2))
    assert [w.filename for w in warned] == [__file__]
