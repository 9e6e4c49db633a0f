"""A task with exact answers: adding two numbers, character by character."""

import numpy as np

from minigrad.data.text import Vocabulary
from minigrad.ops.creation import from_numpy
from minigrad.ops.draw import source
from minigrad.ops.pointwise import eq
from minigrad.random import Generator
from minigrad.tensor import Tensor
from minigrad.utils.data import TensorDataset

CHARACTERS = "+0123456789="
LARGEST = 3  # digits; with four there are 100,000,000 problems


def addition(
    digits: int = 2, held_out: float = 0.1, seed: int = 0
) -> tuple[TensorDataset, TensorDataset]:
    """All sums of two numbers, to train with and (a tenth) to test with, each in random order.

    A sample is the question "07+15=" and the answer "220", the last digit of 022 first, which is
    the order in which one adds; as numbers of addition_vocabulary().  a + b is held out
    together with b + a, so no answer can be known from training.
    """
    if not 1 <= digits <= LARGEST:
        raise ValueError(f"addition(): digits should be from 1 to {LARGEST}, but got {digits}")
    if not 0 < held_out < 1:
        raise ValueError(f"addition(): held_out should be between 0 and 1, but got {held_out}")
    smaller, larger = np.triu_indices(10**digits)
    generator = Generator().manual_seed(seed)
    order = source(generator).permutation(len(smaller))
    tested = max(1, round(held_out * len(order)))
    test, train = (
        problems(smaller[part], larger[part], digits, generator)
        for part in (order[:tested], order[tested:])
    )
    return train, test


def problems(a: np.ndarray, b: np.ndarray, digits: int, generator: Generator) -> TensorDataset:
    """a + b and, where it is another question, b + a."""
    other = a != b
    a, b = np.concatenate([a, b[other]]), np.concatenate([b, a[other]])
    order = source(generator).permutation(len(a))
    a, b = a[order], b[order]
    plus, equals = (np.full((len(a), 1), CHARACTERS.index(sign)) for sign in "+=")
    first, second = digits_of(a, digits)[:, ::-1], digits_of(b, digits)[:, ::-1]
    questions = np.concatenate([first, plus, second, equals], axis=1)
    return TensorDataset(from_numpy(questions), from_numpy(digits_of(a + b, digits + 1)))


def digits_of(numbers: np.ndarray, count: int) -> np.ndarray:
    """So many decimal digits of each number as characters of the task, the last digit first."""
    return numbers[:, None] // 10 ** np.arange(count) % 10 + CHARACTERS.index("0")


def addition_vocabulary() -> Vocabulary:
    """The characters of the task."""
    return Vocabulary(CHARACTERS)


def exact_accuracy(predicted: Tensor, answers: Tensor) -> float:
    """The share of rows (N, T) that are right in every place."""
    if predicted.shape != answers.shape:
        raise ValueError(
            f"exact_accuracy(): shapes {tuple(predicted.shape)} and {tuple(answers.shape)} differ"
        )
    return float(eq(predicted, answers).all(dim=-1).double().mean())
