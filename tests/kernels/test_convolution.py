"""The three kernels of convolution against the matrix of patches, at the edges of every tile."""

import itertools

import numpy as np
import pytest

from minigrad.kernels import threads
from minigrad.kernels.cpu import convolution
from minigrad.kernels.windows import Windows, windows

TOLERANCE = {np.float32: 2e-4, np.float64: 1e-11}

# (images, channels, sizes), (outputs, kernel), stride, padding, dilation, groups
CASES = [
    ((2, 3, (5, 6)), (4, (3, 2)), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, (5, 6)), (4, (3, 3)), (1, 1), (1, 1), (1, 1), 1),
    ((3, 4, (9, 7)), (6, (3, 2)), (2, 3), (1, 2), (3, 2), 2),
    ((1, 2, (4, 40)), (9, (1, 3)), (1, 1), (0, 4), (1, 1), 1),
    ((2, 4, (6, 70)), (4, (3, 3)), (1, 1), (1, 1), (1, 1), 4),
    ((2, 4, (6, 9)), (12, (3, 3)), (2, 2), (1, 1), (1, 1), 4),
    ((2, 40, (8, 8)), (33, (1, 1)), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, (8, 8)), (5, (1, 1)), (2, 2), (0, 0), (1, 1), 1),
    ((2, 3, (8, 8)), (20, (4, 4)), (4, 4), (0, 0), (1, 1), 1),
    ((5, 40, (3, 3)), (17, (3, 3)), (1, 1), (1, 1), (1, 1), 1),
    ((2, 3, (37,)), (17, (5,)), (1,), (2,), (1,), 1),
    ((2, 3, (37,)), (2, (4,)), (3,), (0,), (2,), 1),
    ((2, 2, (3, 4, 5)), (4, (2, 3, 2)), (1, 2, 1), (1, 1, 0), (1, 1, 2), 2),
]


