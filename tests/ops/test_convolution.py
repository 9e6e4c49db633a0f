"""What convolution, pooling, resizing and padding refuse, and their edges."""

from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F

REFUSED = [
    ("F.conv2d(z(4, 5), w)", RuntimeError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to"),
    ("F.conv2d(z(2, 3, 5, 5), w)", RuntimeError, "to have 4 channels, but got 3 channels instead"),
    ("F.conv2d(x, w, groups=2)", RuntimeError, "expected input.* to have 8 channels"),
    ("F.conv2d(x, z(5, 2, 3, 3), groups=2)", RuntimeError, "divisible by 2 at dimension 0"),
    ("F.conv2d(x, w, groups=0)", RuntimeError, "non-positive groups is not supported"),
    ("F.conv2d(x, w, z(5))", RuntimeError, "expected bias to be 1-dimensional with 6 elements"),
    ("F.conv2d(x, z(6, 4, 9, 9))", RuntimeError, r"\(5 x 5\). Kernel size: \(9 x 9\). Kernel size"),
    ("F.conv2d(x, w, stride=0)", RuntimeError, "non-positive stride is not supported"),
    ("F.conv2d(x, w, padding=-1)", RuntimeError, "negative padding is not supported"),
    ("F.conv2d(x, w, dilation=0)", RuntimeError, "non-positive dilation is not supported"),
    ("F.conv2d(x, w, stride=(1, 2, 3))", RuntimeError, "a list of 2 values to match"),
    ("F.conv2d(x, w, padding='same', stride=2)", RuntimeError, "not supported for strided"),
    ("F.conv2d(x, w, padding='some')", RuntimeError, "Invalid padding string: 'some'"),
    ("F.conv2d(x, w, stride=1.5)", TypeError, "stride"),
    ("F.conv2d(x, z(6, 4, 0, 3))", RuntimeError, "kernel size should be greater than zero"),
    ("F.conv_transpose2d(x, z(4, 6, 3, 0))", RuntimeError, "kernel size should be greater"),
    ("F.pad(z(2, 2), (-3, 3))", RuntimeError, "length must be non-negative"),
    ("F.conv2d(x, None)", TypeError, "weight"),
    ("F.conv2d(x, w.double())", RuntimeError, "should be the same"),
    ("F.conv2d(x, w, z(6).double())", RuntimeError, r"bias type \(double\) should be the same"),
    ("F.conv2d(z(2, 4, 0, 5), w, padding=2)", RuntimeError, "Only zero batch or zero channel"),
    ("F.conv_transpose2d(x, t, output_padding=1)", RuntimeError, "output padding must be smaller"),
    ("F.conv_transpose2d(x, t, padding='same')", TypeError, "must be tuple of ints, not str"),
    ("F.conv_transpose2d(x, t, padding=9)", RuntimeError, "Output size is too small"),
    ("F.conv_transpose2d(z(2, 3, 5, 5), t)", RuntimeError, "Given transposed=1, weight of size"),
    ("F.unfold(x, 7)", RuntimeError, "its components must be at least one"),
    ("F.fold(z(2, 15, 9), 4, 2)", RuntimeError, "divisible by the product of kernel_size"),
    ("F.fold(z(2, 16, 8), 4, 2)", RuntimeError, "calculated number of sliding blocks 3 . 3 = 9"),
    ("F.max_pool2d(x, 2, padding=2)", RuntimeError, "at most half of effective kernel size"),
    ("F.max_pool2d(x, 7)", RuntimeError, r"Calculated output size: \(4x0x0\)"),
    ("F.max_pool2d(x, 2, 0)", RuntimeError, "stride should not be zero"),
    ("F.max_pool1d(x[0], 2, padding=2)", RuntimeError, "padding should be at most half"),
    ("F.avg_pool2d(x, 2, divisor_override=0)", RuntimeError, "divisor must be not zero"),
    ("F.adaptive_avg_pool2d(x, (3, 3, 3))", RuntimeError, "output_size must be 2"),
    ("F.interpolate(x)", ValueError, "either size or scale_factor should be defined"),
    ("F.interpolate(x, 3, 2.0)", ValueError, "only one of size or scale_factor"),
    ("F.interpolate(x, 3, mode='linear')", NotImplementedError, "Got 4D input, but linear mode"),
    ("F.interpolate(x, 3, mode='bicubic')", NotImplementedError, "mode='bicubic'"),
    ("F.interpolate(x, 3, align_corners=True)", ValueError, "align_corners option can only"),
    ("F.interpolate(x, 0)", RuntimeError, "sizes should be greater than 0"),
    ("F.pad(x, (1,))", RuntimeError, "Padding length must be divisible by 2"),
    ("F.pad(x, (1, 1), 'mirror')", NotImplementedError, "Unrecognised padding mode mirror"),
    ("F.pad(x, (5, 0, 0, 0), 'reflect')", RuntimeError, "should be less than the corresponding"),
    ("F.pad(x, (6, 0, 0, 0), 'circular')", RuntimeError, "wrapping around more than once"),
    ("F.pad(x, (1, 1), 'reflect')", NotImplementedError, "Padding size 2 is not supported for 4D"),
    ("F.pixel_shuffle(x, 3)", RuntimeError, "divisible by the square of upscale_factor"),
    ("F.pixel_unshuffle(x, 2)", RuntimeError, "height to be divisible by downscale_factor"),
]


@pytest.mark.parametrize(("expression", "error", "words"), REFUSED, ids=lambda x: str(x)[:50])
def test_refused(expression: str, error: type[Exception], words: str) -> None:
    z = minigrad.zeros
    names = {"x": z(2, 4, 5, 5), "w": z(6, 4, 3, 3), "t": z(4, 6, 3, 3), "z": z, "F": F}
    with pytest.raises(error, match=words):
        eval(expression, names)


def test_a_convolution_by_hand() -> None:
    x = minigrad.tensor([[[1.0, 2.0, 4.0, 8.0]]])
    weight = minigrad.tensor([[[1.0, -1.0]]])
    assert F.conv1d(x, weight).tolist() == [[[-1, -2, -4]]]
    assert F.conv1d(x, weight, padding=1, stride=2).tolist() == [[[-1, -2, 8]]]
    assert F.conv1d(x, weight, dilation=2).tolist() == [[[-3, -6]]]
    assert F.conv_transpose1d(x, weight, stride=2).tolist() == [[[1, -1, 2, -2, 4, -4, 8, -8]]]


@pytest.mark.parametrize("shape", [(0, 4, 5, 5), (2, 0, 5, 5)])
def test_no_images_and_no_channels(shape: tuple[int, ...]) -> None:
    x = minigrad.zeros(shape, requires_grad=True)
    weight = minigrad.ones(6, shape[1], 3, 3, requires_grad=True)
    bias = minigrad.ones(6, requires_grad=True)
    result = F.conv2d(x, weight, bias)
    assert result.shape == (shape[0], 6, 3, 3)
    assert (result == 1).all()
    result.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == shape
    assert weight.grad is not None
    assert not weight.grad.any()
    assert bias.grad is not None
    assert bias.grad[0] == result.numel() / 6


def test_the_first_of_equals_and_nan() -> None:
    x = minigrad.tensor([[[3.0, 3.0, 1.0, float("nan"), 5.0, float("nan")]]])
    values, places = F.max_pool1d(x, 3, return_indices=True)
    assert values[0, 0, 0] == 3
    assert values[0, 0, 1].isnan()
    assert places.tolist() == [[[0, 5]]]


def test_padding_is_no_number_of_a_maximum() -> None:
    x = minigrad.full((1, 1, 3, 3), -float("inf"))
    values, places = F.max_pool2d(x, 2, padding=1, return_indices=True)
    assert (values == -float("inf")).all()
    assert places.flatten().tolist() == [0, 1, 3, 4]


def test_of_equals_in_several_rows_the_first_counts_and_of_nan_the_last() -> None:
    nan = float("nan")
    x = minigrad.tensor([[[1.0, 5, 5, nan], [5, 2, nan, 0], [0, 5, 0, nan]]])
    values, places = F.max_pool2d(x, (3, 2), return_indices=True)
    assert values[0, 0, 0] == 5
    assert places.tolist() == [[[1, 11]]]
    _, places = F.max_pool2d(x[:, 1:], 2, return_indices=True)
    assert places.tolist() == [[[0, 7]]]


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_max_pool1d_without_a_gradient(padding: int, ceil_mode: bool) -> None:
    x = minigrad.randn(2, 3, 10)
    x[0, 0, 4] = float("nan")
    for kernel, stride, dilation in ((1, 1, 1), (3, 2, 1), (2, 3, 2)):
        options = kernel, stride, padding if kernel > 1 else 0, dilation, ceil_mode
        expected, _ = F.max_pool1d(x, *options, return_indices=True)
        values = F.max_pool1d(x, *options)
        np.testing.assert_array_equal(values.numpy(), expected.numpy())
        values.fill_(0)
    assert x.isnan().sum() == 1  # nothing was written into x


def test_a_window_beside_all_numbers() -> None:
    x = minigrad.ones(1, 1, 1, requires_grad=True)
    values, places = F.max_pool1d(x, 2, 1, 1, 2, return_indices=True)
    assert values.tolist() == [[[-float("inf")]]]
    assert places.tolist() == [[[-1]]]
    values.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0.0]]]


