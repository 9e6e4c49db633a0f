"""Seeds, generators and their states."""

from typing import Any

import pytest

import minigrad
from minigrad import Generator
from minigrad.random import fork_rng

Drawn = list[float]


def drawn(generator: Generator | None = None) -> Drawn:
    numbers: Drawn = minigrad.rand(3, generator=generator).tolist()
    return numbers


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert drawn(Generator().manual_seed(4)) == drawn(Generator().manual_seed(4))
    assert drawn(Generator().manual_seed(5)) != drawn(Generator().manual_seed(4))
    assert drawn(Generator().manual_seed(-1)) != drawn(Generator().manual_seed(1))


def test_manual_seed_starts_the_default_stream_again() -> None:
    minigrad.manual_seed(4)
    first = drawn()
    assert drawn() != first
    minigrad.manual_seed(4)
    assert drawn() == first
    assert minigrad.initial_seed() == 4


def test_seed_chooses_one() -> None:
    generator = Generator().manual_seed(0)
    assert generator.seed() == generator.initial_seed() != 0
    assert minigrad.seed() == minigrad.initial_seed()


def test_a_negative_seed_counts_from_the_end() -> None:
    assert Generator().manual_seed(-5).initial_seed() == 2**64 - 5


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_has_64_bits(seed: int) -> None:
    with pytest.raises(ValueError, match="Overflow"):
        Generator().manual_seed(seed)


# ------------------------------------------------------------------------------------------ states


def test_a_state_brings_back_the_numbers() -> None:
    minigrad.manual_seed(4)
    drawn()
    state = minigrad.get_rng_state()
    first = drawn()
    assert drawn() != first
    minigrad.set_rng_state(state)
    assert drawn() == first


def test_a_draw_takes_whole_blocks() -> None:
    """A block has four words: a float32 takes one and leaves the others to nobody."""
    generator = Generator().manual_seed(4)
    minigrad.rand(1, generator=generator)
    assert generator.get_offset() == 1
    minigrad.rand(5, generator=generator)
    assert generator.get_offset() == 3
    minigrad.rand(5, generator=generator, dtype=minigrad.float64)
    assert generator.get_offset() == 7
    state = generator.get_state()
    assert drawn(generator) == drawn(Generator().set_state(state))
    assert drawn(Generator().manual_seed(4).set_offset(7)) == drawn(Generator().set_state(state))


def test_a_state_carries_the_seed_and_fits_any_generator() -> None:
    ours, other = Generator().manual_seed(-3), Generator()
    drawn(ours)
    assert other.set_state(ours.get_state()) is other
    assert other.initial_seed() == ours.initial_seed() == 2**64 - 3
    assert drawn(other) == drawn(ours)


def test_a_clone_draws_the_same_numbers_but_apart() -> None:
    generator = Generator().manual_seed(7)
    drawn(generator)
    clone = generator.clone_state()
    assert [drawn(clone), drawn(clone)] == [drawn(generator), drawn(generator)]


def test_a_state_is_a_tensor_of_bytes_that_later_draws_do_not_change() -> None:
    state = minigrad.get_rng_state()
    assert state.dtype is minigrad.uint8
    before = state.tolist()
    drawn()
    assert state.tolist() == before != minigrad.get_rng_state().tolist()


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda state: state.float(), TypeError, "RNG state must be a .*ByteTensor"),
        (lambda state: state.tolist(), TypeError, "expected a .*ByteTensor, but got list"),
        (lambda state: state[:10], RuntimeError, "RNG state size to be 10"),
    ],
)
def test_what_is_no_state_is_refused(wrong: Any, error: Any, words: str) -> None:
    state = minigrad.get_rng_state()
    with pytest.raises(error, match=words):
        minigrad.set_rng_state(wrong(state))
    assert minigrad.get_rng_state().tolist() == state.tolist()


def test_a_fork_leaves_no_trace() -> None:
    minigrad.manual_seed(4)
    expected = drawn()
    minigrad.manual_seed(4)
    with fork_rng():
        minigrad.manual_seed(99)
        drawn()
    assert (minigrad.initial_seed(), drawn()) == (4, expected)


def test_a_fork_leaves_no_trace_after_an_exception_or_around_a_function() -> None:
    @fork_rng()
    def draw() -> Drawn:
        return drawn()

    assert draw() == draw()
    state = minigrad.get_rng_state().tolist()
    with pytest.raises(ValueError, match="a seed lies"), fork_rng():
        minigrad.manual_seed(2**64 if drawn() else 0)
    assert minigrad.get_rng_state().tolist() == state


def test_a_disabled_fork_does_nothing() -> None:
    state = minigrad.get_rng_state().tolist()
    with fork_rng(enabled=False):
        drawn()
    assert minigrad.get_rng_state().tolist() != state
