"""Convolution in one to three dimensions, transposed convolution, and the windows themselves.

A convolution is linear in its input and in its weight.  Multiplied with a gradient of the output it
is a number that is linear in all three, and the derivative for each is an operation of the others:
the convolution, the input's gradient (the transposed convolution) and the weight's gradient.  So
one node, which knows which of the three it made, has first, second and higher derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.dtypes import not_implemented, type_name
from minigrad.kernels.windows import Sizes, Windows, windows
from minigrad.node import LinearNode, Node
from minigrad.ops.arguments import Ints, typed
from minigrad.ops.either import Either
from minigrad.ops.matmul import what_is_needed
from minigrad.ops.padding import pad
from minigrad.ops.reduction import sum
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.saved import saved_values
from minigrad.shapes import int_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any

# What each of the three is made of.
FACTORS = {
    "output": ("input", "weight"),
    "input": ("output", "weight"),
    "weight": ("input", "output"),
}


class ConvolutionBackward0(Node):
    __slots__ = ("groups", "made", "windows")
    saved_names = ("input", "weight")
    made: str  # "output" of a convolution, "input" of a transposed one; "weight" of a derivative
    windows: Windows
    groups: int

    def vjp(self, grad: Either) -> Any:
        first, second, *_ = saved_values(self, grad)
        names = FACTORS[self.made]
        given = {names[0]: first, names[1]: second, self.made: grad}
        needed = self.needs_input_grad
        grads = [
            product(name, given, self.windows, self.groups) if wanted else None
            for name, wanted in zip(names, needed, strict=False)
        ]
        others = (0, *range(2, grad.ndim))
        return (*grads, sum(grad, others) if needed[2] else None)


def product(
    made: str,
    given: dict[str, Either],
    windows: Windows,
    groups: int,
    bias: Tensor | None = None,
) -> Either:
    """One of output, weight and input from the two others."""
    first, second = (given[name] for name in FACTORS[made])
    if type(first) not in TENSORS:
        return product_of_arrays(made, first, second, None, windows, groups)
    arrays = first.array, second.array, None if bias is None else bias.array
    return record(
        ConvolutionBackward0,
        product_of_arrays(made, *arrays, windows, groups),
        (first, second, constant(arrays[0]) if bias is None else bias),
        what_is_needed(first, second),
        made=made,
        windows=windows,
        groups=groups,
    )


def product_of_arrays(
    made: str, first: Array, second: Array, bias: Array | None, windows: Windows, groups: int
) -> Array:
    if made == "output":
        return kernels.convolve(first, second, bias, windows, groups)
    if made == "weight":
        return kernels.convolve_weight(first, second, windows, groups)
    result = kernels.convolve_input(first, second, windows, groups)
    if bias is None:
        return result
    return kernels.add_reusing(result, bias.reshape((-1, *(1,) * len(windows.input))))


# ------------------------------------------------------------------------------------- convolution


@typed
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Sums of (N, C, L) weighted over windows: weight (O, C / groups, K), bias (O,)."""
    return convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@typed
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Sums of (N, C, H, W) weighted over windows: weight (O, C / groups, KH, KW), bias (O,)."""
    return convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@typed
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """Sums of (N, C, D, H, W) weighted over windows: weight (O, C / groups, KD, KH, KW)."""
    return convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def convolution(
    name: str,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """A convolution in `dims` dimensions: arguments checked, as many numbers as dimensions, a batch
    of one where there is none."""
    check_tensors(name, input, weight, bias)
    is_batch = has_batch(name, input, dims)
    steps, spread = numbers("stride", stride, dims), numbers("dilation", dilation, dims)
    x = input if is_batch else unsqueeze(input, 0)
    if isinstance(padding, str):
        x, around = padded_by_word(x, weight, padding, steps, spread)
    else:
        around = numbers("padding", padding, dims)
    check_numbers(steps, around, spread)
    check_groups(x, weight, bias, groups)
    check_fit(x, weight, around, spread)
    check_dtypes(x, weight, bias)
    check_device(name, x, weight, bias)
    seen = windows(x.array.shape[2:], weight.array.shape[2:], steps, around, spread)
    result = product("output", {"input": x, "weight": weight}, seen, groups, bias)
    return result if is_batch else squeeze(result, 0)


def padded_by_word(
    x: Tensor, weight: Tensor, padding: str, stride: Sizes, dilation: Sizes
) -> tuple[Tensor, Sizes]:
    """padding='valid' is none; 'same' is what makes the output as large as the input, with the odd
    one at the end."""
    if padding == "valid":
        return x, (0,) * len(stride)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    if weight.array.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions: (out, in / groups, ...)")
    total = [d * (k - 1) for k, d in zip(weight.array.shape[2:], dilation, strict=False)]
    if any(n % 2 for n in total):
        x = pad(x, [side for n in reversed(total) for side in (0, n % 2)])
    return x, tuple(n // 2 for n in total)


# -------------------------------------------------------------------------- transposed convolution


@typed
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Each number of (N, C, L) spread over a window: weight (C, O / groups, K), bias (O,)."""
    options = stride, padding, output_padding, groups, dilation
    return transposed_convolution("conv_transpose1d", 1, input, weight, bias, *options)


