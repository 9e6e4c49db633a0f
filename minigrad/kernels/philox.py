"""Philox4x32-10 and what is made of its words: scalar formulas, the same for CPU and CUDA.

J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11.
A key (the seed) and a counter give four words of 32 bits.  Nothing is remembered between two
counters, so any element can be drawn anywhere, in any order: docs/random.md says which is whose.

A word is held in a uint64, as the products of a round need one.  Products are added by `fma`
alone, so that no compiler can round them differently from another; the coefficients are those of
kernels/cpu/vector_math.py and, for sin and cos of float64, of fdlibm (Sun, netlib.org/fdlibm).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Scalar = Callable[..., Any]


class Target(NamedTuple):
    """What a device has of its own: how to compile a scalar function, and four such functions."""

    scalar: Scalar
    fma: Scalar
    sqrt: Scalar
    to_bits: Scalar
    from_bits: Scalar
    where: Scalar


u64 = np.uint64
MULTIPLIERS = u64(0xD2511F53), u64(0xCD9E8D57)
WEYL = u64(0x9E3779B9), u64(0xBB67AE85)  # the golden ratio and the root of 3, for the key
M0, M1 = MULTIPLIERS
W0, W1 = WEYL
ZERO, ONE, TWO, LOW, HALF = u64(0), u64(1), u64(2), u64(0xFFFFFFFF), u64(32)


def rounds_of(scalar: Scalar) -> Scalar:
    """The ten rounds, for a counter of four words and a key of two."""

    @scalar
    def rounds(c0, c1, c2, c3, k0, k1):
        for _ in range(10):
            p0, p1 = M0 * c0, M1 * c2
            c0, c1 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW
            c2, c3 = (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
            k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
        return c0, c1, c2, c3

    return rounds


def block_of(scalar: Scalar) -> Scalar:
    """The four words of a counter (block, 0) under a key: both have 64 bits."""
    rounds = rounds_of(scalar)

    @scalar
    def block(seed, counter):
        return rounds(counter & LOW, counter >> HALF, ZERO, ZERO, seed & LOW, seed >> HALF)

    return block


def horner(target: Target, coefficients: tuple[Any, ...]) -> Scalar:
    """A polynomial by Horner's rule; the coefficient of the highest power comes first."""
    last = coefficients[-1]
    if len(coefficients) == 1:
        return target.scalar(lambda x: last)
    scalar, fma = target.scalar, target.fma
    inner = horner(target, coefficients[:-1])
    return scalar(lambda x: fma(inner(x), x, last))


def typed(real: Any, *numbers: float) -> tuple[Any, ...]:
    return tuple(real(number) for number in numbers)


# ------------------------------------------------------------------------------ float32

