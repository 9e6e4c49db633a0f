"""Matrix products at the speed of a vendor's library, in Python: a packed GEMM after BLIS.

A processor multiplies far faster than memory delivers, so a number that was fetched must be used
many times.  C = A @ B is cut until each piece lies in the fast memory that it is reused from:

                             N
                     .---------------.
                   K |   |   |   |   |
             DEPTH > |   |   |###|   |   a panel of B, as wide as a tile; its neighbours stay in L2
                     |   |   |   |   |
            K        '---------------'
       .---------.   .---------------.
       |   :   : |   |               |
     M |   :###: |   |         #     |   a tile of C, in the vector registers
       |   :   : |   |               |
       '---------'   '---------------'
    TILE_ROWS of A, in L1

The micro-kernel takes DEPTH steps with a tile of C in registers.  In each it loads TILE_ROWS
numbers of A and a few vectors of B, and multiplies and adds every number with every vector.  Around
it are four loops: over columns of B (a slab of panels for L2), over DEPTH, over rows, over tiles.

A panel is a copy in the order of reading.  It costs a pass over B and is read once for every
TILE_ROWS rows of A, so that a small matrix is read where it lies; a transposed B always becomes
panels, since vectors are made of numbers that lie side by side.
(Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.)
"""

import functools
import math
from typing import Any

import numba
import numpy as np
from numba.core import types

from minigrad.kernels.cpu.micro_kernel import (
    ROW_VECTORS,
    TILE_ROWS,
    VECTOR_BYTES,
    copy_vector,
    edge_tile,
    full_tile,
    lanes_of,
    low_tile,
    narrow_tile,
    panel_columns,
    panel_rows,
    row_end_tile,
    row_tile,
    shifted,
    size_of,
    transpose_square,
)
from minigrad.kernels.jit import kernel
from minigrad.kernels.threads import split

Array = np.ndarray[Any, Any]

DEPTH = 256  # a panel of B is then 32 KiB or less
SLAB_BYTES = 1 << 19  # packed of B at a time: half of a common L2 cache
BLOCK_ROWS = 96  # packed of A at a time: a multiple of every TILE_ROWS and vector
WORTH_PACKING = 128  # rows and columns from which a panel is read often enough
FAR_BYTES = 1 << 18  # a matrix or a tile that spreads over more memory is packed
THREAD_WORK = 1 << 22  # multiplications (0.1 ms) that are worth a thread
THIN_WORK = 1 << 10  # multiplications of a matrix and a vector that deserve their own kernel
UINT = np.uintp  # unsigned indices need no test for negative ones, so that loops vectorise


@kernel
def address(array):
    return np.intp(array.ctypes.data)


@kernel
def place_in_panels(row, column, depth, width):
    """Where a number of a (depth, columns) matrix goes: panels of `width` columns, row by row."""
    return column // width * width * depth + row * width + column % width


@kernel
def pack(zero, source, panels, width):
    """Copy a matrix of any strides into panels.  What lies beyond its last column is undefined."""
    depth, columns = source.shape
    row_stride, column_stride = source.strides
    size, lanes = size_of(zero), lanes_of(zero)
    start, target = address(source), address(panels)
    if row_stride == size and depth >= lanes:  # transposed, square by square
        for column in range(0, columns, lanes):
            for step in range(0, depth, lanes):
                row = min(step, depth - lanes)  # the last square overlaps the one before
                square = start + row * size + column * column_stride
                place = target + place_in_panels(row, column, depth, width) * size
                transpose_square(zero, square, column_stride, place, width * size, columns - column)
        return
    whole = columns - columns % lanes if column_stride == size else 0
    for row in range(depth if whole else 0):
        for column in range(0, whole, lanes):
            place = target + place_in_panels(row, column, depth, width) * size
            copy_vector(zero, start + row * row_stride + column * size, place)
    for column in range(whole, columns):
        place = place_in_panels(0, column, depth, width)
        for row in range(depth):
            panels[UINT(place + row * width)] = source[UINT(row), UINT(column)]


@kernel
def multiply_tiles(zero, more, counts, a, b, c):
    """C (+)= A @ B, tile by tile; A in panels of a_width rows, B in panels of a tile's width."""
    rows, steps, columns = counts
    a_start, a_row, a_step, a_width, a_panel = a
    b_start, b_step, b_panel = b
    c_start, c_row = c
    size, lanes, width = size_of(zero), lanes_of(zero), panel_columns(zero)
    for i in range(0, rows, TILE_ROWS):
        height = min(TILE_ROWS, rows - i)
        a_tile = a_start + i // a_width * a_panel + i % a_width * a_row
        b_tile = b_start
        for j in range(0, columns, width):
            left = min(width, columns - j)
            c_tile = c_start + i * c_row + j * size
            tile = (zero, steps, a_tile, a_row, a_step, b_tile, b_step, c_tile, c_row, more)
            if height == TILE_ROWS and left == width:
                full_tile(*tile, height, left)
            elif height <= TILE_ROWS // 2:
                low_tile(*tile, height, left)
            elif left > lanes:
                edge_tile(*tile, height, left)
            else:
                narrow_tile(*tile, height, left)
            b_tile += b_panel


