"""Pointwise operations: the value of one element, and its derivatives.

Read a definition as a line of a table of derivatives.  `grad` is the gradient of the result;
each formula is the gradient of one input.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.codegen import Number
from minigrad.ops.define import NUMBERS, POINTWISE, into, pointwise
from minigrad.tensor import TENSORS, Tensor

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
INV_SQRT_2PI = 1 / math.sqrt(2 * math.pi)
TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
LN2, LN10 = math.log(2), math.log(10)
GELU_CUBE = 0.044715  # of the tanh approximation: Hendrycks and Gimpel, arXiv:1606.08415

NO_BOOL_MINUS = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)

# ------------------------------------------------------------------------------------- arithmetic


@pointwise(x=lambda grad: grad, y=lambda grad: grad)
def add(x, y):
    """x + y"""
    return x + y


@pointwise(
    x=lambda grad: grad,
    y=lambda grad: -grad,
    no_bool="Subtraction, the `-` operator, with two bool tensors is not supported. "
    "Use the `^` or `logical_xor()` operator instead.",
)
def sub(x, y):
    """x - y"""
    return x - y


@pointwise(x=lambda grad: grad, y=lambda grad, alpha: grad * alpha, node="AddBackward0")
def add_multiple(x, y, alpha: Number):
    """x + alpha * y"""
    return x + alpha * y


@pointwise(
    x=lambda grad: grad,
    y=lambda grad, alpha: -(grad * alpha),
    node="SubBackward0",
    no_bool=NO_BOOL_MINUS,
)
def sub_multiple(x, y, alpha: Number):
    """x - alpha * y"""
    return x - alpha * y


@pointwise(
    x=lambda grad: -grad,
    node="RsubBackward1",
    no_bool=NO_BOOL_MINUS,
)
def rsub(x, other: Number):
    """other - x, of a number and a tensor"""
    return other - x


@pointwise(x=lambda grad, y: grad * y, y=lambda grad, x: grad * x)
def mul(x, y):
    """x * y"""
    return x * y


@pointwise(x=lambda grad, y: grad / y, y=lambda grad, x, y: -grad * ((x / y) / y))
def div(x, y):
    """x / y"""
    return x / y


@pointwise(x=lambda grad, result: -grad * result * result)
def reciprocal(x):
    """1 / x"""
    return 1 / x


@pointwise(
    x=lambda grad: -grad,
    no_bool="Negation, the `-` operator, on a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
)
def neg(x):
    """-x"""
    return -x


@pointwise(
    x=lambda grad: grad,
    y=lambda grad, x, y: -grad * floor(x / y),
    node="RemainderBackward1",
)
def remainder_tensor(x, y):
    """x modulo y, with the sign of y"""
    return x % y


@pointwise(x=lambda grad: grad, node="RemainderBackward0")
def remainder_number(x, y: Number):
    """x modulo a number, with its sign"""
    return x % y


@pointwise(x=lambda grad: grad, y=lambda grad, x, y: -grad * trunc(x / y), node="FmodBackward1")
def fmod_tensor(x, y):
    """The remainder of x / y, with the sign of x"""
    return abs(x) % abs(y) if x >= 0 else -(abs(x) % abs(y))


@pointwise(x=lambda grad: grad, node="FmodBackward0")
def fmod_number(x, y: Number):
    """The remainder of x by a number, with the sign of x"""
    return abs(x) % abs(y) if x >= 0 else -(abs(x) % abs(y))


@pointwise(no_derivative=True, node="NotImplemented")
def floor_divide(x, y):
    """x / y, rounded down"""
    return x // y


def check_divisor(x: Any, y: Any) -> None:
    """RuntimeError for integers divided by 0.  (A GPU does not look, in torch neither.)"""
    arrays = [kernels.physical(z.array) if type(z) in TENSORS else np.asarray(z) for z in (x, y)]
    if arrays[0].dtype.kind == "f" or arrays[1].dtype.kind == "f":
        return
    if type(arrays[1]) is np.ndarray and arrays[0].size and not arrays[1].all():
        raise RuntimeError("ZeroDivisionError: integers were divided by 0")


def checked_division(op: Any) -> Any:
    @functools.wraps(op)
    def divide(input: Any, other: Any) -> Any:
        check_divisor(input, other)
        return op(input, other)

    return divide


POINTWISE["floor_divide"] = floor_divide = checked_division(floor_divide)


@pointwise(x=lambda grad, x: grad * (2 * x), node="PowBackward0")
def pow_two(x):
    """x * x"""
    return x * x


@pointwise(
    x=lambda grad, x, exponent: where(
        exponent == 0, 0, grad * (exponent * pow_number(x, exponent - 1))
    ),
    node="PowBackward0",
)
def pow_number(x, exponent: Number):
    """x to the power of a number; the first few are plain products"""
    if exponent == 2:
        return x * x
    if exponent == 1:
        return x
    if exponent == 3:
        return x * x * x
    return x**exponent


@pointwise(
    x=lambda grad, x, y: where(y == 0, 0, grad * (y * x ** (y - 1))),
    y=lambda grad, x, y, result: grad * where((x == 0) & (y >= 0), 0, result * log(x)),
    node="PowBackward1",
)
def pow_tensor(x, y):
    """x to the power of y, element by element"""
    return x**y


@pointwise(
    y=lambda grad, base, y, result: grad * where((base == 0) & (y >= 0), 0, result * log(base)),
    node="PowBackward2",
)
def number_pow(base: Number, y):
    """A number to the power of y"""
    return base**y


@pointwise(x=lambda grad, x: grad * sign(x))
def abs(x):
    """|x|"""
    return abs(x)


@pointwise(x=lambda grad: 0)
def sign(x):
    """-1, 0 or 1"""
    return 1 if x > 0 else (-1 if x < 0 else 0)


@pointwise(x=lambda grad: 0)
def floor(x):
    """The largest whole number not above x"""
    return math.floor(x)


@pointwise(x=lambda grad: 0)
def ceil(x):
    """The smallest whole number not below x"""
    return math.ceil(x)


@pointwise(x=lambda grad: 0)
def trunc(x):
    """x without its fraction"""
    return math.trunc(x)


@pointwise(x=lambda grad: 0)
def round(x):
    """The nearest whole number; a half goes to the even one"""
    return round(x)


@pointwise(x=lambda grad: grad)
def frac(x):
    """The fraction of x, with its sign"""
    return x - math.trunc(x)


@pointwise(
    x=lambda grad, tensor1, tensor2: grad,
    tensor1=lambda grad, tensor2, value: grad * (tensor2 * value),
    tensor2=lambda grad, tensor1, value: grad * (tensor1 * value),
    casts_numbers=True,
)
def addcmul(x, tensor1, tensor2, value: Number = 1):
    """x + value * tensor1 * tensor2"""
    return x + value * (tensor1 * tensor2)


@pointwise(
    x=lambda grad: grad,
    tensor1=lambda grad, tensor2, value: grad * (value / tensor2),
    tensor2=lambda grad, tensor1, tensor2, value: -grad * (value * tensor1 / (tensor2 * tensor2)),
)
def addcdiv(x, tensor1, tensor2, value: Number = 1):
    """x + value * tensor1 / tensor2"""
    return x + value * (tensor1 / tensor2)


@pointwise(
    x=lambda grad, weight: grad * (1 - weight),
    y=lambda grad, weight: grad * weight,
    weight=lambda grad, x, y: grad * (y - x),
    node="LerpBackward1",
)
def lerp_tensor(x, y, weight):
    """x + weight * (y - x), exact at both ends"""
    return x + weight * (y - x) if abs(weight) < 0.5 else y - (y - x) * (1 - weight)


@pointwise(
    x=lambda grad, weight: grad * (1 - weight),
    y=lambda grad, weight: grad * weight,
    node="LerpBackward0",
)
def lerp_number(x, y, weight: Number):
    """x + weight * (y - x), exact at both ends"""
    return x + weight * (y - x) if abs(weight) < 0.5 else y - (y - x) * (1 - weight)


# ------------------------------------------------------------------ exponentials and logarithms


@pointwise(x=lambda grad, result: grad * result)
def exp(x):
    return math.exp(x)


@pointwise(x=lambda grad, result: grad * (result * LN2))
def exp2(x):
    return math.exp2(x)


@pointwise(x=lambda grad, result: grad * (result + 1))
def expm1(x):
    return math.expm1(x)


@pointwise(x=lambda grad, x: grad / x)
def log(x):
    return math.log(x)


@pointwise(x=lambda grad, x: grad / (x * LN2))
def log2(x):
    return math.log2(x)


@pointwise(x=lambda grad, x: grad / (x * LN10))
def log10(x):
    return math.log10(x)


@pointwise(x=lambda grad, x: grad / (x + 1))
def log1p(x):
    return math.log1p(x)


@pointwise(x=lambda grad, result: grad / (2 * result))
def sqrt(x):
    return math.sqrt(x)


@pointwise(x=lambda grad, result: -0.5 * grad * (result * result * result))
def rsqrt(x):
    return 1 / math.sqrt(x)


@pointwise(
    x=lambda grad, x, y: grad / (1 + exp(y - x)),
    y=lambda grad, x, y: grad / (1 + exp(x - y)),
)
def logaddexp(x, y):
    """log(exp(x) + exp(y))"""
    return x if x == y and x - x != 0 else max(x, y) + math.log1p(math.exp(-abs(x - y)))


@pointwise(
    x=lambda grad, x, y: grad * where((x == 0) & (y <= 0), 0, log(y)),
    y=lambda grad, x, y: grad * x / y,
)
def xlogy(x, y):
    """x * log(y), and 0 where x is 0"""
    return x * math.log(y) if x != 0 or y != y else (y if y != y else 0)


# ----------------------------------------------------------------------------------- trigonometry


@pointwise(x=lambda grad, x: grad * cos(x))
def sin(x):
    return math.sin(x)


@pointwise(x=lambda grad, x: -grad * sin(x))
def cos(x):
    return math.cos(x)


@pointwise(x=lambda grad, result: grad * (1 + result * result))
def tan(x):
    return math.tan(x)


@pointwise(x=lambda grad, x: grad * rsqrt(1 - x * x))
def asin(x):
    return math.asin(x)


@pointwise(x=lambda grad, x: -grad * rsqrt(1 - x * x))
def acos(x):
    return math.acos(x)


@pointwise(x=lambda grad, x: grad / (x * x + 1))
def atan(x):
    return math.atan(x)


@pointwise(
    x=lambda grad, x, y: where(x * x + y * y == 0, 0, grad * (y / (x * x + y * y))),
    y=lambda grad, x, y: where(x * x + y * y == 0, 0, -grad * (x / (x * x + y * y))),
)
def atan2(x, y):
    """The angle of the point (y, x)"""
    return math.atan2(x, y)


@pointwise(x=lambda grad, x: grad * cosh(x))
def sinh(x):
    return math.sinh(x)


@pointwise(x=lambda grad, x: grad * sinh(x))
def cosh(x):
    return math.cosh(x)


@pointwise(x=lambda grad, result: grad * (1 - result * result))
def tanh(x):
    return math.tanh(x)


@pointwise(
    x=lambda grad, x, result: grad * (x / result),
    y=lambda grad, y, result: grad * (y / result),
)
def hypot(x, y):
    """The length of the vector (x, y)"""
    larger, smaller = max(abs(x), abs(y)), min(abs(x), abs(y))
    ratio = smaller / larger  # the squares of large numbers would overflow
    length = larger if larger == 0 else larger * math.sqrt(1 + ratio * ratio)
    return math.inf if abs(x) == math.inf or abs(y) == math.inf else length


@pointwise(x=lambda grad: grad * (math.pi / 180))
def deg2rad(x):
    return x * (math.pi / 180)


@pointwise(x=lambda grad: grad * (180 / math.pi))
def rad2deg(x):
    return x * (180 / math.pi)


# ------------------------------------------------------------------------------------ activations


@pointwise(x=lambda grad, x: grad * (TWO_OVER_SQRT_PI * exp(-(x * x))))
def erf(x):
    """The error function"""
    return math.erf(x)


@pointwise(x=lambda grad, result: grad * (1 - result) * result)
def sigmoid(x):
    """1 / (1 + exp(-x))"""
    return 1 / (1 + math.exp(-x))


@pointwise(x=lambda grad, x: grad * sigmoid(-x))
def log_sigmoid(x):
    """log(sigmoid(x))"""
    return min(x, 0) - math.log1p(math.exp(-abs(x)))


@pointwise(
    x=lambda grad, result: where(result <= 0, 0, grad),
    no_bool="Boolean inputs not supported for relu",
)
def relu(x):
    """max(x, 0)"""
    return max(x, 0)


@pointwise(x=lambda grad, x, negative_slope: where(x > 0, grad, grad * negative_slope))
def leaky_relu(x, negative_slope: Number = 0.01):
    """x above 0, negative_slope * x below"""
    return x if x > 0 else x * negative_slope


@pointwise(x=lambda grad, x, alpha: where(x <= 0, grad * (alpha * exp(x)), grad))
def elu(x, alpha: Number = 1.0):
    """x above 0, alpha * (exp(x) - 1) below"""
    return x if x > 0 else alpha * math.expm1(x)


@pointwise(
    x=lambda grad, x: (
        grad * (0.5 * (1 + erf(x * SQRT_HALF)) + x * (exp(-0.5 * x * x) * INV_SQRT_2PI))
    ),
    node="GeluBackward0",
)
def gelu_erf(x):
    """x times the normal distribution function of x"""
    return x * 0.5 * (1 + math.erf(x * SQRT_HALF))


@pointwise(
    x=lambda grad, x: (
        0.5 * grad * (1 + tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)))
        + 0.5
        * grad
        * x
        * (SQRT_2_OVER_PI * (1 + 3 * GELU_CUBE * x * x))
        * (
            1
            - tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x))
            * tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x))
        )
    ),
    node="GeluBackward0",
)
def gelu_tanh(x):
    """gelu's approximation by tanh"""
    return 0.5 * x * (1 + math.tanh(SQRT_2_OVER_PI * (x + GELU_CUBE * x * x * x)))