def test_what_an_average_is_divided_by() -> None:
    x = minigrad.ones(1, 1, 3)
    assert F.avg_pool1d(x, 2, 2, 1).tolist() == [[[0.5, 1.0]]]
    assert F.avg_pool1d(x, 2, 2, 1, count_include_pad=False).tolist() == [[[1.0, 1.0]]]
    assert F.avg_pool1d(x, 2, 2, 0, ceil_mode=True).tolist() == [[[1.0, 1.0]]]
    image = minigrad.ones(1, 2, 2)
    assert F.avg_pool2d(image, 2, divisor_override=8).tolist() == [[[0.5]]]


def test_pads_by_hand() -> None:
    x = minigrad.tensor([[1, 2, 3]])
    assert F.pad(x, (1, 2)).tolist() == [[0, 1, 2, 3, 0, 0]]
    assert F.pad(x, (-1, 1), value=9).tolist() == [[2, 3, 9]]
    assert F.pad(x, (2, 1), "reflect").tolist() == [[3, 2, 1, 2, 3, 2]]
    assert F.pad(x, (2, 1), "replicate").tolist() == [[1, 1, 1, 2, 3, 3]]
    assert F.pad(x, (2, 1), "circular").tolist() == [[2, 3, 1, 2, 3, 1]]


