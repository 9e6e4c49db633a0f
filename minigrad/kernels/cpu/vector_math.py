"""Scalar functions that LLVM turns into vector code when a loop inlines them.

Every function exists once a float type, named NAME_float32 and NAME_float64, so that generated
kernels can write `from minigrad.kernels.cpu.vector_math import exp_float32 as exp_`; `FUNCTIONS`
lists the names. `maximum`, `minimum` and `where` take any type; the first two pass NaN on, as torch
does. Nothing is compiled at import.

A call to libm keeps a loop scalar (4 to 22 ns an element against 0.2 to 1), so the common functions
are polynomials: a range reduction, a polynomial, and `where` for the extremes, since LLVM may keep
a branch. Every constant is typed: one Python float would widen a float32 loop to float64. The
errors given, in units in the last place, are bounds that tests/kernels/test_vector_math.py holds.

Sources of the coefficients: Cephes (S. Moshier, netlib.org/cephes) for exp, log, tanh, sin, cos,
atan and asin of float32 and tanh of float64; SLEEF (N. Shibata, sleef.org) for exp and fdlibm (Sun,
netlib.org/fdlibm) for log of float64. The digits of 2/pi are those of fdlibm's e_rem_pio2.c.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import llvm_version_info
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# forceinline: a loop around a call that LLVM finds too long to inline stays scalar.
OPTIONS = {"error_model": "numpy", "fastmath": {"contract", "nsz"}, "forceinline": True}
inlined = njit(**OPTIONS)

f32, f64 = np.float32, np.float64
INF32, NAN32, INF64, NAN64 = f32(np.inf), f32(np.nan), f64(np.inf), f64(np.nan)


# ------------------------------------------------ what LLVM does better than Python
def float_suffix(value_type: Any) -> str:
    """The ending of an overloaded LLVM intrinsic's name."""
    return {"half": "f16", "float": "f32", "double": "f64"}[str(value_type)]


def call_llvm(builder: Any, name: str, args: Any, flags: tuple[str, ...] = ()) -> Any:
    """Call the LLVM intrinsic `name` whose arguments and result all have the type of `args[0]`."""
    value_type = args[0].type
    function_type = ir.FunctionType(value_type, [value_type] * len(args))
    full_name = f"llvm.{name}.{float_suffix(value_type)}"
    function = cgutils.get_or_insert_function(builder.module, function_type, full_name)
    return builder.call(function, args, fastmath=flags)


