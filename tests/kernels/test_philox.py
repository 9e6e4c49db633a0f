"""Philox: its authors' known answers, what docs/random.md says of elements, and both devices."""

import math
from typing import Any

import numpy as np
import pytest

from minigrad.kernels import philox
from minigrad.kernels.cpu import random
from minigrad.kernels.jit import kernel

rounds = philox.rounds_of(random.TARGET.scalar)
block = philox.block_of(random.TARGET.scalar)

F = 0xFFFFFFFF
# Random123 1.14, examples/kat_vectors: philox4x32 10, counter and key, then the words.
KNOWN = {
    (0, 0, 0, 0, 0, 0): "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    (F, F, F, F, F, F): "408f276d 41c83b0e a20bc7c6 6d5451fd",
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0): (
        "d16cfe09 94fdcceb 5001e420 24126ea1"
    ),
}


@kernel
def words_of(numbers, out):
    w0, w1, w2, w3 = rounds(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])
    out[0], out[1], out[2], out[3] = w0, w1, w2, w3


@kernel
def block_words(seed, counter, out):
    w0, w1, w2, w3 = block(seed, counter)
    out[0], out[1], out[2], out[3] = w0, w1, w2, w3


@pytest.mark.parametrize("given", KNOWN)
def test_known_answers(given: tuple[int, ...]) -> None:
    out = np.empty(4, np.uint64)
    words_of(np.array(given, np.uint64), out)
    assert " ".join(f"{word:08x}" for word in out) == KNOWN[given]


def words(seed: int, counter: int) -> list[int]:
    out = np.empty(4, np.uint64)
    block_words(np.uint64(seed), np.uint64(counter), out)
    return [int(word) for word in out]


def filled(name: str, size: int, dtype: str, seed: int, offset: int, a: Any, b: Any) -> Any:
    out = np.empty(size, dtype)
    random.fill_random(out, name, seed, offset, a, b)
    return out


SEED, OFFSET = 2**40 + 5, 2**33 + 7


def test_uniform_numbers_are_the_words_as_documented() -> None:
    one, zero = np.float32(1), np.float32(0)
    drawn = filled("uniform_float32", 7, "float32", SEED, OFFSET, zero, one)
    expected = [words(SEED, OFFSET + i // 4)[i % 4] >> 8 for i in range(7)]
    assert [float(x) * 2**24 for x in drawn] == expected
    half = filled("uniform_float16", 7, "float16", SEED, OFFSET, zero, one)
    expected = [words(SEED, OFFSET + i // 4)[i % 4] >> 21 for i in range(7)]
    assert [float(x) * 2**11 for x in half] == expected


def word_64(i: int) -> int:
    pair = words(SEED, OFFSET + i // 2)[2 * (i % 2) :]
    return pair[0] << 32 | pair[1]


def test_float64_takes_two_words() -> None:
    drawn = filled("uniform_float64", 7, "float64", SEED, OFFSET, np.float64(0), np.float64(1))
    assert [float(x) * 2**53 for x in drawn] == [word_64(i) >> 11 for i in range(7)]


@pytest.mark.parametrize(("low", "span"), [(-3, 10), (-(2**62), 2**63 + 12345), (0, 2**63 - 1)])
def test_integers_are_the_high_half_of_a_product(low: int, span: int) -> None:
    drawn = filled("integers_int64", 9, "int64", SEED, OFFSET, np.int64(low), np.uint64(span))
    assert drawn.tolist() == [low + (span * word_64(i) >> 64) for i in range(9)]


def normal_of(radius_word: int, angle_word: int, bits: int) -> tuple[float, float]:
    """Box and Muller in Python's floats."""
    kept = 31 if bits == 32 else 53
    u = ((radius_word >> (bits - kept)) + 0.5) / 2**kept
    radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * angle_word / 2**bits
    return radius * math.cos(angle), radius * math.sin(angle)


def test_normal_numbers_are_those_of_box_and_muller() -> None:
    drawn = filled("normal_float32", 400, "float32", SEED, OFFSET, np.float32(2), np.float32(3))
    expected = []
    for i in range(100):
        w = words(SEED, OFFSET + i)
        expected += [*normal_of(w[0], w[1], 32), *normal_of(w[2], w[3], 32)]
    np.testing.assert_allclose(drawn, 2 + 3 * np.array(expected), 4e-6, 2e-6)
    double = filled("normal_float64", 400, "float64", SEED, OFFSET, np.float64(2), np.float64(3))
    expected = []
    for i in range(0, 400, 2):
        expected += normal_of(word_64(i), word_64(i + 1), 64)
    np.testing.assert_allclose(double, 2 + 3 * np.array(expected), 1e-13, 1e-14)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("uniform_float32", "float32"),
        ("normal_float32", "float32"),
        ("normal_float64", "float64"),
        ("exponential_float32", "float32"),
    ],
)
def test_any_start_gives_the_same_elements(name: str, dtype: str) -> None:
    """Element 8 of a draw is the first of one that begins two groups later: threads rely on it."""
    a, b = np.dtype(dtype).type(1), np.dtype(dtype).type(2)
    whole = filled(name, 1003, dtype, SEED, OFFSET, a, b)
    later = OFFSET + 2 * philox.blocks_in_group(name)
    assert filled(name, 995, dtype, SEED, later, a, b).tolist() == whole[8:].tolist()


RECORDED_32 = [
    "0x1.8587c60000000p-2",
    "-0x1.2f637c0000000p-2",
    "-0x1.fe6e1a0000000p-3",
    "-0x1.00fb7a0000000p+0",
]
RECORDED_64 = ["-0x1.a7d4d42746e8bp-2", "-0x1.fa8a089dad3f7p-3"]


def test_normal_numbers_to_the_last_bit() -> None:
    """Sums of products are rounded once on every machine, so these bits are the same on all."""
    single = filled("normal_float32", 4, "float32", 1, 0, np.float32(0), np.float32(1))
    double = filled("normal_float64", 2, "float64", 1, 0, np.float64(0), np.float64(1))
    assert [x.hex() for x in map(float, single)] == RECORDED_32
    assert [x.hex() for x in map(float, double)] == RECORDED_64
