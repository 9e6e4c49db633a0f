"""The matrix product against NumPy's in float64: sizes around every tile, layouts, extremes."""

import ctypes
import mmap
import threading

import numpy as np
import pytest

from minigrad.kernels import threads
from minigrad.kernels.cpu import gemm
from minigrad.kernels.cpu.gemm import matmul

SIZES = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 97, 130, 257]
FLOATS = [np.float32, np.float64]
TOLERANCE = {np.float16: 2e-2, np.float32: 2e-5, np.float64: 1e-13}


def random(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def reference(a, b):
    return a.astype(np.float64) @ b.astype(np.float64)


def check(a, b):
    result, expected = matmul(a, b), reference(a, b)
    assert result.dtype == a.dtype
    assert result.shape == expected.shape
    assert result.flags.c_contiguous
    error = TOLERANCE[a.dtype.type] * np.sqrt(a.shape[-1])
    np.testing.assert_allclose(result, expected, rtol=error, atol=error)


def transposed(x):
    """The same values, with the last two axes the other way round in memory."""
    return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)


def every_other(x):
    spread = np.full((*x.shape[:-2], 2 * x.shape[-2], 3 * x.shape[-1]), np.nan, x.dtype)
    spread[..., ::2, ::3] = x
    return spread[..., ::2, ::3]


def backwards(x):
    return x[..., ::-1, ::-1].copy()[..., ::-1, ::-1]


LAYOUTS = [np.ascontiguousarray, transposed, every_other, backwards]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", SIZES)
def test_sizes(rows, dtype):
    for depth in (1, 2, 7, 16, 17, 64, 257):
        for columns in SIZES:
            a, b = random((rows, depth), dtype), random((depth, columns), dtype, seed=1)
            turn = (depth + columns) % 4
            check(transposed(a) if turn & 1 else a, transposed(b) if turn & 2 else b)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout_a", LAYOUTS)
@pytest.mark.parametrize("layout_b", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(5, 3, 4), (33, 65, 17), (1, 40, 70), (70, 40, 1), (130, 300, 140)]
)
def test_layouts(shape, layout_a, layout_b, dtype):
    rows, depth, columns = shape
    check(layout_a(random((rows, depth), dtype)), layout_b(random((depth, columns), dtype, seed=1)))


@pytest.mark.parametrize("axis", [0, 1])
def test_stride_zero(axis):
    def repeated(shape):
        one = [1 if i == axis else n for i, n in enumerate(shape)]
        return np.broadcast_to(random(one), shape)

    check(repeated((33, 40)), random((40, 50)))
    check(random((33, 40)), repeated((40, 50)))
    check(repeated((1, 40)), repeated((40, 50)))
    check(repeated((150, 300)), repeated((300, 160)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_large_operands_are_packed(dtype, monkeypatch):
    monkeypatch.setattr(threads, "_threads", 1)
    a, b = random((200, 1100), dtype), random((1100, 700), dtype, seed=1)
    for turned_a in (a, transposed(a), transposed(a)[::-1]):
        check(turned_a, b)
        check(turned_a, transposed(b))


@pytest.mark.parametrize(
    ("a_batch", "b_batch"),
    [((3,), (3,)), ((2, 3), (2, 3)), ((3,), ()), ((), (3,)), ((2, 1), (1, 3)), ((1,), (4,)),
     ((2, 3), (3,)), ((5, 1, 2), (3, 1))],
)  # fmt: skip
def test_batches_broadcast(a_batch, b_batch):
    for rows, depth, columns in [(1, 4, 5), (8, 17, 9), (20, 33, 40)]:
        a, b = random((*a_batch, rows, depth)), random((*b_batch, depth, columns), seed=1)
        for layout in LAYOUTS:
            check(layout(a), b)
            check(a, layout(b))


def test_heads_of_attention_are_used_where_they_lie():
    heads = random((2, 10, 3, 8)).transpose(0, 2, 1, 3)  # (batch, head, time, channel)
    check(heads, heads.swapaxes(-1, -2))
    check(heads.swapaxes(-1, -2), heads)


@pytest.mark.parametrize("dtype", [*FLOATS, np.float16, np.int64])
@pytest.mark.parametrize(
    ("a_shape", "b_shape"),
    [((0, 3), (3, 4)), ((3, 0), (0, 4)), ((3, 4), (4, 0)), ((0, 0), (0, 0)), ((1, 0), (0, 1)),
     ((0, 3, 4), (0, 4, 5)), ((0, 3, 4), (4, 5)), ((2, 3, 0), (2, 0, 5)), ((2, 3, 0), (0, 5))],
)  # fmt: skip
def test_empty(a_shape, b_shape, dtype):
    result = matmul(np.ones(a_shape, dtype), np.ones(b_shape, dtype))
    expected = np.matmul(np.ones(a_shape, dtype), np.ones(b_shape, dtype))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(1, 30, 40), (40, 30, 1), (9, 5, 11), (40, 300, 50)])
