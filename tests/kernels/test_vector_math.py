"""Scalar functions against a wider type, at their extremes, and whether loops vectorise."""

import functools
import math
import platform

import numpy as np
import pytest
from numba import njit

from minigrad.kernels import codegen
from minigrad.kernels.cpu import special_math, vector_math

INF, NAN = math.inf, math.nan
NO_WIDER = np.finfo(np.longdouble).eps == np.finfo(np.float64).eps


def found(name):
    return getattr(vector_math, name, None) or getattr(special_math, name)


@functools.cache
def loop(name):
    """A compiled loop over one function of one argument."""
    function = found(name)

    @njit(error_model="numpy", fastmath={"contract", "nsz"})
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return run


@functools.cache
def loop_of_two(name):
    """A compiled loop over one function of two arguments."""
    function = found(name)

    @njit(error_model="numpy", fastmath={"contract", "nsz"})
    def run(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i], y[i])

    return run


def evaluate(name, *arrays, out_dtype=None):
    out = np.empty(arrays[0].shape, out_dtype or arrays[0].dtype)
    run = loop(name) if len(arrays) == 1 else loop_of_two(name)
    run(*arrays, out)
    return out


def errors_in_ulp(result, exact):
    """The errors of normal numbers, in units in the last place of the type of `result`."""
    dtype = result.dtype
    with np.errstate(over="ignore"):
        rounded = exact.astype(dtype)
    normal = np.isfinite(rounded) & (np.abs(rounded) >= np.finfo(dtype).tiny)
    unit = np.spacing(np.abs(rounded[normal])).astype(exact.dtype)
    return np.abs(result[normal].astype(exact.dtype) - exact[normal]) / unit


def same(result, expected):
    """Equal bit for bit, but for the payload of a NaN."""
    equal = (result == expected) & (np.signbit(result) == np.signbit(expected))
    return equal | (np.isnan(result) & np.isnan(expected))


def erf(x):
    return np.array([math.erf(value) for value in x], np.float64)


def of_each(function):
    """A function of Python's floats, of arrays."""
    return lambda x: np.array([function(float(value)) for value in x], np.float64)


def samples(low, high, tiny=True):
    """Points of an interval: even, crowded at 0, with some of each sign very small."""
    rng = np.random.default_rng(0)
    crowded = np.exp(rng.uniform(-50, 0, 2000)) if tiny else np.ones(0)
    points = np.concatenate([np.linspace(low, high, 20001), crowded, -crowded])
    return points[(points >= low) & (points <= high)]


POSITIVE = np.exp(np.concatenate([np.linspace(-80, 80, 20001), np.linspace(-0.1, 0.1, 4001)]))
ANGLES = np.concatenate([samples(-20, 20), np.linspace(-1e5, 1e5, 20001)])

# name: (reference, points, most units in the last place for float32, for float64)
ACCURACY = {
    "exp": (np.exp, samples(-86, 88), 1, 1.5),
    "exp2": (np.exp2, samples(-125, 127), 1, 1.5),
    "expm1": (np.expm1, samples(-30, 88), 1.5, 2),
    "log": (np.log, POSITIVE, 1, 1.5),
    "log2": (np.log2, POSITIVE, 1, 1.5),
    "log10": (np.log10, POSITIVE, 1, 2.5),
    "log1p": (np.log1p, samples(-0.999, 50), 1.5, 1.5),
    "tanh": (np.tanh, samples(-15, 15), 1.5, 2),
    "sinh": (np.sinh, samples(-80, 80), 1, 3),
    "cosh": (np.cosh, samples(-80, 80), 1, 3),
    "erf": (erf, samples(-6, 6), 1.5, None),  # no wider reference than libm's own
    "sin": (np.sin, ANGLES, 2, 1.5),
    "cos": (np.cos, ANGLES, 2, 1.5),
    "tan": (np.tan, ANGLES, 3.5, 1.5),
    "asin": (np.arcsin, samples(-1, 1), 2.5, 2.5),
    "acos": (np.arccos, samples(-1, 1), 1.5, 2),
    "atan": (np.arctan, samples(-50, 50), 3, 2),
    "asinh": (np.arcsinh, samples(-50, 50), 3, 3),
    "acosh": (np.arccosh, 1 + np.abs(samples(0, 50)), 3, 3),
    "atanh": (np.arctanh, 0.999 * samples(-1, 1), 3, 3),
    "erfc": (of_each(math.erfc), samples(-6, 9), 4, None),
    "lgamma": (of_each(math.lgamma), samples(0.001, 30), 6, None),
    "sinpi": (lambda x: np.sin(np.pi * x), samples(-0.25, 0.25), 2, None),
    "cospi": (lambda x: np.cos(np.pi * x), samples(-0.25, 0.25), 2, None),
    "sqrt": (np.sqrt, POSITIVE, 0.51, 0.51),
}


