"""docs/errors.md and docs/autograd-guide.md tell the truth: each example is run, and prints what
stands below it.

`python tests/autograd/test_pages.py` writes anew what the examples print.
"""

import contextlib
import io
import linecache
import re
import textwrap
import warnings
from pathlib import Path

import pytest

from minigrad.autograd.explain.record import Latest

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = {"errors.md": 20, "autograd-guide.md": 8}  # and how many examples each has at least
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<shown>.*?)```", re.S)
FILE = "example.py"
CALLERS = re.compile(r'  File "(?!example).*\n(    .*\n)*')  # what a traceback shows above


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def examples(page: str) -> list[re.Match[str]]:
    return list(EXAMPLE.finditer(text_of(page)))


def run(code: str) -> str:
    """What an example prints, warnings and a last error included, in lines of a page's width."""
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    printed = io.StringIO()
    Latest.record = None  # notes of another example
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(code, FILE, "exec"), {"__name__": "__main__"})
        except Exception as error:
            printed.write(f"{type(error).__name__}: {error}\n")
            printed.writelines(note + "\n" for note in getattr(error, "__notes__", []))
    texts = [f"{w.category.__name__}: {w.message}\n" for w in caught]
    return wrapped(CALLERS.sub("", "".join(texts) + printed.getvalue()))


def wrapped(text: str) -> str:
    lines = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(line, 98, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page in PAGES for number in range(len(examples(page)))]
)
def test_the_page_shows_what_the_example_prints(page: str, number: int) -> None:
    match = examples(page)[number]
    # An address differs from run to run.
    shown, printed = (re.sub(r"0x\w+", "0x", x) for x in (match["shown"], run(match["code"])))
    assert printed == shown


@pytest.mark.parametrize("page", PAGES)
def test_every_example_has_its_output(page: str) -> None:
    assert text_of(page).count("```python\n") == len(examples(page)) > PAGES[page]


def with_outputs(text: str) -> str:
    return EXAMPLE.sub(lambda m: f"```python\n{m['code']}```\n\n```text\n{run(m['code'])}```", text)


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / name).write_text(with_outputs(text_of(name)), encoding="utf-8")
