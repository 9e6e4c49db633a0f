"""The operators and methods of Tensor, each an operation of ops/ by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import dtypes, export
from minigrad.autograd.backward import backward_of_tensor
from minigrad.autograd.saved_attributes import call_node, saved_at
from minigrad.node import Node
from minigrad.ops import (
    activation,
    addmm,
    arranging,
    assign,
    cholesky,
    closeness,
    counting,
    creation,
    determinants,
    diagonals,
    differences,
    directions,
    distributions,
    extremes,
    filled,
    float_power,
    gather,
    index,
    inplace,
    inplace_views,
    joining,
    linear_systems,
    masked,
    matmul,
    matrix_products,
    move,
    norm,
    normalization,
    pointwise,
    qr,
    quantile,
    random,
    reduction,
    rows,
    scan,
    scatter_reduce,
    shared_memory,
    sorting,
    statistics,
    strided,
    trace,
    view,
    view_scatter,
)
from minigrad.ops.define import NUMBERS, POINTWISE
from minigrad.tensor import TENSORS, Tensor

OPERATORS = {
    "add": pointwise.add,
    "sub": pointwise.sub,
    "mul": pointwise.mul,
    "truediv": pointwise.div,
    "floordiv": pointwise.floor_divide,
    "mod": pointwise.remainder,
    "pow": pointwise.pow,
    "matmul": matmul.matmul,
    "lt": pointwise.lt,
    "le": pointwise.le,
    "gt": pointwise.gt,
    "ge": pointwise.ge,
    "and": pointwise.bitwise_and,
    "or": pointwise.bitwise_or,
    "xor": pointwise.bitwise_xor,
    "neg": pointwise.neg,
    "pos": pointwise.positive,
    "abs": pointwise.abs,
    "invert": pointwise.invert,
    "getitem": index.getitem,
    "setitem": assign.setitem,
}

# The operators that small programs are full of do not even look for an out= argument.
WITHOUT_OUT = ("add", "sub", "mul", "truediv")


def polygamma(x: Tensor, n: int) -> Any:
    """The n-th derivative of digamma."""
    return pointwise.polygamma(n, x)


METHODS = {
    "_is_view": shared_memory.is_view,
    "backward": backward_of_tensor,
    # other names of pointwise operations
    "absolute": pointwise.abs,
    "add": pointwise.scaled_add,
    "arccos": pointwise.acos,
    "arccosh": pointwise.acosh,
    "arcsin": pointwise.asin,
    "arcsinh": pointwise.asinh,
    "arctan": pointwise.atan,
    "arctan2": pointwise.atan2,
    "arctanh": pointwise.atanh,
    "bitwise_not": pointwise.bitwise_not,
    "clamp": pointwise.clamp,
    "clip": pointwise.clamp,
    "copysign": pointwise.copysign,
    "div": pointwise.rounded_div,
    "divide": pointwise.rounded_div,
    "fix": pointwise.trunc,
    "greater": pointwise.gt,
    "greater_equal": pointwise.ge,
    "less": pointwise.lt,
    "less_equal": pointwise.le,
    "lerp": pointwise.lerp,
    "masked_fill": masked.masked_fill,
    "logit": pointwise.clamped_logit,
    "multiply": pointwise.mul,
    "nan_to_num": pointwise.nan_to_num,
    "negative": pointwise.neg,
    "not_equal": pointwise.ne,
    "polygamma": polygamma,
    "positive": pointwise.positive,
    "pow": pointwise.pow,
    "round": pointwise.round_decimals,
    "fmod": pointwise.fmod,
    "remainder": pointwise.remainder,
    "square": pointwise.square,
    "sub": pointwise.scaled_sub,
    "subtract": pointwise.scaled_sub,
    "true_divide": pointwise.div,
    # compositions of pointwise operations
    "allclose": closeness.allclose,
    "equal": closeness.equal,
    "float_power": float_power.float_power,
    "float_power_": float_power.float_power_,
    "isclose": closeness.isclose,
    "prelu": activation.prelu,
    # pointwise operations without an in-place form
    "fmax": pointwise.fmax,
    "fmin": pointwise.fmin,
    "hardshrink": pointwise.hardshrink,
    "isfinite": pointwise.isfinite,
    "isinf": pointwise.isinf,
    "isnan": pointwise.isnan,
    "logaddexp": pointwise.logaddexp,
    "logaddexp2": pointwise.logaddexp2,
    "maximum": pointwise.maximum,
    "minimum": pointwise.minimum,
    "where": pointwise.where,
    # reductions
    "all": reduction.all,
    "amax": extremes.amax,
    "amin": extremes.amin,
    "aminmax": extremes.aminmax,
    "any": reduction.any,
    "argmax": extremes.argmax,
    "argmin": extremes.argmin,
    "count_nonzero": reduction.count_nonzero,
    "cummax": scan.cummax,
    "cummin": scan.cummin,
    "cumprod": scan.cumprod,
    "cumsum": scan.cumsum,
    "logcumsumexp": scan.logcumsumexp,
    "logsumexp": reduction.logsumexp,
    "log_softmax": normalization.log_softmax,
    "max": extremes.max,
    "mean": reduction.mean,
    "min": extremes.min,
    "nanmean": reduction.nanmean,
    "nansum": reduction.nansum,
    "prod": reduction.prod,
    "softmax": normalization.softmax,
    "std": statistics.std,
    "sum": reduction.sum,
    "var": statistics.var,
    # by order
    "argsort": sorting.argsort,
    "kthvalue": sorting.kthvalue,
    "median": sorting.median,
    "mode": sorting.mode,
    "msort": sorting.msort,
    "nanmedian": sorting.nanmedian,
    "sort": sorting.sort,
    "topk": sorting.topk,
    "nanquantile": quantile.nanquantile,
    "quantile": quantile.quantile,
    # counting
    "bincount": counting.bincount,
    "histc": counting.histc,
    "histogram": counting.histogram,
    "unique": counting.unique,
    "unique_consecutive": counting.unique_consecutive,
    # matrix products
    "addbmm": addmm.addbmm,
    "addmm": addmm.addmm,
    "addmv": addmm.addmv,
    "addr": addmm.addr,
    "baddbmm": addmm.baddbmm,
    "trace": trace.trace,
    "bmm": matmul.bmm,
    "dot": matmul.dot,
    "ger": matmul.outer,
    "inner": matmul.inner,
    "kron": matmul.kron,
    "matmul": matmul.matmul,
    "mm": matmul.mm,
    "mv": matmul.mv,
    "outer": matmul.outer,
    "vdot": matmul.vdot,
    # linear algebra
    "cholesky": cholesky.cholesky,
    "cholesky_inverse": cholesky.cholesky_inverse,
    "cholesky_solve": cholesky.cholesky_solve,
    "det": determinants.det,
    "dist": norm.dist,
    "inverse": linear_systems.inverse,
    "logdet": determinants.logdet,
    "matrix_power": matrix_products.matrix_power,
    "norm": norm.norm,
    "qr": qr.qr,
    "slogdet": determinants.slogdet,
    # shapes
    "adjoint": view.adjoint,
    "as_strided": strided.as_strided,
    "broadcast_to": view.broadcast_to,
    "chunk": joining.chunk,
    "clone": view.clone,
    "contiguous": view.contiguous,
    "diag": diagonals.diag,
    "diag_embed": diagonals.diag_embed,
    "diagflat": diagonals.diagflat,
    "diagonal": diagonals.diagonal,
    "diff": differences.diff,
    "dsplit": directions.dsplit,
    "expand": view.expand,
    "expand_as": view.expand_as,
    "flatten": view.flatten,
    "flip": arranging.flip,
    "fliplr": arranging.fliplr,
    "flipud": arranging.flipud,
    "hsplit": directions.hsplit,
    "moveaxis": view.movedim,
    "movedim": view.movedim,
    "narrow": view.narrow,
    "permute": view.permute,
    "ravel": view.ravel,
    "repeat": arranging.repeat,
    "repeat_interleave": arranging.repeat_interleave,
    "reshape": view.reshape,
    "reshape_as": view.reshape_as,
    "roll": arranging.roll,
    "rot90": arranging.rot90,
    "select": view.select,
    "split": joining.split,
    "split_with_sizes": joining.split_with_sizes,
    "squeeze": view.squeeze,
    "swapaxes": view.swapaxes,
    "swapdims": view.swapdims,
    "t": view.t,
    "tensor_split": directions.tensor_split,
    "tile": arranging.tile,
    "transpose": view.transpose,
    "tril": diagonals.tril,
    "triu": diagonals.triu,
    "unbind": joining.unbind,
    "unflatten": view.unflatten,
    "unfold": strided.unfold,
    "unsqueeze": view.unsqueeze,
    "view": view.view,
    "view_as": view.view_as,
    "vsplit": directions.vsplit,
    "argwhere": masked.argwhere,
    "gather": gather.gather,
    "index_add": rows.index_add,
    "index_copy": rows.index_copy,
    "index_fill": rows.index_fill,
    "index_put": assign.index_put,
    "index_select": rows.index_select,
    "masked_scatter": masked.masked_scatter,
    "masked_select": masked.masked_select,
    "nonzero": masked.nonzero,
    "scatter": gather.scatter,
    "scatter_add": gather.scatter_add,
    "scatter_reduce": scatter_reduce.scatter_reduce,
    "diagonal_scatter": view_scatter.diagonal_scatter,
    "select_scatter": view_scatter.select_scatter,
    "slice_scatter": view_scatter.slice_scatter,
    "take": gather.take,
    "take_along_dim": gather.take_along_dim,
    # in place, without an operation of their own
    "copy_": assign.copy_,
    "detach_": inplace.detach_,
    "fill_": assign.fill_,
    "index_put_": assign.index_put_,
    "bernoulli_": distributions.bernoulli_,
    "cauchy_": distributions.cauchy_,
    "exponential_": distributions.exponential_,
    "geometric_": distributions.geometric_,
    "log_normal_": distributions.log_normal_,
    "normal_": distributions.normal_,
    "random_": distributions.random_,
    "uniform_": distributions.uniform_,
    # random
    "bernoulli": random.bernoulli,
    "multinomial": random.multinomial,
    "zero_": assign.zero_,
    # moving, and new tensors like this one
    "cpu": move.cpu,
    "cuda": move.cuda,
    "to": move.to,
    "type": move.type_of,
    "type_as": move.type_as,
    "new_empty": filled.new_empty,
    "new_full": filled.new_full,
    "new_ones": filled.new_ones,
    "new_tensor": creation.new_tensor,
    "new_zeros": filled.new_zeros,
    "double": move.cast_to(dtypes.float64),
    "float": move.cast_to(dtypes.float32),
    "half": move.cast_to(dtypes.float16),
    "int": move.cast_to(dtypes.int32),
    "long": move.cast_to(dtypes.int64),
    "bool": move.cast_to(dtypes.bool),
}

EXPORTS = {
    "numpy": export.numpy,
    "__array__": export.as_array,
    "__deepcopy__": export.deepcopy,
    "__reduce__": export.reduce,
}

PROPERTIES = {
    "T": view.reversed_dimensions,
    "mT": view.matrix_transpose,
    "H": view.conjugate_transpose,
    "mH": view.conjugate_transposes,
    "_base": shared_memory.base_of,
}

# The operations that torch has in-place forms of, by family: x.abs_() and so on.
IN_PLACE = {
    "pointwise": """
        abs absolute acos acosh add addcdiv addcmul arccos arccosh arcsin arcsinh arctan arctan2
        arctanh asin asinh atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil
        clamp clamp_max clamp_min clip copysign cos cosh deg2rad digamma div divide erf erfc erfinv
        exp exp2 expm1 fix floor floor_divide fmod frac hypot lerp lgamma log log10 log1p log2
        logical_and logical_not logical_or logical_xor logit mul multiply nan_to_num neg negative
        polygamma pow rad2deg reciprocal relu remainder round rsqrt sgn sigmoid sign sin sinc sinh
        sqrt square sub subtract tan tanh true_divide trunc xlogy
    """,
    "reduction": "cumprod cumsum",
    "matmul": "addbmm addmm addmv addr baddbmm",
    "shape": "tril triu",
    "index": """
        index_add index_copy index_fill masked_fill masked_scatter scatter scatter_add
        scatter_reduce
    """,
}
# Those that change a tensor's dimensions, and not its memory: x.t_() and so on.
VIEWS_IN_PLACE = "as_strided squeeze swapaxes swapdims t transpose unsqueeze"
COMPARISONS = """
    eq ge greater greater_equal gt le less less_equal lt ne not_equal
