"""The text tree, which print() shows."""

from tests.visualize.fakes import FakeTensor, chain, network, small
from visualize import backward_graph

SMALL = """\
result  () float32
AddBackward0  () float32
|- MulBackward0  () float32
|  |- x  () float32  requires_grad=True
|  `- w  () float32  requires_grad=True
`- b  () float32  requires_grad=True"""

NETWORK = """\
result  () float32
SumBackward0  () float32
MulBackward0  (2, 8) float32
|- output 0 of SplitBackward0  (2, 8) float32  [n3]
|  AddBackward0  (4, 8) float32
|  |- AddmmBackward0  (4, 8) float32
|  |  |- bias  (8,) float32  requires_grad=True  [n7]
|  |  |- ReluBackward0  (4, 8) float32  [n6]
|  |  |  AddmmBackward0  (4, 8) float32
|  |  |  |- bias  [n7]  (see above)
|  |  |  `- weight  (8, 8) float32  requires_grad=True  [n8]
|  |  `- weight  [n8]  (see above)
|  `- ReluBackward0  [n6]  (see above)
`- output 1 of SplitBackward0  [n3]  (see above)"""


def test_small_tree():
    assert str(backward_graph(*small())) == SMALL


def test_a_shared_box_is_written_once():
    assert str(backward_graph(*network())) == NETWORK


def test_a_chain_does_not_indent_and_is_written_short():
    assert str(backward_graph(chain(200))).splitlines() == [
        "result  (2,) float32",
        "MulBackward0  (2,) float32  (200 in a row)",
        "leaf  (2,) float32  requires_grad=True",
    ]


def test_a_short_chain_is_written_in_full():
    assert str(backward_graph(chain(3))).count("MulBackward0  (2,) float32\n") == 3


def test_notes_are_written_below():
    graph = backward_graph(FakeTensor(requires_grad=False))
    assert str(graph).endswith("no graph was recorded behind it.")
    assert repr(backward_graph(*small())) == "<Graph: 2 operations, 3 leaves with 3 values>"
