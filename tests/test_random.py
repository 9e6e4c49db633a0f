"""Seeds and generators."""

import minigrad
from minigrad.random import DEFAULT_SEED, Generator, default_generator


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = (Generator().manual_seed(4).numpy.random(3).tolist() for _ in range(2))
    assert first == second
    assert Generator().manual_seed(5).numpy.random(3).tolist() != first


def test_manual_seed_starts_the_default_generator_again() -> None:
    assert minigrad.manual_seed(4) is default_generator
    first = default_generator.numpy.random()
    assert default_generator.numpy.random() != first
    minigrad.manual_seed(4)
    assert default_generator.numpy.random() == first
    assert minigrad.initial_seed() == 4


def test_without_a_seed_programs_are_repeatable() -> None:
    assert Generator().initial_seed() == DEFAULT_SEED


def test_negative_seeds_are_seeds_too() -> None:
    assert Generator().manual_seed(-1).numpy.random() != Generator().manual_seed(1).numpy.random()


def test_seed_chooses_one() -> None:
    generator = Generator()
    assert generator.seed() == generator.initial_seed() != DEFAULT_SEED
