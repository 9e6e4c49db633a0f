"""Linear, ReLU, Sequential, CrossEntropyLoss and how weights start."""

import math

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F


def small_net() -> nn.Sequential:
    minigrad.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_linear_is_an_affine_map_of_the_last_axis() -> None:
    layer = nn.Linear(3, 2)
    x = minigrad.randn(4, 5, 3)
    expected = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(3, 2, dtype=minigrad.float64)(x.double()).dtype == minigrad.float64


def test_linear_starts_within_one_over_the_root_of_its_inputs() -> None:
    minigrad.manual_seed(0)
    layer = nn.Linear(100, 300)
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert 0.098 < abs(values).max() <= 0.1
        assert abs(values.mean()) < 0.01


def test_the_seed_decides_the_weights() -> None:
    assert small_net()[0].weight.tolist() == small_net()[0].weight.tolist()
    minigrad.manual_seed(1)
    assert nn.Linear(3, 4).weight.tolist() != small_net()[0].weight.tolist()


def test_gradients_of_a_network_match_differences() -> None:
    net = small_net().to(minigrad.float64)
    x = minigrad.tensor([[0.5, -1.0, 2.0], [1.0, 0.3, -0.7]], dtype=minigrad.float64)
    target = minigrad.tensor([1, 0])

    def loss() -> minigrad.Tensor:
        return nn.CrossEntropyLoss()(net(x), target)

    loss().backward()
    for parameter in net.parameters():
        values = parameter.detach().numpy()
        slopes = np.empty_like(values)
        for index in np.ndindex(values.shape):
            value, heights = values[index], []
            for step in (1e-6, -1e-6):
                values[index] = value + step
                heights.append(loss().item())
            values[index] = value
            slopes[index] = (heights[0] - heights[1]) / 2e-6
        np.testing.assert_allclose(parameter.grad.numpy(), slopes, rtol=1e-5, atol=1e-8)


def test_sequential_is_a_list_of_modules() -> None:
    net = small_net()
    assert len(net) == 3
    assert net[-1] is net[2]
    assert [type(module).__name__ for module in net[:2]] == ["Linear", "ReLU"]
    assert list(net[1:].state_dict()) == ["2.weight", "2.bias"]
    net[1] = nn.Sequential()
    net.append(nn.ReLU())
    assert len(net) == 4
    assert list(nn.Sequential({"first": nn.ReLU()})._modules) == ["first"]


def test_relu() -> None:
    x = minigrad.tensor([-1.0, 0.0, 2.0])
    assert nn.ReLU()(x).tolist() == [0, 0, 2]
    assert x.tolist() == [-1, 0, 2]
    nn.ReLU(inplace=True)(x)
    assert x.tolist() == [0, 0, 2]


def test_cross_entropy_is_the_log_of_the_right_probability() -> None:
    scores = minigrad.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
    target = minigrad.tensor([0, 2])
    rows = -np.log(np.array([math.exp(2) / (math.exp(2) + 1 + math.exp(-1)), 1 / 3]))
    each = nn.CrossEntropyLoss(reduction="none")(scores, target)
    np.testing.assert_allclose(each.numpy(), rows, rtol=1e-5)
    assert nn.CrossEntropyLoss()(scores, target).item() == pytest.approx(rows.mean(), rel=1e-5)
    total = nn.CrossEntropyLoss(reduction="sum")(scores, target)
    assert total.item() == pytest.approx(rows.sum(), rel=1e-5)
    ignored = nn.CrossEntropyLoss(ignore_index=2)(scores, target)
    assert ignored.item() == pytest.approx(rows[0], rel=1e-5)
    weighted = nn.CrossEntropyLoss(weight=minigrad.tensor([3.0, 1.0, 1.0]))(scores, target)
    assert weighted.item() == pytest.approx((3 * rows[0] + rows[1]) / 4, rel=1e-5)


def test_unknown_reduction() -> None:
    loss = nn.CrossEntropyLoss(reduction="x")
    with pytest.raises(ValueError, match="x is not a valid value for reduction"):
        loss(minigrad.ones(1, 2), minigrad.tensor([0]))


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        nn.Linear(2, 3)(minigrad.ones(2, 4))


@pytest.mark.parity
def test_a_network_as_in_torch() -> None:
    torch = pytest.importorskip("torch")
    net = small_net()
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    other.load_state_dict({n: torch.tensor(p.tolist()) for n, p in net.state_dict().items()})
    x, target = [[0.5, -1.0, 2.0], [1.0, 0.3, -0.7]], [1, 0]
    losses = [
        library.nn.CrossEntropyLoss()(model(library.tensor(x)), library.tensor(target))
        for library, model in ((minigrad, net), (torch, other))
    ]
    for loss in losses:
        loss.backward()
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-7)
    assert repr(net) == repr(other)
    assert F.relu(losses[0]).grad_fn.name() == torch.relu(losses[1]).grad_fn.name()