def test_corners_stay_or_borders_do() -> None:
    x = minigrad.tensor([[[0.0, 1.0]]])
    aligned = F.interpolate(x, 4, mode="linear", align_corners=True)
    np.testing.assert_allclose(aligned.numpy(), [[[0, 1 / 3, 2 / 3, 1]]], 1e-6)
    assert F.interpolate(x, 4, mode="linear").tolist() == [[[0, 0.25, 0.75, 1]]]
    assert F.interpolate(x, scale_factor=2).tolist() == [[[0, 0, 1, 1]]]
    image = x[None]  # stays in height, doubles in width, whatever the factors say exactly
    assert F.interpolate(image, scale_factor=(1.2, 2.2)).tolist() == [[[[0, 0, 1, 1]]]]


def samples_of(function: Any, *operands: Any) -> Any:
    """What vmap should give: one sample after the other."""
    return minigrad.stack([function(*each) for each in zip(*operands, strict=True)])


def test_vmap_with_a_weight_for_all_and_for_each() -> None:
    x, w = minigrad.randn(3, 2, 4, 5, 5), minigrad.randn(3, 6, 4, 3, 3)
    shared = minigrad.vmap(lambda image: F.conv2d(image, w[0], padding=1))(x)
    expected = samples_of(lambda image: F.conv2d(image, w[0], padding=1), x)
    np.testing.assert_allclose(shared.numpy(), expected.numpy(), 1e-4, 1e-5)
    each = minigrad.vmap(F.conv2d)(x, w)
    np.testing.assert_allclose(each.numpy(), samples_of(F.conv2d, x, w).numpy(), 1e-4, 1e-5)
