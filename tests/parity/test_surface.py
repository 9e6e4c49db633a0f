"""The table in docs/autograd.md names all of torch's autograd."""

import torch

from tests.surface import rows_of_page, surface


def test_the_table_names_all_of_torch() -> None:
    assert list(rows_of_page()) == surface(torch)
