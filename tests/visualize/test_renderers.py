"""The chain of renderers: each failure is noted, the next is tried, and a picture always comes."""

import importlib.metadata
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.visualize.fakes import FakeNode, FakeTensor, Tape, leaf, network, small
from tests.visualize.test_dot import HOSTILE_NAMES
from visualize import backward_graph, renderers
from visualize.dot import to_skeleton
from visualize.plain import read_plain
from visualize.text import clean, shorten
from visualize.walk import Names, walk

SPACE = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"
PLAIN = b"""\
graph 1 2 3
node n0 1 2.75 1 0.5 "" solid box black lightgrey
node n1 1 0.25 1 0.5 "" solid box black lightgrey
edge n0 n1 4 1 2.5 1 2 1 1.5 1 0.5 solid black
stop
"""


@pytest.fixture
def no_dot(monkeypatch):
    """A machine without any dot program."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.metadata, "distribution", missing)


def test_without_dot_our_own_layout_draws(no_dot):
    graph = backward_graph(*network())
    assert graph.svg().startswith("<svg")
    assert graph.renderer == "layout"
    assert graph.notes == (
        "graphviz: there is no dot program on the PATH",
        "graphviz-pure: the package graphviz-pure is not installed",
    )


def test_without_dot_a_png_says_what_to_install(no_dot, tmp_path):
    with pytest.raises(RuntimeError, match="pip install graphviz-pure"):
        backward_graph(*small()).save(tmp_path / "graph.png")
    assert list(tmp_path.iterdir()) == []


def test_without_any_layout_the_tree_is_shown(no_dot, monkeypatch):
    def broken(drawing, direction):
        raise ZeroDivisionError("no luck")

    monkeypatch.setitem(renderers.RENDERERS, "layout", broken)
    graph = backward_graph(*small())
    assert graph.renderer == "text"
    assert "MulBackward0" in graph.svg()
    assert graph.notes[-1] == "layout: no luck"
    assert "<img" in graph._repr_html_()


def test_a_cycle_is_still_shown(no_dot):
    node = FakeNode("MulBackward0")
    node.next_functions = ((node, 0),)
    graph = backward_graph(FakeTensor(grad_fn=node))
    assert graph.renderer == "text"
    assert "(see above)" in graph.svg()


def test_a_dot_program_that_fails_is_passed_over(monkeypatch):
    def failed(*arguments, **options):
        return subprocess.CompletedProcess(arguments, 1, b"", b"no such font")

    monkeypatch.setattr(renderers, "find_graphviz", lambda: "dot")
    monkeypatch.setattr(renderers, "find_graphviz_pure", lambda: "dot")
    monkeypatch.setattr(subprocess, "run", failed)
    graph = backward_graph(*small())
    assert graph.renderer == "layout"
    assert graph.notes[0] == "graphviz: failed with code 1: no such font"


@pytest.mark.parametrize("error", [OSError("not executable"), subprocess.TimeoutExpired("dot", 1)])
def test_a_dot_program_that_does_not_run_is_passed_over(monkeypatch, error):
    def run(*arguments, **options):
        raise error

    monkeypatch.setattr(renderers, "find_graphviz", lambda: "dot")
    monkeypatch.setattr(renderers, "find_graphviz_pure", lambda: "dot")
    monkeypatch.setattr(subprocess, "run", run)
    graph = backward_graph(*small())
    assert graph.renderer == "layout"
    assert graph.notes[0].startswith("graphviz: ")


def test_a_dot_program_that_writes_nonsense_is_passed_over(monkeypatch):
    monkeypatch.setattr(renderers, "find_graphviz", lambda: "dot")
    monkeypatch.setattr(renderers, "run_dot", lambda *arguments: b"graph 1 1 1\nstop\n")
    assert "is missing" in backward_graph(*small(), renderer="graphviz").notes[0]


def test_a_renderer_can_be_named(monkeypatch):
    monkeypatch.setattr(renderers, "find_graphviz", lambda: pytest.fail("asked all the same"))
    assert backward_graph(*small(), renderer="layout").renderer == "layout"


def test_dot_is_not_asked_for_what_it_would_take_minutes_over(monkeypatch):
    monkeypatch.setattr(renderers, "find_graphviz", lambda: "dot")
    monkeypatch.setattr(renderers, "find_graphviz_pure", lambda: "dot")
    monkeypatch.setattr(renderers, "MOST_ROWS_CROSSED", 2)
    graph = backward_graph(*network())
    assert graph.renderer == "layout"
    assert "too many long lines" in graph.notes[0]


def test_places_are_read_from_dot():
    drawing = walk([("result", FakeTensor(grad_fn=FakeNode("MulBackward0")))], Names([]), 9, False)
    placed = read_plain(PLAIN, drawing)
    assert placed.centres == {"n0": (72, 18), "n1": (72, 198)}
    assert placed.curves == [[(72, 36), (72, 72), (72, 108), (72, 180)]]
    assert (placed.width, placed.height) == (144, 216)


def test_dot_is_asked_for_places_without_any_words():
    drawing = walk([("result", small()[0])], Names([]), 9, False)
    assert "Backward" not in to_skeleton(drawing)


def available() -> list[str]:
    names = []
    for name, find in (
        ("graphviz", renderers.find_graphviz),
        ("graphviz-pure", renderers.find_graphviz_pure),
    ):
        try:
            find()
        except renderers.NotDrawn:
            continue
        names.append(name)
    return names


@pytest.mark.parametrize("name", ["graphviz", "graphviz-pure"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_with_dot_the_same_boxes_are_drawn(name, direction):
    if name not in available():
        pytest.skip(f"{name} is not installed")
    graph = backward_graph(*network(), renderer=name, direction=direction)
    other = backward_graph(*network(), renderer="layout", direction=direction)
    assert graph.notes == ()
    for word in ("<g id=", "<rect", "<text", "<title>", "output 1"):
        assert graph.svg().count(word) == other.svg().count(word)


@pytest.mark.parametrize("program", ["graphviz", "graphviz-pure"])
def test_dot_reads_hostile_names_as_they_are_meant(program):
    if program not in available():
        pytest.skip(f"{program} is not installed")
    find = renderers.find_graphviz if program == "graphviz" else renderers.find_graphviz_pure
    for name in HOSTILE_NAMES:
        x = leaf()
        dot = backward_graph(Tape().apply(name, x), {name: x}).dot()
        root = ElementTree.fromstring(renderers.run_dot(find(), dot, "svg"))
        shown = [(text.text or "").replace("\xa0", " ") for text in root.iter(f"{SPACE}text")]
        assert shown.count(shorten(clean(name))) == 2
        tooltips = [link.get(f"{LINK}title") for link in root.iter(f"{SPACE}a")]
        assert tooltips[-1].startswith(clean(name))


def test_save_writes_what_the_ending_asks_for(tmp_path):
    graph = backward_graph(*small(), renderer="layout")
    for ending, start in ((".svg", "<svg"), (".dot", "digraph"), (".HTML", "<!doctype html>")):
        path = graph.save(tmp_path / f"graph{ending}")
        assert path.read_text(encoding="utf-8").startswith(start)
        assert b"\r" not in path.read_bytes()


def test_save_as_png(tmp_path):
    if not available():
        pytest.skip("no dot program is installed")
    path = backward_graph(*network()).save(str(tmp_path / "graph.png"))
    assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_save_refuses_other_endings(tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.dot or \.html"):
        backward_graph(*small()).save(tmp_path / "graph.jpg")
