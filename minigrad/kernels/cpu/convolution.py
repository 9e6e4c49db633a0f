"""Convolution as matrix products, without the matrix of patches.

Three kernels belong together, one for each factor of the sum that a convolution is made of,

    sum over n, o, c, p, k of  output[n, o, p] weight[o, c, k] input[n, c, p stride - padding + k d]

`convolve` makes the output, `convolve_input` the input's gradient (and the transposed convolution),
`convolve_weight` the weight's.  Each is the derivative of the others, and so they are closed.

An image is first written out with its padding, so that what lies `stride` apart becomes neighbours:
a *plane* for each remainder of the division.  In a plane a step to the next window is a step to the
next number, in every dimension: place k of the kernel sees the plane from shift[k] on, and the row
of the patch matrix that belongs to k is the plane itself, read from there.
The micro-kernel of the matrix product takes such rows from where they lie (`tables`).  What is read
across the end of a line is computed and thrown away: kernel - 1 numbers a line.
(After Dukhan, "The indirect convolution algorithm", 2019, with shifts in the place of pointers.)
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigrad.kernels.cpu import gemm
from minigrad.kernels.cpu.gemm import UINT, address, pack
from minigrad.kernels.cpu.micro_kernel import (
    ROW_VECTORS,
    TILE_ROWS,
    copy_some,
    lanes_of,
    panel_columns,
    shift_edge_tile,
    shift_full_tile,
    shift_narrow_tile,
    size_of,
    tap_edge_tile,
    tap_full_tile,
    tap_low_tile,
    tap_row_end_tile,
    tap_row_tile,
)
from minigrad.kernels.jit import kernel
from minigrad.kernels.promotion import computed_in
from minigrad.kernels.threads import split
from minigrad.kernels.windows import Windows

Array = np.ndarray[Any, Any]

DEPTH = 256  # rows of the patch matrix at a time: what they read of the planes stays in L1
STEPS = 128  # places at a time of the sum over places
BLOCK_BYTES = 1 << 17  # of the output at a time, with what is thrown away: it stays in L2
THREAD_WORK = 1 << 22  # multiplications that are worth a thread
FEW_CHANNELS = 4  # outputs in a group up to which a vector of them would be mostly empty


# ----------------------------------------------------------------------------------------- planes
@kernel
def ends(first, step, size, count):
    """Which of `count` places, at first, first + step, ..., lie within 0 .. size - 1."""
    start = min(max(0, -(first // step)), count)
    return start, max(start, min(count, (size - first + step - 1) // step))


@kernel
def copy_box(source, target):
    """Copy four dimensions, line by line; lines of neighbours a vector at a time."""
    zero = target.dtype.type(0)
    size, lanes = size_of(zero), lanes_of(zero)
    length = target.shape[3]
    are_neighbours = source.strides[3] == size and target.strides[3] == size
    for a in range(target.shape[0]):
        for b in range(target.shape[1]):
            start = address(source) + a * source.strides[0] + b * source.strides[1]
            goal = address(target) + a * target.strides[0] + b * target.strides[1]
            for c in range(target.shape[2]):
                if are_neighbours:
                    for w in range(0, length, lanes):
                        copy_some(zero, start + w * size, goal + w * size, length - w)
                else:
                    line, place = source[a, b, c], target[a, b, c]
                    for w in range(length):
                        place[UINT(w)] = line[UINT(w)]
                start += source.strides[2]
                goal += target.strides[2]


@kernel
def seen_part(images, planes, f, firsts, stride):
    """What a plane and the image have in common: the part of each, in the same shape."""
    _, _, depth, height, width = images.shape
    a, b, c = firsts[f, 0], firsts[f, 1], firsts[f, 2]
    s, t, u = stride
    d0, d1 = ends(a, s, depth, planes.shape[3])
    h0, h1 = ends(b, t, height, planes.shape[4])
    w0, w1 = ends(c, u, width, planes.shape[5])
    in_plane = planes[:, :, f, d0:d1, h0:h1, w0:w1]
    # the ends, with a step, of what is not empty
    d2, h2, w2 = a + d0 * s, b + h0 * t, c + w0 * u
    d3, h3, w3 = max(a + d1 * s - s + 1, 0), max(b + h1 * t - t + 1, 0), max(c + w1 * u - u + 1, 0)
    return images[:, :, d2:d3:s, h2:h3:t, w2:w3:u], in_plane


@kernel
def split_planes(images, firsts, stride, planes):
    """planes[n, c, f, place] = images[n, c, firsts[f] + place * stride]; the rest stays 0."""
    for f in range(len(firsts)):
        source, target = seen_part(images, planes, f, firsts, stride)
        for n in range(len(source)):
            copy_box(source[n], target[n])


@kernel
def join_planes(planes, firsts, stride, images):
    """The inverse of split_planes."""
    for f in range(len(firsts)):
        target, source = seen_part(images, planes, f, firsts, stride)
        for n in range(len(source)):
            copy_box(source[n], target[n])


@kernel
def empty_planes(images, channels, firsts, grid, margin, number):
    """Planes of zeros, with as many behind them as the last window may look at."""
    count = images * channels * len(firsts) * grid[0] * grid[1] * grid[2]
    memory = np.zeros(count + margin, number.dtype)
    return memory[:count].reshape(images, channels, len(firsts), grid[0], grid[1], grid[2])


@kernel
def add_shifted(zero, a, a_row, shifts, source, source_image, out, more):
    """out[n] (+)= A @ B[n]; row k of B[n] lies shifts[k] bytes after source + n source_image."""
    images, rows, columns = out.shape
    size, lanes = size_of(zero), lanes_of(zero)
    width = panel_columns(zero) if rows > 1 else ROW_VECTORS * lanes
    c_row = out.strides[1]
    for k in range(0, shifts.size, DEPTH):
        steps = min(DEPTH, shifts.size - k)
        table = address(shifts) + k * 8
        more_now = more + k
        for i in range(0, rows, TILE_ROWS):
            height = rows - i
            a_tile = a + i * a_row + k * size
            for n in range(images):
                c = address(out) + n * out.strides[0] + i * c_row
                b = source + n * source_image
                for j in range(0, columns, width):
                    left = columns - j
                    tile = (zero, steps, a_tile, a_row, size, b + j * size, table)
                    place = (c + j * size, c_row, more_now, height, left)
                    if rows == 1 and left >= width:
                        tap_row_tile(*tile, *place)
                    elif rows == 1:
                        tap_row_end_tile(*tile, *place)
                    elif height <= TILE_ROWS // 2:
                        tap_low_tile(*tile, *place)
                    elif height >= TILE_ROWS and left >= width:
                        tap_full_tile(*tile, *place)
                    else:
                        tap_edge_tile(*tile, *place)


# ----------------------------------------------------------------------------------------- output
@kernel
def convolve_images(x, weight, bias, shifts, layout, block, out, start, stop):
    """out[n, g] = weight[g] * x[n] + bias[g] for images start to stop, `block` at a time."""
    grid, firsts, stride, margin, x_is_plane = layout
    groups, rows, depth = weight.shape
    zero = weight.dtype.type(0)
    size = size_of(zero)
    channels = x.shape[1] // groups
    planes = empty_planes(block, 0 if x_is_plane else channels, firsts, grid, margin, weight)
    image = x.strides[0] if x_is_plane else planes.strides[0]
    height, width = out.shape[4:]
    is_dense, line, kept, lines = lines_of(grid[2], height, width)
    count = max(1, min(lines, BLOCK_BYTES // (block * rows * line * size)))
    space = np.empty((block, rows, 0 if is_dense else count, line), weight.dtype)
    flat_space = space.reshape(block, rows, space.shape[2] * line)
    flat_out = out.reshape(len(out), groups, rows, out.shape[3], height * width)
    for n in range(start, stop, block):
        images = min(block, stop - n)
        for g in range(groups):
            mine = x[n : n + images, g * channels : (g + 1) * channels]
            source = address(mine)
            if not x_is_plane:
                split_planes(mine, firsts, stride, planes[:images])
                source = address(planes)
            for d in range(out.shape[3]):
                for first in range(0, lines, count):
                    now = min(count, lines - first)
                    columns = (now - 1) * line + kept
                    if is_dense:
                        target = flat_out[n : n + images, g, :, d, first : first + columns]
                    else:
                        target = flat_space[:images, :, :columns]
                    if bias.size:
                        fill_rows(target, bias[g])
                    a, more = address(weight[g]), 1 if bias.size else 0
                    place = source + (d * grid[1] * grid[2] + first * line) * size
                    add_shifted(zero, a, depth * size, shifts, place, image, target, more)
                    if not is_dense:
                        goal = out[n : n + images, g, :, d, first : first + now]
                        copy_box(space[:images, :, :now, :width], goal)


@kernel
def lines_of(step, height, width):
    """How windows lie in a plane, whose lines are `step` numbers apart: (whether there are no gaps,
    and so all is one line of windows one number apart, numbers of a line, those kept, lines)."""
    if step == width or height == 1:
        return True, 1, 1, height * width
    return False, step, width, height


@kernel
def fill_rows(out, values):
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            line, value = out[n, i], values[i]
            for j in range(line.size):
                line[UINT(j)] = value


# -------------------------------------------------------------------------------- input's gradient
@kernel
def spread_images(grad, weight, shifts, counts, layout, block, out, start, stop):
    """out[n] = the input's gradient, from grad[n], for images start to stop, `block` at a time.

    weight: for each group and remainder an (inputs, counts[remainder]) matrix, one after another;
    shifts: for each remainder those of its columns.
    """
    grid, firsts, stride, margin, groups, grad_is_plane, out_is_plane = layout
    channels, rows = grad.shape[1] // groups, out.shape[1] // groups
    zero = weight.dtype.type(0)
    size = size_of(zero)
    plane = grid[0] * grid[1] * grid[2]
    step = margin + plane
    planes = empty_planes(block, 0 if out_is_plane else rows, firsts, grid, 0, weight)
    wide = np.zeros((block, 0 if grad_is_plane else channels, step), weight.dtype)
    image = grad.strides[0] if grad_is_plane else wide.strides[0]
    # Where the lines of grad lie in it: the numbers between them stay 0.
    sizes = (block, wide.shape[1], grad.shape[2], grad.shape[3], grad.shape[4])
    steps = (wide.strides[0], wide.strides[1], grid[1] * grid[2] * size, grid[2] * size, size)
    lines = as_strided(wide[:, :, margin:], sizes, steps)
    flat_planes = planes.reshape(block, planes.shape[1], len(firsts), plane)
    flat_out = out.reshape(len(out), out.shape[1], 1, out.shape[2] * out.shape[3] * out.shape[4])
    for n in range(start, stop, block):
        images = min(block, stop - n)
        a = address(weight)
        for g in range(groups):
            mine = grad[n : n + images, g * channels : (g + 1) * channels]
            source = address(mine)
            if not grad_is_plane:
                for i in range(images):
                    copy_box(mine[i], lines[i])
                source = address(wide) + margin * size
            goal = out[n : n + images, g * rows : (g + 1) * rows]
            flat = flat_planes[:images, :rows]
            if out_is_plane:
                flat = flat_out[n : n + images, g * rows : (g + 1) * rows]
            where = (firsts, stride, grid, out)
            a = spread_remainders(zero, a, counts, shifts, source, image, flat, where)
            if not out_is_plane:
                join_planes(planes[:images], firsts, stride, goal)


@kernel
def spread_remainders(zero, a, counts, shifts, source, image, out, where):
    """out[:, :, f] = the product for each remainder f, whose matrices lie one after another from
    the address `a`; returns the address after them."""
    firsts, stride, grid, planes = where
    size, first = size_of(zero), 0
    for f in range(len(firsts)):
        depth = counts[f]
        low, high = needed(firsts[f], stride, grid, planes)
        now, target = shifts[first : first + depth], out[:, :, f, low:high]
        add_shifted(zero, a, depth * size, now, source + low * size, image, target, 0)
        first += depth
        a += depth * out.shape[1] * size
    return a


@kernel
def needed(first, stride, grid, out):
    """The stretch of a plane in which numbers of the image lie."""
    d0, d1 = ends(first[0], stride[0], out.shape[2], grid[0])
    h0, h1 = ends(first[1], stride[1], out.shape[3], grid[1])
    w0, w1 = ends(first[2], stride[2], out.shape[4], grid[2])
    low = (d0 * grid[1] + h0) * grid[2] + w0
    return low, max(low, ((d1 - 1) * grid[1] + h1 - 1) * grid[2] + w1)


# ------------------------------------------------------------------------------- weight's gradient
@kernel
def correlate_images(x, grad, shifts, places, layout, sums, start, stop):
    """sums[g] += patches(x[n]) @ grad[n, g].T for images start to stop: (patch, outputs)."""
    grid, firsts, stride, margin, x_is_plane = layout
    groups, outputs, steps = grad.shape[1:]
    zero = grad.dtype.type(0)
    size, lanes = size_of(zero), lanes_of(zero)
    channels = x.shape[1] // groups
    planes = empty_planes(1, 0 if x_is_plane else channels, firsts, grid, margin, grad)
    width = lanes if outputs <= lanes else panel_columns(zero)
    panels = np.empty((outputs + width - 1) // width * width * steps, grad.dtype)
    for n in range(start, stop):
        for g in range(groups):
            mine = x[n : n + 1, g * channels : (g + 1) * channels]
            a = address(mine)
            if not x_is_plane:
                split_planes(mine, firsts, stride, planes)
                a = address(planes)
            pack(zero, grad[n, g].T, panels, width)
            for k in range(0, steps, STEPS):
                count = min(STEPS, steps - k)
                for j in range(0, outputs, width):
                    b = address(panels) + (j * steps + k * width) * size
                    c = address(sums[g]) + j * size
                    add_correlations(zero, count, a, shifts, places[k:], b, width, c, outputs, j)


@kernel
def add_correlations(zero, count, a, shifts, places, b, width, c, outputs, first):
    """Some rows of a patch matrix, all tiles of 8, times a panel of the gradient."""
    size = size_of(zero)
    left = outputs - first
    for i in range(0, shifts.size, TILE_ROWS):
        height = shifts.size - i
        row, column = address(shifts) + i * 8, address(places)
        c_tile = c + i * outputs * size
        tile = (zero, count, a, row, column, b, width * size, c_tile, outputs * size, 1)
        if left <= lanes_of(zero):
            shift_narrow_tile(*tile, height, left)
        elif height >= TILE_ROWS and left >= width:
            shift_full_tile(*tile, TILE_ROWS, width)
        else:
            shift_edge_tile(*tile, height, left)


@kernel(reassoc=True)
def correlate_few(x, grad, shifts, layout, sums, start, stop):
    """The same where a group has few outputs: products of lines.  Shifts are in numbers here."""
    grid, firsts, stride, margin, _ = layout
    groups, outputs, depth, height, width = grad.shape[1:]
    channels = x.shape[1] // groups
    count = channels * len(firsts) * grid[0] * grid[1] * grid[2]
    flat = np.zeros(count + margin, grad.dtype)
    planes = flat[:count].reshape(1, channels, len(firsts), grid[0], grid[1], grid[2])
    for n in range(start, stop):
        for g in range(groups):
            split_planes(x[n : n + 1, g * channels : (g + 1) * channels], firsts, stride, planes)
            for i in range(outputs):
                for d in range(depth):
                    for h in range(height):
                        line = grad[n, g, i, d, h]
                        place = (d * grid[1] + h) * grid[2]
                        for k in range(shifts.size):
                            seen = flat[place + shifts[k] :]
                            total = grad.dtype.type(0)
                            for w in range(width):
                                total += line[UINT(w)] * seen[UINT(w)]
                            sums[g, k, i] += total


# ------------------------------------------------------------------------------ called from Python
class Plan(NamedTuple):
    """The planes of an input, and where each place of the kernel sees them."""

    grid: tuple[int, int, int]  # the size of a plane
    firsts: Array  # (remainders, 3): the place in the input where each plane begins
    remainder: Array  # (places of the kernel,): which plane it sees
    shift: Array  # (places of the kernel,): from which number on

    @property
    def margin(self) -> int:
        """How far the kernel reaches."""
        return int(self.shift.max())

    @property
    def plane(self) -> int:
        return math.prod(self.grid)

    def shifts(self, channels: int) -> Array:
        """(channels * places,): of each row of the patch matrix, in numbers."""
        one = self.remainder * self.plane + self.shift
        step = len(self.firsts) * self.plane
        return (np.arange(channels)[:, None] * step + one).reshape(-1)


@functools.lru_cache(maxsize=256)
def plan_of(windows: Windows) -> Plan:
    """The plan for windows of three dimensions."""
    remainders, places, grid = [], [], []
    for axis in range(3):
        k, s, d = windows.kernel[axis], windows.stride[axis], windows.dilation[axis]
        found = sorted({i * d % s for i in range(k)})
        remainders.append(found)
        places.append([(found.index(i * d % s), i * d // s) for i in range(k)])
        grid.append(plane_size(windows, axis))
    firsts = [[r - p for r, p in zip(rs, windows.padding, strict=True)]
              for rs in itertools.product(*remainders)]  # fmt: skip
    number, shift = [], []
    for place in itertools.product(*places):
        (a, i), (b, j), (c, k) = place
        number.append((a * len(remainders[1]) + b) * len(remainders[2]) + c)
        shift.append((i * grid[1] + j) * grid[2] + k)
    return Plan((grid[0], grid[1], grid[2]), np.array(firsts), np.array(number), np.array(shift))


def plane_size(windows: Windows, axis: int) -> int:
    """How many numbers of a plane follow before the next line begins.

    Without a stride, the padding before a line serves the line before as padding behind it.
    """
    n, out, p = windows.input[axis], windows.output[axis], windows.padding[axis]
    reach = (windows.kernel[axis] - 1) * windows.dilation[axis] // windows.stride[axis]
    if windows.stride[axis] > 1:
        return out + reach
    return max(p + n, out + reach - p, out)


def in_three_dimensions(x: Array) -> Array:
    """Images or kernels with dimensions of size 1 in front of their own."""
    return x.reshape(*x.shape[:2], *(1,) * (5 - x.ndim), *x.shape[2:])


def is_plane(x: Array, windows: Windows, plan: Plan) -> bool:
    """Whether images lie in memory as their planes would: nothing to split, nothing to pad."""
    whole = plan.grid == windows.input and set(windows.stride) == {1} and not any(windows.padding)
    return whole and x.flags.c_contiguous


def together(image_bytes: int) -> int:
    """How many images are computed at a time: a row of the weights is read once for all of them."""
    return max(1, BLOCK_BYTES // max(image_bytes, 1))


def over_images(run: Any, count: int, work: int) -> None:
    """run(start, stop) on several threads, if there is work for them."""
    split(count, max(1, THREAD_WORK // max(work // max(count, 1), 1)), run)


def convolve(x: Array, weight: Array, bias: Array | None, windows: Windows, groups: int) -> Array:
    """x (N, C, ...), weight (O, C / groups, ...) -> (N, O, ...): a weighted sum of each window."""
    shape = (len(x), len(weight), *windows.output)
    if x.dtype.kind != "f":
        return convolve_integers(x, weight, bias, windows, groups)
    dtype = computed_in(x.dtype)
    out = np.empty(shape, dtype)
    outputs, inputs = len(weight) // groups, weight.shape[1]
    if out.size == 0 or weight.size == 0:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(windows.output))
        return out.astype(x.dtype, copy=False)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    images = in_three_dimensions(x.astype(dtype, copy=False))
    layout = plan.grid, plan.firsts, whole.stride, plan.margin, is_plane(images, whole, plan)
    matrices = np.ascontiguousarray(weight, dtype).reshape(groups, outputs, -1)
    start = np.empty((groups, 0), dtype) if bias is None else bias.astype(dtype).reshape(groups, -1)
    shifts = plan.shifts(inputs) * dtype.itemsize
    block = min(len(x), together(max(inputs, outputs) * plan.plane * dtype.itemsize))
    arguments = images, matrices, start, shifts, layout, block
    flat = out.reshape(len(x), groups, outputs, *whole.output)
    work = out.size * matrices.shape[2]
    over_images(lambda a, b: convolve_images(*arguments, flat, a, b), len(x), work)
    return out.astype(x.dtype, copy=False)


def convolve_input(grad: Array, weight: Array, windows: Windows, groups: int) -> Array:
    """grad (N, O, ...), weight (O, C / groups, ...) -> (N, C, ...): each number of grad spread
    over its window, times the weight."""
    inputs = weight.shape[1] * groups
    if grad.dtype.kind != "f":
        return spread_integers(grad, weight, windows, groups)
    dtype = computed_in(grad.dtype)
    out = np.zeros((len(grad), inputs, *windows.input), dtype)
    if out.size == 0 or grad.size == 0:
        return out.astype(grad.dtype, copy=False)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    grads = in_three_dimensions(np.ascontiguousarray(grad, dtype))
    margin = plan.margin
    images = in_three_dimensions(out)
    fits = is_plane(images, whole, plan)
    dense = margin == 0 and plan.grid == whole.output
    layout = plan.grid, plan.firsts, whole.stride, margin, groups, dense, fits
    matrices, shifts, counts = by_remainder(plan, weight.astype(dtype, copy=False), groups, margin)
    block = min(len(grad), together(max(weight.shape[:2]) * plan.plane * dtype.itemsize))
    arguments = grads, matrices, shifts * dtype.itemsize, counts, layout, block
    work = grad.size * weight[0].size
    over_images(lambda a, b: spread_images(*arguments, images, a, b), len(grad), work)
    return out.astype(grad.dtype, copy=False)


def by_remainder(plan: Plan, weight: Array, groups: int, margin: int) -> tuple[Array, Array, Array]:
    """For each plane: the weights that see it as (inputs, outputs * places), one matrix after the
    other; the shifts of their columns in the widened gradient; how many columns there are."""
    outputs, inputs = len(weight) // groups, weight.shape[1]
    places = weight.reshape(groups, outputs, inputs, -1)
    step = margin + plan.plane
    matrices, shifts, counts = [], [], []
    for number in range(len(plan.firsts)):
        mine = np.flatnonzero(plan.remainder == number)
        matrices.append(places[..., mine].transpose(0, 2, 1, 3).reshape(groups, -1))
        shifts.append((np.arange(outputs)[:, None] * step - plan.shift[mine]).reshape(-1))
        counts.append(outputs * len(mine))
    return np.concatenate(matrices, 1).reshape(-1), np.concatenate(shifts), np.array(counts)


def convolve_weight(x: Array, grad: Array, windows: Windows, groups: int) -> Array:
    """x (N, C, ...), grad (N, O, ...) -> (O, C / groups, ...): what each place of the kernel saw,
    times the gradient of what it made."""
    inputs, outputs = x.shape[1] // groups, grad.shape[1] // groups
    shape = (grad.shape[1], inputs, *windows.kernel)
    dtype = computed_in(grad.dtype)
    if 0 in shape or grad.size == 0:
        return np.zeros(shape, grad.dtype)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    images = in_three_dimensions(x.astype(dtype, copy=False))
    few = outputs <= FEW_CHANNELS
    fits = is_plane(images, whole, plan)
    layout = plan.grid, plan.firsts, whole.stride, plan.margin, fits
    grads = np.ascontiguousarray(grad, dtype).reshape(len(grad), groups, outputs, *whole.output)
    flat = grads.reshape(*grads.shape[:3], -1)
    shifts, places = plan.shifts(inputs), places_of(whole, plan)
    sums: list[Array] = []

    def run(start: int, stop: int) -> None:
        total = np.zeros((groups, len(shifts), outputs), dtype)
        sums.append(total)
        if few:
            correlate_few(images, grads, shifts, layout, total, start, stop)
        else:
            scaled = shifts * dtype.itemsize, places * dtype.itemsize
            correlate_images(images, flat, *scaled, layout, total, start, stop)

    over_images(run, len(x), grad.size * len(shifts))
    total = functools.reduce(np.add, sums)
    result = np.ascontiguousarray(total.transpose(0, 2, 1)).reshape(shape)
    return result.astype(grad.dtype, copy=False)


def places_of(windows: Windows, plan: Plan) -> Array:
    """Where the number of each window lies in a plane."""
    d, h, w = (np.arange(n) for n in windows.output)
    lines = d[:, None] * plan.grid[1] + h
    return (lines[:, :, None] * plan.grid[2] + w).reshape(-1)


# --------------------------------------------------------------------------- the patches themselves
def spots(windows: Windows) -> list[tuple[Any, ...]]:
    """For each place of the kernel, what it sees of a padded input."""
    each = list(zip(windows.dilation, windows.stride, windows.output, strict=True))

    def spot(place: tuple[int, ...]) -> tuple[Any, ...]:
        starts = [k * d for k, (d, _, _) in zip(place, each, strict=True)]
        return tuple(
            slice(start, start + s * (n - 1) + 1, s)
            for start, (_, s, n) in zip(starts, each, strict=True)
        )

    return [spot(place) for place in itertools.product(*map(range, windows.kernel))]


def padded_shape(windows: Windows) -> list[int]:
    return [n + 2 * p for n, p in zip(windows.input, windows.padding, strict=True)]


def inside(windows: Windows) -> tuple[Any, ...]:
    """Where the input lies in the padded one."""
    return tuple(slice(p, p + n) for n, p in zip(windows.input, windows.padding, strict=True))


def unfold(x: Array, windows: Windows) -> Array:
    """x (..., C, H, W) -> (..., C * places of the kernel, windows): each window as a column."""
    *batch, channels = x.shape[: -len(windows.input)]
    padded = np.zeros((*batch, channels, *padded_shape(windows)), x.dtype)
    padded[(..., *inside(windows))] = x
    seen = spots(windows)
    out = np.empty((*batch, channels, len(seen), *windows.output), x.dtype)
    whole: Any = (slice(None),) * len(windows.output)
    for k, spot in enumerate(seen):
        out[(..., k, *whole)] = padded[(..., *spot)]
    return out.reshape(*batch, channels * len(seen), math.prod(windows.output))


def fold(columns: Array, windows: Windows) -> Array:
    """The transpose of unfold: what belongs to one place of the input is added up."""
    seen = spots(windows)
    *batch, rows, _ = columns.shape
    values = columns.reshape(*batch, rows // len(seen), len(seen), *windows.output)
    padded = np.zeros((*batch, rows // len(seen), *padded_shape(windows)), columns.dtype)
    whole: Any = (slice(None),) * len(windows.output)
    for k, spot in enumerate(seen):
        padded[(..., *spot)] += values[(..., k, *whole)]
    return np.ascontiguousarray(padded[(..., *inside(windows))])


def convolve_integers(
    x: Array, weight: Array, bias: Array | None, windows: Windows, groups: int
) -> Array:
    """convolve() by the matrix of patches: integers wrap around."""
    columns = unfold(x, windows).reshape(len(x), groups, -1, math.prod(windows.output))
    matrices = weight.reshape(groups, len(weight) // groups, -1)
    out = gemm.matmul(matrices, columns).reshape(len(x), len(weight), *windows.output)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(windows.output))


def spread_integers(grad: Array, weight: Array, windows: Windows, groups: int) -> Array:
    """convolve_input() by the matrix of patches."""
    matrices = weight.reshape(groups, len(weight) // groups, -1).transpose(0, 2, 1)
    flat = grad.reshape(len(grad), groups, -1, math.prod(windows.output))
    columns = gemm.matmul(matrices, flat)
    return fold(columns.reshape(len(grad), -1, math.prod(windows.output)), windows)