@typed
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Each number of (N, C, H, W) spread over a window: weight (C, O / groups, KH, KW)."""
    options = stride, padding, output_padding, groups, dilation
    return transposed_convolution("conv_transpose2d", 2, input, weight, bias, *options)


@typed
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Any = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Each number of (N, C, D, H, W) spread over a window: weight (C, O / groups, KD, KH, KW)."""
    options = stride, padding, output_padding, groups, dilation
    return transposed_convolution("conv_transpose3d", 3, input, weight, bias, *options)


def transposed_convolution(
    name: str,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """The input's gradient of the convolution with this weight, whose output would be `input`."""
    check_tensors(name, input, weight, bias)
    is_batch = has_batch(name, input, dims)
    steps, spread = numbers("stride", stride, dims), numbers("dilation", dilation, dims)
    if isinstance(padding, str):
        raise TypeError(f"{name}(): argument 'padding' must be tuple of ints, not str")
    around = numbers("padding", padding, dims)
    extra = numbers("output_padding", output_padding, dims)
    x = input if is_batch else unsqueeze(input, 0)
    check_numbers(steps, around, spread, extra)
    check_groups(x, weight, bias, groups, transposed=True)
    check_dtypes(x, weight, bias)
    check_device(name, x, weight, bias)
    check_output_padding(extra, steps, spread)
    seen = windows_of_output(x, weight, steps, around, spread, extra)
    result = product("input", {"output": x, "weight": weight}, seen, groups, bias)
    return result if is_batch else squeeze(result, 0)


def windows_of_output(
    x: Tensor, weight: Tensor, stride: Sizes, padding: Sizes, dilation: Sizes, extra: Sizes
) -> Windows:
    """The windows of the convolution that x is an output of."""
    sizes, kernel = x.array.shape[2:], weight.array.shape[2:]
    check_not_empty(x)
    each = zip(sizes, kernel, stride, padding, dilation, extra, strict=True)
    large = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in each)
    if min(large) < 1:
        raise RuntimeError(
            f"Given input size per channel: ({times(sizes)}). Calculated output size per channel: "
            f"({times(large)}). Output size is too small"
        )
    return Windows(large, kernel, sizes, stride, padding, dilation)


def check_output_padding(extra: Sizes, stride: Sizes, dilation: Sizes) -> None:
    if all(e < s or e < d for e, s, d in zip(extra, stride, dilation, strict=True)):
        return
    words = ("output_padding", extra), ("stride", stride), ("dilation", dilation)
    axes = ("depth", "height", "width")[-len(extra) :]
    given = [
        f"{name}_{axis}: {value}"
        for name, values in words
        for axis, value in zip(axes, values, strict=True)
    ]
    raise RuntimeError(
        f"output padding must be smaller than either stride or dilation, but got {' '.join(given)}"
    )


# ------------------------------------------------------------------------------------------ checks


