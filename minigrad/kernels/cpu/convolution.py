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
def copy_line(zero, source, target, count):
    """Copy numbers that lie side by side, a vector at a time, from an address to another."""
    size, lanes = size_of(zero), lanes_of(zero)
    for w in range(0, count, lanes):
        copy_some(zero, source + w * size, target + w * size, count - w)


@kernel
def split_planes(image, firsts, stride, planes):
    """planes[c, f, place] = image[c, firsts[f] + place * stride]; beyond the image they stay 0."""
    channels, remainders, depth, height, width = planes.shape
    zero = planes.dtype.type(0)
    step = stride[2]
    for c in range(channels):
        for f in range(remainders):
            first = firsts[f, 2]
            start, stop = ends(first, step, image.shape[3], width)
            for d in range(depth):
                i = firsts[f, 0] + d * stride[0]
                for h in range(height):
                    j = firsts[f, 1] + h * stride[1]
                    if not (0 <= i < image.shape[1] and 0 <= j < image.shape[2]):
                        continue
                    source = image[c, i, j, first + start * step :]
                    line = planes[c, f, d, h, start:]
                    if step == 1 and image.strides[3] == size_of(zero):
                        copy_line(zero, address(source), address(line), stop - start)
                    else:
                        for w in range(stop - start):
                            line[UINT(w)] = source[UINT(w * step)]


@kernel
def join_planes(planes, firsts, stride, image):
    """The inverse of split_planes."""
    channels, remainders, depth, height, width = planes.shape
    zero = planes.dtype.type(0)
    step = stride[2]
    for c in range(channels):
        for f in range(remainders):
            first = firsts[f, 2]
            start, stop = ends(first, step, image.shape[3], width)
            for d in range(depth):
                i = firsts[f, 0] + d * stride[0]
                for h in range(height):
                    j = firsts[f, 1] + h * stride[1]
                    if not (0 <= i < image.shape[1] and 0 <= j < image.shape[2]):
                        continue
                    line = planes[c, f, d, h, start:]
                    goal = image[c, i, j, first + start * step :]
                    if step == 1:
                        copy_line(zero, address(line), address(goal), stop - start)
                    else:
                        for w in range(stop - start):
                            goal[UINT(w * step)] = line[UINT(w)]


@kernel
def add_shifted(zero, a, a_row, shifts, source, out, more):
    """out (+)= A @ B; row k of B lies shifts[k] bytes after `source`."""
    rows, columns = out.shape
    size, lanes = size_of(zero), lanes_of(zero)
    width = panel_columns(zero) if rows > 1 else ROW_VECTORS * lanes
    c_start, c_row = address(out), out.strides[0]
    for k in range(0, shifts.size, DEPTH):
        steps = min(DEPTH, shifts.size - k)
        table = address(shifts) + k * 8
        more_now = more + k
        for i in range(0, rows, TILE_ROWS):
            height = rows - i
            a_tile = a + i * a_row + k * size
            for j in range(0, columns, width):
                left = columns - j
                b, c_tile = source + j * size, c_start + j * size + i * c_row
                tile = (zero, steps, a_tile, a_row, size, b, table)
                if rows == 1:
                    multiply_row(tile, c_tile, c_row, more_now, left)
                elif height >= TILE_ROWS and left >= width:
                    tap_full_tile(*tile, c_tile, c_row, more_now, TILE_ROWS, width)
                elif height <= TILE_ROWS // 2:
                    tap_low_tile(*tile, c_tile, c_row, more_now, height, left)
                else:
                    tap_edge_tile(*tile, c_tile, c_row, more_now, height, left)


@kernel
def multiply_row(tile, c, c_row, more, left):
    """A tile of one row: eight vectors, or what is left of them."""
    zero, steps, a, a_row, a_step, b, table = tile
    lanes, size = lanes_of(zero), size_of(zero)
    if left >= ROW_VECTORS * lanes:
        tap_row_tile(*tile, c, c_row, more, 1, left)
        return
    for j in range(0, left, lanes):
        shift = j * size
        tap_row_end_tile(
            zero, steps, a, a_row, a_step, b + shift, table, c + shift, c_row, more, 1, left - j
        )


