"""Seeds and generators."""

import minigrad
from minigrad import Generator


def drawn(generator: Generator) -> list[float]:
    numbers: list[float] = minigrad.rand(3, generator=generator).tolist()
    return numbers


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert drawn(Generator().manual_seed(4)) == drawn(Generator().manual_seed(4))
    assert drawn(Generator().manual_seed(5)) != drawn(Generator().manual_seed(4))
    assert drawn(Generator().manual_seed(-1)) != drawn(Generator().manual_seed(1))


def test_manual_seed_starts_the_default_stream_again() -> None:
    minigrad.manual_seed(4)
    first = minigrad.rand(3).tolist()
    assert minigrad.rand(3).tolist() != first
    minigrad.manual_seed(4)
    assert minigrad.rand(3).tolist() == first
    assert minigrad.initial_seed() == 4


def test_seed_chooses_one() -> None:
    generator = Generator().manual_seed(0)
    assert generator.seed() == generator.initial_seed() != 0