@kernel
def multiply_one(zero, a, b, out, a_space, b_space):
    """out = a @ b.  A space that is not empty is for the panels of that matrix."""
    rows, depth = a.shape
    columns = b.shape[1]
    size, a_width, b_width = size_of(zero), panel_rows(zero), panel_columns(zero)
    slab = SLAB_BYTES // (DEPTH * size) // b_width * b_width
    for j in range(0, columns, slab):
        j_stop = min(j + slab, columns)
        for k in range(0, depth, DEPTH):
            k_stop = min(k + DEPTH, depth)
            steps = k_stop - k
            b_start = address(b) + k * b.strides[0] + j * b.strides[1]
            b_panels = (b_start, b.strides[0], b_width * size)
            if b_space.size:
                pack(zero, b[k:k_stop, j:j_stop], b_space, b_width)
                b_panels = (address(b_space), b_width * size, b_width * size * steps)
            for i in range(0, rows, BLOCK_ROWS):
                i_stop = min(i + BLOCK_ROWS, rows)
                a_start = address(a) + i * a.strides[0] + k * a.strides[1]
                a_panels = (a_start, a.strides[0], a.strides[1], 1, a.strides[0])
                if a_space.size:
                    pack(zero, a[i:i_stop, k:k_stop].T, a_space, a_width)
                    a_step = a_width * size
                    a_panels = (address(a_space), size, a_step, a_width, a_step * steps)
                c = (address(out) + i * out.strides[0] + j * size, out.strides[0])
                counts = (i_stop - i, steps, j_stop - j)
                multiply_tiles(zero, k, counts, a_panels, b_panels, c)