def numbers(name: str, value: Any, dims: int) -> Sizes:
    """An argument that is one int, or one a dimension."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = tuple(int_of(f"each number of {name}", n) for n in values)
    if len(values) not in (1, dims):
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {dims} values to match the "
            f"convolution dimensions, but got {name}={list(values)}"
        )
    return values * dims if len(values) == 1 else values


def check_tensors(name: str, input: Any, weight: Any, bias: Any) -> None:
    for argument, given in (("input", input), ("weight", weight), ("bias", bias)):
        if not isinstance(given, Tensor) and (given is not None or argument != "bias"):
            kind = type(given).__name__
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {kind}")


def has_batch(name: str, x: Tensor, dims: int) -> bool:
    """Whether the first dimension counts images; a single image may come without it."""
    if x.array.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {name}, but got "
            f"input of size: {list(x.array.shape)}"
        )
    return bool(x.array.ndim == dims + 2)


def check_numbers(stride: Sizes, padding: Sizes, dilation: Sizes, extra: Sizes = (0,)) -> None:
    for fits, message in (
        (min(padding) >= 0, "negative padding is not supported"),
        (min(extra) >= 0, "negative output_padding is not supported"),
        (min(stride) > 0, "non-positive stride is not supported"),
        (min(dilation) > 0, "non-positive dilation is not supported"),
    ):
        if not fits:
            raise RuntimeError(message)


def check_groups(
    x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, transposed: bool = False
) -> None:
    """The channels of input, weight and bias belong together."""
    sizes, shape = list(x.array.shape), list(weight.array.shape)
    given = f"Given {'transposed=1' if transposed else f'groups={groups}'}"
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if len(shape) != len(sizes):
        raise RuntimeError(
            f"Expected {len(shape)}-dimensional input for {len(shape)}-dimensional weight {shape}, "
            f"but got {len(sizes)}-dimensional input of size {sizes} instead"
        )
    if shape[0] < groups or shape[0] % groups:
        kind = f"at least {groups}" if shape[0] < groups else f"divisible by {groups}"
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be {kind} at dimension 0, but got weight "
            f"of size {shape} instead"
        )
    channels = shape[0] if transposed else shape[1] * groups
    if sizes[1] != channels:
        raise RuntimeError(
            f"{given}, weight of size {shape}, expected input{sizes} to have {channels} channels, "
            f"but got {sizes[1]} channels instead"
        )
    if 0 in shape[2:]:
        raise RuntimeError(f"kernel size should be greater than zero, but got {shape[2:]}")
    outputs = shape[1] * groups if transposed else shape[0]
    if bias is not None and bias.array.shape != (outputs,):
        raise RuntimeError(
            f"{given if transposed else 'Given'}, weight of size {shape}, expected bias to be "
            f"1-dimensional with {outputs} elements, but got bias of size "
            f"{list(bias.array.shape)} instead".replace("Given,", "Given")
        )


def check_fit(x: Tensor, weight: Tensor, padding: Sizes, dilation: Sizes) -> None:
    """The kernel fits into the padded input."""
    sizes, kernel = x.array.shape[2:], weight.array.shape[2:]
    padded = [n + 2 * p for n, p in zip(sizes, padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(n < k for n, k in zip(padded, reach, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({times(padded)}). Kernel size: "
            f"({times(reach)}). Kernel size can't be greater than actual input size"
        )
    check_not_empty(x)


def check_not_empty(x: Tensor) -> None:
    if 0 in x.array.shape[2:]:
        raise RuntimeError(
            "Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(x.array.shape)}"
        )


def check_dtypes(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    dtype = x.array.dtype
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.array.dtype != dtype:
            kinds = type_name(dtype).lower(), type_name(given.array.dtype).lower()
            raise RuntimeError(
                f"Input type ({kinds[0]}) and {name} type ({kinds[1]}) should be the same: "
                "convert one with .to(dtype)"
            )
    if dtype.kind == "b":
        raise not_implemented("convolution", dtype)


def check_device(name: str, *tensors: Tensor | None) -> None:
    """RuntimeError for two devices; NotImplementedError for a GPU, for which there is no kernel."""
    arrays = [x.array for x in tensors if x is not None]
    kernels.check_one_device(arrays)
    for array in arrays:
        kernels.check_on_cpu(name, array)


def times(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


# ------------------------------------------------------------------------------------- the windows


class WindowsNode(LinearNode):
    __slots__ = ("windows",)
    windows: Windows


class Im2ColBackward0(WindowsNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (joined_windows(grad, self.windows),)

    def jvp(self, tangent: Either) -> Either:
        return columns_of_windows(tangent, self.windows)


class Col2ImBackward0(WindowsNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        return (columns_of_windows(grad, self.windows),)

    def jvp(self, tangent: Either) -> Either:
        return joined_windows(tangent, self.windows)


def columns_of_windows(x: Either, windows: Windows) -> Either:
    """(N, C, H, W) -> (N, C * places of the kernel, windows)"""
    if type(x) not in TENSORS:
        return kernels.unfold(x, windows)
    return record(Im2ColBackward0, kernels.unfold(x.array, windows), (x,), windows=windows)


def joined_windows(x: Either, windows: Windows) -> Either:
    """The transpose of columns_of_windows."""
    if type(x) not in TENSORS:
        return kernels.fold(x, windows)
    return record(Col2ImBackward0, kernels.fold(x.array, windows), (x,), windows=windows)


@typed
def unfold(
    input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Every window of (N, C, H, W) as a column: (N, C * KH * KW, windows)."""
    sizes = window_arguments(kernel_size, dilation, padding, stride)
    shape = input.array.shape
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    kernels.check_on_cpu("F.unfold", input.array)
    kernel, spread, around, steps = sizes
    seen = windows(shape[-2:], kernel, steps, around, spread)
    if min(seen.output) < 1:
        raise RuntimeError(
            f"Given input with spatial size {shape[-2:]}, kernel_size={kernel}, dilation={spread}, "
            f"padding={around}, calculated shape of the array of sliding blocks as {seen.output}, "
            "but its components must be at least one."
        )
    if input.array.dtype.kind not in "fb":
        raise not_implemented("im2col_out_cpu", input.array.dtype)
    return columns_of_windows(input, seen)


