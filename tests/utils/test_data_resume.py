"""The order of the data depends on nothing but the generator's state when an epoch begins."""

from itertools import islice
from typing import Any

import pytest

import minigrad
from minigrad.random import Generator
from minigrad.utils.data import (
    DataLoader,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

DATA = TensorDataset(minigrad.arange(10))


def loaders(generator: Generator | None) -> list[DataLoader]:
    samplers: list[Sampler[int]] = [
        RandomSampler(DATA, generator=generator),
        RandomSampler(DATA, replacement=True, num_samples=25, generator=generator),
        RandomSampler(DATA, num_samples=25, generator=generator),
        SubsetRandomSampler(range(10), generator),
        WeightedRandomSampler([1.0] * 10, 25, generator=generator),
    ]
    shuffled = DataLoader(DATA, 3, shuffle=True, generator=generator)
    return [shuffled, *(DataLoader(DATA, 3, sampler=sampler) for sampler in samplers)]


KINDS = range(len(loaders(None)))


def epoch(batches: Any) -> list[list[int]]:
    return [batch[0].tolist() for batch in batches]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_in_an_epoch_does_not_change_its_order(kind: int) -> None:
    loader = loaders(None)[kind]
    state = minigrad.get_rng_state()
    undisturbed = epoch(loader)
    minigrad.set_rng_state(state)
    disturbed = []
    for batch in loader:
        disturbed.append(batch[0].tolist())
        minigrad.rand(5)
    assert disturbed == undisturbed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("own", [True, False])
def test_going_on_in_the_middle_of_an_epoch(kind: int, own: bool) -> None:
    """The recipe of docs/data.md; the model draws numbers too, as dropout does."""

    def run(start: Any, done: int, now: Any, epochs: int) -> tuple[list[Any], list[Any]]:
        """Train, from a point that was saved; return what was seen, and the points between."""
        generator = Generator() if own else minigrad.default_generator
        loader = loaders(generator if own else None)[kind]
        seen, points = [], []
        for _ in range(epochs):
            generator.set_state(start)
            batches = iter(loader)
            for _ in islice(batches, done):
                pass
            if done:
                generator.set_state(now)
            for batch in batches:
                noise = minigrad.rand((), generator=generator).item()
                done, now = done + 1, generator.get_state()
                seen.append((batch[0].tolist(), noise))
                points.append((start, done, now))
            start, done = generator.get_state(), 0
        return seen, points

    seen, points = run(Generator().manual_seed(3).get_state(), 0, None, 2)
    half = len(seen) // 2
    assert seen[0] != seen[half]
    again, _ = run(*points[1], epochs=2)
    assert again == seen[2:]


def test_the_whole_generator_is_never_shared() -> None:
    """Numbers set aside for one epoch are not drawn again by the next, nor by others."""
    generator = Generator()
    first = iter(RandomSampler(range(5), num_samples=12, generator=generator))
    second = list(RandomSampler(range(5), num_samples=12, generator=generator))
    assert list(first) != second
    after = generator.get_offset()
    list(first)
    assert generator.get_offset() == after