@kernel
def multiply(a, b, out, shifts, out_shift):
    """out = a @ b for the matrices of a batch: each lies so many bytes after the first."""
    rows, depth = a.shape
    columns = b.shape[1]
    zero = out.dtype.type(0)
    size, width = size_of(zero), panel_columns(zero)
    steps = min(depth, DEPTH)
    large = rows >= WORTH_PACKING and columns >= WORTH_PACKING
    pack_a = large and a.strides[1] != size and abs(a.strides[1]) * steps >= FAR_BYTES
    pack_b = b.strides[1] != size or (large and depth * columns * size >= FAR_BYTES)
    slab = min(SLAB_BYTES // (DEPTH * size), columns + width - 1) // width * width
    a_count = BLOCK_ROWS * steps if pack_a else 0
    b_count = slab * steps if pack_b else 0
    space = np.empty(a_count + b_count + lanes_of(zero), out.dtype)
    start = -address(space) % VECTOR_BYTES // size  # vectors that cross no cache line
    b_space, a_space = space[start:][:b_count], space[start + b_count :][:a_count]
    for i in range(shifts.shape[1]):
        a_now, b_now = shifted(a, shifts[0, i]), shifted(b, shifts[1, i])
        multiply_one(zero, a_now, b_now, shifted(out, i * out_shift), a_space, b_space)


@kernel(reassoc=True)
def dot_rows(matrix, x, out):
    """out = matrix @ x: four dot products at a time, so that x is read a quarter as often."""
    zero = matrix.dtype.type(0)
    last = matrix.shape[0] - 1
    for i in range(0, last + 1, 4):
        row0, row1 = matrix[i], matrix[min(i + 1, last)]
        row2, row3 = matrix[min(i + 2, last)], matrix[min(i + 3, last)]
        sum0, sum1, sum2, sum3 = zero, zero, zero, zero
        for k in range(x.size):
            value = x[UINT(k)]
            sum0 += row0[UINT(k)] * value
            sum1 += row1[UINT(k)] * value
            sum2 += row2[UINT(k)] * value
            sum3 += row3[UINT(k)] * value
        out[min(i + 3, last)] = sum3
        out[min(i + 2, last)] = sum2
        out[min(i + 1, last)] = sum1
        out[i] = sum0


@kernel(reassoc=True)
def dot_vectors(x, y, out):
    """out[0] = the dot product of x and y."""
    total = out.dtype.type(0)
    for k in range(x.size):
        total += x[UINT(k)] * y[UINT(k)]
    out[0] = total


@kernel
def multiply_outer(x, y, out):
    """out[i, j] = x[i] * y[j]"""
    for i in range(x.size):
        value, row = x[i], out[i]
        for j in range(y.size):
            row[UINT(j)] = value * y[UINT(j)]


@kernel
def add_row(row, out):
    """out[i] += row, for all i."""
    for i in range(out.shape[0]):
        goal = out[i]
        for j in range(row.size):
            goal[UINT(j)] += row[UINT(j)]


@kernel
def sum_rows(matrix, x, out):
    """out = x @ matrix: a weighted sum of the rows, some columns at a time in registers."""
    depth, columns = matrix.shape
    zero = out.dtype.type(0)
    size, lanes = size_of(zero), lanes_of(zero)
    for k in range(0, depth, DEPTH):
        steps = min(DEPTH, depth - k)
        j = 0
        while j < columns:
            row = address(matrix) + k * matrix.strides[0] + j * size
            left = columns - j
            tile = (zero, steps, address(x) + k * size, 0, size, row, matrix.strides[0])
            place = address(out) + j * size
            if left >= ROW_VECTORS * lanes:
                row_tile(*tile, place, 0, k, 1, left)
                j += ROW_VECTORS * lanes
            else:
                row_end_tile(*tile, place, 0, k, 1, left)
                j += lanes


# ------------------------------------------------------------------------------ called from Python

READY: dict[np.dtype[Any], Any] = {}  # `multiply`, compiled, by dtype
HERE = np.zeros((2, 1), np.int64)  # the shifts of a batch of one


@functools.cache
def entry(function: Any, dtype: np.dtype[Any]) -> Any:
    """The machine code of a kernel for a dtype, without Numba's dispatch (0.2 us a call).

    It trusts its caller: arrays of another dtype or rank would be read as something else.
    """
    number = numba.from_dtype(dtype)
    matrix, vector = types.Array(number, 2, "C"), types.Array(number, 1, "C")
    signature: Any = (matrix, vector, vector)
    if function is dot_vectors:
        signature = (vector, vector, vector)
    if function is add_row:
        signature = (vector, matrix)
    if function is multiply_outer:
        signature = (vector, vector, matrix)
    if function is multiply:
        shifts = types.Array(types.int64, 2, "A")
        signature = (*[types.Array(number, 2, "A")] * 3, shifts, types.int64)
    function.compile(signature)
    code = function.overloads[signature].entry_point
    if function is multiply:
        READY[dtype] = code
    return code


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """The matrix product (..., M, K) @ (..., K, N), C-contiguous; batch axes broadcast.

    Any strides; nothing is copied that is not worth it.  Integers wrap around; float16 is computed
    in float32.  RuntimeError where the shapes do not fit, as torch words it.
    """
    dtype = a.dtype
    run = READY.get(dtype)
    if run is None or a.ndim != 2 or b.ndim != 2 or b.dtype is not dtype or out is not None:
        return matmul_any(a, b, out)
    rows, depth = a.shape
    inner, columns = b.shape
    work = rows * columns * depth
    limit = THIN_WORK if rows == 1 or columns == 1 else 2 * THREAD_WORK
    if depth != inner or not 0 < work < limit:
        return matmul_any(a, b, out)
    # This is the way of most products, and the small ones wait for Python: 0.6 us here, 0.4 there.
    out = np.empty((rows, columns), dtype)
    run(a, b, out, HERE, 0)
    return out


def matmul_any(a: Array, b: Array, out: Array | None) -> Array:
    rows, depth = a.shape[-2:]
    inner, columns = b.shape[-2:]
    if depth != inner and a.ndim == b.ndim == 2:
        shapes = f"{rows}x{depth} and {inner}x{columns}"
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({shapes})")
    if depth != inner:
        batch = math.prod(broadcast_batch(a.shape[:-2], b.shape[:-2]))
        sizes = f"[{batch}, {depth}] but got: [{batch}, {inner}]"
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {sizes}."
        )
    if out is not None:
        np.copyto(out, matmul(a, b))
        return out
    if a.dtype not in FLOATS or b.dtype != a.dtype:
        return matmul_converted(a, b)
    if a.ndim > 2 or b.ndim > 2:
        return matmul_batched(a, b)
    if rows * columns * depth == 0:
        return np.zeros((rows, columns), a.dtype)
    if rows == 1 or columns == 1:
        return matmul_vector(a, b)
    return matmul_threads(a, b)


FLOATS = frozenset([np.dtype(np.float32), np.dtype(np.float64)])