@pointwise(x=lambda grad, x: grad * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))))
def silu(x):
    """x * sigmoid(x)"""
    return x / (1 + math.exp(-x))


@pointwise(
    x=lambda grad, x, beta, threshold: where(x * beta > threshold, grad, grad * sigmoid(x * beta))
)
def softplus(x, beta: Number = 1.0, threshold: Number = 20.0):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold"""
    return x if x * beta > threshold else math.log1p(math.exp(x * beta)) / beta


@pointwise(
    x=lambda grad, x, min_val, max_val: where((x <= min_val) | (x >= max_val), 0, grad),
    no_bool="Bool inputs not supported for hardtanh",
    casts_numbers=True,
)
def hardtanh(x, min_val: Number = -1.0, max_val: Number = 1.0):
    """x, kept between min_val and max_val"""
    return min(max(x, min_val), max_val)


# ---------------------------------------------------------------------------- choosing and bounds


@pointwise(
    x=lambda grad, condition: where(condition, grad, 0),
    y=lambda grad, condition: where(condition, 0, grad),
)
def where(condition, x, y):
    """x where the condition holds, y elsewhere"""
    return x if condition else y


@pointwise(
    x=lambda grad, condition: where(condition, 0, grad),
    node="MaskedFillBackward0",
    casts_numbers=True,
)
def masked_fill_number(x, condition, value: Number):
    """A number where the condition holds, x elsewhere"""
    return value if condition else x


@pointwise(
    x=lambda grad, x, y: where(x < y, 0, where(x == y, grad / 2, grad)),
    y=lambda grad, x, y: where(y < x, 0, where(x == y, grad / 2, grad)),
)
def maximum(x, y):
    """The larger; NaN if either is; equal elements share the gradient"""
    return max(x, y)


@pointwise(
    x=lambda grad, x, y: where(x > y, 0, where(x == y, grad / 2, grad)),
    y=lambda grad, x, y: where(y > x, 0, where(x == y, grad / 2, grad)),
)
def minimum(x, y):
    """The smaller; NaN if either is; equal elements share the gradient"""
    return min(x, y)


@pointwise(
    x=lambda grad, x, y: where((x >= y) | (y != y), grad, 0),
    y=lambda grad, x, y: where((x >= y) | (y != y), 0, grad),
)
def fmax(x, y):
    """The larger; of a number and NaN, the number"""
    return x if x >= y or y != y else y


@pointwise(
    x=lambda grad, x, y: where((x <= y) | (y != y), grad, 0),
    y=lambda grad, x, y: where((x <= y) | (y != y), 0, grad),
)
def fmin(x, y):
    """The smaller; of a number and NaN, the number"""
    return x if x <= y or y != y else y


@pointwise(
    x=lambda grad, x, low, high: where((x >= low) & (x <= high), grad, 0), node="ClampBackward1"
)
def clamp_numbers(x, low: Number, high: Number):
    """x, kept between two numbers"""
    return min(max(x, low), high)


@pointwise(x=lambda grad, x, low: where(x >= low, grad, 0), node="ClampBackward1")
def clamp_low(x, low: Number):
    return max(x, low)


@pointwise(x=lambda grad, x, high: where(x <= high, grad, 0), node="ClampBackward1")
def clamp_high(x, high: Number):
    return min(x, high)


@pointwise(x=lambda grad, x, min: where(x >= min, grad, 0))
def clamp_min(x, min: Number):
    """x, and at least `min`"""
    return max(x, min)


@pointwise(x=lambda grad, x, max: where(x <= max, grad, 0))
def clamp_max(x, max: Number):
    """x, and at most `max`"""
    return min(x, max)


@pointwise(
    x=lambda grad, x, low, high: where((x >= low) & (x <= high), grad, 0),
    low=lambda grad, x, low, high: where((low < high) & (x < low), grad, 0),
    high=lambda grad, x, low, high: where((low > high) | (x > high), grad, 0),
    node="ClampBackward0",
)
def clamp_tensors(x, low, high):
    """x, kept between two tensors"""
    return min(max(x, low), high)


# ------------------------------------------------------------------------------------ comparisons


@pointwise()
def eq(x, y):
    return x == y


@pointwise()
def ne(x, y):
    return x != y


@pointwise()
def lt(x, y):
    return x < y


@pointwise()
def le(x, y):
    return x <= y


@pointwise()
def gt(x, y):
    return x > y


@pointwise()
def ge(x, y):
    return x >= y


@pointwise()
def isnan(x):
    return x != x


@pointwise()
def isinf(x):
    return x == x and x - x != 0


@pointwise()
def isfinite(x):
    return x - x == 0


@pointwise()
def logical_and(x, y):
    return x != 0 and y != 0


@pointwise()
def logical_or(x, y):
    return x != 0 or y != 0


@pointwise()
def logical_xor(x, y):
    return (x != 0) != (y != 0)


@pointwise()
def logical_not(x):
    return x == 0


@pointwise(integers_only=True)
def bitwise_and(x, y):
    return x & y


@pointwise(integers_only=True)
def bitwise_or(x, y):
    return x | y


@pointwise(integers_only=True)
def bitwise_xor(x, y):
    return x ^ y


@pointwise(integers_only=True)
def bitwise_invert(x):
    return ~x


# ---------------------------------------------------- operations that choose one of those above


def scaled_add(input: Any, other: Any, *, alpha: float = 1, out: Any = None) -> Any:
    """input + alpha * other"""
    if out is not None:
        return into(scaled_add, out, input, other, alpha=alpha)
    if alpha == 1:
        return add(input, other)
    check_alpha(alpha, input, other)
    return add_multiple(input, other, alpha)


def scaled_sub(input: Any, other: Any, *, alpha: float = 1, out: Any = None) -> Any:
    """input - alpha * other"""
    if out is not None:
        return into(scaled_sub, out, input, other, alpha=alpha)
    if alpha == 1:
        return sub(input, other)
    check_alpha(alpha, input, other)
    return sub_multiple(input, other, alpha)


scaled_add.__name__, scaled_sub.__name__ = "add", "sub"  # as users and error messages know them


def check_alpha(alpha: float, *operands: Any) -> None:
    dtypes = [np.asarray(x).dtype if type(x) in NUMBERS else x.array.dtype for x in operands]
    if type(alpha) is float and not any(dtype.kind == "f" for dtype in dtypes):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )


def pow(input: Any, exponent: Any) -> Any:
    """x ** exponent, where either may be a number."""
    if type(exponent) in NUMBERS:
        dtype = getattr(input, "array", input).dtype
        if exponent < 0 and type(exponent) is int and dtype.kind != "f":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if exponent == 2 and type(exponent) is int and dtype.kind != "b":
            return pow_two(input)
        return pow_number(input, exponent)
    return number_pow(input, exponent) if type(input) in NUMBERS else pow_tensor(input, exponent)


def remainder(input: Any, other: Any) -> Any:
    """x modulo other, with the sign of other"""
    check_divisor(input, other)
    return (remainder_number if type(other) in NUMBERS else remainder_tensor)(input, other)


def fmod(input: Any, other: Any) -> Any:
    """The remainder of x / other, with the sign of x"""
    check_divisor(input, other)
    return (fmod_number if type(other) in NUMBERS else fmod_tensor)(input, other)


def square(input: Any) -> Any:
    """x * x"""
    return pow_number(input, 2)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """x + weight * (end - x)"""
    return (lerp_number if type(weight) in NUMBERS else lerp_tensor)(input, end, weight)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x times the normal distribution function of x; `approximate` is "none" or "tanh"."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return gelu_erf(input) if approximate == "none" else gelu_tanh(input)


def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """x, kept between `min` and `max`: numbers, tensors or None."""
    if out is not None:
        return into(clamp, out, input, min, max)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if type(min) in TENSORS or type(max) in TENSORS:
        lowest, highest = bounds_of(input.array.dtype)
        low, high = lowest if min is None else min, highest if max is None else max
        return clamp_tensors(input, low, high)
    if max is None:
        return clamp_low(input, min)
    return clamp_high(input, max) if min is None else clamp_numbers(input, min, max)


def bounds_of(dtype: Any) -> tuple[float, float]:
    """The smallest and the largest number of a dtype."""
    if dtype.kind == "f":
        return -math.inf, math.inf
    if dtype.kind == "b":
        return False, True
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def bitwise_not(input: Any) -> Any:
    """~x: the bits of an integer, the opposite of a bool"""
    return logical_not(input) if input.array.dtype.kind == "b" else bitwise_invert(input)


def invert(x: Any) -> Any:
    """The operator ~"""
    if x.array.dtype.kind == "f":
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return bitwise_not(x)


def reflected_div(x: Any, other: float) -> Any:
    """other / x, of a number and a tensor"""
    return reciprocal(x) * other
