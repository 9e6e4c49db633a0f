"""The table in docs/autograd.md names all of torch's autograd."""

import pytest

from tests.surface import rows_of_page, surface

torch = pytest.importorskip("torch")


def test_the_table_names_all_of_torch() -> None:
    assert list(rows_of_page()) == surface(torch)
