"""The SVG: well-formed, text inside its boxes, safe with any name and in any notebook."""

import base64
import re
from xml.etree import ElementTree

import pytest

from tests.visualize.fakes import Tape, chain, leaf, network, small
from tests.visualize.test_dot import HOSTILE_NAMES
from visualize import backward_graph
from visualize.style import LOOKS, box_size, text_width

SPACE = "{http://www.w3.org/2000/svg}"


def svg_of(graph) -> ElementTree.Element:
    return ElementTree.fromstring(graph.svg())


def own(*arguments, **options):
    return backward_graph(*arguments, renderer="layout", **options)


@pytest.mark.parametrize("make", [small, network, lambda: (chain(3), None)])
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_every_box_holds_its_text_and_lies_in_the_picture(make, direction):
    root = svg_of(own(*make(), direction=direction))
    left, top, width, height = (float(word) for word in root.get("viewBox").split())
    nodes = [g for g in root.iter(f"{SPACE}g") if g.get("class", "").startswith("node")]
    assert nodes
    for node in nodes:
        rect = node.find(f"{SPACE}rect")
        x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        assert left < x < x + w < left + width
        assert top < y < y + h < top + height
        for text in node.findall(f"{SPACE}text"):
            size, bold = float(text.get("font-size")), text.get("font-weight") == "bold"
            assert text.get("text-anchor") == "middle"
            assert float(text.get("x")) == pytest.approx(x + w / 2, abs=0.2)
            assert text_width(text.text, size, bold) < w - 8
            assert y + size * 0.7 < float(text.get("y")) < y + h - 4


def test_boxes_and_words_of_the_drawing_are_all_there():
    root = svg_of(own(*network()))
    words = [text.text for text in root.iter(f"{SPACE}text")]
    for word in ("SumBackward0", "weight", "(8, 8) float32", "output 1", LOOKS["leaf"].legend):
        assert word in words


def test_tooltips_are_titles():
    titles = [title.text for title in svg_of(own(*small())).iter(f"{SPACE}title")]
    assert "AddBackward0; () float32; train.py:3 in step" in titles


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_svg_stays_well_formed_with_hostile_names(name):
    x = leaf()
    graph = own(Tape().apply(name, x), {name: x})
    assert "<script" not in graph.svg()
    graph.svg().encode("utf-8")
    paper, boxes, samples = 1, 3, 3
    assert len(list(svg_of(graph).iter(f"{SPACE}rect"))) == paper + boxes + samples


def alike():
    x = leaf()
    return Tape().apply("MulBackward0", x), {"x": x}


def test_svg_asks_for_nothing_from_the_network():
    links = re.findall(r"https?://[^\"' ]*", own(*network()).svg())
    assert set(links) == {"http://www.w3.org/2000/svg"}


def test_svg_is_the_same_in_every_run():
    assert own(*network()).svg() == own(*network()).svg()


def test_what_is_left_out_is_written_below_the_picture():
    words = " ".join(text.text for text in svg_of(own(chain(50), limit=5)).iter(f"{SPACE}text"))
    assert "46 more are left out" in words


def test_a_notebook_gets_an_image_and_the_tree():
    graph = own(*small())
    bundle = graph._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    image = re.match(
        r'<div class="backward-graph"><img alt="[^"<>]*" style="[^"]*" src="data:([^"]*)"></div>'
        "<script>",
        bundle["text/html"],
    )
    kind, data = image[1].split(";base64,")
    assert kind == "image/svg+xml"
    assert base64.b64decode(data).decode() == graph.svg()
    assert bundle["text/html"].count("<script>") == 1
    assert bundle["text/plain"] == str(graph)
    assert graph._repr_html_() == bundle["text/html"]


def test_a_notebook_can_ask_for_one_kind():
    graph = own(*small())
    assert graph._repr_mimebundle_(include=["image/svg+xml"]) == {"image/svg+xml": graph.svg()}
    assert set(graph._repr_mimebundle_(exclude=["text/html"])) == {"text/plain"}


def test_wide_letters_get_wider_boxes():
    assert box_size("大大大大", ())[0] > box_size("xxxx", ())[0]
    assert box_size("WWWW", ())[0] > box_size("iiii", ())[0]
