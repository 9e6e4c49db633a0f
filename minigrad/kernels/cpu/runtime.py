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

from minigrad.kernels.jit import inner_loop, kernel, scalar

__all__ = [
    "boolean",
    "data_of",
    "float16",
    "float32",
    "float64",
    "inner_loop",
    "int8",
    "int16",
    "int32",
    "int64",
    "kernel",
    "load",
    "scalar",
    "store",
    "uint8",
]

HALF, SINGLE = ir.HalfType(), ir.FloatType()
HEADER = object.__basicsize__  # bytes of a Python object before its own fields


def mark(builder: Any, instruction: Any, own: str, other: str) -> Any:
    """Say that what a loop reads is not what it writes, so that it vectorises when the result
    goes over an operand, too.  An element is read before it is written, and never again; NumPy
    copies operands that overlap the result in any other way."""
    domain = builder.module.add_metadata(["minigrad"])
    for kind, name in (("alias.scope", own), ("noalias", other)):
        scope = builder.module.add_metadata([name, domain])
        instruction.set_metadata(kind, builder.module.add_metadata([scope]))
    return instruction


def address(builder: Any, pointer: Any, offset: Any, kind: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())


@intrinsic
def load(typing_context: Any, pointer: Any, offset: Any, dtype: Any) -> Any:
    """The element `offset` bytes from `pointer`; a float16 comes out as float32."""
    stored = dtype.dtype
    value = types.float32 if stored == types.float16 else stored

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if stored == types.float16:  # Numba has no model of it
            element = builder.load(address(builder, args[0], args[1], HALF))
            return builder.fpext(mark(builder, element, "read", "written"), SINGLE)
        model = context.data_model_manager[stored]
        element = builder.load(address(builder, args[0], args[1], model.get_data_type()))
        return model.from_data(builder, mark(builder, element, "read", "written"))

    return value(pointer, types.intp, dtype), code


@intrinsic
def store(typing_context: Any, pointer: Any, offset: Any, dtype: Any, value: Any) -> Any:
    """Write an element `offset` bytes from `pointer`; a float16 is rounded from float32."""
    stored = dtype.dtype
    given = types.float32 if stored == types.float16 else stored

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if stored == types.float16:
            element = builder.fptrunc(args[3], HALF)
        else:
            element = context.data_model_manager[stored].as_data(builder, args[3])
        place = address(builder, args[0], args[1], element.type)
        mark(builder, builder.store(element, place), "written", "read")
        return context.get_dummy_value()

    return types.void(pointer, types.intp, dtype, given), code


@intrinsic
def data_of(typing_context: Any, identity: Any) -> Any:
    """The address of the elements of the NumPy array with this id(): the first field of a
    PyArrayObject (numpy/ndarraytypes.h).  To ask the array in Python takes 1.2 us."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        field = builder.add(args[0], ir.Constant(args[0].type, HEADER))
        pointer = context.get_value_type(types.voidptr)
        return builder.load(builder.inttoptr(field, pointer.as_pointer()))

    return types.voidptr(types.int64), code
