"""BatchedArray: what one sample shows, and every routine like a loop over the samples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minigrad import kernels
from minigrad.kernels.batched import array as arrays
from minigrad.kernels.batched.array import BatchedArray, batched, physical, unbatched
from minigrad.kernels.batched.levels import Level, depth_of
from minigrad.kernels.batched.routines import one_after_the_other
from minigrad.kernels.codegen import FORMULAS, SCALARS
from minigrad.kernels.ufunc import ArrayUfunc

RANDOM = np.random.default_rng(0)
OUTER, INNER = 10, 20  # the numbers of two levels
SIZES = {OUTER: 2, INNER: 3}


def numbers(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape)


def add(x: Any, y: Any) -> Any:
    return kernels.launch2(SCALARS["add"].ufunc, x, y)


def test_one_sample_is_what_shows() -> None:
    x = BatchedArray(numbers(5, 2, 3), OUTER)
    assert (x.shape, x.ndim, x.size, x.itemsize, x.nbytes) == ((2, 3), 2, 6, 8, 48)
    assert (x.strides, x.dtype, x.device, x.samples) == ((24, 8), np.float64, "cpu", 5)
    assert x.flags.c_contiguous
    assert not x.T.flags.c_contiguous
    along_columns = batched(numbers(2, 3, 5).transpose(2, 0, 1), OUTER)
    assert not along_columns.flags.c_contiguous


def test_kernels_are_launched_as_the_numpy_that_is_there_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NumPy before 2.3 does not know out=..., which a launch asks for: its ufuncs are wrapped."""
    formula, launched = SCALARS["add"], []
    monkeypatch.setattr(formula, "ufunc", ArrayUfunc(formula.plain_ufunc))
    monkeypatch.setitem(FORMULAS, formula.ufunc, formula)
    launch = kernels.launch

    def note(ufunc: Any, *operands: Any) -> Any:
        launched.append(ufunc)
        return launch(ufunc, *operands)

    monkeypatch.setattr(kernels, "launch", note)
    values = numbers(5, 3)
    assert np.allclose(add(BatchedArray(values, OUTER), numbers(3) * 0).values, values)
    assert launched == [formula.ufunc]


