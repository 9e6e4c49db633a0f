"""Shapes and values that hypothesis makes: broadcasting, reductions, products, views, indexing."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from minigrad.ops.define import POINTWISE
from minigrad.testing import pointwise_samples
from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_results,
)

EXAMPLES = settings(max_examples=150)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
PAIRS = [
    s
    for s in pointwise_samples()
    if len(POINTWISE[s.operation].definition.inputs) == 2 == len(s.floating) == len(s.operands)
]


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Different numbers in (0.1, 2), without regularity."""
    rng = np.random.default_rng(seed)
    return (rng.permutation(int(np.prod(shape, dtype=int))).reshape(shape) + 1.0) / 200 + 0.1


def compare(expression: str, **operands: np.ndarray) -> None:
    """An expression under both libraries: results, graph and gradients, or the exception."""
    found = []
    for library in LIBRARIES:
        tensors = {name: library.tensor(array) for name, array in operands.items()}
        for x in tensors.values():
            x.requires_grad_(x.is_floating_point())
        names = {"torch": library, "F": library.nn.functional, **tensors}
        found.append((tensors, *outcome(eval, expression, names)))
    (theirs, value, error), (ours, our_value, our_error) = found
    if error is not None:
        same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same_results(value, our_value)
    for library, result in zip(LIBRARIES, (value, our_value), strict=True):
        run_backward(library, result)
    same_gradients(theirs, ours)


@EXAMPLES
@given(
    st.sampled_from(PAIRS),
    arrays.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3),
)
def test_broadcasting(sample: Any, shapes: Any) -> None:
    x, y = sample.operands
    a, b = shapes.input_shapes
    if sample.operation != "floor_divide":
        compare(sample.expression, **{x: numbers(a), y: numbers(b, 1)})


@EXAMPLES
@given(SHAPES, SHAPES)
def test_shapes_that_may_not_broadcast(a: Any, b: Any) -> None:
    compare("x * y", x=numbers(a), y=numbers(b, 1))


@EXAMPLES
@given(
    st.sampled_from(
        ["sum", "mean", "amax", "amin", "var", "std", "logsumexp", "prod", "max", "min"]
    ),
    SHAPES,
    st.data(),
)
def test_reductions(name: str, shape: Any, data: st.DataObject) -> None:
    dim: Any = data.draw(st.integers(-len(shape) - 1, len(shape)), label="dim")
    sides = max(len(shape), 1)
    several = st.lists(st.integers(-sides, sides - 1), max_size=3, unique_by=lambda d: d % sides)
    if name not in ("prod", "max", "min") and data.draw(st.booleans(), label="several"):
        dim = tuple(data.draw(several, label="dims"))
    if name in ("var", "std", "logsumexp") and dim == ():
        dim = 0  # torch's derivative of var(()) counts one element; its logsumexp(()) fails
    keepdim = data.draw(st.booleans(), label="keepdim")
    if name == "prod" and not shape:  # one node for prod() and prod(0) of a 0-d tensor
        return
    compare(f"x.{name}(dim={dim}, keepdim={keepdim})", x=numbers(shape))


@EXAMPLES
@given(st.sampled_from(["softmax", "log_softmax", "argmax", "argmin"]), SHAPES, st.data())
def test_rows(name: str, shape: Any, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-len(shape) - 1, len(shape)), label="dim")
    compare(f"x.{name}({dim})", x=numbers(shape))