f32, i32 = np.float32, np.int32
LOG_32 = typed(
    f32,
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
SIN_32 = typed(f32, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS_32 = typed(f32, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
LN2_HIGH_32, LN2_LOW_32 = f32(0.693359375), f32(-2.12194440e-4)
SQRT_HALF_32, MANTISSA_32 = i32(0x3F3504F3), i32(23)
STEP_31, STEP_32 = f32(2.0**-31), f32(2.0**-32)
ONE_32, MINUS_HALF_32, MINUS_TWO_32 = f32(1), f32(-0.5), f32(-2)
QUARTER_32, EIGHTH_32, QUARTER_SHIFT_32 = u64(2**30), u64(2**29), u64(30)
ANGLE_32 = f32(math.pi / 2 / 2**30)


def log_32(target: Target) -> Scalar:
    """The logarithm of (word + 1/2) / 2^32, from 31 bits of a word: below 0, or 0."""
    scalar, fma, to_bits, from_bits, _ = target.scalar, target.fma, *target[3:]
    polynomial = horner(target, LOG_32)

    @scalar
    def log(word):
        u = fma(f32(i32(word >> ONE)), STEP_31, STEP_32)
        bits = to_bits(u)
        exponent = i32(i32(bits - SQRT_HALF_32) >> MANTISSA_32)
        f = from_bits(i32(bits - i32(exponent << MANTISSA_32))) - ONE_32
        e, square = f32(exponent), f * f
        small = fma(f * square, polynomial(f), e * LN2_LOW_32)
        return fma(e, LN2_HIGH_32, f + fma(MINUS_HALF_32, square, small))

    return log


def circle_32(target: Target) -> Scalar:
    """(cos, sin) of a word's share of a full turn."""
    scalar, fma, where = target.scalar, target.fma, target.where
    sine_polynomial, cosine_polynomial = horner(target, SIN_32), horner(target, COS_32)

    @scalar
    def circle(word):
        quadrant = ((word + EIGHTH_32) & LOW) >> QUARTER_SHIFT_32
        rest = i32(i32(word) - i32(quadrant << QUARTER_SHIFT_32))
        angle = f32(rest) * ANGLE_32  # from -pi/4 to pi/4
        square = angle * angle
        sine = fma(angle * square, sine_polynomial(square), angle)
        cosine = fma(square * square, cosine_polynomial(square), fma(MINUS_HALF_32, square, ONE_32))
        odd = (quadrant & ONE) == ONE
        x, y = where(odd, sine, cosine), where(odd, cosine, sine)
        x = where(((quadrant + ONE) & TWO) == TWO, -x, x)
        return x, where((quadrant & TWO) == TWO, -y, y)

    return circle


# ------------------------------------------------------------------------------ float64

f64, i64 = np.float64, np.int64
LOG_64 = typed(
    f64,
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)
SIN_64 = typed(
    f64,
    1.58969099521155010221e-10,
    -2.50507602534068634195e-08,
    2.75573137070700676789e-06,
    -1.98412698298579493134e-04,
    8.33333333332248946124e-03,
    -1.66666666666666324348e-01,
)
COS_64 = typed(
    f64,
    -1.13596475577881948265e-11,
    2.08757232129817482790e-09,
    -2.75573143513906633035e-07,
    2.48015872894767294178e-05,
    -1.38888888888741095749e-03,
    4.16666666666666019037e-02,
)
LN2_HIGH_64, LN2_LOW_64 = f64(6.93147180369123816490e-01), f64(1.90821492927058770002e-10)
SQRT_HALF_64, MANTISSA_64 = i64(0x3FE6A09E667F3BCD), i64(52)
STEP_53, STEP_54 = f64(2.0**-53), f64(2.0**-54)
ONE_64, TWO_64, HALF_64, MINUS_HALF_64, MINUS_TWO_64 = typed(f64, 1, 2, 0.5, -0.5, -2)
ELEVEN, EIGHTH_64, QUARTER_SHIFT_64 = u64(11), u64(2**61), u64(62)
ANGLE_64 = f64(math.pi / 2 / 2**62)


def log_64(target: Target) -> Scalar:
    """The logarithm of (word + 1/2) / 2^53, for 53 of a word's 64 bits."""
    scalar, fma, to_bits, from_bits, _ = target.scalar, target.fma, *target[3:]
    polynomial = horner(target, LOG_64)

    @scalar
    def log(word):
        u = fma(f64(i64(word >> ELEVEN)), STEP_53, STEP_54)
        bits = to_bits(u)
        exponent = (bits - SQRT_HALF_64) >> MANTISSA_64
        f = from_bits(bits - (exponent << MANTISSA_64)) - ONE_64
        e, s = f64(exponent), f / (TWO_64 + f)
        square, half = s * s, HALF_64 * f
        tail = fma(s, fma(square, polynomial(square), half * f), e * LN2_LOW_64)
        return fma(e, LN2_HIGH_64, f - fma(half, f, -tail))

    return log


def circle_64(target: Target) -> Scalar:
    """(cos, sin) of a 64-bit word's share of a full turn."""
    scalar, fma, where = target.scalar, target.fma, target.where
    sine_polynomial, cosine_polynomial = horner(target, SIN_64), horner(target, COS_64)

    @scalar
    def circle(word):
        quadrant = (word + EIGHTH_64) >> QUARTER_SHIFT_64
        angle = f64(i64(word - (quadrant << QUARTER_SHIFT_64))) * ANGLE_64
        square = angle * angle
        sine = fma(angle * square, sine_polynomial(square), angle)
        cosine = fma(square * square, cosine_polynomial(square), fma(MINUS_HALF_64, square, ONE_64))
        odd = (quadrant & ONE) == ONE
        x, y = where(odd, sine, cosine), where(odd, cosine, sine)
        x = where(((quadrant + ONE) & TWO) == TWO, -x, x)
        return x, where((quadrant & TWO) == TWO, -y, y)

    return circle


# ------------------------------------------------- four elements of each distribution at a time

# Every function below is (seed, counter, a, b) -> the numbers of elements 4 i to 4 i + 3, of one
# block if they have 32 bits and of two, which begin at an even place, if they have 64.

EIGHT, TWENTY_ONE = u64(8), u64(21)
STEP_24, STEP_11 = f32(2.0**-24), f32(2.0**-11)


def uniform_32(target: Target, shift: Any = EIGHT, step: Any = STEP_24) -> Scalar:
    """a + b u, for u = k / 2^24 from [0, 1)."""
    scalar, fma, block = target.scalar, target.fma, block_of(target.scalar)
    one = scalar(lambda word, a, b: fma(f32(i32(word >> shift)) * step, b, a))

    @scalar
    def uniform(seed, counter, a, b):
        w0, w1, w2, w3 = block(seed, counter)
        return one(w0, a, b), one(w1, a, b), one(w2, a, b), one(w3, a, b)

    return uniform


def uniform_16(target: Target) -> Scalar:
    """The same with the 11 bits of a float16."""
    return uniform_32(target, TWENTY_ONE, STEP_11)


def words_64(target: Target) -> Scalar:
    """Four words of 64 bits, of two blocks."""
    block = block_of(target.scalar)

    @target.scalar
    def words(seed, counter):
        a0, a1, a2, a3 = block(seed, counter)
        b0, b1, b2, b3 = block(seed, counter + ONE)
        return a0 << HALF | a1, a2 << HALF | a3, b0 << HALF | b1, b2 << HALF | b3

    return words


def uniform_64(target: Target) -> Scalar:
    """a + b u, for u = k / 2^53 from [0, 1)."""
    scalar, fma, words = target.scalar, target.fma, words_64(target)
    one = scalar(lambda word, a, b: fma(f64(i64(word >> ELEVEN)) * STEP_53, b, a))

    @scalar
    def uniform(seed, counter, a, b):
        w0, w1, w2, w3 = words(seed, counter)
        return one(w0, a, b), one(w1, a, b), one(w2, a, b), one(w3, a, b)

    return uniform


def normal_32(target: Target) -> Scalar:
    """a + b z, for z of the normal distribution."""
    words, log, circle = block_of(target.scalar), log_32(target), circle_32(target)
    return box_muller(target, words, log, circle, MINUS_TWO_32)


def normal_64(target: Target) -> Scalar:
    """The same of words with 64 bits."""
    words, log, circle = words_64(target), log_64(target), circle_64(target)
    return box_muller(target, words, log, circle, MINUS_TWO_64)


def box_muller(
    target: Target, words: Scalar, log: Scalar, circle: Scalar, minus_two: Any
) -> Scalar:
    """Four normal numbers of four words: two of two, after Box and Muller 1958."""
    scalar, fma, sqrt = target.scalar, target.fma, target.sqrt

    @scalar
    def pair(radius_word, angle_word, a, b):
        radius = sqrt(minus_two * log(radius_word))
        x, y = circle(angle_word)
        return fma(radius * x, b, a), fma(radius * y, b, a)

    @scalar
    def normal(seed, counter, a, b):
        w0, w1, w2, w3 = words(seed, counter)
        x0, x1 = pair(w0, w1, a, b)
        x2, x3 = pair(w2, w3, a, b)
        return x0, x1, x2, x3

    return normal


def exponential_32(target: Target) -> Scalar:
    """-log(u) / a (and b for nothing)"""
    scalar, block, log = target.scalar, block_of(target.scalar), log_32(target)

    @scalar
    def exponential(seed, counter, a, b):
        w0, w1, w2, w3 = block(seed, counter)
        return -log(w0) / a, -log(w1) / a, -log(w2) / a, -log(w3) / a

    return exponential


def exponential_64(target: Target) -> Scalar:
    scalar, words, log = target.scalar, words_64(target), log_64(target)

    @scalar
    def exponential(seed, counter, a, b):
        w0, w1, w2, w3 = words(seed, counter)
        return -log(w0) / a, -log(w1) / a, -log(w2) / a, -log(w3) / a

    return exponential


def bounded(scalar: Scalar) -> Scalar:
    """floor(b w / 2^64) for a word of 64 bits: from 0 to b - 1."""

    @scalar
    def below(word, b):
        high, low = word >> HALF, word & LOW
        b_high, b_low = b >> HALF, b & LOW
        middle = high * b_low + (low * b_low >> HALF)
        other = low * b_high + (middle & LOW)
        return i64(high * b_high + (middle >> HALF) + (other >> HALF))

    return below


def integers(target: Target) -> Scalar:
    """From a to a + b - 1 (a is int64, b uint64), one of a word of 64 bits."""
    scalar, words, below = target.scalar, words_64(target), bounded(target.scalar)
    one = scalar(lambda word, a, b: a + below(word, b))

    @scalar
    def integers(seed, counter, a, b):
        w0, w1, w2, w3 = words(seed, counter)
        return one(w0, a, b), one(w1, a, b), one(w2, a, b), one(w3, a, b)

    return integers


# By the name of the distribution and the dtype that is computed in.
DISTRIBUTIONS: dict[str, Callable[[Target], Scalar]] = {
    "uniform_float16": uniform_16,
    "uniform_float32": uniform_32,
    "uniform_float64": uniform_64,
    "normal_float32": normal_32,
    "normal_float64": normal_64,
    "exponential_float32": exponential_32,
    "exponential_float64": exponential_64,
    "integers_int64": integers,
}


def blocks_in_group(distribution: str) -> int:
    """How many blocks four elements take."""
    return 2 if distribution.endswith("64") else 1


def blocks_for(distribution: str, size: int) -> int:
    """How many blocks `size` elements take."""
    return -(-size // 4) * blocks_in_group(distribution)