def matmul_converted(a: Array, b: Array) -> Array:
    if a.dtype == b.dtype == np.float16:
        return matmul(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
    broadcast_batch(a.shape[:-2], b.shape[:-2])
    return np.ascontiguousarray(np.matmul(a, b))


def matmul_vector(a: Array, b: Array) -> Array:
    """A product with a single row or column."""
    matrix, x = (b.T, a) if a.shape[0] == 1 else (a, b)
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    flags = matrix.flags
    if flags.c_contiguous and out.size == 1:
        entry(dot_vectors, a.dtype)(matrix.ravel(), x.ravel(), out.ravel())
    elif flags.c_contiguous:
        entry(dot_rows, a.dtype)(matrix, x.ravel(), out.ravel())
    elif flags.f_contiguous:
        entry(sum_rows, a.dtype)(matrix.T, x.ravel(), out.ravel())
    else:
        entry(multiply, a.dtype)(a, b, out, HERE, 0)
    return out


def outer(x: Array, y: Array) -> Array:
    """All products of an element of the vector x and one of y, in the dtype that both have."""
    if x.dtype not in FLOATS:
        return np.multiply.outer(x, y)
    out = np.empty((x.size, y.size), x.dtype)
    entry(multiply_outer, x.dtype)(x.ravel(), y.ravel(), out)
    return out


def is_bias(y: Array, x: Array) -> bool:
    """Whether y is a vector to add to each row of a matrix, as add_bias does it."""
    return (
        y.shape == x.shape[1:]
        and x.ndim == 2
        and x.dtype is y.dtype
        and x.dtype in FLOATS
        and x.flags.c_contiguous
        and y.flags.c_contiguous
    )


def add_bias(x: Array, bias: Array) -> None:
    """x += bias, of which NumPy does a row in the time of a hundred numbers."""
    entry(add_row, x.dtype)(bias, x)


def matmul_threads(a: Array, b: Array) -> Array:
    """A large product: each thread computes some rows, or columns where there are more."""
    run = entry(multiply, a.dtype)
    (rows, depth), columns = a.shape, b.shape[1]
    out = np.empty((rows, columns), a.dtype)

    def some_rows(start: int, stop: int) -> None:
        run(a[start:stop], b, out[start:stop], HERE, 0)

    def some_columns(start: int, stop: int) -> None:
        run(a, b[:, start:stop], out[:, start:stop], HERE, 0)

    if rows >= columns:
        split(rows, max(TILE_ROWS, THREAD_WORK // (depth * columns)), some_rows)
    else:
        split(columns, max(WORTH_PACKING, THREAD_WORK // (depth * rows)), some_columns)
    return out


def matmul_batched(a: Array, b: Array) -> Array:
    """Every product of a batch in one call of the kernel, or in one for each thread."""
    if b.ndim == 2 and a.flags.c_contiguous:  # a single b: all of a's rows are one tall matrix
        tall = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
        return matmul(tall, b).reshape(*a.shape[:-1], b.shape[1])
    batch, shifts = batch_plan(a.shape[:-2], a.strides[:-2], b.shape[:-2], b.strides[:-2])
    out = np.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    if out.size == 0 or a.size == 0:
        out.fill(0)
        return out
    a, b = a[(0,) * (a.ndim - 2)], b[(0,) * (b.ndim - 2)]
    first, size = out[(0,) * len(batch)], out.itemsize * out.shape[-2] * out.shape[-1]
    run = entry(multiply, a.dtype)
    work = a.size * b.shape[1]
    if shifts.shape[1] * work < 2 * THREAD_WORK:
        run(a, b, first, shifts, size)
        return out
    matrices = out.reshape(-1, *first.shape)

    def some(start: int, stop: int) -> None:
        run(a, b, matrices[start], shifts[:, start:stop], size)

    split(len(matrices), max(1, THREAD_WORK // work), some)
    return out


@functools.lru_cache(maxsize=64)
def batch_plan(
    a_shape: tuple[int, ...],
    a_strides: tuple[int, ...],
    b_shape: tuple[int, ...],
    b_strides: tuple[int, ...],
) -> tuple[tuple[int, ...], Array]:
    """The broadcast batch axes, and how far each of a's and b's matrices lies from its first."""
    batch = broadcast_batch(a_shape, b_shape)
    pair = (a_shape, a_strides), (b_shape, b_strides)
    shifts = [np.broadcast_to(batch_shifts(*axes), batch).ravel() for axes in pair]
    return batch, np.array(shifts)


def batch_shifts(shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """The place of each matrix, in bytes from the first: the sum of index x stride."""
    places = np.zeros(shape, np.int64)
    for indices, stride in zip(np.indices(shape, sparse=True), strides, strict=True):
        places += indices * stride
    return places


def broadcast_batch(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        rank = max(len(a), len(b))
        pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
        axis, (x, y) = next((i, p) for i, p in enumerate(pairs) if p[0] != p[1] and 1 not in p)
        raise RuntimeError(
            f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton "
            f"dimension {axis}: batches of matrices {list(a)} and {list(b)} do not broadcast"
        ) from None
