"""What is drawn: boxes, edges, names, saved tensors, and how much of a large graph."""

import sys
from collections import namedtuple
from typing import ClassVar

import pytest

from tests.visualize.fakes import FakeNode, FakeTensor, Tape, chain, leaf, network, small
from visualize import backward_graph
from visualize.facts import line_of, named_tensors, saved_tensors, shape_and_dtype
from visualize.walk import Drawing, Names, walk


def draw(root: object, params: object = None, limit: int = 300, saved: bool = False) -> Drawing:
    return walk([("result", root)], Names(named_tensors(params)), limit, saved)


def titles(drawing: Drawing, kind: str) -> list[str]:
    return [box.title for box in drawing.boxes if box.kind == kind]


def test_small_graph_has_root_operations_and_named_leaves():
    y, params = small()
    drawing = draw(y, params)
    assert titles(drawing, "root") == ["result"]
    assert titles(drawing, "op") == ["AddBackward0", "MulBackward0"]
    assert titles(drawing, "leaf") == ["b", "x", "w"]
    assert [(e.source, e.target) for e in drawing.edges] == [
        ("n0", "n1"),
        ("n1", "n2"),
        ("n1", "n3"),
        ("n2", "n4"),
        ("n2", "n5"),
    ]


def test_leaf_says_shape_dtype_and_requires_grad():
    box = next(box for box in draw(*network()).boxes if box.title == "weight")
    assert box.details == ("(8, 8) float32", "requires_grad=True")
    assert "AccumulateGrad adds the gradient to its .grad" in box.tooltip


def test_a_tensor_used_twice_is_one_box_and_two_edges():
    x = leaf(3)
    drawing = draw(Tape().apply("MulBackward0", x, x, shape=(3,)), {"x": x})
    assert titles(drawing, "leaf") == ["x"]
    assert [(e.source, e.target) for e in drawing.edges].count(("n1", "n2")) == 2


def test_constants_are_not_drawn():
    y = Tape().apply("MulBackward0", leaf(), None)
    assert len(draw(y).boxes) == 3


def test_edges_are_labelled_only_where_a_node_has_several_outputs():
    labels = [edge.label for edge in draw(*network()).edges]
    assert sorted(filter(None, labels)) == ["output 0", "output 1"]
    assert not any(edge.label for edge in draw(*small()).edges)


def test_ids_are_in_walk_order():
    drawing = draw(*network())
    assert [box.id for box in drawing.boxes] == [f"n{i}" for i in range(len(drawing.boxes))]


def test_tooltip_has_the_line_without_folders():
    tooltips = [box.tooltip for box in draw(*small()).boxes if box.kind == "op"]
    assert tooltips == [
        "AddBackward0; () float32; train.py:3 in step",
        "MulBackward0; () float32; train.py:3",
    ]


@pytest.mark.parametrize("line", [None, (), 3, ("only a file",)])
def test_a_line_that_cannot_be_read_is_left_out(line):
    assert line_of(FakeNode("MulBackward0", line=line)) == ""


def test_a_named_result_between_is_shown_at_its_operation():
    tape, x = Tape(), leaf(2)
    hidden = tape.apply("TanhBackward0", x, shape=(2,))
    drawing = draw(tape.apply("SumBackward0", hidden), {"hidden": hidden})
    box = next(box for box in drawing.boxes if box.title == "TanhBackward0")
    assert box.details == ("hidden: (2,) float32",)


def test_a_module_gives_names():
    class Model:
        def named_parameters(self):
            return iter(small_params.items())

    y, small_params = small()
    assert titles(draw(y, Model()), "leaf") == ["b", "x", "w"]


@pytest.mark.parametrize("params", [3, ["w"], {"w": 3}])
def test_wrong_params_are_refused(params):
    with pytest.raises(TypeError, match=r"params"):
        backward_graph(small()[0], params)


def test_a_gradient_edge_is_a_root():
    y, params = small()
    edge = namedtuple("GradientEdge", "node output_nr")(y.grad_fn, 0)  # a tuple, as torch's
    assert backward_graph(edge, params).summary == backward_graph(y.grad_fn, params).summary


@pytest.mark.parametrize("root", [3, None, "loss", [3]])
def test_a_root_that_is_no_tensor_is_refused(root):
    with pytest.raises(TypeError, match=r"draws a tensor"):
        backward_graph(root)


