"""Text as numbers: a corpus that every Python brings along, characters and what follows them."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np

from minigrad.ops.creation import from_numpy
from minigrad.tensor import Tensor
from minigrad.utils.data import Dataset


def corpus() -> str:
    """What help() of the running Python says on its own language: half a million characters.

    (c) Python Software Foundation.  Each version of Python has a text of its own, so compare
    losses under one version only.
    """
    topics = import_module("pydoc_data.topics").topics  # too large to be read with minigrad
    return "\n".join(topics[name] for name in sorted(topics))


class Vocabulary:
    """A number for each character: its place among those of a text, in the order of Unicode."""

    def __init__(self, text: Iterable[str]) -> None:
        self.characters = "".join(sorted({character for part in text for character in part}))
        self.numbers = {character: number for number, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """The numbers of the characters, int64."""
        try:
            return from_numpy(np.array([self.numbers[character] for character in text], np.int64))
        except KeyError as error:
            raise ValueError(
                f"the character {error} is not in the vocabulary {self.characters!r}"
            ) from None

    def decode(self, numbers: Any) -> str:
        """The text of these numbers, a tensor or a list."""
        return "".join(self.characters[int(number)] for number in numbers)


class NextCharacters(Dataset[tuple[Tensor, Tensor]]):
    """Sample i is `length` numbers from place i on, and those that follow each of them."""

    def __init__(self, numbers: Tensor, length: int) -> None:
        if len(numbers) <= length:
            raise ValueError(
                f"a sample of {length} numbers and the next needs more than the {len(numbers)} "
                "there are"
            )
        self.numbers, self.length = numbers, length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        place = range(len(self))[index]  # negative ones count from the end
        window = self.numbers[place : place + self.length + 1]
        return window[:-1], window[1:]

    def __len__(self) -> int:
        return len(self.numbers) - self.length