# ----------------------------------------------------------------------------------------- output
@kernel
def convolve_images(x, weight, bias, shifts, layout, sizes, out, start, stop):
    """out[n, g] = weight[g] * x[n] + bias[g] for images start to stop."""
    grid, firsts, stride, x_is_plane = layout
    groups, rows, depth = weight.shape
    zero = weight.dtype.type(0)
    size = size_of(zero)
    channels = 0 if x_is_plane else x.shape[1]
    planes = np.zeros((channels, len(firsts), grid[0], grid[1], grid[2]), weight.dtype)
    group_bytes = x.shape[1] // groups * len(firsts) * grid[0] * grid[1] * grid[2] * size
    lines = (sizes[0] - 1) * grid[1] + sizes[1]
    block = max(1, min(lines, BLOCK_BYTES // (rows * grid[2] * size)))
    is_dense = grid[2] == sizes[2] and (grid[1] == sizes[1] or sizes[0] == 1)
    space = np.empty((rows, 0 if is_dense else block * grid[2]), weight.dtype)
    for n in range(start, stop):
        source = address(x) + n * x.strides[0]
        if not x_is_plane:
            split_planes(x[n], firsts, stride, planes)
            source = address(planes)
        for g in range(groups):
            for first in range(0, lines, block):
                count = min(block, lines - first)
                columns = (count - 1) * grid[2] + sizes[2]
                place = first * grid[2]
                target = out[n, g][:, place : place + columns] if is_dense else space[:, :columns]
                for i in range(rows if bias.size else 0):
                    target[i, :] = bias[g, i]
                place = source + g * group_bytes + place * size
                more = 1 if bias.size else 0
                add_shifted(zero, address(weight[g]), depth * size, shifts, place, target, more)
                if not is_dense:
                    keep_lines(space, first, count, grid, sizes, out[n, g])


@kernel
def keep_lines(space, first, count, grid, sizes, out):
    """Copy what belongs to the output of each line."""
    zero = out.dtype.type(0)
    for i in range(out.shape[0]):
        for number in range(first, first + count):
            d, h = number // grid[1], number % grid[1]
            if h < sizes[1]:
                line = space[i, (number - first) * grid[2] :]
                kept = out[i, (d * sizes[1] + h) * sizes[2] :]
                copy_line(zero, address(line), address(kept), sizes[2])


# -------------------------------------------------------------------------------- input's gradient
@kernel
def spread_images(grad, weight, shifts, counts, layout, sizes, out, start, stop):
    """out[n] = the input's gradient, from grad[n, g], for images start to stop.

    weight: for each remainder a (groups, inputs, counts[remainder]) matrix, one after the other;
    shifts: for each remainder those of its rows.
    """
    grid, firsts, stride, margin, grad_is_plane, out_is_plane = layout
    groups, channels = grad.shape[1], grad.shape[2]
    zero = weight.dtype.type(0)
    size = size_of(zero)
    plane = grid[0] * grid[1] * grid[2]
    kept = 0 if out_is_plane else out.shape[1]
    planes = np.empty((kept, len(firsts), grid[0], grid[1], grid[2]), weight.dtype)
    wide = np.zeros((0 if grad_is_plane else groups * channels, margin + plane), weight.dtype)
    rows = out.shape[1] // groups
    for n in range(start, stop):
        source = address(grad) + n * grad.strides[0]
        if not grad_is_plane:
            for g in range(groups):
                widen_lines(grad[n, g], grid, sizes, wide[g * channels :, margin:])
            source = address(wide) + margin * size
        flat = (
            out[n].reshape(out.shape[1], 1, plane)
            if out_is_plane
            else planes.reshape(kept, len(firsts), plane)
        )
        for g in range(groups):
            first = first_weight = 0
            place = source + g * channels * (margin + plane) * size
            for f in range(len(firsts)):
                depth = counts[f]
                target = flat[g * rows : (g + 1) * rows, f]
                a = address(weight) + (first_weight + g * rows * depth) * size
                now = shifts[first : first + depth]
                add_shifted(zero, a, depth * size, now, place, target, 0)
                first += depth
                first_weight += depth * rows * groups
        if not out_is_plane:
            join_planes(planes, firsts, stride, out[n])


@kernel
def widen_lines(grad, grid, sizes, wide):
    """The lines of an output at the places that they have in a plane."""
    zero = grad.dtype.type(0)
    for i in range(grad.shape[0]):
        for d in range(sizes[0]):
            for h in range(sizes[1]):
                line = grad[i, (d * sizes[1] + h) * sizes[2] :]
                target = wide[i, (d * grid[1] + h) * grid[2] :]
                copy_line(zero, address(line), address(target), sizes[2])


# ------------------------------------------------------------------------------- weight's gradient
@kernel
def correlate_images(x, grad, shifts, places, layout, sums, start, stop):
    """sums[g] += patches(x[n]) @ grad[n, g].T for images start to stop: (patch, outputs)."""
    grid, firsts, stride, x_is_plane = layout
    groups, outputs, steps = grad.shape[1:]
    zero = grad.dtype.type(0)
    size, lanes = size_of(zero), lanes_of(zero)
    channels = 0 if x_is_plane else x.shape[1]
    planes = np.zeros((channels, len(firsts), grid[0], grid[1], grid[2]), grad.dtype)
    group_bytes = x.shape[1] // groups * len(firsts) * grid[0] * grid[1] * grid[2] * size
    width = lanes if outputs <= lanes else panel_columns(zero)
    panels = np.empty((outputs + width - 1) // width * width * steps, grad.dtype)
    for n in range(start, stop):
        source = address(x) + n * x.strides[0]
        if not x_is_plane:
            split_planes(x[n], firsts, stride, planes)
            source = address(planes)
        for g in range(groups):
            pack(zero, grad[n, g].T, panels, width)
            a = source + g * group_bytes
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
def correlate_few(x, grad, shifts, layout, sizes, sums, start, stop):
    """The same where a group has few outputs: products of lines.  Shifts are in numbers here."""
    grid, firsts, stride, _ = layout
    groups, outputs = grad.shape[1:3]
    channels, remainders = x.shape[1], len(firsts)
    planes = np.zeros((channels, remainders, grid[0], grid[1], grid[2]), grad.dtype)
    group_size = planes.size // groups
    flat = planes.reshape(planes.size)
    for n in range(start, stop):
        split_planes(x[n], firsts, stride, planes)
        for g in range(groups):
            for i in range(outputs):
                source = grad[n, g, i]
                for d in range(sizes[0]):
                    for h in range(sizes[1]):
                        line = source[(d * sizes[1] + h) * sizes[2] :]
                        place = g * group_size + (d * grid[1] + h) * grid[2]
                        for k in range(shifts.size):
                            seen = flat[place + shifts[k] :]
                            total = grad.dtype.type(0)
                            for w in range(sizes[2]):
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
        grid.append(windows.output[axis] + (k - 1) * d // s)
    firsts = [[r - p for r, p in zip(rs, windows.padding, strict=True)]
              for rs in itertools.product(*remainders)]  # fmt: skip
    number, shift = [], []
    for place in itertools.product(*places):
        (a, i), (b, j), (c, k) = place
        number.append((a * len(remainders[1]) + b) * len(remainders[2]) + c)
        shift.append((i * grid[1] + j) * grid[2] + k)
    return Plan((grid[0], grid[1], grid[2]), np.array(firsts), np.array(number), np.array(shift))


def in_three_dimensions(x: Array) -> Array:
    """Images or kernels with dimensions of size 1 in front of their own."""
    return x.reshape(*x.shape[:2], *(1,) * (5 - x.ndim), *x.shape[2:])


def is_plane(x: Array, windows: Windows, plan: Plan) -> bool:
    """Whether images lie in memory as their planes would: nothing to split, nothing to pad."""
    whole = plan.grid == windows.input and set(windows.stride) == {1} and not any(windows.padding)
    return whole and x.flags.c_contiguous


def over_images(run: Any, count: int, work: int) -> None:
    """run(start, stop) on several threads, if there is work for them."""
    split(count, max(1, THREAD_WORK // max(work // max(count, 1), 1)), run)


def computed_in(x: Array) -> np.dtype[Any]:
    """float16 computes in float32."""
    return np.dtype(np.float32) if x.dtype == np.float16 else x.dtype


def convolve(x: Array, weight: Array, bias: Array | None, windows: Windows, groups: int) -> Array:
    """x (N, C, ...), weight (O, C / groups, ...) -> (N, O, ...): a weighted sum of each window."""
    shape = (len(x), len(weight), *windows.output)
    if x.dtype.kind != "f":
        return convolve_integers(x, weight, bias, windows, groups)
    dtype = computed_in(x)
    out = np.empty(shape, dtype)
    outputs, inputs = len(weight) // groups, weight.shape[1]
    if out.size == 0 or weight.size == 0:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(windows.output))
        return out.astype(x.dtype, copy=False)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    images = in_three_dimensions(x.astype(dtype, copy=False))
    layout = plan.grid, plan.firsts, whole.stride, is_plane(images, whole, plan)
    matrices = np.ascontiguousarray(weight, dtype).reshape(groups, outputs, -1)
    start = np.empty((groups, 0), dtype) if bias is None else bias.astype(dtype).reshape(groups, -1)
    shifts = plan.shifts(inputs) * dtype.itemsize
    arguments = images, matrices, start, shifts, layout, whole.output
    flat = out.reshape(len(x), groups, outputs, -1)
    work = out.size * matrices.shape[2]
    over_images(lambda a, b: convolve_images(*arguments, flat, a, b), len(x), work)
    return out.astype(x.dtype, copy=False)


def convolve_input(grad: Array, weight: Array, windows: Windows, groups: int) -> Array:
    """grad (N, O, ...), weight (O, C / groups, ...) -> (N, C, ...): each number of grad spread
    over its window, times the weight."""
    inputs = weight.shape[1] * groups
    if grad.dtype.kind != "f":
        return spread_integers(grad, weight, windows, groups)
    dtype = computed_in(grad)
    out = np.zeros((len(grad), inputs, *windows.input), dtype)
    if out.size == 0 or grad.size == 0:
        return out.astype(grad.dtype, copy=False)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    outputs = len(weight) // groups
    flat = np.ascontiguousarray(grad, dtype).reshape(len(grad), groups, outputs, -1)
    margin = int(plan.shift.max())
    images = in_three_dimensions(out)
    fits = is_plane(images, whole, plan)
    dense = margin == 0 and plan.grid == whole.output
    layout = plan.grid, plan.firsts, whole.stride, margin, dense, fits
    matrices, shifts, counts = by_remainder(plan, weight.astype(dtype, copy=False), groups, margin)
    arguments = flat, matrices, shifts * dtype.itemsize, counts, layout, whole.output
    work = grad.size * weight[0].size
    over_images(lambda a, b: spread_images(*arguments, images, a, b), len(grad), work)
    return out.astype(grad.dtype, copy=False)


def by_remainder(plan: Plan, weight: Array, groups: int, margin: int) -> tuple[Array, Array, Array]:
    """For each plane: the weights that see it as (groups, inputs, outputs * places), one after the
    other; the shifts of their rows in the widened gradient; how many rows there are."""
    outputs, inputs = len(weight) // groups, weight.shape[1]
    places = weight.reshape(groups, outputs, inputs, -1)
    step = margin + plan.plane
    matrices, shifts, counts = [], [], []
    for number in range(len(plan.firsts)):
        mine = np.flatnonzero(plan.remainder == number)
        matrices.append(places[..., mine].transpose(0, 2, 1, 3).reshape(-1))
        shifts.append((np.arange(outputs)[:, None] * step - plan.shift[mine]).reshape(-1))
        counts.append(outputs * len(mine))
    return np.concatenate(matrices), np.concatenate(shifts), np.array(counts)


def convolve_weight(x: Array, grad: Array, windows: Windows, groups: int) -> Array:
    """x (N, C, ...), grad (N, O, ...) -> (O, C / groups, ...): what each place of the kernel saw,
    times the gradient of what it made."""
    inputs, outputs = x.shape[1] // groups, grad.shape[1] // groups
    shape = (grad.shape[1], inputs, *windows.kernel)
    dtype = computed_in(grad)
    if 0 in shape or grad.size == 0:
        return np.zeros(shape, grad.dtype)
    whole = windows.of_three_dimensions()
    plan = plan_of(whole)
    images = in_three_dimensions(x.astype(dtype, copy=False))
    few = outputs <= FEW_CHANNELS
    layout = plan.grid, plan.firsts, whole.stride, not few and is_plane(images, whole, plan)
    flat = np.ascontiguousarray(grad, dtype).reshape(len(grad), groups, outputs, -1)
    shifts, places = plan.shifts(inputs), places_of(whole, plan)
    sums: list[Array] = []

    def run(start: int, stop: int) -> None:
        total = np.zeros((groups, len(shifts), outputs), dtype)
        sums.append(total)
        if few:
            correlate_few(images, flat, shifts, layout, whole.output, total, start, stop)
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