@pytest.mark.parametrize("name", ACCURACY)
def test_float32_is_accurate(name):
    reference, points, limit, _ = ACCURACY[name]
    x = points.astype(np.float32)
    exact = reference(x.astype(np.float64))
    assert errors_in_ulp(evaluate(f"{name}_float32", x), exact).max() <= limit


@pytest.mark.skipif(NO_WIDER, reason="no type wider than float64")
@pytest.mark.parametrize("name", [name for name, row in ACCURACY.items() if row[3] is not None])
def test_float64_is_accurate(name):
    reference, points, _, limit = ACCURACY[name]
    exact = reference(points.astype(np.longdouble))
    assert errors_in_ulp(evaluate(f"{name}_float64", points), exact).max() <= limit


def test_float64_erf_is_that_of_libm():
    x = samples(-6, 6)
    np.testing.assert_allclose(evaluate("erf_float64", x), erf(x), rtol=1e-15, atol=0)


def test_float64_is_nearly_that_of_libm():
    for name in ("erfc", "lgamma"):
        reference, points, _, _ = ACCURACY[name]
        result = evaluate(f"{name}_float64", points)
        np.testing.assert_allclose(result, reference(points), rtol=2e-15, atol=2e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfinv_turns_erf_around(dtype):
    tail = 1 - np.exp(np.linspace(-15 if dtype == "float32" else -35, 0, 999))
    x = np.concatenate([samples(-1, 1), tail, [1, -1, 1.5, NAN]]).astype(dtype)
    y = evaluate(f"erfinv_{dtype}", x)
    assert y[-4:-1].tolist()[:2] == [INF, -INF]
    assert np.isnan(y[-2:]).all()
    inside = np.abs(x) < 0.9
    tolerance = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(erf(y[inside]), x[inside], rtol=tolerance)
    far = (x > 0.9) & (x < 1)
    left = of_each(math.erfc)(y[far].astype(float))
    slope = 1 + 2 * y[far].astype(float) ** 2  # of the error of erfc by that of y, in units of eps
    assert (np.abs(left / (1 - x[far].astype(float)) - 1) < tolerance * slope).all()


def test_lgamma_at_its_poles_and_below_zero():
    x = np.array([0.0, -0.0, -1, -2, -INF, INF, -0.5, -1.5, -2.5, -170.25] * 5)
    expected = [INF] * 6 + [math.lgamma(value) for value in (-0.5, -1.5, -2.5, -170.25)]
    for dtype, rtol in (("float32", 2e-6), ("float64", 1e-14)):
        result = evaluate(f"lgamma_{dtype}", x.astype(dtype))
        np.testing.assert_allclose(result, np.array(expected * 5), rtol=rtol)


def test_sines_of_whole_numbers_are_exact():
    for dtype in ("float32", "float64"):
        x = np.array([0, 1, -2, 7, 1e6, 0.5, -1.5, 3e38], dtype)
        assert evaluate(f"sinpi_{dtype}", x).tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
        assert evaluate(f"cospi_{dtype}", x).tolist() == [1, -1, 1, -1, 1, 0, 0, 1]


SPECIAL = [INF, -INF, NAN, 0.0, -0.0]
AT_SPECIAL = {
    "exp": [INF, 0.0, NAN, 1.0, 1.0],
    "exp2": [INF, 0.0, NAN, 1.0, 1.0],
    "expm1": [INF, -1.0, NAN, 0.0, -0.0],
    "log": [INF, NAN, NAN, -INF, -INF],
    "log2": [INF, NAN, NAN, -INF, -INF],
    "log10": [INF, NAN, NAN, -INF, -INF],
    "log1p": [INF, NAN, NAN, 0.0, -0.0],
    "tanh": [1.0, -1.0, NAN, 0.0, -0.0],
    "sinh": [INF, -INF, NAN, 0.0, -0.0],
    "cosh": [INF, INF, NAN, 1.0, 1.0],
    "erf": [1.0, -1.0, NAN, 0.0, -0.0],
    "sin": [NAN, NAN, NAN, 0.0, -0.0],
    "cos": [NAN, NAN, NAN, 1.0, 1.0],
    "tan": [NAN, NAN, NAN, 0.0, -0.0],
    "asin": [NAN, NAN, NAN, 0.0, -0.0],
    "atan": [math.pi / 2, -math.pi / 2, NAN, 0.0, -0.0],
    "asinh": [INF, -INF, NAN, 0.0, -0.0],
    "acosh": [INF, NAN, NAN, NAN, NAN],
    "atanh": [NAN, NAN, NAN, 0.0, -0.0],
    "erfc": [0.0, 2.0, NAN, 1.0, 1.0],
    "erfinv": [NAN, NAN, NAN, 0.0, -0.0],
    "lgamma": [INF, INF, NAN, INF, INF],
    "sqrt": [INF, NAN, NAN, 0.0, -0.0],
    "floor": [INF, -INF, NAN, 0.0, -0.0],
    "ceil": [INF, -INF, NAN, 0.0, -0.0],
    "trunc": [INF, -INF, NAN, 0.0, -0.0],
    "rint": [INF, -INF, NAN, 0.0, -0.0],
    "fabs": [INF, INF, NAN, 0.0, 0.0],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", AT_SPECIAL)
def test_infinities_nan_and_zeros(name, dtype):
    x = np.array(SPECIAL * 13, dtype)  # long enough for both the vector and the scalar part
    expected = np.array(AT_SPECIAL[name] * 13, dtype)
    assert same(evaluate(f"{name}_{dtype}", x), expected).all()


def test_exp_is_exactly_zero_below_the_normal_numbers():
    x = np.array([-87.4, -88, -100, -104, -1e30] * 9, np.float32)
    assert not evaluate("exp_float32", x).any()
    assert not evaluate("exp_float64", np.array([-708.4, -745, -1e300] * 9)).any()
    smallest = evaluate("exp_float32", np.array([-87.33654], np.float32))[0]
    assert smallest == pytest.approx(np.finfo(np.float32).tiny, rel=1e-5)


def test_exp_of_what_is_not_positive():
    x = np.concatenate([samples(-90, 0), [-INF, NAN, -0.0, -87.33654, -87.33655]]).astype("f")
    x = np.concatenate([x, np.arange(0x7F800001, 0x7F800041, dtype=np.uint32).view("f")])
    expected = evaluate("exp_float32", x)
    np.testing.assert_array_max_ulp(evaluate("exp_nonpositive_float32", x), expected, 1)


def test_exp_overflows_where_the_type_ends():
    x = np.array([88.72283, 88.72284], np.float32)
    assert np.isfinite(evaluate("exp_float32", x)).tolist() == [True, False]
    x = np.array([709.782712893384, 709.7827128933842])
    assert np.isfinite(evaluate("exp_float64", x)).tolist() == [True, False]


def test_nan_with_any_payload_stays_nan():
    x = np.arange(0x7F800001, 0x7F800001 + 64, dtype=np.uint32).view(np.float32)
    for name in ("exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "cos"):
        assert np.isnan(evaluate(f"{name}_float32", x)).all(), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_of_subnormal_and_negative_numbers(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([smallest, 1000 * smallest, -smallest, -1, np.finfo(dtype).max], dtype)
    with np.errstate(invalid="ignore"):
        expected = np.log(x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(evaluate(f"log_{dtype}", x), expected, rtol=2e-7)


@pytest.mark.parametrize("name", ["sin", "tan", "tanh", "sinh", "asin", "atan", "expm1", "log1p"])
def test_odd_functions_return_subnormal_numbers_as_they_are(name):
    x = np.array([1e-45, -1e-45, 1e-40, -1e-40, 1.2e-38] * 5, np.float32)
    assert same(evaluate(f"{name}_float32", x), x).all()


# sin and cos of float32 numbers around which a short 2/pi goes wrong, from a 300-bit computation.
FAR_ANGLES = [
    (2.0**24, -0.7795636732177777, 0.6263229832915329),
    (1e10, -0.4875060250875107, 0.8731196226768560),
    (2.0**50, 0.4963965152089408, 0.8680959046605506),
    (2.0**80, -0.8582954304350271, 0.5131558769948480),
    (2.0**50 + 2.0**27, -0.3420736789740901, 0.9396731336763498),  # where the rows of bits change
    (2.0**76 + 2.0**53, 0.9865730601488549, -0.1633205344974228),
    (2.0**102 + 2.0**79, 0.9991107888249788, 0.0421619692795371),
    (2.0**127, 0.6233855129558702, 0.7819146387149601),
]


@pytest.mark.parametrize(("angle", "sine", "cosine"), FAR_ANGLES)
def test_large_angles(angle, sine, cosine):
    x = np.array([angle, -angle] * 9, np.float32)
    np.testing.assert_allclose(evaluate("sin_float32", x), [sine, -sine] * 9, rtol=3e-7)
    np.testing.assert_allclose(evaluate("cos_float32", x), [cosine] * 18, rtol=3e-7)


def test_every_angle_is_on_the_circle():
    rng = np.random.default_rng(0)
    x = np.exp2(rng.uniform(-20, 128, 20000)).astype(np.float32)
    sine, cosine = evaluate("sin_float32", x), evaluate("cos_float32", x)
    np.testing.assert_allclose(sine.astype("d") ** 2 + cosine.astype("d") ** 2, 1, rtol=5e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding(dtype):
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.7, -2.7, 1e30], dtype)
    for name in ("floor", "ceil", "trunc", "rint"):
        assert same(evaluate(f"{name}_{dtype}", x), getattr(np, name)(x)).all()


GRID = np.array([0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, INF, -INF, NAN, 1e30, -1e30, 16777217])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("pow", np.power),
        ("atan2", np.arctan2),
        ("fmod", np.fmod),
        ("copysign", np.copysign),
        ("maximum", np.maximum),
        ("minimum", np.minimum),
    ],
)
def test_functions_of_two_at_the_extremes(name, reference, dtype):
    x, y = (grid.ravel().astype(dtype) for grid in np.meshgrid(GRID, GRID))
    with np.errstate(all="ignore"):
        expected = reference(x, y)
    result = evaluate(f"{name}_{dtype}", x, y)
    np.testing.assert_allclose(result, expected, rtol=3e-7)
    if name not in ("maximum", "minimum"):  # of two zeros either may come
        assert (np.signbit(result) == np.signbit(expected))[~np.isnan(expected)].all()


def test_pow_is_accurate():
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-20, 20, 20000)).astype(np.float32)
    y = rng.standard_normal(20000).astype(np.float32)
    exact = x.astype(np.float64) ** y.astype(np.float64)
    assert errors_in_ulp(evaluate("pow_float32", x, y), exact).max() <= 1