def random(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def made(case, dtype):
    (count, channels, sizes), (outputs, kernel), stride, padding, dilation, groups = case
    seen = windows(sizes, kernel, stride, padding, dilation)
    x = random((count, channels, *sizes), dtype)
    weight = random((outputs, channels // groups, *kernel), dtype, 1)
    grad = random((count, outputs, *seen.output), dtype, 2)
    return seen, groups, x, weight, grad


def by_patches(x, weight, seen, groups):
    """The output, from the matrix of patches."""
    outputs = len(weight) // groups
    columns = convolution.unfold(x, seen).reshape(len(x), groups, -1, np.prod(seen.output))
    product = weight.reshape(groups, outputs, -1) @ columns
    return product.reshape(len(x), len(weight), *seen.output)


def close(result, expected, dtype):
    assert result.dtype == dtype
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, expected, TOLERANCE[dtype], TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_output(case, dtype):
    seen, groups, x, weight, _ = made(case, dtype)
    bias = random(len(weight), dtype, 3)
    expected = by_patches(x, weight, seen, groups)
    close(convolution.convolve(x, weight, None, seen, groups), expected, dtype)
    shifted = expected + bias.reshape(-1, *[1] * len(seen.output))
    close(convolution.convolve(x, weight, bias, seen, groups), shifted, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_three_are_parts_of_one_sum(case, dtype):
    """<grad, convolve(x, w)> = <x, convolve_input(grad, w)> = <w, convolve_weight(x, grad)>, also
    where only one number of x, or of w, is not 0."""
    seen, groups, x, weight, grad = made(case, dtype)
    of_input = convolution.convolve_input(grad, weight, seen, groups)
    of_weight = convolution.convolve_weight(x, grad, seen, groups)
    assert (of_input.shape, of_weight.shape) == (x.shape, weight.shape)
    assert of_input.dtype == of_weight.dtype == dtype
    for place in np.random.default_rng(5).integers(0, x.size, 12):
        one = np.zeros(x.size, dtype)
        one[place] = 1
        seen_by = by_patches(one.reshape(x.shape), weight, seen, groups)
        expected = np.sum(seen_by * grad, dtype=np.float64)
        np.testing.assert_allclose(of_input.flat[place], expected, 0, 10 * TOLERANCE[dtype])
    for place in np.random.default_rng(6).integers(0, weight.size, 12):
        one = np.zeros(weight.size, dtype)
        one[place] = 1
        seen_by = by_patches(x, one.reshape(weight.shape), seen, groups)
        expected = np.sum(seen_by * grad, dtype=np.float64)
        np.testing.assert_allclose(of_weight.flat[place], expected, 0, 10 * TOLERANCE[dtype])


def test_layouts():
    seen, groups, x, weight, grad = made(CASES[1], np.float32)
    expected = convolution.convolve(x, weight, None, seen, groups)
    of_input = convolution.convolve_input(grad, weight, seen, groups)
    of_weight = convolution.convolve_weight(x, grad, seen, groups)

    def last(array):
        return np.ascontiguousarray(np.moveaxis(array, 1, -1)).transpose(0, 3, 1, 2)

    np.testing.assert_array_equal(
        convolution.convolve(last(x), last(weight), None, seen, groups), expected
    )
    np.testing.assert_array_equal(
        convolution.convolve_input(last(grad), last(weight), seen, groups), of_input
    )
    np.testing.assert_array_equal(
        convolution.convolve_weight(last(x), last(grad), seen, groups), of_weight
    )
    stepped = np.repeat(x, 2, -1)[..., ::2]
    np.testing.assert_array_equal(
        convolution.convolve(stepped, weight, None, seen, groups), expected
    )


def test_what_is_not_finite_stays_where_it_is_seen():
    """Numbers that are read across the end of a line go nowhere."""
    seen, groups, x, weight, grad = made(CASES[1], np.float32)
    x[0, 0, 2, 0] = np.inf
    result = convolution.convolve(x, weight, None, seen, groups)
    assert not np.isfinite(result[0, :, 1:4, :2]).any()
    assert np.isfinite(result[0, :, :, 2:]).all()
    assert np.isfinite(result[1]).all()
    of_weight = convolution.convolve_weight(x, grad, seen, groups)
    assert np.isfinite(of_weight[:, 1:]).all()
    assert np.isfinite(of_weight[:, 0, :, 2]).all()  # the last column of the kernel never sees it
    assert not np.isfinite(of_weight[:, 0, :, :2]).any()


def test_float16_computes_in_float32():
    seen, groups, x, weight, grad = made(CASES[0], np.float16)
    wide = [a.astype(np.float32) for a in (x, weight, grad)]
    result = convolution.convolve(x, weight, None, seen, groups)
    expected = convolution.convolve(wide[0], wide[1], None, seen, groups).astype(np.float16)
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_integers(dtype):
    seen = windows((4, 5), (2, 3), (1, 2), (1, 0), (1, 1))
    x = np.random.default_rng(0).integers(-9, 9, (2, 4, 4, 5)).astype(dtype)
    weight = np.random.default_rng(1).integers(-3, 3, (6, 2, 2, 3)).astype(dtype)
    result = convolution.convolve(x, weight, None, seen, 2)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, by_patches(x, weight, seen, 2))


def test_many_threads_make_the_same():
    seen, groups, x, weight, grad = made(CASES[1], np.float64)
    x, grad = np.tile(x, (9, 1, 1, 1)), np.tile(grad, (9, 1, 1, 1))
    before, work = threads.get_num_threads(), convolution.THREAD_WORK
    results = []
    try:
        convolution.THREAD_WORK = 1
        for count in (1, 3):
            threads.set_num_threads(count)
            results.append(
                (
                    convolution.convolve(x, weight, None, seen, groups),
                    convolution.convolve_input(grad, weight, seen, groups),
                    convolution.convolve_weight(x, grad, seen, groups),
                )
            )
    finally:
        threads.set_num_threads(before)
        convolution.THREAD_WORK = work
    for one, several in zip(*results, strict=True):
        np.testing.assert_allclose(several, one, 1e-12, 1e-12)


def test_fold_is_the_transpose_of_unfold():
    for stride, padding, dilation in itertools.product((1, 2), (0, 1), (1, 2)):
        seen: Windows = windows((5, 6), (2, 3), (stride,) * 2, (padding,) * 2, (dilation,) * 2)
        x = random((2, 3, 5, 6), np.float64)
        columns = convolution.unfold(x, seen)
        others = random(columns.shape, np.float64, 1)
        left, right = np.sum(columns * others), np.sum(x * convolution.fold(others, seen))
        np.testing.assert_allclose(left, right, 1e-12)