@EXAMPLES
@given(st.data())
def test_matmul(data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(0, 4)) for _ in "mkn")
    batches = data.draw(arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    first, second = batches.input_shapes
    a = (*first, m, k) if data.draw(st.booleans(), label="a is a matrix") else (k,)
    b = (*second, k, n) if data.draw(st.booleans(), label="b is a matrix") else (k,)
    if data.draw(st.integers(0, 9)) == 0:
        a = (*a[:-1], k + 1)
    compare("x @ y", x=numbers(a), y=numbers(b, 1))


def arranged(d: int, e: int) -> list[str]:
    """Diagonals, windows and the like along dimensions that may be out of range."""
    return [
        f"x.diagonal({e}, {d}, {e})",
        f"x.diag_embed({e}, {d}, {e})",
        f"x.diag({d})",
        f"x.tril({d})",
        f"x.triu({e})",
        f"x.unfold({d}, 2, 1)",
        f"x.unfold({e}, 1, 2)",
        f"x.flip({d}, {e})",
        f"x.roll({e}, {d})",
        f"x.rot90({d}, ({d}, {e}))",
        f"x.repeat_interleave(2, {d})",
        f"x.repeat(2, 1, 2, {abs(e)})",
        f"x.tile({abs(d)}, 2)",
        f"x.tensor_split({e}, {d})",
        f"x.tensor_split([{d}, {e}], {d})",
        f"x.diff({abs(e)}, {d})",
        f"x.T.clone().flip({d})" if d == e else f"x.swapdims({d}, {e}).contiguous()",
        "torch.block_diag(x, x)",
        "torch.hstack([x, x])",
        "torch.dstack([x, x])",
        "torch.column_stack([x, x])",
        "torch.atleast_3d(x)",
        "x.hsplit(2)",
    ]


@EXAMPLES
@given(SHAPES, st.data())
def test_views(shape: Any, data: st.DataObject) -> None:
    ndim = len(shape)
    dims = st.integers(-ndim - 1, ndim)
    d, e = data.draw(dims), data.draw(dims)
    order = tuple(data.draw(st.permutations(range(ndim))))
    expression = data.draw(
        st.sampled_from(
            [
                f"x.transpose({d}, {e})",
                f"x.permute({order})",
                f"x.squeeze({d})",
                "x.squeeze()",
                f"x.unsqueeze({d})",
                f"x.flatten({d}, {e})",
                f"x.select({d}, {e})",
                f"x.narrow({d}, 0, 1)",
                f"x.unbind({d})",
                f"x.split(2, {d})",
                f"x.chunk(3, {d})",
                f"x.movedim({d}, {e})",
                f"torch.stack([x, x], {d})",
                f"torch.cat([x, x], {d})",
                f"x.permute({order}).reshape(-1)",
                f"x.permute({order}).contiguous().view({shape})",
                f"x.expand(2, *{shape})",
                *arranged(d, e),
            ]
        )
    )
    compare(expression, x=numbers(shape))


@EXAMPLES
@given(st.data())
def test_reshape(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=4, max_side=4))
    size = int(np.prod(shape, dtype=int))
    target = data.draw(st.lists(st.sampled_from([-1, 1, 2, 3, 4, size]), max_size=3))
    compare(f"x.reshape({target})", x=numbers(shape))
    compare(f"x.T.view({target})" if len(shape) == 2 else f"x.view({target})", x=numbers(shape))


@st.composite
def keys(draw: st.DrawFn) -> str:
    """What may stand in x[...], for a tensor of shape (3, 4, 2)."""
    bound = st.one_of(st.none(), st.integers(-5, 5))
    part = st.one_of(
        st.integers(-3, 2).map(str),
        st.builds(
            lambda a, b, c: f"{a}:{b}:{c}".replace("None", ""), bound, bound, st.integers(1, 3)
        ),
        st.just("None"),
        st.sampled_from(["i", "j", "[0, 1]", "torch.tensor(1)"]),
    )
    parts = draw(st.lists(part, min_size=1, max_size=4))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), "...")
    return ", ".join(parts)


@EXAMPLES
@given(keys())
def test_indexing(key: str) -> None:
    i, j = np.array([1, 0, -1]), np.array([[0, 1], [1, -2]])
    compare(f"x[{key}]", x=numbers((3, 4, 2)), i=i, j=j)


@EXAMPLES
@given(
    st.sampled_from(["exp", "log", "tanh", "sigmoid", "sqrt", "sin", "erf", "abs", "reciprocal"]),
    arrays.arrays(np.float64, st.integers(0, 9), elements=st.floats(-50, 50)),
)
def test_values(name: str, x: np.ndarray) -> None:
    compare(f"x.{name}()", x=x)