"""
AUGMENTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


def commuted(op: Callable[..., Any]) -> Callable[..., Any]:
    """other op self, where both orders are the same: torch, too, puts the tensor first."""

    def method(self: Tensor, other: Any) -> Any:
        return op(self, other)

    return method


def in_order(op: Callable[..., Any]) -> Callable[..., Any]:
    """other op self"""

    def method(self: Tensor, other: Any) -> Any:
        return op(other, self)

    return method


def subtracted_from(self: Tensor, other: Any) -> Any:
    """other - self"""
    return pointwise.rsub(self, other) if type(other) in NUMBERS else pointwise.sub(other, self)


def dividing(self: Tensor, other: Any) -> Any:
    """other / self"""
    if type(other) in NUMBERS:
        return pointwise.reflected_div(self, other)
    return pointwise.div(other, self)


def comparison(op: Callable[..., Any]) -> Callable[..., Any]:
    """== and !=, which Python asks of anything: `x == None` is False."""

    def method(self: Tensor, other: Any) -> Any:
        kind = type(other)
        if kind in TENSORS or kind in NUMBERS or isinstance(other, np.ndarray | np.generic):
            return op(self, other)
        return NotImplemented

    return method


# The kernel of operations with options that are seldom given.
WITH_USUAL_OPTIONS = {
    pointwise.scaled_add: pointwise.add,
    pointwise.scaled_sub: pointwise.sub,
    pointwise.rounded_div: pointwise.div,
    pointwise.round_decimals: pointwise.round,
    pointwise.clamped_logit: pointwise.logit,
}


def kernel_of(op: Any) -> np.ufunc | None:
    """What may run without the operation around it; a division looks at its operands first."""
    definition = getattr(WITH_USUAL_OPTIONS.get(op, op), "definition", None)
    if definition is None or definition.numbers or op is pointwise.floor_divide:
        return None
    kernel: np.ufunc = definition.ufunc
    return kernel


def iterate(self: Tensor) -> Any:
    """The parts along the first dimension."""
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(joining.unbind(self, 0))


def contains(self: Tensor, element: Any) -> bool:
    """Whether an element is equal to a number, or to its place in another tensor."""
    if type(element) not in TENSORS and type(element) not in NUMBERS:
        raise RuntimeError(
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{type(element)}."
        )
    return bool(reduction.any(pointwise.eq(self, element)))


def bind_in_place() -> None:
    """x.exp_(), x.lt_(y), x += y."""
    for name in " ".join(IN_PLACE.values()).split():
        op = getattr(Tensor, name)
        setattr(Tensor, f"{name}_", inplace.in_place(op, kernel_of(op)))
    for name in VIEWS_IN_PLACE.split():
        setattr(Tensor, f"{name}_", inplace_views.view_in_place(getattr(Tensor, name)))
    for name in COMPARISONS.split():
        setattr(Tensor, f"{name}_", inplace.compare_in_place(getattr(Tensor, name)))
    for name in AUGMENTED:
        op = OPERATORS[name]
        setattr(Tensor, f"__i{name}__", inplace.in_place(op, kernel_of(op)))


def bind() -> None:
    """Give Tensor its operators and methods."""
    for name in (" ".join(IN_PLACE.values()) + COMPARISONS).split():
        if name in POINTWISE:
            setattr(Tensor, name, POINTWISE[name])
    for name, op in (METHODS | EXPORTS).items():
        setattr(Tensor, name, op)
    bind_in_place()
    operators = OPERATORS | {name: OPERATORS[name].operator for name in WITHOUT_OUT}
    for name, op in operators.items():
        setattr(Tensor, f"__{name}__", op)
    for name in ("add", "mul", "and", "or", "xor"):
        setattr(Tensor, f"__r{name}__", commuted(operators[name]))
    for name in ("floordiv", "mod", "pow", "matmul"):
        setattr(Tensor, f"__r{name}__", in_order(operators[name]))
    for name, getter in PROPERTIES.items():
        setattr(Tensor, name, property(getter))
    Tensor.__rsub__ = subtracted_from
    Tensor.__rtruediv__ = dividing  # type: ignore[attr-defined]
    Tensor.__eq__ = comparison(pointwise.eq)  # type: ignore[method-assign]
    Tensor.__ne__ = comparison(pointwise.ne)  # type: ignore[method-assign]
    Tensor.__iter__ = iterate  # type: ignore[attr-defined]
    Tensor.__contains__ = contains  # type: ignore[operator]
    Node.saved_value = saved_at  # type: ignore[attr-defined]
    Node.__call__ = call_node  # type: ignore[method-assign]
