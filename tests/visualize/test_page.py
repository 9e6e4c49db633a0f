"""The HTML page: one file, well-formed, nothing from the network."""

import re
from html.parser import HTMLParser

from tests.visualize.fakes import Tape, leaf, network, small
from tests.visualize.test_dot import HOSTILE_NAMES
from visualize import backward_graph

VOID = {"meta", "img", "br", "link", "input"}


class Reader(HTMLParser):
    """Checks that tags are closed in order, and collects what is in the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def page_of(*arguments, **options) -> str:
    return backward_graph(*arguments, renderer="layout", **options).html()


def test_page_is_well_formed_and_has_its_parts():
    reader = read(page_of(*network()))
    assert {"title", "h1", "nav", "main", "svg", "footer", "style", "script"} <= set(reader.tags)
    assert "7 operations, 2 leaves with 72 values" in "".join(reader.texts)
    assert "{" + "TITLE" + "}" not in "".join(reader.texts)


def test_page_asks_for_nothing_from_the_network():
    page = page_of(*network())
    assert set(re.findall(r"https?://[^\"' ]*", page)) == {"http://www.w3.org/2000/svg"}
    names = {name for name, _ in read(page).attributes}
    assert not names & {"src", "href", "xlink:href", "srcset"}
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_page_has_light_and_dark_colours():
    page = page_of(*small())
    assert "prefers-color-scheme: dark" in page
    for variable in re.findall(r"var\((--[a-z-]+)\)", page):
        assert page.count(f"{variable}:") == 2, variable


def test_page_escapes_title_and_names():
    for name in HOSTILE_NAMES:
        x = leaf()
        graph = backward_graph(Tape().apply(name, x), {name: x}, renderer="layout")
        reader = read(graph.html(title=name.replace("\ud800", "")))
        assert reader.tags.count("script") == 1
        assert reader.tags.count("svg") == 1


def test_legend_names_only_what_is_drawn():
    assert "saved tensor" not in page_of(*small())
    assert "left out" in page_of(*small(), limit=1)
