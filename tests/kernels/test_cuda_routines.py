"""Routines on a GPU against those of the CPU with the same name and arguments."""

import inspect
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minigrad.determinism import use_deterministic_algorithms
from minigrad.kernels.cpu import bags as cpu_bags
from minigrad.kernels.cpu import cross_entropy as cpu_cross
from minigrad.kernels.cpu import gather as cpu_gather
from minigrad.kernels.cpu import gemm as cpu_gemm
from minigrad.kernels.cpu import indexing as cpu_indexing
from minigrad.kernels.cpu import masks as cpu_masks
from minigrad.kernels.cpu import reductions as cpu_reductions
from minigrad.kernels.cpu import rows as cpu_rows
from minigrad.kernels.cpu import searching as cpu_searching
from minigrad.kernels.cuda import (
    bags,
    cross_entropy,
    driver,
    gather,
    gemm,
    indexing,
    masks,
    reductions,
    rows,
    searching,
    to_device,
)

ROUTINES = {
    "sum prod amax amin any all argmax argmin": (cpu_reductions, reductions),
    "matmul": (cpu_gemm, gemm),
    "softmax log_softmax softmax_backward log_softmax_backward": (cpu_rows, rows),
    "layer_norm layer_norm_backward": (cpu_rows, rows),
    "cross_entropy_rows cross_entropy_backward scores_backward": (cpu_cross, cross_entropy),
    "soft_cross_entropy_rows soft_cross_entropy_backward": (cpu_cross, cross_entropy),
    "take_rows add_rows index_add gather_nd scatter_add_nd": (cpu_indexing, indexing),
    "gather scatter add_along": (cpu_gather, gather),
    "nonzero masked_select masked_scatter": (cpu_masks, masks),
    "weighted_rows maxima_of_rows": (cpu_bags, bags),
    "searchsorted": (cpu_searching, searching),
}
PAIRS = [(name, *modules) for names, modules in ROUTINES.items() for name in names.split()]
FLOATS = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 4e-3, "float32": 1e-5, "float64": 1e-12}


@pytest.fixture(autouse=True)
def gpu() -> None:
    driver.require()


def moved(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(moved, x))
    return to_device(x) if isinstance(x, np.ndarray) else x


def check(on_cpu: Any, on_gpu: Any, *arguments: Any) -> None:
    """The same shapes, dtypes and values, within rounding."""
    expected, found = on_cpu(*arguments), on_gpu(*map(moved, arguments))
    several = isinstance(expected, tuple)
    for want, got in zip(*((expected, found) if several else ((expected,), (found,))), strict=True):
        if want is None:
            assert got is None
            continue
        tolerance = TOLERANCE.get(str(want.dtype), 0)
        assert got.shape == want.shape
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.to_host(), want, rtol=tolerance, atol=tolerance)


def values(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * 3).astype(dtype)


@pytest.mark.parametrize(("name", "on_cpu", "on_gpu"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_the_signature_is_that_of_the_cpu(
    name: str, on_cpu: ModuleType, on_gpu: ModuleType
) -> None:
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (on_gpu, on_cpu))
    assert list(ours) == [one for one in theirs if one != "out"]


# ------------------------------------------------------------------------------------- reductions


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "any", "all"])
@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "int32", "bool"])
def test_reductions(name: str, dtype: str) -> None:
    on_cpu, on_gpu = getattr(cpu_reductions, name), getattr(reductions, name)
    x = values(3, 2, 5, dtype=dtype)
    for axes in ((2,), (0, 1)):
        check(on_cpu, on_gpu, x, axes, False)
    check(on_cpu, on_gpu, x, (0, 1, 2), True)


def test_reductions_of_any_layout() -> None:
    x = values(4, 6)
    total = reductions.sum(to_device(x).T[::2, 1:], (0,), False)
    np.testing.assert_allclose(total.to_host(), x.T[::2, 1:].sum(0), rtol=1e-5)
    repeated = to_device(x[:1]).broadcast_to((5, 6))
    np.testing.assert_allclose(reductions.sum(repeated, (0,), False).to_host(), x[0] * 5, rtol=1e-5)


def test_long_reductions_are_split_over_blocks() -> None:
    x = values(150, 2)
    check(cpu_reductions.sum, reductions.sum, x, (0, 1), False)
    check(cpu_reductions.sum, reductions.sum, x, (0,), True)


def test_reductions_over_nothing() -> None:
    check(cpu_reductions.sum, reductions.sum, values(0, 3), (0,), False)
    check(cpu_reductions.prod, reductions.prod, values(0, 3), (0,), False)
    check(cpu_reductions.sum, reductions.sum, values(0, 3), (1,), False)
    check(cpu_reductions.sum, reductions.sum, values(2, 3), (), False)


def test_nan_is_passed_on() -> None:
    x = np.array([[1, np.nan, 3], [np.inf, 2, 1]], np.float32)
    for name in ("amax", "amin", "argmax", "argmin"):
        axis: Any = (1,) if name.startswith("am") else 1
        check(getattr(cpu_reductions, name), getattr(reductions, name), x, axis, False)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_argmax_takes_the_first_of_equals(name: str) -> None:
    x = np.random.default_rng(0).integers(0, 3, (3, 7))
    for axis, keepdim in ((0, False), (1, True)):
        check(getattr(cpu_reductions, name), getattr(reductions, name), x, axis, keepdim)
    check(getattr(cpu_reductions, name), getattr(reductions, name), np.full(9, -np.inf), 0, False)


