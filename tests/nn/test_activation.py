"""Activations, shapes, pools and padding as modules: a value each, and attributes that count."""

import math

import pytest

import minigrad
from minigrad import nn

CASES: list[tuple[nn.Module, float, float]] = [  # a layer, a number, and what it becomes
    (nn.ReLU(), -2.0, 0.0),
    (nn.ReLU6(), 9.0, 6.0),
    (nn.Hardtanh(-2, 3), 9.0, 3.0),
    (nn.Threshold(1.0, 7.0), 0.5, 7.0),
    (nn.LeakyReLU(0.1), -2.0, -0.2),
    (nn.PReLU(init=0.5), -2.0, -1.0),
    (nn.ELU(2.0), -1.0, 2 * math.expm1(-1)),
    (nn.CELU(2.0), -1.0, 2 * math.expm1(-0.5)),
    (nn.SELU(), 1.0, 1.0507010),
    (nn.Sigmoid(), 1.0, 1 / (1 + math.exp(-1))),
    (nn.Hardsigmoid(), 1.5, 0.75),
    (nn.LogSigmoid(), 1.0, -math.log1p(math.exp(-1))),
    (nn.Tanh(), 1.0, math.tanh(1)),
    (nn.Softsign(), -1.0, -0.5),
    (nn.Softplus(beta=2.0), 1.0, math.log1p(math.exp(2)) / 2),
    (nn.GELU(), 1.0, 0.5 * (1 + math.erf(math.sqrt(0.5)))),
    (nn.GELU("tanh"), 1.0, 0.8411920),
    (nn.SiLU(), 1.0, 1 / (1 + math.exp(-1))),
    (nn.Hardswish(), 1.5, 1.125),
    (nn.Mish(), 1.0, math.tanh(math.log1p(math.e))),
    (nn.Hardshrink(1.0), 0.9, 0.0),
    (nn.Softshrink(1.0), -3.0, -2.0),
    (nn.Tanhshrink(), 1.0, 1 - math.tanh(1)),
    (nn.Identity(3, name=4), 5.0, 5.0),
]


@pytest.mark.parametrize(("layer", "number", "expected"), CASES, ids=lambda x: repr(x))
def test_value(layer: nn.Module, number: float, expected: float) -> None:
    y = layer(minigrad.tensor([[number, number]]))
    assert y.tolist() == [[pytest.approx(expected, rel=1e-5)] * 2]


def test_attributes_may_change() -> None:
    layer = nn.ELU()
    layer.alpha = 3.0
    assert layer(minigrad.tensor([-100.0])).tolist() == [-3]
    assert repr(layer) == "ELU(alpha=3.0)"


class Doubled(nn.ELU):
    """A layer of one's own, made of one that is described by its fields."""

    def __init__(self, factor: float) -> None:
        super().__init__(inplace=True)
        self.factor = factor
        self.inner = nn.Linear(1, 1)


def test_subclasses_are_modules_like_any_other() -> None:
    layer = Doubled(2.0)
    assert layer.inplace
    assert [name for name, _ in layer.named_parameters()] == ["inner.weight", "inner.bias"]
    assert len({layer, Doubled(2.0)}) == 2
    assert layer == layer
    assert layer != Doubled(2.0)


def test_softmax_sums_to_one() -> None:
    x = minigrad.randn(2, 3, 4, 5)
    for layer, dim in ((nn.Softmax(1), 1), (nn.Softmin(2), 2), (nn.Softmax2d(), 1)):
        total = layer(x).sum(dim).flatten().tolist()
        assert total == pytest.approx([1] * len(total), rel=1e-5)
    assert nn.LogSoftmax(0)(x).exp().sum(0).flatten().tolist() == pytest.approx([1] * 60, rel=1e-5)


def test_shapes() -> None:
    x = minigrad.arange(16.0).reshape(1, 4, 2, 2)
    assert nn.Flatten()(x).shape == (1, 16)
    assert nn.Unflatten(1, (2, 2))(x).shape == (1, 2, 2, 2, 2)
    assert nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(x)).tolist() == x.tolist()
    windows = nn.Unfold(2)(x)
    assert windows.shape == (1, 16, 1)
    assert nn.Fold((2, 2), 2)(windows).tolist() == x.tolist()
    assert nn.Upsample(scale_factor=2)(x)[0, 0].tolist() == [
        [0, 0, 1, 1],
        [0, 0, 1, 1],
        [2, 2, 3, 3],
        [2, 2, 3, 3],
    ]


def test_channels_are_dealt_out() -> None:
    x = minigrad.arange(6.0).reshape(1, 6, 1)
    assert nn.ChannelShuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError, match="divisible by groups"):
        nn.ChannelShuffle(4)(x)


def test_pools() -> None:
    x = minigrad.tensor([[1.0, 3.0, 2.0, 8.0]])
    assert nn.MaxPool1d(2)(x).tolist() == [[3, 8]]
    assert nn.AvgPool1d(2, stride=1)(x).tolist() == [[2, 2.5, 5]]
    assert nn.AdaptiveAvgPool1d(1)(x).tolist() == [[3.5]]
    values, places = nn.MaxPool1d(2, return_indices=True)(x)
    assert (values.tolist(), places.tolist()) == ([[3, 8]], [[1, 3]])


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.ZeroPad1d(1), [0, 1, 2, 3, 0]),
        (nn.ConstantPad1d((2, 0), 7), [7, 7, 1, 2, 3]),
        (nn.ReflectionPad1d((2, 1)), [3, 2, 1, 2, 3, 2]),
        (nn.ReplicationPad1d(1), [1, 1, 2, 3, 3]),
        (nn.CircularPad1d((1, 2)), [3, 1, 2, 3, 1, 2]),
    ],
)
def test_padding(layer: nn.Module, expected: list[int]) -> None:
    assert layer(minigrad.tensor([[1.0, 2.0, 3.0]])).tolist() == [expected]


def test_distances() -> None:
    a, b = minigrad.tensor([[3.0, 0.0]]), minigrad.tensor([[0.0, 4.0]])
    assert nn.PairwiseDistance(eps=0.0)(a, b).tolist() == [5]
    assert nn.CosineSimilarity()(a, a).tolist() == [1]
