"""docs/operators.md says what the code says."""

from tests.operators import PAGE, page


def test_the_page_is_as_it_would_be_written_now() -> None:
    written = PAGE.read_text(encoding="utf-8").splitlines()
    for number, (line, now) in enumerate(zip(written, page().splitlines(), strict=True), 1):
        assert line == now, f"line {number}: run `python -m tests.operators`"