# ----------------------------------------------------------------------------------------- matmul


@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "int32"])
def test_matmul(dtype: str) -> None:
    x, y = (
        np.arange(30).reshape(5, 6).astype(dtype) % 7,
        np.arange(42).reshape(6, 7).astype(dtype) % 5,
    )
    check(np.matmul, gemm.matmul, x, y)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 1), (1, 1)),
        ((2, 1, 3, 4), (3, 4, 5)),
        ((3, 4), (2, 4, 1)),
        ((2, 0), (0, 3)),
        ((0, 2), (2, 3)),
    ],
)
def test_matmul_of_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    check(np.matmul, gemm.matmul, values(*a), values(*b, seed=1))


def test_matmul_of_transposed_operands() -> None:
    x, y = values(5, 3), values(4, 5)
    product = gemm.matmul(to_device(x).T, to_device(y).T)
    np.testing.assert_allclose(product.to_host(), x.T @ y.T, rtol=1e-4, atol=1e-5)


def test_matmul_with_the_tiles_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "tiling", lambda: gemm.GPU)
    check(np.matmul, gemm.matmul, values(3, 2), values(2, 4))


# ------------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax(name: str, dtype: str) -> None:
    x = values(3, 2, 5, dtype=dtype)
    for axis in (0, 2):
        check(getattr(cpu_rows, name), getattr(rows, name), x, axis)
        back = f"{name}_backward"
        y = getattr(cpu_rows, name)(x, axis)
        check(getattr(cpu_rows, back), getattr(rows, back), values(3, 2, 5, dtype=dtype), y, axis)


def test_softmax_of_large_and_empty_rows() -> None:
    x = np.array([[1e4, 0, -1e4], [-np.inf, 0, 0]], np.float32)
    check(cpu_rows.softmax, rows.softmax, x, 1)
    assert rows.softmax(to_device(values(2, 0)), 1).shape == (2, 0)


def cross_entropy_check(name: str, *arguments: Any) -> None:
    check(getattr(cpu_cross, name), getattr(cross_entropy, name), *arguments)


@pytest.mark.parametrize("weighted", [True, False])
def test_cross_entropy(weighted: bool) -> None:
    x, target = values(4, 5), np.array([1, -100, 4, 0])
    weight = values(5, seed=1) if weighted else None
    cross_entropy_check("cross_entropy_rows", x, target, weight)
    _, _, top, shift = cpu_cross.cross_entropy_rows(x, target, weight)
    factors = [values(4, seed=seed) for seed in (2, 3, 4)]
    cross_entropy_check("cross_entropy_backward", x, top, shift, target, weight, *factors)
    cross_entropy_check("scores_backward", x, top, shift, values(4, 5, seed=5))
    wanted = values(4, 5, seed=6)
    cross_entropy_check("soft_cross_entropy_rows", x, wanted, weight, 0.2)
    given = (wanted, weight, 0.2, factors[0])
    cross_entropy_check("soft_cross_entropy_backward", x, top, shift, *given)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_norm(weighted: bool, dtype: str) -> None:
    x, grad = values(5, 7, dtype=dtype), values(5, 7, dtype=dtype, seed=1)
    weight, bias = (values(7, dtype=dtype, seed=s) if weighted else None for s in (2, 3))
    check(cpu_rows.layer_norm, rows.layer_norm, x, weight, bias, 1e-5)
    _, mean, rstd = cpu_rows.layer_norm(x, weight, bias, 1e-5)
    for mask in ((True, True, True), (True, False, False), (False, True, False)):
        given = (grad, x, mean, rstd, weight, mask)
        check(cpu_rows.layer_norm_backward, rows.layer_norm_backward, *given)


def test_layer_norm_of_float16_keeps_its_statistics_in_float32() -> None:
    x = values(3, 5, dtype="float16")
    out, mean, _ = rows.layer_norm(to_device(x), None, None, 1e-5)
    assert (out.dtype, mean.dtype) == (np.float16, np.float32)
    expected, _, _ = cpu_rows.layer_norm(x, None, None, 1e-5)
    np.testing.assert_allclose(out.to_host(), expected, rtol=4e-3, atol=4e-3)


# --------------------------------------------------------------------------------------- indexing

INDEX = np.array([[2, 0], [1, 1]])


@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
def test_rows_by_index(dtype: str) -> None:
    x = values(3, 4, 3, dtype=dtype)
    for axis in range(3):
        check(cpu_indexing.take_rows, indexing.take_rows, x, INDEX, axis)
        grad = x.take(INDEX, axis)
        check(cpu_indexing.add_rows, indexing.add_rows, x.shape, INDEX, grad, axis)


@pytest.fixture
def in_order() -> Iterator[None]:
    use_deterministic_algorithms(True)
    yield
    use_deterministic_algorithms(False)