def any_pairs(dtype):
    """Floats of any size: random bits; whole multiples and their neighbours; and the extremes."""
    rng, bits = np.random.default_rng(0), {"float32": np.int32, "float64": np.int64}[dtype]
    limits, info = np.iinfo(bits), np.finfo(dtype)
    x, y = rng.integers(limits.min, limits.max, (2, 300_000), bits, endpoint=True).view(dtype)
    multiples = np.rint(np.exp2(rng.uniform(0, 60, 100_000))).astype(dtype) * y[:100_000]
    around = np.nextafter(multiples, rng.choice(np.array([0, INF, -INF], dtype), 100_000))
    sizes = [0, 1, 3, info.max, info.tiny, info.smallest_subnormal, np.nextafter(info.tiny, 0), INF]
    sizes += [1 + info.eps, 2 - info.eps, 2.0**52, 2.0**53 - 1, 2.0**60, NAN]
    ends = np.array([*sizes, *(-size for size in sizes)], dtype)
    pairs = np.stack([(x, y), (x, np.abs(y))], 0).swapaxes(0, 1).reshape(2, -1)
    grid = np.stack(np.meshgrid(ends, ends)).reshape(2, -1)
    return np.concatenate([pairs, (multiples, y[:100_000]), (around, y[:100_000]), grid], 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@np.errstate(all="ignore")
def test_remainders_are_exact(dtype):
    x, y = any_pairs(dtype)
    rest, modulo = evaluate(f"fmod_{dtype}", x, y), evaluate(f"remainder_{dtype}", x, y)
    expected = np.fmod(x, y)  # C's, exact by definition
    assert same(rest, expected).all()
    other_side = (expected != 0) & (np.signbit(expected) != np.signbit(y))
    assert same(modulo, np.where(other_side, expected + y, expected)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@np.errstate(all="ignore")
def test_quotients_are_rounded_down(dtype):
    x, y = any_pairs(dtype)
    result, expected = evaluate(f"floor_divide_{dtype}", x, y), np.floor_divide(x, y)
    usual = np.isfinite(x)  # where NumPy and torch agree
    assert ((result == expected) | np.isnan(result) & np.isnan(expected))[usual].all()


@pytest.mark.skipif(NO_WIDER, reason="no type wider than float64")
def test_pow_of_float64_is_accurate():
    rng = np.random.default_rng(0)
    near_one, log_x = 1 + rng.uniform(-0.3, 0.4, 20000), rng.uniform(-700, 700, 20000)
    tiny = rng.integers(1, 2**51, 20000).view(np.float64)
    for x, limit in ((near_one, 1000), (np.exp(log_x), 1), (np.exp(log_x / 35), 30), (tiny, 0.9)):
        y = rng.uniform(-limit, limit, 20000)
        exact = x.astype(np.longdouble) ** y.astype(np.longdouble)
        assert errors_in_ulp(evaluate("pow_float64", x, y), exact).max() <= 1


def test_powers_of_whole_numbers_and_subnormal_results():
    x, y = np.repeat(np.arange(1.0, 9), 17), np.tile(np.arange(17.0), 8)
    exact = [float(int(a) ** int(b)) for a, b in zip(x, y, strict=True)]
    assert (evaluate("pow_float64", x, y) == exact).all()
    y = np.array([-1021.0, -1022, -1023, -1060, -1074, -1076, 1023, 1024, 1e300, -1e300])
    expected = [*(math.ldexp(1, int(n)) for n in y[:7]), INF, INF, 0]
    assert (evaluate("pow_float64", np.full(10, 2.0), y) == expected).all()


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_maximum_and_minimum_of_whole_numbers(dtype):
    x, y = np.array([0, 1, 200, 100], dtype), np.array([1, 0, 100, 200], dtype)
    assert (evaluate("maximum", x, y) == np.maximum(x, y)).all()
    assert (evaluate("minimum", x, y) == np.minimum(x, y)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predicates(dtype):
    x = np.array([INF, -INF, NAN, 0.0, -1.0, 1e30] * 9, dtype)
    for name in ("isnan", "isinf", "isfinite"):
        result = evaluate(f"{name}_{dtype}", x, out_dtype=np.bool_)
        assert (result == getattr(np, name)(x)).all()


# ------------------------------------------------------------------------------- machine code
def machine_code(name, dtype):
    arguments = 2 if name.startswith(("pow", "fmod", "remainder", "floor_divide")) else 1
    evaluate(name, *[np.ones(4, dtype)] * arguments)
    run = loop(name) if arguments == 1 else loop_of_two(name)
    return next(iter(run.inspect_asm().values())), next(iter(run.inspect_llvm().values()))


VECTORISED = [
    *(f"{name}_float32" for name in (*ACCURACY, "pow")),  # pow: long, so only inlined by force
    *(f"{name}_float32" for name in ("fmod", "remainder", "floor_divide")),
    *(f"{name}_float64" for name in ("pow", "exp", "log", "tanh", "sqrt", "atan", "asin", "sinh")),
    *(f"{name}_float64" for name in ("erf", "erfc", "erfinv", "lgamma", "log1p", "expm1", "acosh")),
]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names registers of x86")
@pytest.mark.parametrize("name", VECTORISED)
def test_loops_vectorise(name):
    assembly, _ = machine_code(name, name.rpartition("_")[2])
    register = ("zmm", "ymm", "xmm")
    packed = [line for line in assembly.splitlines() if "mulp" in line or "sqrtp" in line]
    assert any(word in line for line in packed for word in register)


IN_FLOAT64 = {"sin", "cos", "tan", "sinh", "cosh", "log2", "log10"}  # on purpose, inside


@pytest.mark.parametrize("name", sorted(set(ACCURACY) - IN_FLOAT64))
def test_float32_stays_float32(name):
    _, ir = machine_code(f"{name}_float32", "float32")
    assert "fpext" not in ir


def test_every_function_exists_for_both_widths():
    for module in (vector_math, special_math):
        for name in module.FUNCTIONS:
            assert hasattr(module, f"{name}_float32")
            assert hasattr(module, f"{name}_float64")
    assert set(special_math.FUNCTIONS) >= codegen.SPECIAL
