"""What losses refuse where torch reads memory that nobody wrote."""

import pytest

import minigrad
from minigrad import tensor
from minigrad.nn import functional as F

SCORES = minigrad.zeros(5, 2, 4).log_softmax(2)


@pytest.mark.parametrize("label", [-1, 4, 400_000])
def test_ctc_loss_refuses_a_label_that_is_no_class(label: int) -> None:
    with pytest.raises(IndexError, match=f"Target {label} is out of bounds"):
        F.ctc_loss(SCORES, tensor([[1, label], [2, 3]]), (5, 5), (2, 2))
    unused = F.ctc_loss(SCORES, tensor([[1, label], [2, 3]]), (5, 5), (1, 2))
    assert unused.isfinite().item()


def test_ctc_loss_wants_labels_for_every_sample() -> None:
    with pytest.raises(RuntimeError, match="size 2 at dimension 0, but got size 1"):
        F.ctc_loss(SCORES, tensor([[1, 2]]), (5, 5), (2, 2))


def test_the_mean_of_no_losses_is_nan() -> None:
    x, targets = minigrad.zeros(0, 3), minigrad.zeros(0, 3).long()
    assert F.multilabel_margin_loss(x, targets).isnan().item()
    assert F.multi_margin_loss(x, targets[:, 0]).isnan().item()