@pytest.mark.usefixtures("in_order")
@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
def test_sums_in_order(dtype: str) -> None:
    x = values(3, 4, 2, dtype=dtype)
    picks = np.array([1, 0, 1, 1])
    for axis in range(3):
        rows = x.take(picks, axis % 2 + 1)
        grad = x.take(picks, axis)
        check(cpu_indexing.add_rows, indexing.add_rows, x.shape, picks, grad, axis)
        places = np.ones(rows.shape, np.int64)
        check(cpu_gather.scatter, gather.scatter, x, places[:, :, :2], rows[:, :, :2], 1, "sum")
    check(cpu_indexing.index_add, indexing.index_add, x, picks, x[:, picks], 1)
    if dtype != "int64":
        bag = (x[0], picks, np.array([0, 1, 0, 5]), values(4, dtype=dtype), 3)
        check(cpu_bags.weighted_rows, bags.weighted_rows, *bag)
        check(cpu_bags.weighted_rows, bags.weighted_rows, *bag[:3], None, 3)


@pytest.mark.usefixtures("in_order")
def test_the_order_of_a_sum_is_that_of_its_terms() -> None:
    terms = np.array([[1e8], [1.0], [-1e8], [3.0]], np.float32)  # from left to right: 3
    index = np.zeros(4, np.int64)
    assert indexing.add_rows((1, 1), *map(to_device, (index, terms)), 0).to_host() == 3
    for given in (terms, terms[::-1].copy()):
        arrays = map(to_device, (given, np.arange(4), index))
        found = bags.weighted_rows(*arrays, None, 1)
        assert found.to_host() == np.add.accumulate(given)[-1]


def test_several_indices() -> None:
    x, i, j = values(3, 4, 2), INDEX, np.array([[3, 0], [1, 1]])
    for indices in ((i,), (i, j), (i, j, i // 2)):
        check(cpu_indexing.gather_nd, indexing.gather_nd, x, indices)
        given = (x.shape, x.dtype, indices, x[indices])
        check(cpu_indexing.scatter_add_nd, indexing.scatter_add_nd, *given)
    check(cpu_indexing.gather_nd, indexing.gather_nd, x > 0, (i, -j))


def test_nonzero() -> None:
    for mask in (INDEX, INDEX > 5, np.array(True), np.array(0)):
        check(cpu_masks.nonzero, masks.nonzero, mask)


@pytest.mark.parametrize("wrong", [3, -1])
def test_an_index_out_of_range_raises_once(wrong: int) -> None:
    x, index = to_device(values(3, 2)), to_device(np.array([0, wrong]))
    with pytest.raises(IndexError, match="index out of range in self"):
        indexing.take_rows(x, index, 0).to_host()
    with pytest.raises(IndexError, match="index out of range in self"):
        indexing.add_rows((3, 2), index, x[:2], 0).to_host()
    with pytest.raises(IndexError, match="index out of range in self"):
        indexing.gather_nd(x, (to_device(np.array([-4])),)).to_host()
    assert indexing.take_rows(x, to_device(np.array([2])), 0).shape == (1, 2)


def test_arrays_without_elements() -> None:
    nothing = np.zeros(0, np.int64)
    check(cpu_indexing.take_rows, indexing.take_rows, values(3, 2), nothing, 0)
    check(cpu_indexing.add_rows, indexing.add_rows, (3, 2), nothing, values(0, 2), 0)


def test_along_an_axis() -> None:
    x, numbers = values(3, 4, 2), values(3, 3, 2)
    places = np.array([0, 3, 3]).reshape(1, 3, 1) + np.zeros((3, 3, 2), np.int64)
    check(cpu_gather.gather, gather.gather, x, places, 1)
    check(cpu_gather.gather, gather.gather, x, places[:2, :, :1], 1)
    for mode in ("put", "sum", "prod", "amax", "amin"):
        check(cpu_gather.scatter, gather.scatter, x, places, numbers, 1, mode)
        check(cpu_gather.scatter, gather.scatter, x > 0, places, numbers > 0, 1, mode)
        check(cpu_gather.scatter, gather.scatter, x, places[:1], numbers, 1, mode)


def test_masks_and_searches() -> None:
    x = values(3, 4)
    check(cpu_masks.masked_select, masks.masked_select, x, x > 0)
    check(cpu_masks.masked_scatter, masks.masked_scatter, x, x > 0, x)
    rows = np.sort(values(3, 4), 1)
    for right in (True, False):
        check(cpu_searching.searchsorted, searching.searchsorted, rows, x, None, right)
        check(cpu_searching.searchsorted, searching.searchsorted, rows[0], x, None, right)


@pytest.mark.skipif(not driver.is_simulator(), reason="a GPU has one shared memory for a block")
def test_threads_that_come_at_once_share_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    allocate = np.empty

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.001)
        return allocate(*arguments, **options)

    x = np.arange(12.0).reshape(3, 4)
    monkeypatch.setattr(np, "empty", slowly)
    total = reductions.sum(to_device(x), (1,), False).to_host()
    np.testing.assert_allclose(total, x.sum(1))
