"""The innermost loops of the matrix product, written instruction by instruction for LLVM.

Numba compiles ordinary loops well, but it can not be told to keep a tile of C in the vector
registers.  An intrinsic can: a Python function that emits LLVM's own instructions (llvmlite's
`builder`) where a kernel calls it.  Here vectors are as wide as the processor's.  An intrinsic is
given a value of the matrices' element type (`number`); places in memory are integers (an address in
bytes), and so are the steps from one row or column to the next.
"""

import math
import platform
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import extending
from numba.core import cgutils, codegen, types
from numba.core.imputils import impl_ret_borrowed

intrinsic: Any = extending.intrinsic  # its own annotations know no `_`, the typing context
config: Any = numba.config


def register_tile() -> tuple[int, int, int]:
    """For this processor: bytes of a vector, rows of a tile of C, vectors in each of them."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return 16, 4, 4  # C fills 16 of 32 registers: enough sums to hide an addition's latency
    features = config.CPU_FEATURES
    if features is None:
        features = codegen.get_host_cpu_features()
    if "+avx512f" in features:
        return 64, 8, 2  # 16 of 32
    if "+avx2" in features:
        return 32, 6, 2  # 12 of 16
    return 16, 4, 2  # 8 of 16


VECTOR_BYTES, TILE_ROWS, TILE_VECTORS = register_tile()
ROW_VECTORS = 8  # of a product with one row
INT, INT32 = ir.IntType(64), ir.IntType(32)


def micro_kernel(row_count: int, vectors: int, *, edge: bool, tables: str = "") -> Any:
    """An intrinsic: C[rows, vectors] (+)= A[rows, depth] @ B[depth, vectors].

    The columns of B and of C lie side by side; those of A may lie anywhere.  `more` adds to C.
    With `edge` only height x width numbers of the tile exist: missing rows repeat the last one
    (the same values are computed and written again), missing columns touch no memory.
    The rows of a matrix named in `tables` ("a" or "b"; of "a" the columns, too) lie at no regular
    distance: in the place of a step stands the address of a table, how far each is from the first.
    """

    @intrinsic
    def tile(_, number, depth, a, a_row, a_step, b, b_step, c, c_row, more, height, width):
        def emit(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
            depth, a, a_row, a_step, b, b_step, c, c_row, more, height, width = values[1:]
            vector = vector_type(context, number)
            every = range(vectors)
            masks = [lanes_below(builder, vector, width, j) if edge else None for j in every]

            def load(row: Any, j: int) -> Any:
                return load_at(builder, pointer(builder, row, vector, j), masks[j])

            rows = row_numbers(builder, row_count, height if edge else None)
            a_rows = [builder.add(a, distance(builder, a_row, i, "a" in tables)) for i in rows]
            c_rows = [builder.add(c, builder.mul(i, c_row)) for i in rows]
            zero = ir.Constant(vector, [0.0] * vector.count)
            # Variables in form: LLVM keeps them in registers.
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in every] for _ in rows]
            with cgutils.for_range(builder, depth) as loop:
                b_row = builder.add(b, distance(builder, b_step, loop.index, "b" in tables))
                a_column = distance(builder, a_step, loop.index, "a" in tables)
                b_values = [load(b_row, j) for j in every]
                for a_start, totals in zip(a_rows, sums, strict=True):
                    place = pointer(builder, builder.add(a_start, a_column), vector.element)
                    a_value = broadcast(builder, load_at(builder, place), vector)
                    for total, b_value in zip(totals, b_values, strict=True):
                        multiply_add(builder, total, a_value, b_value)
            with cgutils.if_unlikely(builder, builder.icmp_signed("!=", more, INT(0))):
                for c_start, totals in zip(c_rows, sums, strict=True):
                    for j, total in enumerate(totals):
                        before = load(c_start, j)
                        builder.store(builder.fadd(builder.load(total), before), total)
            for c_start, totals in zip(c_rows, sums, strict=True):
                for j, total in enumerate(totals):
                    place = pointer(builder, c_start, vector, j)
                    store_at(builder, builder.load(total), place, masks[j])
            return context.get_dummy_value()

        return types.void(number, *[types.int64] * 11), emit

    return tile


full_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=False)
edge_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=True)
narrow_tile = micro_kernel(TILE_ROWS, 1, edge=True)
low_tile = micro_kernel(TILE_ROWS // 2, TILE_VECTORS, edge=True)
row_tile = micro_kernel(1, ROW_VECTORS, edge=False)
row_end_tile = micro_kernel(1, 1, edge=True)
# Of a convolution: the rows of B are the shifted images of an input, or those of A are.
tap_full_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=False, tables="b")
tap_edge_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=True, tables="b")
tap_low_tile = micro_kernel(TILE_ROWS // 2, TILE_VECTORS, edge=True, tables="b")
tap_row_tile = micro_kernel(1, ROW_VECTORS, edge=False, tables="b")
tap_row_end_tile = micro_kernel(1, ROW_VECTORS, edge=True, tables="b")
shift_full_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=False, tables="a")
shift_edge_tile = micro_kernel(TILE_ROWS, TILE_VECTORS, edge=True, tables="a")
shift_narrow_tile = micro_kernel(TILE_ROWS, 1, edge=True, tables="a")


def constant(rule: Callable[[int], int]) -> Any:
    """An intrinsic: a number that follows from the bytes of an element, known when compiling."""

    @intrinsic
    def value(_, number):
        result = rule(number.bitwidth // 8)
        return types.intp(number), lambda context, *_: context.get_constant(types.intp, result)

    return value


size_of = constant(lambda size: size)
lanes_of = constant(lambda size: VECTOR_BYTES // size)
panel_rows = constant(lambda size: math.lcm(TILE_ROWS, VECTOR_BYTES // size))  # of A
panel_columns = constant(lambda size: TILE_VECTORS * VECTOR_BYTES // size)  # of B


@intrinsic
def transpose_square(_, number, source, source_row, target, target_row, height):
    """Write the transpose of a square block, a vector wide; rows past `height` repeat the last."""

    def emit(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
        source, source_row, target, target_row, height = values[1:]
        vector = vector_type(context, number)
        size = vector.count
        steps = [builder.mul(i, source_row) for i in row_numbers(builder, size, height)]
        places = [pointer(builder, builder.add(source, step), vector) for step in steps]
        rows = [load_at(builder, place) for place in places]
        lanes = [lane for i in range(size) for lane in (i, size + i)]
        indices = ir.VectorType(INT32, size)
        low, high = ir.Constant(indices, lanes[:size]), ir.Constant(indices, lanes[size:])
        # A perfect shuffle (mix row i with row i + size/2) rotates the bits of a number's place:
        # done log2(size) times, its row and its column have changed places.
        for _ in range(size.bit_length() - 1):
            pairs = zip(rows[: size // 2], rows[size // 2 :], strict=True)
            rows = [builder.shuffle_vector(x, y, mix) for x, y in pairs for mix in (low, high)]
        for i, row in enumerate(rows):
            place = builder.add(target, builder.mul(INT(i), target_row))
            store_at(builder, row, pointer(builder, place, vector))
        return context.get_dummy_value()

    return types.void(number, *[types.int64] * 5), emit


@intrinsic
def copy_vector(_, number, source, target):
    """Copy one vector from an address to another."""

    def emit(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
        vector = vector_type(context, number)
        value = load_at(builder, pointer(builder, values[1], vector))
        store_at(builder, value, pointer(builder, values[2], vector))
        return context.get_dummy_value()

    return types.void(number, types.int64, types.int64), emit


@intrinsic
def copy_some(_, number, source, target, left):
    """Copy `left` numbers, at most a vector, from an address to another."""

    def emit(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
        vector = vector_type(context, number)
        mask = lanes_below(builder, vector, values[3], 0)
        value = load_at(builder, pointer(builder, values[1], vector), mask)
        store_at(builder, value, pointer(builder, values[2], vector), mask)
        return context.get_dummy_value()

    return types.void(number, *[types.int64] * 3), emit


@intrinsic
def shifted(_, array, shift):
    """The same view of memory, `shift` bytes further on."""

    def emit(context: Any, builder: ir.IRBuilder, _: Any, values: Any) -> Any:
        view = context.make_array(array)(context, builder, values[0])
        address = builder.add(builder.ptrtoint(view.data, INT), values[1])
        view.data = builder.inttoptr(address, view.data.type)
        return impl_ret_borrowed(context, builder, array, view._getvalue())

    return array(array, types.int64), emit


# ------------------------------------------------------------------------ the words used above


def vector_type(context: Any, number: Any) -> ir.VectorType:
    return ir.VectorType(context.get_value_type(number), VECTOR_BYTES * 8 // number.bitwidth)


def pointer(builder: ir.IRBuilder, address: Any, kind: Any, position: int = 0) -> Any:
    """A pointer to the `position`-th vector from an address."""
    return builder.inttoptr(builder.add(address, INT(position * VECTOR_BYTES)), kind.as_pointer())


def distance(builder: ir.IRBuilder, step: Any, index: Any, in_table: bool) -> Any:
    """How far row or column `index` lies from the first, in bytes."""
    if not in_table:
        return builder.mul(index, step)
    place = builder.add(step, builder.mul(index, INT(8)))
    return builder.load(builder.inttoptr(place, INT.as_pointer()))


def load_at(builder: ir.IRBuilder, place: Any, mask: Any = None) -> Any:
    if mask is None:
        return builder.load(place, align=1)  # arrays start anywhere
    vector = place.type.pointee
    kind = ir.FunctionType(vector, [place.type, INT32, mask.type, vector])
    zero = ir.Constant(vector, [0.0] * vector.count)
    return builder.call(masked(builder, "load", kind, vector), [place, INT32(1), mask, zero])


def store_at(builder: ir.IRBuilder, value: Any, place: Any, mask: Any = None) -> None:
    if mask is None:
        builder.store(value, place, align=1)
        return
    kind = ir.FunctionType(ir.VoidType(), [value.type, place.type, INT32, mask.type])
    builder.call(masked(builder, "store", kind, value.type), [value, place, INT32(1), mask])


def masked(builder: ir.IRBuilder, action: str, kind: ir.FunctionType, vector: Any) -> Any:
    """LLVM's masked load or store: lanes that are off touch no memory."""
    name = f"llvm.masked.{action}.v{vector.count}{vector.element.intrinsic_name}.p0"
    return cgutils.get_or_insert_function(builder.module, kind, name)


def row_numbers(builder: ir.IRBuilder, count: int, height: Any) -> list[Any]:
    """0 to count - 1, but not beyond the last of `height` rows."""
    if height is None:
        return [INT(i) for i in range(count)]
    last = builder.sub(height, INT(1))
    return [
        builder.select(builder.icmp_signed(">", height, INT(i)), INT(i), last) for i in range(count)
    ]


def broadcast(builder: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    """A vector with `value` in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, INT32(0))
    lanes = ir.Constant(ir.VectorType(INT32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, empty, lanes)


def multiply_add(builder: ir.IRBuilder, total: Any, x: Any, y: Any) -> None:
    """total += x * y, in one instruction where the processor has it ("contract")."""
    product = builder.fmul(x, y, flags=["contract"])
    builder.store(builder.fadd(builder.load(total), product, flags=["contract"]), total)


def lanes_below(builder: ir.IRBuilder, vector: ir.VectorType, width: Any, j: int) -> Any:
    """Which lanes of a row's j-th vector lie within the row's first `width` numbers."""
    columns = ir.VectorType(INT, vector.count)
    lanes = ir.Constant(columns, [j * vector.count + i for i in range(vector.count)])
    return builder.icmp_signed("<", lanes, broadcast(builder, width, columns))