VIEWS = {
    "row": lambda x: x[1],
    "column": lambda x: x[..., 0],
    "slices": lambda x: x[1:, ::2],
    "none": lambda x: x[:, None],
    "reshape": lambda x: x.reshape(3, -1),
    "transpose": lambda x: x.transpose((1, 0)),
    "T": lambda x: x.T,
    "swapaxes": lambda x: x.swapaxes(0, -1),
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype(np.float32),
    "broadcast_to": lambda x: kernels.broadcast_to(x[:, :1], (4, 2, 3)),
    "converted": lambda x: kernels.converted(x, np.dtype(np.int64)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_and_copies(name: str) -> None:
    values = numbers(4, 2, 3)
    result = VIEWS[name](BatchedArray(values, OUTER))
    for i in range(4):
        np.testing.assert_array_equal(result.values[i], VIEWS[name](values[i]))
    is_copy = name in ("copy", "astype", "converted")
    assert kernels.may_share_memory(result, values) is not is_copy


def test_the_highest_level_is_outside() -> None:
    values = numbers(2, 3, 4)
    inner = batched(BatchedArray(values, OUTER), INNER)  # the usual order
    assert (inner.level, inner.values.level, inner.shape) == (INNER, OUTER, (4,))
    swapped = batched(BatchedArray(values.swapaxes(0, 1), INNER), OUTER)
    assert (swapped.level, swapped.values.level) == (INNER, OUTER)
    np.testing.assert_array_equal(physical(swapped), physical(inner))
    back = unbatched(swapped, OUTER, 2)
    assert (back.level, back.shape) == (INNER, (2, 4))


def test_shared_arrays_are_repeated_without_a_copy() -> None:
    x = numbers(4)
    repeated = unbatched(x, OUTER, 1000)
    assert repeated.shape == (1000, 4)
    assert np.may_share_memory(repeated, x)


@pytest.mark.parametrize("shapes", [((3,), (2, 3)), ((), (3,)), ((2, 1), (3,)), ((2, 3), ())])
def test_pointwise_aligns_the_dimensions_of_samples(shapes: Any) -> None:
    x, y = numbers(2, *shapes[0]), numbers(2, *shapes[1])
    both = add(BatchedArray(x, OUTER), BatchedArray(y, OUTER))
    one = add(BatchedArray(x, OUTER), y[0])
    for i in range(2):
        np.testing.assert_array_equal(both.values[i], x[i] + y[i])
        np.testing.assert_array_equal(one.values[i], x[i] + y[0])


def test_promotion_is_that_of_one_sample() -> None:
    single, double = numbers(2, 3).astype(np.float32), numbers(2)
    assert add(BatchedArray(single, OUTER), BatchedArray(double, OUTER)).dtype == np.float32
    assert add(BatchedArray(single, OUTER), numbers(3)).dtype == np.float64
    counts = BatchedArray(np.arange(2), OUTER)
    assert add(BatchedArray(single, OUTER), counts).dtype == np.float32


def test_large_arrays() -> None:
    x = numbers(2, 1 << 19)
    result = add(BatchedArray(x, OUTER), BatchedArray(x, OUTER))
    np.testing.assert_array_equal(result.values, x + x)


def test_writes() -> None:
    values = np.zeros((2, 3))
    x = BatchedArray(values, OUTER)
    x[1:] = BatchedArray(np.array([1.0, 2]), OUTER)
    x[0] = 5.0
    kernels.add_into(x, np.array([1.0, 0, 0]))
    assert values.tolist() == [[6, 1, 1], [6, 2, 2]]
    for write in (
        lambda: arrays.check_assignable(np.zeros(3), x),
        lambda: kernels.add_into(np.zeros(3), x),
        lambda: x.__setitem__(0, BatchedArray(x, INNER)),
    ):
        with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
            write()


def test_a_copy_for_what_differs() -> None:
    x, values = numbers(2, 3), BatchedArray(BatchedArray(numbers(2, 4, 3), OUTER), INNER)
    split = batched(x, OUTER)
    made = kernels.spread_over_samples(x, split, values)
    assert (made.level, made.values.shape) == (INNER, (4, 2, 3))


def test_numpy_sees_no_values() -> None:
    escaped = BatchedArray(numbers(2, 3), OUTER)
    for look in (np.asarray, kernels.to_host):
        with Level(2, "error") as level:
            x = BatchedArray(numbers(2, 3), level.number)
            with pytest.raises(RuntimeError, match="Cannot access data pointer"):
                look(x)
        with pytest.raises(RuntimeError, match="may have escaped from inside a function"):
            look(escaped)
    with pytest.raises(TypeError, match=r"np\.exp has no kernel"):
        np.exp(x)  # type: ignore[call-overload]


def test_depths() -> None:
    with Level(2, "error") as outer, Level(2, "error") as inner:
        assert (depth_of(outer.number), depth_of(inner.number)) == (1, 2)


# --------------------------------------------------------------------------------------- routines

FLAGS = np.array([[True, False, True], [False, False, True]])
PLACES = np.array([[0, 1, 1], [1, 0, 1]])
TARGETS = np.array([2, 0, 1])
Operands = list[Any]

ROUTINES: dict[str, tuple[Any, Operands]] = {
    "sum": (lambda x: kernels.sum(x, (0,), False), [numbers(2, 3)]),
    "sum of nothing": (lambda x: kernels.sum(x, (), False), [np.array(0.7)]),
    "prod": (lambda x: kernels.prod(x, (1,), True), [numbers(2, 3)]),
    "amax": (lambda x: kernels.amax(x, (0, 1), False), [numbers(2, 3)]),
    "amin": (lambda x: kernels.amin(x, (0, 2), False), [numbers(2, 3, 2)]),
    "any": (lambda x: kernels.any(x, (1,), False), [FLAGS]),
    "all": (lambda x: kernels.all(x, (0,), False), [FLAGS]),
    "argmax": (lambda x: kernels.argmax(x, 1, False), [numbers(2, 3)]),
    "argmin": (lambda x: kernels.argmin(x, 0, True), [numbers(2, 3)]),
    "matmul": (kernels.matmul, [numbers(2, 3), numbers(3, 4)]),
    "matmul of a column": (kernels.matmul, [numbers(2, 3), numbers(3, 1)]),
    "matmul of stacks": (kernels.matmul, [numbers(5, 2, 3), numbers(3, 4)]),
    "softmax": (lambda x: kernels.softmax(x, 0), [numbers(2, 3)]),
    "log_softmax": (lambda x: kernels.log_softmax(x, 1), [numbers(2, 3)]),
    "softmax_backward": (
        lambda g, y: kernels.softmax_backward(g, y, 1),
        [numbers(2, 3), numbers(2, 3)],
    ),
    "log_softmax_backward": (
        lambda g, y: kernels.log_softmax_backward(g, y, 0),
        [numbers(2, 3), numbers(2, 3)],
    ),
    "cross_entropy_rows": (
        kernels.cross_entropy_rows,
        [numbers(3, 4), TARGETS, numbers(4)],
    ),
    "cross_entropy_backward": (
        lambda x, t, w, *v: kernels.cross_entropy_backward(x, v[0], v[0], t, w, *v),
        [numbers(3, 4), TARGETS, numbers(4), numbers(3), numbers(3), numbers(3)],
    ),
    "soft_cross_entropy_backward": (
        lambda x, t, v: kernels.soft_cross_entropy_backward(x, v, v, t, None, 0.1, v),
        [numbers(3, 4), numbers(3, 4), numbers(3)],
    ),
    "scores_backward": (
        lambda x, v, g: kernels.scores_backward(x, v, v, g),
        [numbers(3, 4), numbers(3), numbers(3, 4)],
    ),
    "layer_norm": (
        lambda x, w, b: kernels.layer_norm(x, w, b, 1e-5),
        [numbers(2, 3), numbers(3), numbers(3)],
    ),
    "layer_norm_backward": (
        lambda g, x, m, r, w: kernels.layer_norm_backward(g, x, m, r, w, (True, True, True)),
        [numbers(2, 3), numbers(2, 3), numbers(2), numbers(2), numbers(3)],
    ),
    "take_rows": (lambda x, i: kernels.take_rows(x, i, 1), [numbers(4, 2, 3), PLACES]),
    "add_rows": (
        lambda i, g: kernels.add_rows((4, 2, 5), i, g, 1),
        [PLACES, numbers(4, 2, 3, 5)],
    ),
    "gather_nd": (
        lambda x, i, j: kernels.gather_nd(x, (i, j)),
        [numbers(2, 2, 3), PLACES, PLACES],
    ),
    "scatter_add_nd": (
        lambda i, j, g: kernels.scatter_add_nd((2, 2, 4), g.dtype, (i, j), g),
        [PLACES, PLACES, numbers(2, 3, 4)],
    ),
    "concatenate": (lambda x, y: kernels.concatenate([x, y], 1), [numbers(2, 3), numbers(2, 1)]),
    "index_put": (
        lambda x, i, v: kernels.index_put(x, [None, i], v),
        [numbers(2, 3), np.array([2, 0]), numbers(2, 2)],
    ),
}


def mixtures(count: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Which levels each of some operands has: all alike, one alone, and different ones."""
    everywhere = ((OUTER,), (INNER, OUTER))
    for levels in everywhere:
        yield (levels,) * count
    for i in range(count):
        yield tuple((OUTER,) if j == i else () for j in range(count))
    if count > 1:
        yield tuple([((OUTER,), (INNER,), ())[j % 3] for j in range(count)])
        yield tuple([((INNER,), (), (INNER, OUTER))[j % 3] for j in range(count)])


def varied(x: np.ndarray, levels: tuple[int, ...]) -> np.ndarray:
    """The values of all samples: level after level another axis in front."""
    for level in levels:
        turned = [np.roll(x, i, -1) if x.ndim else np.asarray(x + i) for i in range(SIZES[level])]
        x = np.stack(turned)
    return x


def hidden(x: np.ndarray, levels: tuple[int, ...]) -> Any:
    values: Any = varied(x, levels)
    for level in sorted(levels):
        values = batched(values, level)
    return values


def sample(x: np.ndarray, levels: tuple[int, ...], number: dict[int, int]) -> np.ndarray:
    values = varied(x, levels)
    for level in sorted(levels):
        values = values[number[level], ...]
    return values


def parts_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def sample_of_result(x: Any, number: dict[int, int]) -> np.ndarray:
    for level in (OUTER, INNER):
        x = unbatched(x, level, SIZES[level])[number[level], ...]
    return np.asarray(x)


@pytest.mark.parametrize("name", ROUTINES)
def test_routines_like_loops(name: str) -> None:
    run, operands = ROUTINES[name]
    for levels in mixtures(len(operands)):
        results = parts_of(run(*map(hidden, operands, levels)))
        for outer, inner in np.ndindex(2, 3):
            number = {OUTER: outer, INNER: inner}
            single = [sample(x, own, number) for x, own in zip(operands, levels, strict=True)]
            for result, expected in zip(results, parts_of(run(*single)), strict=True):
                found = sample_of_result(result, number)
                np.testing.assert_allclose(found, expected, 1e-10, 1e-12, err_msg=f"{levels}")


def test_no_places_of_true_elements() -> None:
    with pytest.raises(RuntimeError, match="dynamic shape"):
        kernels.nonzero(BatchedArray(FLAGS, OUTER))


def test_a_kernel_without_samples_of_its_own_runs_on_one_after_the_other() -> None:
    from_three = one_after_the_other(kernels.layer_norm)
    x = batched(np.arange(24.0).reshape(3, 2, 4), 1)
    weight = np.arange(4.0)
    for one, own in zip(
        from_three(x, weight, None, 0.1), kernels.layer_norm(x, weight, None, 0.1), strict=True
    ):
        np.testing.assert_allclose(one.values.reshape(-1), own.values.reshape(-1))
    picked = one_after_the_other(kernels.gather_nd)(x, (np.array([1, 0]), np.array([3, 3])))
    np.testing.assert_array_equal(picked.values, x.values[:, [1, 0], [3, 3]])
