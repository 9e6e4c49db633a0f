"""Convolution layers: by hand, padded in every way, and back to a size that is chosen."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn


def summing(layer: Any) -> Any:
    """The layer with a weight of ones and no bias to speak of: sums over windows."""
    with minigrad.no_grad():
        layer.weight.fill_(1)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


SEQUENCE = minigrad.tensor([[1.0, 2.0, 4.0, 8.0]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("zeros", [3, 7, 14, 12]),
        ("replicate", [4, 7, 14, 20]),
        ("reflect", [5, 7, 14, 16]),
        ("circular", [11, 7, 14, 13]),
    ],
)
@pytest.mark.parametrize("padding", [1, "same"])
def test_padding_modes(mode: str, expected: list[int], padding: Any) -> None:
    layer = summing(nn.Conv1d(1, 1, 3, padding=padding, padding_mode=mode))
    assert layer(SEQUENCE).tolist() == [expected]


def test_same_with_an_even_window_adds_behind() -> None:
    layer = summing(nn.Conv1d(1, 1, 2, padding="same", padding_mode="circular"))
    assert layer(SEQUENCE).tolist() == [[3, 6, 12, 9]]


def test_groups_do_not_mix() -> None:
    layer = summing(nn.Conv1d(2, 2, 1, groups=2))
    assert layer.weight.shape == (2, 1, 1)
    assert layer(minigrad.tensor([[1.0], [5.0]])).tolist() == [[1], [5]]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_transposed_is_the_transposed_map(dims: int) -> None:
    """<conv(x), y> = <x, transposed(y)>."""
    minigrad.manual_seed(0)
    conv = getattr(nn, f"Conv{dims}d")(2, 3, 3, stride=2, padding=1, bias=False).double()
    back = getattr(nn, f"ConvTranspose{dims}d")(3, 2, 3, stride=2, padding=1, bias=False).double()
    back.weight = conv.weight
    x = minigrad.randn(1, 2, *(6,) * dims, dtype=minigrad.float64)
    y = minigrad.randn(conv(x).shape, dtype=minigrad.float64)
    left, right = (conv(x) * y).sum(), (x * back(y, output_size=x.shape)).sum()
    assert left.item() == pytest.approx(right.item())


def test_output_sizes_that_are_possible() -> None:
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    x = minigrad.ones(1, 1, 4, 4)
    assert layer(x).shape == (1, 1, 9, 9)
    assert layer(x, output_size=(10, 9)).shape == (1, 1, 10, 9)
    with pytest.raises(ValueError, match=r"valid sizes range from \[9, 9\] to \[10, 10\]"):
        layer(x, output_size=(11, 9))


def test_starts_within_one_over_the_root_of_its_inputs() -> None:
    minigrad.manual_seed(0)
    layer = nn.Conv2d(4, 50, (5, 5))
    for values in (layer.weight, layer.bias):
        assert 0.09 < np.abs(values.detach().numpy()).max() <= 0.1


def test_refused() -> None:
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 1, groups=2)
    with pytest.raises(ValueError, match="Invalid padding string 'some'"):
        nn.Conv2d(3, 4, 1, padding="some")
    with pytest.raises(ValueError, match="not supported for strided"):
        nn.Conv2d(3, 4, 1, stride=2, padding="same")
    with pytest.raises(ValueError, match='Only "zeros" padding mode'):
        nn.ConvTranspose1d(3, 4, 1, padding_mode="reflect")
