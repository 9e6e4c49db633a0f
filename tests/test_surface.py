"""The table in docs/autograd.md names pieces that exist, in the files that define them."""

import pytest

from tests.surface import LEFT_OUT, PAGE, here, page, rows_of_page

ROWS = rows_of_page()


def test_the_table_is_as_it_would_be_written_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(list(ROWS))


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_not_here(name: str) -> None:
    with pytest.raises(AttributeError):
        here(name)
