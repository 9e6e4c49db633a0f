"""The names that the generated text of a CPU kernel imports."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.types import (
    boolean,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from numba.extending import intrinsic

from minigrad.kernels.jit import inner_loop, scalar

__all__ = [
    "boolean",
    "float16",
    "float32",
    "float64",
    "inner_loop",
    "int8",
    "int16",
    "int32",
    "int64",
    "load",
    "scalar",
    "store",
    "uint8",
]

HALF, SINGLE = ir.HalfType(), ir.FloatType()


def address(builder: Any, pointer: Any, offset: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())


@intrinsic
def load(typing_context: Any, pointer: Any, offset: Any, dtype: Any) -> Any:
    """The element `offset` bytes from `pointer`; a float16 comes out as float32."""
    stored = dtype.dtype
    value = types.float32 if stored == types.float16 else stored

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if stored == types.float16:
            half = builder.load(address(builder, args[0], args[1], HALF), align=1)
            return builder.fpext(half, SINGLE)
        place = address(builder, args[0], args[1], context.get_data_type(stored))
        return context.unpack_value(builder, stored, place)

    return value(pointer, types.intp, dtype), code


@intrinsic
def store(typing_context: Any, pointer: Any, offset: Any, dtype: Any, value: Any) -> Any:
    """Write an element `offset` bytes from `pointer`; a float16 is rounded from float32."""
    stored = dtype.dtype
    given = types.float32 if stored == types.float16 else stored

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if stored == types.float16:
            half = builder.fptrunc(args[3], HALF)
            builder.store(half, address(builder, args[0], args[1], HALF), align=1)
        else:
            place = address(builder, args[0], args[1], context.get_data_type(stored))
            context.pack_value(builder, stored, args[3], place)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, dtype, given), code
