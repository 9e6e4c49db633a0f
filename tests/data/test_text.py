"""A corpus, its characters as numbers, and windows of them."""

import pytest

import minigrad
from minigrad.data import NextCharacters, Vocabulary, corpus
from minigrad.utils.data import DataLoader


def test_the_corpus_is_large_and_about_python() -> None:
    text = corpus()
    assert len(text) > 300_000
    assert "yield" in text
    assert text == corpus()
    assert len(Vocabulary(text)) < 200


def test_encoding_and_back() -> None:
    vocabulary = Vocabulary(["abba", "cd"])
    assert (vocabulary.characters, len(vocabulary)) == ("abcd", 4)
    numbers = vocabulary.encode("dab")
    assert (numbers.tolist(), numbers.dtype) == ([3, 0, 1], minigrad.int64)
    assert vocabulary.decode(numbers) == vocabulary.decode([3, 0, 1]) == "dab"
    assert vocabulary.encode("").tolist() == []


def test_unknown_characters_are_named() -> None:
    with pytest.raises(ValueError, match="the character 'z' is not in the vocabulary 'ab'"):
        Vocabulary("ab").encode("az")


def test_windows_and_what_follows() -> None:
    windows = NextCharacters(minigrad.arange(6), 4)
    assert len(windows) == 2
    x, y = windows[1]
    assert (x.tolist(), y.tolist()) == ([1, 2, 3, 4], [2, 3, 4, 5])
    assert windows[-1][0].tolist() == x.tolist()
    assert len(list(windows)) == 2  # an IndexError ends it
    (batch,) = DataLoader(windows, batch_size=2)
    assert batch[0].tolist() == [[0, 1, 2, 3], [1, 2, 3, 4]]


def test_too_short_a_text() -> None:
    with pytest.raises(ValueError, match="more than the 4 there are"):
        NextCharacters(minigrad.arange(4), 4)