def test_nan_and_inf_stay_in_their_row_and_column(shape, value, dtype):
    rows, depth, columns = shape
    a, b = np.ones((rows, depth), dtype), np.ones((depth, columns), dtype)
    a[rows // 2, depth - 1] = value
    b[0, columns // 2] = value
    expected = np.full((rows, columns), depth, dtype)
    expected[rows // 2] = value
    expected[:, columns // 2] = value
    for layout in (np.ascontiguousarray, transposed):
        np.testing.assert_array_equal(matmul(layout(a), layout(b)), expected)
    b[depth - 1, :] = 0
    assert np.isnan(matmul(a, b)[rows // 2]).all()  # nan * 0 and inf * 0


def test_the_shorter_dtypes():
    a, b = random((20, 33), np.float16), random((33, 17), np.float16, seed=1)
    check(a, b)
    check(np.stack([a, a]), b)
    numbers = np.arange(12, dtype=np.int32).reshape(3, 4)
    np.testing.assert_array_equal(matmul(numbers, numbers.T), numbers @ numbers.T)
    big = np.full((2, 2), 2**62, np.int64)
    np.testing.assert_array_equal(matmul(big, 2 * np.ones_like(big)), [[0, 0], [0, 0]])
    truth = np.eye(3, dtype=bool)
    assert matmul(truth, truth).dtype == bool


def guarded(values, guard):
    """The values inside a larger array of `guard`, and that array."""
    whole = np.full([n + 40 for n in values.shape], guard, values.dtype)
    inside = whole[20:-20, 20:-20]
    inside[...] = values
    return inside, whole


@pytest.mark.parametrize("dtype", FLOATS)
def test_nothing_outside_the_operands_is_used_or_written(dtype):
    for rows, depth, columns in [(1, 1, 1), (3, 5, 7), (9, 17, 33), (12, 300, 20), (140, 270, 150)]:
        a, b = random((rows, depth), dtype), random((depth, columns), dtype, seed=1)
        expected = reference(a, b)
        for turn_a in (False, True):
            for turn_b in (False, True):
                inside_a = guarded(a.T, np.nan)[0].T if turn_a else guarded(a, np.nan)[0]
                inside_b = guarded(b.T, np.nan)[0].T if turn_b else guarded(b, np.nan)[0]
                out, whole = guarded(np.zeros((rows, columns), dtype), 7)
                run = gemm.entry(gemm.multiply, np.dtype(dtype))
                run(inside_a, inside_b, out, gemm.HERE, 0)
                np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-3)
                out[...] = 7
                assert (whole == 7).all()


def test_operands_at_the_very_end_of_a_page():
    """A read past the end of an array is a crash here, not a lucky pass."""
    mprotect = page_protection()
    for dtype in FLOATS:
        for rows, depth, columns in [
            (1, 3, 5),
            (7, 5, 3),
            (9, 17, 19),
            (33, 20, 35),
            (130, 257, 9),
        ]:
            a, b = random((rows, depth), dtype), random((depth, columns), dtype, seed=1)
            a_end, b_end = before_a_wall(a, mprotect), before_a_wall(b, mprotect)
            check(a_end, b_end)
            check(b_end.T, a_end.T)
            check(before_a_wall(a.T, mprotect).T, before_a_wall(b.T, mprotect).T)


def page_protection():
    try:
        return ctypes.CDLL(None).mprotect
    except (AttributeError, OSError, TypeError):
        pytest.skip("needs mprotect")


def before_a_wall(values, mprotect):
    """A C-contiguous copy whose last byte is followed by a page that must not be touched."""
    page = mmap.PAGESIZE
    size = -(-values.nbytes // page) * page
    memory = np.frombuffer(mmap.mmap(-1, size + page), np.uint8)
    assert mprotect(ctypes.c_void_p(memory.ctypes.data + size), ctypes.c_size_t(page), 0) == 0
    copy = memory[size - values.nbytes : size].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def test_out():
    a, b = random((5, 6)), random((6, 7))
    out = np.empty((5, 7), np.float32)
    assert matmul(a, b, out) is out
    np.testing.assert_array_equal(out, matmul(a, b))
    square = random((5, 5))
    expected = matmul(square, square)
    np.testing.assert_array_equal(matmul(square, square, square), expected)


@pytest.mark.parametrize("shape", [(700, 200, 300), (200, 300, 700), (4, 150, 400, 200)])
def test_threads_compute_the_same(shape, monkeypatch):
    *batch, rows, depth, columns = shape
    a, b = random((*batch, rows, depth)), random((*batch, depth, columns), seed=1)
    pieces = []

    def split(count, grain, run):
        middle = count // 3
        pieces.extend([middle, count - middle])
        run(middle, count)
        run(0, middle)

    monkeypatch.setattr(gemm, "split", split)
    for layout in (np.ascontiguousarray, transposed):
        check(layout(a), layout(b))
    assert len(pieces) == 4


def test_two_threads_at_once():
    pairs = [
        (random((100, 300), seed=i), transposed(random((300, 90), seed=9 + i))) for i in range(4)
    ]
    expected = [matmul(a, b) for a, b in pairs]
    wrong = []

    def work(a, b, result):
        for _ in range(50):
            if not np.array_equal(matmul(a, b), result):
                wrong.append(result)

    jobs = [
        threading.Thread(target=work, args=(a, b, result))
        for (a, b), result in zip(pairs, expected, strict=True)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert not wrong


@pytest.mark.parametrize(
    ("a_shape", "b_shape", "message"),
    [
        ((3, 4), (5, 6), r"mat1 and mat2 shapes cannot be multiplied \(3x4 and 5x6\)"),
        ((2, 3, 4), (2, 5, 5), r"batch2 tensor to be: \[2, 4\] but got: \[2, 5\]"),
        ((2, 3, 4), (3, 4, 5), r"size of tensor a \(2\) must match .* b \(3\) .* dimension 0"),
        ((4, 2, 3, 4), (3, 4, 5), r"size of tensor a \(2\) must match .* b \(3\) .* dimension 1"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_shapes_that_do_not_fit(a_shape, b_shape, message, dtype):
    with pytest.raises(RuntimeError, match=message):
        matmul(np.ones(a_shape, dtype), np.ones(b_shape, dtype))