@typed
def fold(
    input: Tensor,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Tensor:
    """Columns (N, C * KH * KW, windows) added up where their windows lie: (N, C, H, W)."""
    size = pair("output_size", output_size)
    sizes = window_arguments(kernel_size, dilation, padding, stride)
    shape = input.array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(shape)}"
        )
    kernels.check_on_cpu("fold", input.array)
    kernel, spread, around, steps = sizes
    seen = windows(size, kernel, steps, around, spread)
    check_columns(shape, seen)
    if input.array.dtype.kind not in "fb":
        raise not_implemented("col2im_out_cpu", input.array.dtype)
    return joined_windows(input, seen)


def check_columns(shape: Sizes, seen: Windows) -> None:
    rows, columns = shape[-2:]
    if rows % math.prod(seen.kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={rows} and kernel_size={seen.kernel}."
        )
    count = math.prod(seen.output)
    if count != columns or min(seen.output) < 1:
        raise RuntimeError(
            f"Given output_size={seen.input}, kernel_size={seen.kernel}, dilation={seen.dilation}, "
            f"padding={seen.padding}, stride={seen.stride}, expected size of input's dimension 2 "
            f"to match the calculated number of sliding blocks {seen.output[0]} * "
            f"{seen.output[1]} = {count}, but got input.size(2)={columns}."
        )


def pair(name: str, value: Any) -> Sizes:
    """An int for both dimensions, or one for each."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    values = tuple(int_of(f"each number of {name}", n) for n in values)
    if len(values) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(values)}")
    return values


def window_arguments(
    kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Sizes, Sizes, Sizes, Sizes]:
    kernel, spread = pair("kernel_size", kernel_size), pair("dilation", dilation)
    around, steps = pair("padding", padding), pair("stride", stride)
    for name, short, values, least in (
        ("kernel size", "kernel", kernel, 1),
        ("stride", "stride", steps, 1),
        ("dilation", "dilation", spread, 1),
        ("padding", "pad", around, 0),
    ):
        if min(values) < least:
            kind = "greater than zero" if least else "non-negative"
            raise RuntimeError(
                f"{name} should be {kind}, but got {short}_height: {values[0]} "
                f"{short}_width: {values[1]}"
            )
    return kernel, spread, around, steps