def llvm_unary(name: str) -> Any:
    """A function of one float around the LLVM intrinsic `name`, which has a vector form."""

    @intrinsic
    def function(typing_context: Any, x: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return call_llvm(builder, name, args)

        return (x(x), code) if isinstance(x, types.Float) else None

    return function


def llvm_extremum(name: str, keeps_first: str) -> Any:
    """`maximum` or `minimum`: NaN wins for floats, a comparison decides for integers and bools."""

    @intrinsic
    def function(typing_context: Any, a: Any, b: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if isinstance(a, types.Float) and llvm_version_info >= (17,):
                return call_llvm(builder, name, args, ("nsz",))
            if isinstance(a, types.Float):  # older LLVM aborts; this way reductions stay scalar
                first = args[0]
                chosen = builder.select(builder.fcmp_ordered(keeps_first, *args), *args)
                return builder.select(builder.fcmp_unordered("uno", first, first), first, chosen)
            signed = isinstance(a, types.Integer) and a.signed
            compare = builder.icmp_signed if signed else builder.icmp_unsigned
            return builder.select(compare(keeps_first, *args), *args)

        known = a == b and isinstance(a, types.Float | types.Integer | types.Boolean)
        return (a(a, b), code) if known else None

    return function


maximum = llvm_extremum("maximum", ">")
minimum = llvm_extremum("minimum", "<")
maximum_float32 = maximum_float64 = maximum
minimum_float32 = minimum_float64 = minimum

floor_float32 = floor_float64 = llvm_unary("floor")
ceil_float32 = ceil_float64 = llvm_unary("ceil")
trunc_float32 = trunc_float64 = llvm_unary("trunc")
rint_float32 = rint_float64 = llvm_unary("rint")  # half to even
fabs_float32 = fabs_float64 = llvm_unary("fabs")
sqrt_float32 = sqrt_float64 = llvm_unary("sqrt")


@intrinsic
def copysign(typing_context: Any, magnitude: Any, sign: Any) -> Any:
    """The magnitude of one float with the sign of another, -0.0 and NaN included."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call_llvm(builder, "copysign", args)

    known = magnitude == sign and isinstance(magnitude, types.Float)
    return (magnitude(magnitude, sign), code) if known else None


copysign_float32 = copysign_float64 = copysign


@intrinsic
def fma(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call_llvm(builder, "fma", args)

    return x(x, y, z), code


@intrinsic
def where(typing_context: Any, condition: Any, yes: Any, no: Any) -> Any:
    """`yes if condition else no` without a branch.

    LLVM takes a branch apart when formulas are composed, and the loop around them stays scalar.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    known = condition == types.boolean and yes == no
    return (yes(condition, yes, no), code) if known else None


INTEGER_OF = {types.float32: types.int32, types.float64: types.int64}
FLOAT_OF = {integer: real for real, integer in INTEGER_OF.items()}


@intrinsic
def to_bits(typing_context: Any, x: Any) -> Any:
    """The bits of a float as an integer of its width."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return (INTEGER_OF[x](x), code) if x in INTEGER_OF else None


@intrinsic
def from_bits(typing_context: Any, i: Any) -> Any:
    """The float that has these bits."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return (FLOAT_OF[i](i), code) if i in FLOAT_OF else None


@intrinsic
def polynomial(typing_context: Any, x: Any, coefficients: Any) -> Any:
    """Horner's rule; the coefficient of the highest power comes first."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        point, terms = args[0], cgutils.unpack_tuple(builder, args[1])
        total = terms[0]
        for term in terms[1:]:
            total = builder.fadd(builder.fmul(total, point, ("contract",)), term, ("contract",))
        return total

    return x(x, coefficients), code


def typed(real: type, *numbers: float) -> tuple[Any, ...]:
    """Coefficients as numbers of one float type."""
    return tuple(real(number) for number in numbers)


# ------------------------------------------------ exp: x = n ln2 + r, e^x = 2^n e^r
# Adding ROUND leaves round(x) in the low bits of the sum: no conversion to an integer, which NaN
# would upset.
LOG2E_32, ROUND_32 = f32(1.44269504088896341), f32(12582912.0)
LN2_32 = f32(0.69314718055994531)
LN2_HIGH_32, LN2_LOW_32 = f32(0.693359375), f32(-2.12194440e-4)
EXP_32 = typed(
    f32, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5
)
EXP_LOW_32, EXP_HIGH_32 = f32(-87.33654), f32(88.72283)  # ln 2^-126, ln (2^128 - 2^104)

LOG2E_64, ROUND_64 = f64(1.4426950408889634), f64(6755399441055744.0)
LN2_HIGH_64, LN2_LOW_64 = f64(6.93147180369123816490e-01), f64(1.90821492927058770002e-10)
EXP_64 = typed(
    f64,
    2.08860621107283687536341e-09,
    2.51112930892876518610661e-08,
    2.75573911234900471893338e-07,
    2.75572362911928827629423e-06,
    2.4801587159235472998791e-05,
    0.000198412698960509205564975,
    0.00138888888889774492207962,
    0.00833333333331652721664984,
    0.0416666666666665047591422,
    0.166666666666666851703837,
    0.5,
)
LOG10E_64 = f64(0.4342944819032518)
EXP_LOW_64, EXP_HIGH_64 = f64(-708.3964185322641), f64(709.782712893384)


@inlined
def factors_of_exp_32(x):
    """e^x = 2^n e^r as (bits whose lowest are n, e^r)."""
    shifted = x * LOG2E_32 + ROUND_32
    n = shifted - ROUND_32
    r = (x - n * LN2_HIGH_32) - n * LN2_LOW_32
    return to_bits(shifted), (polynomial(r, EXP_32) * r + f32(1)) * r + f32(1)


@inlined
def moderate_exp_32(x):
    """e^x to 1 ulp where it neither overflows nor gets subnormal."""
    n, power = factors_of_exp_32(x)
    return from_bits(np.int32(to_bits(power) + np.int32(n << 23)))


@inlined
def exp_float32(x):
    """e^x to 1 ulp; exactly 0 where the result would be subnormal."""
    result = where(x < EXP_LOW_32, f32(0), moderate_exp_32(x))
    return where(x <= EXP_HIGH_32, result, x * INF32)  # inf, or NaN


@inlined
def exp_nonpositive_float32(x):
    """exp for x <= 0 or NaN. Scaled by a product, NaN needs no look and overflow none either."""
    n, power = factors_of_exp_32(x)
    scale = from_bits(np.int32(np.int32(n << 23) + np.int32(127 << 23)))
    return where(x < EXP_LOW_32, f32(0), power * scale)


@inlined
def exp_float64(x):
    """e^x to 1 ulp; exactly 0 where the result would be subnormal."""
    shifted = x * LOG2E_64 + ROUND_64
    n = shifted - ROUND_64
    r = (x - n * LN2_HIGH_64) - n * LN2_LOW_64
    power = (polynomial(r, EXP_64) * r + f64(1)) * r + f64(1)
    result = from_bits(to_bits(power) + (to_bits(shifted) << 52))
    result = where(x < EXP_LOW_64, f64(0), result)
    return where(x <= EXP_HIGH_64, result, x * INF64)  # inf, or NaN


@inlined
def exp2_float32(x):
    """2^x to 1 ulp; exactly 0 where the result would be subnormal."""
    shifted = x + ROUND_32
    r = (x - (shifted - ROUND_32)) * LN2_32
    power = (polynomial(r, EXP_32) * r + f32(1)) * r + f32(1)
    result = from_bits(np.int32(to_bits(power) + np.int32(to_bits(shifted) << 23)))
    result = where(x < f32(-126), f32(0), result)
    return where(x < f32(128), result, x * INF32)  # inf, or NaN


# expm1: with q = e^r - 1, e^x - 1 = 2^n q + (2^n - 1). Halved while n may be 128.
EXPM1_LOW_32, TINY_32 = f32(-17.5), f32(2.0**-25)
EXPM1_LOW_64, TINY_64 = f64(-38), f64(2.0**-54)


@inlined
def expm1_float32(x):
    """e^x - 1 to 1.5 ulp."""
    bounded = where(x < EXPM1_LOW_32, EXPM1_LOW_32, x)
    shifted = bounded * LOG2E_32 + ROUND_32
    n = shifted - ROUND_32
    r = (bounded - n * LN2_HIGH_32) - n * LN2_LOW_32
    q = (r * r) * polynomial(r, EXP_32) + r
    half_scale = from_bits(np.int32(np.int32(to_bits(shifted) << 23) + np.int32(126 << 23)))
    result = (half_scale * q + (half_scale - f32(0.5))) * f32(2)
    result = where(n == f32(0), q, result)
    result = where(x > EXP_HIGH_32, INF32, result)
    return where(fabs_float32(x) > TINY_32, result, x)  # a NaN is x too


@inlined
def expm1_float64(x):
    """e^x - 1 to 2 ulp, in the same way."""
    bounded = where(x < EXPM1_LOW_64, EXPM1_LOW_64, x)
    shifted = bounded * LOG2E_64 + ROUND_64
    n = shifted - ROUND_64
    r = (bounded - n * LN2_HIGH_64) - n * LN2_LOW_64
    q = (r * r) * polynomial(r, EXP_64) + r
    half_scale = from_bits((to_bits(shifted) << 52) + (np.int64(1022) << 52))
    result = (half_scale * q + (half_scale - f64(0.5))) * f64(2)
    result = where(n == f64(0), q, result)
    result = where(x > EXP_HIGH_64, INF64, result)
    return where(fabs_float64(x) > TINY_64, result, x)


# ------------------------------------------------ log: x = 2^e m, m in [1/sqrt2, sqrt2)
SQRT_HALF_BITS_32, SQRT_HALF_BITS_64 = np.int32(0x3F3504F3), np.int64(0x3FE6A09E667F3BCD)
SMALLEST_NORMAL_32, SMALLEST_NORMAL_64 = f32(2.0**-126), f64(2.0**-1022)
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


@inlined
def corrected_log_32(x, correction):
    """log(x) + correction, for a correction below the rounding of x."""
    subnormal = x < SMALLEST_NORMAL_32
    scaled = where(subnormal, x * f32(2.0**23), x)
    bits = to_bits(scaled)
    exponent = np.int32(np.int32(bits - SQRT_HALF_BITS_32) >> 23)
    f = from_bits(np.int32(bits - np.int32(exponent << 23))) - f32(1)
    e = f32(exponent) - where(subnormal, f32(23), f32(0))
    square = f * f
    small = (f * square) * polynomial(f, LOG_32) + (e * LN2_LOW_32 + correction)
    result = (f + (small - f32(0.5) * square)) + e * LN2_HIGH_32
    result = where(x == INF32, INF32, result)
    result = where(x == f32(0), -INF32, result)
    return where(x >= f32(0), result, NAN32)


@inlined
def log_float32(x):
    """log x to 1 ulp, subnormals included."""
    return corrected_log_32(x, f32(0))


@inlined
def log1p_float32(x):
    """log(1 + x) to 1.5 ulp: log(u) and what u = 1 + x has lost, divided by u."""
    u = f32(1) + x
    lost = where(x < f32(1), x - (u - f32(1)), f32(1) - (u - x))
    proper = (u > f32(0)) & (u < INF32)
    result = corrected_log_32(u, where(proper, lost / u, f32(0)))
    return where(fabs_float32(x) < TINY_32, x, result)


@inlined
def corrected_log_64(x, correction):
    """log(x) + correction, for a correction below the rounding of x."""
    subnormal = x < SMALLEST_NORMAL_64
    scaled = where(subnormal, x * f64(2.0**54), x)
    bits = to_bits(scaled)
    exponent = (bits - SQRT_HALF_BITS_64) >> 52
    f = from_bits(bits - (exponent << 52)) - f64(1)
    e = f64(exponent) - where(subnormal, f64(54), f64(0))
    s = f / (f64(2) + f)
    square = s * s
    half = f64(0.5) * f * f
    low = e * LN2_LOW_64 + correction
    tail = s * (half + square * polynomial(square, LOG_64)) + low
    result = e * LN2_HIGH_64 - ((half - tail) - f)
    result = where(x == INF64, INF64, result)
    result = where(x == f64(0), -INF64, result)
    return where(x >= f64(0), result, NAN64)


@inlined
def log_float64(x):
    """log x to 1 ulp, subnormals included."""
    return corrected_log_64(x, f64(0))


@inlined
def log1p_float64(x):
    """log(1 + x) to 1.5 ulp, in the same way."""
    u = f64(1) + x
    lost = where(x < f64(1), x - (u - f64(1)), f64(1) - (u - x))
    proper = (u > f64(0)) & (u < INF64)
    result = corrected_log_64(u, where(proper, lost / u, f64(0)))
    return where(fabs_float64(x) < TINY_64, x, result)


@inlined
def log2_float32(x):
    """Binary logarithm to 1 ulp, by way of float64."""
    return f32(log_float64(f64(x)) * LOG2E_64)


@inlined
def log10_float32(x):
    """Decimal logarithm to 1 ulp, by way of float64."""
    return f32(log_float64(f64(x)) * LOG10E_64)


# ------------------------------------------------ pow: |x|^y = e^(y log|x|), in a wider format
def pow_like_c(real: Any, fabs: Any, rint: Any) -> Any:
    @inlined
    def like_c(result, x, y):
        """x^y from |x|^y, with C's results for 0, infinities, NaN and negative x."""
        size, half = fabs(x), y * real(0.5)
        result = where((y == real(0)) | (size == real(1)), real(1), result)
        whole = rint(y) == y
        odd = whole & (rint(half) != half)
        undefined = (x < real(0)) & (size < real(math.inf)) & (not whole)
        undefined = undefined | ((x != x) & (y != real(0))) | ((y != y) & (x != real(1)))
        result = where(odd, copysign(result, x), result)
        return where(undefined, real(math.nan), result)

    return like_c


like_c_32 = pow_like_c(f32, fabs_float32, rint_float32)
like_c_64 = pow_like_c(f64, fabs_float64, rint_float64)


@inlined
def pow_float32(x, y):
    """x^y to 1 ulp, by way of float64."""
    return like_c_32(f32(exp_float64(f64(y) * log_float64(f64(fabs_float32(x))))), x, y)


# log m = 2 s + 2/3 s^3 + 2/5 s^5 + ..., s = (m - 1) / (m + 1); the first two terms as sums of two
# numbers, of which the second is what the first has lost.
LOG_TERMS_64 = typed(f64, *(2 / n for n in range(25, 4, -2)))
TWO_THIRDS, TWO_THIRDS_LOW = f64(2 / 3), f64(2 / 3 * 2.0**-54)
LARGEST_POWER_64 = f64(750)  # where e^x is infinite, and e^-x zero


@inlined
def log_in_two_64(x):
    """log x as a sum of two numbers, to 2^-64 of it."""
    subnormal = x < SMALLEST_NORMAL_64
    bits = to_bits(where(subnormal, x * f64(2.0**54), x))
    exponent = (bits - SQRT_HALF_BITS_64) >> 52
    f = from_bits(bits - (exponent << 52)) - f64(1)
    e = f64(exponent) - where(subnormal, f64(54), f64(0))
    under = f64(2) + f
    inverse = f64(1) / under
    s = f * inverse
    s_low = (fma(-s, under, f) - s * (f - (under - f64(2)))) * inverse
    square = s * s
    square_low = fma(s, s, -square) + f64(2) * s * s_low
    cube = s * square
    cube_low = fma(s, square, -cube) + s * square_low + s_low * square
    rest = square * polynomial(square, LOG_TERMS_64)
    factor = TWO_THIRDS + rest
    factor_low = (TWO_THIRDS - factor) + rest + TWO_THIRDS_LOW
    tail = cube * factor
    tail_low = fma(cube, factor, -tail) + cube * factor_low + cube_low * factor
    whole = e * LN2_HIGH_64
    near = whole + f64(2) * s
    near_low = f64(2) * s - (near - whole)
    high = near + tail
    low = (tail - (high - near)) + (near_low + f64(2) * s_low + tail_low + e * LN2_LOW_64)
    high = where(x == f64(0), -INF64, where(x == INF64, INF64, high))
    return high, low


@inlined
def pow_float64(x, y):
    """x^y to 1.5 ulp, subnormal results included."""
    high, low = log_in_two_64(fabs_float64(x))
    product = y * high
    lost = fma(y, high, -product) + y * low
    lost = where(fabs_float64(product) < LARGEST_POWER_64, lost, f64(0))
    product = where(product > LARGEST_POWER_64, LARGEST_POWER_64, product)
    product = where(product < -LARGEST_POWER_64, -LARGEST_POWER_64, product)
    shifted = product * LOG2E_64 + ROUND_64
    n = shifted - ROUND_64
    r = (product - n * LN2_HIGH_64) + (lost - n * LN2_LOW_64)
    power = (polynomial(r, EXP_64) * r + f64(1)) * r + f64(1)
    steps = to_bits(shifted) - to_bits(ROUND_64)  # n as an integer
    half = steps >> 1  # 2^n alone may be too large or too small a number
    first, second = from_bits((half + 1023) << 52), from_bits((steps - half + 1023) << 52)
    return like_c_64((power * first) * second, x, y)


# ------------------------------------------------ sinh, cosh: by way of float64
SINH_TINY_32 = f32(2.0**-12)


@inlined
def sinh_float32(x):
    """sinh x to 1 ulp."""
    grown = exp_float64(f64(x))
    result = f32(f64(0.5) * (grown - f64(1) / grown))
    return where(fabs_float32(x) < SINH_TINY_32, x, result)


@inlined
def cosh_float32(x):
    """cosh x to 1 ulp."""
    grown = exp_float64(f64(x))
    return f32(f64(0.5) * (grown + f64(1) / grown))


@inlined
def sinh_float64(x):
    """sinh x to 3 ulp: from e^(a/2) where e^a would overflow."""
    size = fabs_float64(x)
    grown = expm1_float64(size)
    near = f64(0.5) * (grown + grown / (grown + f64(1)))
    root = exp_float64(f64(0.5) * size)
    return copysign(where(size > f64(22), (f64(0.5) * root) * root, near), x)


@inlined
def cosh_float64(x):
    """cosh x to 3 ulp, in the same way."""
    root = exp_float64(f64(0.5) * fabs_float64(x))
    half = (f64(0.5) * root) * root
    return half + f64(0.25) / half


# ------------------------------------------------ tanh: odd polynomial, or 1 - 2 / (e^2x + 1)
TANH_SPLIT_32, TANH_SPLIT_64 = f32(0.625), f64(0.625)
TANH_32 = typed(
    f32,
    -5.70498872745e-3,
    2.06390887954e-2,
    -5.37397155531e-2,
    1.33314422036e-1,
    -3.33332819422e-1,
)
TANH_OVER_64 = typed(
    f64, -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3
)
TANH_UNDER_64 = typed(
    f64, 1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3
)


@inlined
def tanh_float32(x):
    """tanh x to 1.5 ulp."""
    size = fabs_float32(x)
    large = f32(1) - f32(2) / (exp_float32(size + size) + f32(1))
    square = size * size
    small = (size * square) * polynomial(square, TANH_32) + size
    return copysign(where(size < TANH_SPLIT_32, small, large), x)


@inlined
def tanh_float64(x):
    """tanh x to 2 ulp. Both ways are base + over / under, so that one division serves them."""
    size = fabs_float64(x)
    small = size < TANH_SPLIT_64
    square = size * size
    over = where(small, size * square * polynomial(square, TANH_OVER_64), f64(-2))
    grown = exp_float64(size + size) + f64(1)
    under = where(small, polynomial(square, TANH_UNDER_64), grown)
    base = where(small, size, f64(1))
    return copysign(base + over / under, x)


# ------------------------------------------------ sin, cos: x 2/pi = 4 k + quadrant + turn
# In float64, as a float32 x times 29 bits of 2/pi is exact there. A float32 above 2^50 is a
# multiple of 2^27, so that bits of 2/pi above 2^(2 - 27) only add full turns: the rows below
# leave them out, for x up to 2^50, 2^76, 2^102, 2^128, which keeps products below 2^51. A row is
# split in 29 + 29 + 53 bits.
TWO_OVER_PI_BITS = int(
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E006492EEA09", 16
)
TWO_OVER_PI_PLACES = 360


def reduction_row(skipped: int) -> tuple[Any, ...]:
    """2/pi without the bits that give multiples of 4 when x is a multiple of 2^skipped."""
    places = TWO_OVER_PI_PLACES
    rest = TWO_OVER_PI_BITS % (1 << min(places, places - skipped + 2))
    parts = []
    for kept in (27 + skipped, 56 + skipped, 109 + skipped):
        part = rest >> (places - kept) << (places - kept)
        parts.append(math.ldexp(part >> (places - kept), -kept))
        rest -= part
    return typed(f64, *parts)


REDUCTION_0, REDUCTION_27, REDUCTION_53, REDUCTION_79 = map(reduction_row, (0, 27, 53, 79))
TWO_50, TWO_76, TWO_102 = f64(2.0**50), f64(2.0**76), f64(2.0**102)
HALF_PI = f64(math.pi / 2)
SIN_32 = typed(f32, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS_32 = typed(f32, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
SIN_TINY_32 = f32(2.0**-12)


@inlined
def reduction_part(size, part):
    """One third of 2/pi, chosen by the size of x with selects: a table would keep loops scalar."""
    large = where(size >= TWO_102, REDUCTION_79[part], REDUCTION_53[part])
    small = where(size >= TWO_50, REDUCTION_27[part], REDUCTION_0[part])
    return where(size >= TWO_76, large, small)


@inlined
def quarter_turns(x):
    """x as quarter turns: (turns modulo 4 in the low two bits, the remaining angle within pi/4)."""
    wide = f64(x)
    size = fabs_float64(wide)
    first = wide * reduction_part(size, 0)
    second = wide * reduction_part(size, 1)
    third = wide * reduction_part(size, 2)
    whole_first, whole_second = rint_float64(first), rint_float64(second)
    fraction = ((first - whole_first) + (second - whole_second)) + third
    whole_fraction = rint_float64(fraction)
    angle = f32((fraction - whole_fraction) * HALF_PI)
    turns = (whole_first + (whole_second + whole_fraction)) + ROUND_64
    return np.int32(to_bits(turns)), angle


@inlined
def sine_within(angle):
    """sin(angle) for an angle within pi/4."""
    square = angle * angle
    return (angle * square) * polynomial(square, SIN_32) + angle


@inlined
def cosine_within(angle):
    """cos(angle) for an angle within pi/4."""
    square = angle * angle
    return (square * square) * polynomial(square, COS_32) - f32(0.5) * square + f32(1)


@inlined
def sin_or_cos(turns, angle):
    """sin(angle + turns pi/2)."""
    sine, cosine = sine_within(angle), cosine_within(angle)
    result = where((turns & np.int32(1)) != 0, cosine, sine)
    return where((turns & np.int32(2)) != 0, -result, result)


@inlined
def sin_float32(x):
    """sin x to 1.5 ulp, at any size of x."""
    turns, angle = quarter_turns(x)
    result = sin_or_cos(turns, angle)
    return where(fabs_float32(x) < SIN_TINY_32, x, result)


@inlined
def cos_float32(x):
    """cos x to 1.5 ulp, at any size of x."""
    turns, angle = quarter_turns(x)
    return sin_or_cos(np.int32(turns + np.int32(1)), angle)


@inlined
def tan_float32(x):
    """tan x to 3.5 ulp, at any size of x."""
    turns, angle = quarter_turns(x)
    sine, cosine = sine_within(angle), cosine_within(angle)
    odd = (turns & np.int32(1)) != 0
    result = where(odd, -cosine, sine) / where(odd, sine, cosine)
    return where(fabs_float32(x) < SIN_TINY_32, x, result)


# ------------------------------------------------ atan, asin, acos
ATAN_SPLIT_32, ATAN_FLIP_32 = f32(math.tan(math.pi / 8)), f32(math.tan(3 * math.pi / 8))
PI_32, HALF_PI_32, QUARTER_PI_32 = f32(math.pi), f32(math.pi / 2), f32(math.pi / 4)
ATAN_32 = typed(f32, 8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
ASIN_32 = typed(
    f32, 4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1
)


@inlined
def atan_float32(x):
    """atan x to 3 ulp: atan(a) = pi/4 + atan((a - 1) / (a + 1)) = pi/2 - atan(1 / a)."""
    size = fabs_float32(x)
    middle, far = size > ATAN_SPLIT_32, size > ATAN_FLIP_32
    over = where(far, f32(-1), where(middle, size - f32(1), size))
    under = where(far, size, where(middle, size + f32(1), f32(1)))
    base = where(far, HALF_PI_32, where(middle, QUARTER_PI_32, f32(0)))
    r = over / under
    square = r * r
    return copysign(base + ((r * square) * polynomial(square, ATAN_32) + r), x)


ATAN_64 = typed(
    f64,
    0.016285756855221028,
    -0.034570561981427744,
    0.04551593220626549,
    -0.05230454270650244,
    0.05878928997834775,
    -0.06666424885738255,
    0.07692296375032143,
    -0.09090908753500877,
    0.11111111105155447,
    -0.14285714285659828,
    0.19999999999999804,
    -0.3333333333333333,
)
ATAN_SPLIT_64, ATAN_FLIP_64 = f64(math.tan(math.pi / 8)), f64(math.tan(3 * math.pi / 8))
PI_64, HALF_PI_LOW_64 = f64(math.pi), f64(6.123233995736766e-17)  # pi / 2 is HALF_PI and this


@inlined
def atan_float64(x):
    """atan x to 2 ulp, in the same way."""
    size = fabs_float64(x)
    middle, far = size > ATAN_SPLIT_64, size > ATAN_FLIP_64
    over = where(far, f64(-1), where(middle, size - f64(1), size))
    under = where(far, size, where(middle, size + f64(1), f64(1)))
    share = where(far, f64(1), where(middle, f64(0.5), f64(0)))
    r = over / under
    square = r * r
    small = (r * square) * polynomial(square, ATAN_64) + share * HALF_PI_LOW_64
    return copysign(share * HALF_PI + (small + r), x)


def atan2_for(real: Any, atan: Any) -> Any:
    @inlined
    def atan2(y, x):
        """The angle of the point (x, y) to 4 ulp: atan of the smaller by the larger, turned."""
        across, up = fabs_float64(x), fabs_float64(y)
        steep = up > across
        smaller, larger = where(steep, across, up), where(steep, up, across)
        ratio = smaller / larger
        ratio = where(smaller == larger, where(larger == real(0), real(0), real(1)), ratio)
        angle = atan(ratio)
        angle = where(steep, real(math.pi / 2) - angle, angle)
        angle = where(copysign(real(1), x) < real(0), real(math.pi) - angle, angle)
        return where((x == x) & (y == y), copysign(angle, y), x + y)

    return atan2


atan2_float32, atan2_float64 = atan2_for(f32, atan_float32), atan2_for(f64, atan_float64)


@inlined
def asin_float32(x):
    """asin x to 2.5 ulp; above 1/2, asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2))."""
    size = fabs_float32(x)
    far = size > f32(0.5)
    square = where(far, f32(0.5) * (f32(1) - size), size * size)
    r = where(far, sqrt_float32(square), size)
    angle = (r * square) * polynomial(square, ASIN_32) + r
    return copysign(where(far, HALF_PI_32 - (angle + angle), angle), x)


@inlined
def acos_float32(x):
    """acos x to 1.5 ulp; beyond 1/2, acos(a) = 2 asin(sqrt((1 - a) / 2))."""
    size = fabs_float32(x)
    far = size > f32(0.5)
    square = where(far, f32(0.5) * (f32(1) - size), size * size)
    r = where(far, sqrt_float32(square), size)
    angle = (r * square) * polynomial(square, ASIN_32) + r
    outer = where(x < f32(0), PI_32 - (angle + angle), angle + angle)
    return where(far, outer, HALF_PI_32 - copysign(angle, x))


ASIN_64 = typed(
    f64,
    0.02961201126495512,
    -0.01924167174674304,
    0.019554513336123378,
    0.0030448799094556773,
    0.009319560794767446,
    0.009621842970100282,
    0.011566459612121669,
    0.01396378001220357,
    0.017352816540325496,
    0.02237215744350722,
    0.03038194447553234,
    0.044642857142551895,
    0.07500000000000118,
    0.16666666666666666,
)


@inlined
def asin_float64(x):
    """asin x to 2.5 ulp, in the same way."""
    size = fabs_float64(x)
    far = size > f64(0.5)
    square = where(far, f64(0.5) * (f64(1) - size), size * size)
    r = where(far, sqrt_float64(square), size)
    angle = (r * square) * polynomial(square, ASIN_64) + r
    outer = HALF_PI - ((angle + angle) - HALF_PI_LOW_64)
    return copysign(where(far, outer, angle), x)


@inlined
def acos_float64(x):
    """acos x to 2 ulp, in the same way."""
    size = fabs_float64(x)
    far = size > f64(0.5)
    square = where(far, f64(0.5) * (f64(1) - size), size * size)
    r = where(far, sqrt_float64(square), size)
    rest = (r * square) * polynomial(square, ASIN_64)
    angle = rest + r
    outer = where(x < f64(0), PI_64 - (angle + angle), angle + angle)
    return where(far, outer, HALF_PI - copysign(angle, x))


# ------------------------------------------------ remainders
@intrinsic
def libm_fmod(typing_context: Any, x: Any, y: Any) -> Any:
    """C's fmod, which Numba's `math` lacks; LLVM's own `frem` would be computed in any case."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function_type = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * 2)
        function = cgutils.get_or_insert_function(builder.module, function_type, "fmod")
        return builder.call(function, args)

    return types.float64(types.float64, types.float64), code


@inlined
def fmod_float32(x, y):
    """What x / y leaves over, with the sign of x; exact.  In float64, where each round takes 51
    bits off a quotient of 277 at most, and loses none of what it leaves."""
    size, other = f64(fabs_float32(x)), f64(fabs_float32(y))
    rest, inverse = size, f64(1) / other
    for _ in range(6):
        rest = fma(-floor_float64(rest * inverse), other, rest)
    rest = where(rest < f64(0), rest + other, rest)  # the last quotient was rounded,
    rest = where(rest >= other, rest - other, rest)  # up or down
    return copysign(f32(where(size < other, size, rest)), x)  # other may be infinite


@inlined
def fmod_float64(x, y):
    """The same of float64.  Below 2^52 the quotient, rounded, is too large by one at most, and what
    it leaves has no more bits than y."""
    size, other = fabs_float64(x), fabs_float64(y)
    if size < other * f64(2.0**52) and other < INF64:
        rest = fma(-floor_float64(size / other), other, size)
        rest = where(rest < f64(0), rest + other, rest)
    else:
        rest = libm_fmod(size, other)
    return copysign(rest, x)


@inlined
def on_other_side(rest, y):
    """Whether the quotient that left `rest` is to be one less, so that its sign will be y's."""
    return (rest != 0) & ((rest < 0) != (y < 0))


def remainder_for(fmod: Any) -> Any:
    @inlined
    def remainder(x, y):
        """What x / y, rounded down, leaves over: Python's x % y."""
        rest = fmod(x, y)
        return where(on_other_side(rest, y), rest + y, rest)

    return remainder


remainder_float32 = remainder_for(fmod_float32)
remainder_float64 = remainder_for(fmod_float64)


def floor_divide_for(real: Any, fmod: Any, floor: Any) -> Any:
    @inlined
    def floor_divide(x, y):
        """x / y, rounded down: Python's x // y."""
        rest = fmod(x, y)
        quotient = (x - rest) / y  # a whole number but for rounding
        quotient = where(on_other_side(rest, y), quotient - real(1), quotient)
        whole = floor(quotient)
        whole = where(quotient - whole > real(0.5), whole + real(1), whole)
        whole = where(whole == real(0), copysign(real(0), x / y), whole)
        return where(y == real(0), x / y, whole)

    return floor_divide


floor_divide_float32 = floor_divide_for(f32, fmod_float32, floor_float32)
floor_divide_float64 = floor_divide_for(f64, fmod_float64, floor_float64)


# ------------------------------------------------ predicates
@inlined
def isnan_float32(x):
    """Whether x is not a number."""
    return x != x


@inlined
def isinf_float32(x):
    """Whether x is an infinity of either sign."""
    return fabs_float32(x) == math.inf


@inlined
def isfinite_float32(x):
    """Whether x is neither NaN nor infinite."""
    return fabs_float32(x) < math.inf


isnan_float64, isinf_float64, isfinite_float64 = isnan_float32, isinf_float32, isfinite_float32


# ------------------------------------------------ libm, one element at a time
def libm(function: Callable[..., float]) -> Any:
    """A scalar function around one of `math` with one argument."""
    return inlined(lambda x: function(x))


tan_float64 = libm(math.tan)
log2_float64 = libm(math.log2)
log10_float64 = libm(math.log10)
exp2_float64 = llvm_unary("exp2")  # math.exp2 came with Python 3.11
sin_float64, cos_float64 = libm(math.sin), libm(math.cos)


# ------------------------------------------------ for kernels written once for both widths
def either_width(single: Any, double: Any) -> Any:
    """A function that is `single` for float32 and `double` for float64 when a kernel calls it."""

    def function(x: Any) -> Any:
        raise TypeError("only compiled kernels can call this function")

    def choose(x):  # Numba compares this signature with that of the functions
        return {types.float32: single.py_func, types.float64: double.py_func}.get(x)

    overload(function, jit_options=OPTIONS)(choose)
    return function


exp_nonpositive = either_width(exp_nonpositive_float32, exp_float64)
log = either_width(log_float32, log_float64)

FUNCTIONS = tuple(
    name.removesuffix("_float64") for name in dict(globals()) if name.endswith("_float64")
)
