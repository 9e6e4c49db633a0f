"""The DOT text: the same bytes everywhere, and safe with any name."""

import re
from pathlib import Path

import pytest

from tests.visualize.fakes import Tape, leaf, network, small
from visualize import backward_graph
from visualize.dot import markup, quoted
from visualize.text import clean, shorten

GOLDEN = Path(__file__).parent / "golden"
HOSTILE_NAMES = [
    'quote " and <b>markup</b> & &amp;',
    r"backslash \N \n \G \\ \"",
    "line\nbreak\ttab\r\x00\x1b",
    "]]> --> </svg></text><script>alert(1)</script>",
    "{PICTURE} {TITLE} %s {0}",
    "\ud800 lone surrogate",
    "右から左 ‮ مرحبا",
    "x" * 500,
    "'); DROP TABLE",
]


@pytest.mark.parametrize(("name", "make"), [("small", small), ("network", network)])
def test_dot_is_as_it_was(name, make):
    """If a change is meant: look at the picture, then write the new text to the golden file."""
    expected = (GOLDEN / f"{name}.dot").read_text(encoding="utf-8")
    assert backward_graph(*make()).dot() == expected


def test_dot_does_not_change_from_run_to_run():
    assert backward_graph(*network()).dot() == backward_graph(*network()).dot()


def test_direction_is_given_to_graphviz():
    assert "rankdir=LR" in backward_graph(*small(), direction="LR").dot()


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_dot_stays_well_formed_with_hostile_names(name):
    x = leaf()
    dot = backward_graph(Tape().apply(name, x), {name: x}).dot()
    dot.encode("utf-8")
    assert dot.count("\n") == backward_graph(*alike()).dot().count("\n")
    line = next(line for line in dot.splitlines() if line.startswith("  n2 ["))
    assert re.fullmatch(
        r'  n2 \[id="n2", class="leaf", label=<.*>, tooltip="[^"]*", width=[\d.]+, '
        r'height=[\d.]+, style="filled", fillcolor="#dbeafe", color="#1d4ed8", '
        r'fontcolor="#0f172a", penwidth=1.5\];',
        line,
    )
    label = re.search(r"<B>(.*?)</B>", line)[1]
    assert not re.search(r'[<>"]|&(?!amp;|lt;|gt;|quot;)', label)


def alike():
    x = leaf()
    return Tape().apply("MulBackward0", x), {"x": x}


def test_backslashes_are_written_as_graphviz_reads_them():
    """It takes backslash-N for the node's name, once in a label and twice in a tooltip."""
    assert markup(r"a\N<b>") == r"a\\N&lt;b&gt;"
    assert quoted('"\\N"') == r"&quot;\\\\N&quot;"


def test_clean_shows_what_cannot_be_printed():
    assert clean("a\nb\x00\ud800") == r"a\nb\x00\ud800"
    assert clean("größe 大") == "größe 大"


def test_shorten_keeps_both_ends():
    assert shorten("a" * 44) == "a" * 44
    assert shorten("start" + "-" * 100 + "end") == "start" + "-" * 15 + "..." + "-" * 17 + "end"
