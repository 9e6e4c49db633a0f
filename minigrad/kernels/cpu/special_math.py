"""More functions that loops inline and LLVM vectorises, as in vector_math.

Where both widths need the same steps, they are written once and made for each: `real` is the float
type, and what else differs is an argument.

The coefficients were computed for these files, as Chebyshev approximations with 60 digits (mpmath's
chebyfit), but for erf of float32: N. Juffa's faithfully rounded erff (NVIDIA's developer forum).
erfinv follows M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011); erfc's
variable is that of Shepherd and Laframboise (Mathematics of Computation 36, 1981).
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.cpu import vector_math
from minigrad.kernels.cpu.vector_math import (
    copysign,
    exp_float32,
    exp_float64,
    fabs_float32,
    fabs_float64,
    floor_float64,
    from_bits,
    inlined,
    log1p_float32,
    log1p_float64,
    log_float32,
    log_float64,
    moderate_exp_32,
    polynomial,
    rint_float64,
    sqrt_float64,
    to_bits,
    typed,
    where,
)

f32, f64 = np.float32, np.float64
fabs, floor, rint, sqrt = fabs_float64, floor_float64, rint_float64, sqrt_float64  # of either width

# ------------------------------------------------ sin(pi x), cos(pi x): exact turns of a quarter
SIN_PI_32 = typed(
    f32,
    0.0812295745,
    -0.599228796,
    2.55016359,
    -5.16771278,
)
COS_PI_32 = typed(
    f32,
    0.232125414,
    -1.33513781,
    4.05871057,
    -4.9348022,
)
SIN_PI_64 = typed(
    f64,
    -2.1742067342478005e-05,
    0.0004662879326147481,
    -0.0073704303122948235,
    0.08214588659727676,
    -0.5992645293206478,
    2.550164039877345,
    -5.16771278004997,
)
COS_PI_64 = typed(
    f64,
    -0.00010370082971594627,
    0.001929493874894941,
    -0.025806887964701875,
    0.23533063028399223,
    -1.3352627688538095,
    4.058712126416765,
    -4.934802200544679,
)


def quarter_turns_for(real: Any, whole: float, sines: Any, cosines: Any) -> Any:
    """(x as a number of quarter turns modulo 4, sin and cos of the angle that is left).

    `whole`: from here on every number is even.
    """

    @inlined
    def turn(x):
        x = where(fabs(x) < real(whole), x, x - x)  # 0, or NaN for an infinity
        turns = rint(x + x)
        rest = x - real(0.5) * turns
        square = rest * rest
        sine = rest * (square * polynomial(square, sines) + real(math.pi))
        cosine = square * polynomial(square, cosines) + real(1)
        return turns - real(4) * floor(real(0.25) * turns), sine, cosine

    return turn


def sinpi_for(real: Any, turn: Any) -> Any:
    @inlined
    def sinpi(x):
        """sin(pi x) to 2 ulp, exact at whole and half numbers."""
        turns, sine, cosine = turn(x)
        size = where((turns == real(1)) | (turns == real(3)), cosine, sine)
        return where(turns >= real(2), -size, size)

    return sinpi


def cospi_for(real: Any, turn: Any) -> Any:
    @inlined
    def cospi(x):
        """cos(pi x) to 2 ulp, exact at whole and half numbers."""
        turns, sine, cosine = turn(x)
        size = where((turns == real(1)) | (turns == real(3)), sine, cosine)
        return where((turns == real(1)) | (turns == real(2)), -size, size)

    return cospi


turn_32 = quarter_turns_for(f32, 2.0**24, SIN_PI_32, COS_PI_32)
turn_64 = quarter_turns_for(f64, 2.0**53, SIN_PI_64, COS_PI_64)
sinpi_float32, sinpi_float64 = sinpi_for(f32, turn_32), sinpi_for(f64, turn_64)
cospi_float32, cospi_float64 = cospi_for(f32, turn_32), cospi_for(f64, turn_64)


# ------------------------------------------------ inverse hyperbolic functions, by way of log1p
def asinh_for(real: Any, log1p: Any, large: float) -> Any:
    @inlined
    def asinh(x):
        """asinh x to 3 ulp: log(a + sqrt(a^2 + 1)), and log(2 a) where `large`."""
        size = fabs(x)
        square, far = size * size, size > real(large)
        beyond = size + square / (real(1) + sqrt(real(1) + square))
        result = log1p(where(far, size - real(1), beyond))
        return copysign(where(far, result + real(math.log(2)), result), x)

    return asinh


def acosh_for(real: Any, log1p: Any, large: float) -> Any:
    @inlined
    def acosh(x):
        """acosh x to 3 ulp: log(x + sqrt(x^2 - 1)), and log(2 x) where `large`."""
        beyond, far = x - real(1), x > real(large)
        result = log1p(where(far, beyond, beyond + sqrt(beyond * (beyond + real(2)))))
        result = where(far, result + real(math.log(2)), result)
        return where(x >= real(1), result, real(math.nan))

    return acosh


def atanh_for(real: Any, log1p: Any) -> Any:
    @inlined
    def atanh(x):
        """atanh x to 3 ulp: half of log((1 + a) / (1 - a))."""
        size = fabs(x)
        return copysign(real(0.5) * log1p((size + size) / (real(1) - size)), x)

    return atanh


asinh_float32 = asinh_for(f32, log1p_float32, 2.0**14)
asinh_float64 = asinh_for(f64, log1p_float64, 2.0**28)
acosh_float32 = acosh_for(f32, log1p_float32, 2.0**14)
acosh_float64 = acosh_for(f64, log1p_float64, 2.0**28)
atanh_float32, atanh_float64 = atanh_for(f32, log1p_float32), atanh_for(f64, log1p_float64)

# ------------------------------------------------ erf, erfc
# x + x P(x^2) where small, exp(-x^2) P(t) / (1 + 2 x) for erfc elsewhere.
ERF_SPLIT_32 = f32(0.927734375)
ERF_SMALL_32 = typed(
    f32,
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
)
ERF_LARGE_32 = typed(
    f32,
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
)
ERF_64 = typed(
    f64,
    6.759519257603756e-11,
    -1.1769026546511048e-09,
    1.4745948090565163e-08,
    -1.636115005978804e-07,
    1.6461870018745888e-06,
    -1.4925641599796736e-05,
    0.00012055332766501479,
    -0.0008548327019900606,
    0.0052239776254045765,
    -0.02686617064512888,
    0.11283791670955118,
    -0.37612638903183754,
    0.12837916709551256,
)
ERFC_32 = typed(
    f32,
    0.00109999664,
    0.00231518549,
    -0.00992879602,
    0.0280343547,
    -0.0587320259,
    0.0923629006,
    -0.108791838,
    0.0822727355,
    0.00358468069,
    -0.140240517,
    1.23751264,
)
ERFC_64 = typed(
    f64,
    -2.410821536542233e-09,
    -8.782125734803521e-10,
    3.285083556233316e-08,
    1.5996335215573707e-08,
    -2.5261465267715506e-07,
    -4.815839621672849e-08,
    1.7481190468391963e-06,
    -9.801666755858578e-07,
    -1.1442990926805438e-05,
    2.2387259638230133e-05,
    5.1648913469599865e-05,
    -0.00029015496529570924,
    0.00029371366631088616,
    0.0017556260171520037,
    -0.009746579553431873,
    0.028362277400457724,
    -0.05869339859030941,
    0.09230432116153116,
    -0.10880393014171236,
    0.08227673849011204,
    0.003585415485463779,
    -0.1402405985855467,
    1.2375126308378277,
)
EXP_SMALL = (1 / 24, 1 / 6, 1 / 2, 1, 1)


@inlined
def erf_float32(x):
    """The error function to 1.5 ulp: x + x P(x^2), or 1 - exp(-x - x P(x))."""
    size = fabs_float32(x)
    bounded = where(size < f32(4), size, f32(4))  # erf(4) rounds to 1
    small = size * polynomial(size * size, ERF_SMALL_32) + size
    large = f32(1) - moderate_exp_32(bounded * polynomial(bounded, ERF_LARGE_32) - bounded)
    return copysign(where(size > ERF_SPLIT_32, large, small), x)  # for NaN, small is NaN


def erfc_tail_for(real: Any, bits: Any, exp: Any, dropped: int, limit: float, terms: Any) -> Any:
    """A number without its `dropped` last bits has an exact square; erfc is 0 beyond `limit`."""
    mask, series = -(2**dropped), typed(real, *EXP_SMALL)

    @inlined
    def erfc_tail(size):
        """erfc x for x >= 0, to 4 ulp; exactly 0 where it would be subnormal."""
        size = where(size < real(limit), size, real(limit))
        rounded = from_bits(bits(to_bits(size) & mask))
        lost = (rounded - size) * (rounded + size)  # rounded^2 - size^2
        power = exp(-(rounded * rounded)) * polynomial(lost, series)
        t = (size - real(3.75)) / (size + real(3.75))
        return power * polynomial(t, terms) / (real(1) + real(2) * size)

    return erfc_tail


def erfc_for(real: Any, tail: Any, small_terms: Any) -> Any:
    @inlined
    def erfc(x):
        """1 - erf(x) to 4 ulp, also where it is small."""
        size = fabs(x)
        small = real(1) - (x * polynomial(x * x, small_terms) + x)
        large = tail(size)
        large = where(x < real(0), real(2) - large, large)
        return where(size > real(0.5), large, small)  # NaN is small

    return erfc


tail_32 = erfc_tail_for(f32, np.int32, exp_float32, 12, 10.5, ERFC_32)
tail_64 = erfc_tail_for(f64, np.int64, exp_float64, 27, 28.0, ERFC_64)
erfc_float32 = erfc_for(f32, tail_32, ERF_SMALL_32)
erfc_float64 = erfc_for(f64, tail_64, ERF_64)


@inlined
def erf_float64(x):
    """The error function to 1.5 ulp."""
    size = fabs(x)
    small = x * polynomial(x * x, ERF_64) + x
    return where(size > f64(0.85), copysign(f64(1) - tail_64(size), x), small)


# ------------------------------------------------ erfinv: x P(w), w = -log(1 - x^2)
ERFINV_NEAR_32 = typed(
    f32,
    -8.93192597e-09,
    2.33359672e-08,
    4.68131348e-07,
    -3.46398527e-06,
    -4.97241969e-06,
    0.000218349386,
    -0.00125272639,
    -0.00417739288,
    0.246640279,
    1.50140936,
)
ERFINV_FAR_32 = typed(
    f32,
    0.000113908174,
    -0.000307913281,
    -5.37265708e-05,
    0.00148269069,
    -0.00359928074,
    0.00568805833,
    -0.00763681894,
    0.00944513222,
    1.00167493,
    2.8329768,
)
ERFINV_NEAR_64 = typed(
    f64,
    3.240704459379902e-21,
    -1.113483769832702e-21,
    -3.4996044354754177e-19,
    1.150022252066253e-18,
    1.557432024623325e-17,
    -1.3016928016796445e-16,
    -4.0282154327661744e-17,
    6.596407712420834e-15,
    -4.001237735091896e-14,
    -8.118399443074353e-14,
    2.6304834740560442e-12,
    -1.2976885526532075e-11,
    -5.414287198084716e-11,
    1.0512181539804128e-09,
    -4.11266082002324e-09,
    -2.9070382262927266e-08,
    4.234788173782339e-07,
    -1.3654691850603575e-06,
    -1.3882523394405318e-05,
    0.00018673420802464837,
    -0.000740702534154477,
    -0.00603367087142785,
    0.2401581824255883,
    1.6536545626831027,
)
ERFINV_MIDDLE_64 = typed(
    f64,
    -3.8310399460724116e-10,
    9.071950571029922e-08,
    -2.6860975725571463e-07,
    1.832399988132858e-08,
    1.4958263152984917e-06,
    -4.013946398190292e-06,
    2.9273722115986924e-06,
    1.2475343474376931e-05,
    -4.731952918337189e-05,
    6.828484052292924e-05,
    2.4031363245440546e-05,
    -0.0003550375186306976,
    0.0009532893521118177,
    -0.0016882755561681802,
    0.0024914420976198813,
    -0.0037512085075638536,
    0.0053709145535581985,
    1.0052589676941592,
    3.0838856104922208,
)
ERFINV_FAR_64 = typed(
    f64,
    3.168635357062317e-11,
    -2.3619551668195052e-11,
    -3.901639741647031e-10,
    1.4938362671113079e-09,
    -3.553933744481174e-09,
    7.637965232955134e-09,
    -1.5178825591058036e-08,
    2.9129244858381783e-08,
    -6.759617316783465e-08,
    2.2901355101828945e-07,
    -9.9301753320831e-07,
    4.526060379533575e-06,
    -1.9681772555622644e-05,
    7.599527730765265e-05,
    -0.00021503011969810042,
    -0.00013871931834952628,
    1.0103004648645426,
    4.849906401408584,
)


@inlined
def erfinv_float32(x):
    """The inverse of erf to 4 ulp."""
    w = -log_float32((f32(1) - x) * (f32(1) + x))
    near = polynomial(w - f32(2.5), ERFINV_NEAR_32)
    far = polynomial(sqrt(w) - f32(3), ERFINV_FAR_32)
    result = x * where(w < f32(5), near, far)
    return where(fabs(x) == f32(1), x * f32(math.inf), result)


@inlined
def erfinv_float64(x):
    """The inverse of erf to 4 ulp."""
    w = -log_float64((f64(1) - x) * (f64(1) + x))
    root = sqrt(w)
    near = polynomial(w - f64(3.125), ERFINV_NEAR_64)
    middle = polynomial(root - f64(3.25), ERFINV_MIDDLE_64)
    far = polynomial(root - f64(5), ERFINV_FAR_64)
    result = x * where(w < f64(6.25), near, where(w < f64(16), middle, far))
    return where(fabs(x) == f64(1), x * f64(math.inf), result)


# ------------------------------------------------ lgamma: log |gamma(x)|
# lgamma(2 + d) = d P(d) for |d| <= 1/2; for large y, Stirling's series in 1 / y.
LGAMMA_32 = typed(
    f32,
    -0.000250562021,
    0.00057025125,
    -0.00118748481,
    0.00287886868,
    -0.00738592088,
    0.0205816254,
    -0.0673522941,
    0.322467018,
    0.422784335,
)
STIRLING_32 = typed(
    f32,
    -0.00276904697,
    0.0833333213,
)
LGAMMA_64 = typed(
    f64,
    -1.3219945666117874e-07,
    2.78740805211359e-07,
    -4.3252393445604814e-07,
    9.200527894968101e-07,
    -2.0439048107029907e-06,
    4.38470440459836e-06,
    -9.438715099211534e-06,
    2.0505590755833454e-05,
    -4.49263133791557e-05,
    9.945767355819498e-05,
    -0.00022315475400520507,
    0.0005096695154115458,
    -0.0011927539118428156,
    0.002890510331034267,
    -0.0073855510286719986,
    0.02058080842778038,
    -0.0673523010531981,
    0.32246703342411326,
    0.42278433509846713,
)
STIRLING_64 = typed(
    f64,
    0.005407808189971706,
    -0.001902922122959785,
    0.0008416428324601282,
    -0.0005952376812388722,
    0.0007936507928912973,
    -0.0027777777777772536,
    0.08333333333333333,
)


def lgamma_for(real: Any, log: Any, sinpi: Any, near_two: Any, stirling: Any) -> Any:
    half_log_two_pi = 0.5 * math.log(2 * math.pi)

    @inlined
    def positive(y):
        """lgamma y for y >= 1/2, with one logarithm.

        gamma(y) = (y - 1) (y - 2) ... w gamma(w), with w in [3/2, 5/2]; gamma(y) = gamma(y + 1) / y
        below that; Stirling's series beyond 19/2.
        """
        w, factors = y, real(1)
        for _ in range(7):
            above, w_before = w > real(2.5), w
            w = where(above, w_before - real(1), w_before)
            factors = factors * where(above, w, real(1))
        low, far = y < real(1.5), y > real(9.5)
        logarithm = log(where(far | low, y, factors))
        rest = where(low, y - real(1), w - real(2))
        near = rest * polynomial(rest, near_two) + where(low, -logarithm, logarithm)
        inverse = real(1) / y
        series = inverse * polynomial(inverse * inverse, stirling) + real(half_log_two_pi - 0.5)
        return where(far, (y - real(0.5)) * (logarithm - real(1)) + series, near)

    @inlined
    def lgamma(x):
        """log |gamma(x)| to 4 ulp, but near its zeros below 0; inf at its poles.

        gamma(x) gamma(1 - x) = pi / sin(pi x) leads back from x < 1/2.
        """
        mirrored = x < real(0.5)
        value = positive(where(mirrored, real(1) - x, x))
        sine = fabs(sinpi(x))
        reflected = (real(math.log(math.pi)) - log(sine)) - value
        result = where(mirrored, reflected, value)
        pole = (mirrored & (sine == real(0))) | (fabs(x) == real(math.inf))
        return where(pole, real(math.inf), result)

    return lgamma


lgamma_float32 = lgamma_for(f32, log_float32, sinpi_float32, LGAMMA_32, STIRLING_32)
lgamma_float64 = lgamma_for(f64, log_float64, sinpi_float64, LGAMMA_64, STIRLING_64)

FUNCTIONS = tuple(
    name.removesuffix("_float64")
    for name in dict(globals())
    if name.endswith("_float64") and not hasattr(vector_math, name)
)
