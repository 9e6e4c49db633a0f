"""The same walk draws torch's graphs."""

import pytest

from visualize import backward_graph

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

MLP = """\
result  () float32
NllLossBackward0  () float32
LogSoftmaxBackward0  (16, 10) float32
AddmmBackward0  (16, 10) float32
|- 2.bias  (10,) float32  requires_grad=True
|- ReluBackward0  (16, 32) float32
|  AddmmBackward0  (16, 32) float32
|  |- 0.bias  (32,) float32  requires_grad=True
|  `- TBackward0  (64, 32) float32
|     0.weight  (32, 64) float32  requires_grad=True
`- TBackward0  (32, 10) float32
   2.weight  (10, 32) float32  requires_grad=True"""


def mlp():
    layers = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    target = torch.zeros(16, dtype=torch.int64)
    return torch.nn.functional.cross_entropy(layers(torch.zeros(16, 64)), target), layers


def test_names_shapes_and_leaves_of_a_network():
    graph = backward_graph(*mlp(), renderer="layout")
    assert str(graph) == MLP
    assert graph.svg().count('class="node') == 12
    assert graph.summary == "7 operations, 4 leaves with 2,410 values"


def test_saved_tensors_and_their_end():
    x = torch.ones(2, 3, requires_grad=True)
    y = (x * x).sum()
    assert "saved self = x  (2, 3) float32, 24 B" in str(backward_graph(y, {"x": x}, saved=True))
    y.backward()
    assert "saved self  freed" in str(backward_graph(y, {"x": x}, saved=True))


def test_outputs_and_a_function_of_the_user():
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x + 1, x + 2

        @staticmethod
        def backward(ctx, first, second):
            return first + second

    x = torch.ones(2, requires_grad=True)
    first, second = Both.apply(x)
    text = backward_graph((first * second).sum(), saved=True).dot()
    assert "BothBackward" in text
    assert "output 0" in text
    assert "output 1" in text
    assert "saved[0]" in text


def test_nodes_are_not_mixed_up():
    """torch makes its Python nodes anew at each look: none may be taken for another."""
    y = x = torch.ones((), requires_grad=True)
    for _ in range(2000):
        y = y * 1.5
    graph = backward_graph(y, {"x": x}, renderer="layout")
    assert graph.summary == "2,000 operations, 1 leaf with 1 value"