@pytest.mark.parametrize(
    "options", [{"direction": "up"}, {"renderer": "paint"}, {"limit": 0}], ids=str
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        backward_graph(small()[0], **options)


def test_a_tensor_without_a_graph_is_drawn_with_a_sentence():
    drawing = draw(FakeTensor((2,), requires_grad=False))
    assert len(drawing.boxes) == 1
    assert drawing.notes == [
        "This tensor does not require grad, so no graph was recorded behind it."
    ]
    assert draw(leaf(2)).notes == ["This tensor is a leaf: backward() adds straight to its .grad."]


def test_several_roots_and_a_grad_fn_as_root():
    y, params = small()
    graph = backward_graph({"first": y, "second": y}, params)
    assert str(graph).startswith("first")
    assert str(backward_graph(y.grad_fn, params)).startswith("AddBackward0")


class Saver(FakeNode):
    """A node in torch's way: `_saved_NAME`, which raises once it is freed."""

    _saved_other = FakeTensor((2, 3), nbytes=2048)
    _saved_alpha = 2
    _raw_saved_other = FakeTensor()
    _saved_pair = (FakeTensor((1,)), None)

    @property
    def _saved_self(self):
        raise RuntimeError("already been freed")


class PlainSaver(FakeNode):
    saved_tensors: ClassVar = (FakeTensor((4,)), None)


class FreedSaver(FakeNode):
    saved = None


def test_saved_tensors_on_request():
    root = FakeTensor(grad_fn=Saver("MulBackward0"))
    assert titles(draw(root), "saved") == []
    drawing = draw(root, saved=True)
    saved = {box.title: box.details[0] for box in drawing.boxes if box.kind == "saved"}
    assert saved == {
        "other": "(2, 3) float32, 2.0 KiB",
        "pair[0]": "(1,) float32, 4 B",
        "self": "freed",
    }
    assert all(e.dashed for e in drawing.edges if e.target in ("n2", "n3", "n4"))


def test_saved_tensor_is_named_when_its_name_is_known():
    root = FakeTensor(grad_fn=PlainSaver("MyFunctionBackward"))
    drawing = draw(root, {"w": PlainSaver.saved_tensors[0]}, saved=True)
    assert titles(drawing, "saved") == ["saved[0] = w"]


class NamedSaver(FakeNode):
    saved_names: ClassVar = ("x", "y", "result")
    saved: ClassVar = (FakeTensor((4,)), None, FakeTensor((5,)))


def test_saved_arrays_have_the_names_that_the_node_gives():
    class Owner(FakeTensor):
        array = NamedSaver.saved[0]

    root = FakeTensor(grad_fn=NamedSaver("MulBackward0"))
    assert titles(draw(root, {"w": Owner()}, saved=True), "saved") == ["x = w", "result"]


def test_a_saved_array_is_not_taken_for_a_tensor_with_the_name_of_an_operand():
    root = FakeTensor(grad_fn=NamedSaver("MulBackward0"))
    names = titles(draw(root, {"x": FakeTensor()}, saved=True), "saved")
    assert names == ["x of MulBackward0", "result"]


def test_saved_of_a_freed_node_says_freed():
    assert saved_tensors(FreedSaver("MulBackward0"))[0].detail == "freed"
    assert saved_tensors(FakeNode("AddBackward0")) == []


def test_a_large_graph_is_drawn_near_its_root_and_says_so():
    drawing = draw(chain(1000), limit=10)
    assert len(titles(drawing, "op")) == 10
    assert titles(drawing, "more") == ["..."]
    assert drawing.notes == [
        "Only the 10 nodes nearest to the result are drawn; 991 more are left out. "
        "Pass limit=1001 to draw all."
    ]
    assert drawing.summary == "1,000 operations, 1 leaf with 2 values"


def test_a_very_long_chain_needs_no_recursion():
    limit = sys.getrecursionlimit()
    graph = backward_graph(chain(100_000), renderer="layout")
    assert "99,701 more are left out" in graph.notes[0]
    assert graph.svg().startswith("<svg")
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ((64, 10), "torch.float32", "(64, 10) float32"),
        ((), "float64", "() float64"),
        (None, int, "int"),
        (("not", "numbers"), None, ""),
        (3, "bool", "bool"),
    ],
)
def test_shape_and_dtype_in_words(shape, dtype, words):
    assert shape_and_dtype(shape, dtype) == words


class Hostile:
    """A node of which nothing but the edges can be read."""

    next_functions = ()

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_attributes_that_raise_do_not_stop_the_drawing():
    drawing = draw(FakeTensor(grad_fn=Hostile()), saved=True)
    assert titles(drawing, "op") == ["Hostile"]
