"""NumPy ufuncs whose inner loops are ours, through NumPy's C API and ctypes.

A ufunc brings broadcasting, any strides, any rank, overlapping operands and the allocation of the
result for 0.3 us a call; the loop, compiled by Numba, is added when its dtypes are first met.
See "PyUFunc_FromFuncAndData" and "PyUFunc_AddLoopFromSpec" in NumPy's C-API reference.
"""

import ctypes
from typing import Any

import numpy as np

MAKE_UFUNC, MAKE_GENERALISED, ADD_LOOP = (
    1,
    31,
    43,
)  # places in NumPy's table of functions, the same since 1.22
STRIDED_LOOP, END = 5, 0  # NPY_METH_strided_loop
NO_FLOATINGPOINT_ERRORS = 2  # no RuntimeWarning for 1 / 0: torch gives none
IDENTITY_NONE = -1

# What NumPy keeps pointers to must never be freed.
_alive: list[object] = []


class Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class MethodSpec(ctypes.Structure):
    """PyArrayMethod_Spec of numpy/dtype_api.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("inputs", ctypes.c_int),
        ("outputs", ctypes.c_int),
        ("casting", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("dtypes", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
    ]


def numpy_function(index: int, result: Any, *arguments: Any) -> Any:
    """A function of NumPy's ufunc C API by its place in the table."""
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = np._core._multiarray_umath._UFUNC_API  # type: ignore[attr-defined]
    table = ctypes.cast(pointer_of(capsule, None), ctypes.POINTER(ctypes.c_void_p))
    return ctypes.PYFUNCTYPE(result, *arguments)(table[index])


def new_ufunc(name: str, inputs: int) -> np.ufunc:
    """A ufunc with one output and no loops yet, as NumPy has it."""
    make = numpy_function(
        MAKE_UFUNC,
        ctypes.py_object,
        *[ctypes.c_void_p] * 3,
        *[ctypes.c_int] * 4,
        *[ctypes.c_char_p] * 2,
        ctypes.c_int,
    )
    text = name.encode()
    _alive.append(text)
    ufunc: np.ufunc = make(None, None, None, 0, inputs, 1, IDENTITY_NONE, text, b"", 0)
    return ufunc


def matrix_ufunc(name: str, loop: int, data: Any, dtypes: list[np.dtype[Any]]) -> np.ufunc:
    """A generalised ufunc on matrices of one shape and these dtypes, with one loop, which is given
    `data`.  What it returns has no meaning, but NumPy asks for a result."""
    make = numpy_function(
        MAKE_GENERALISED,
        ctypes.py_object,
        *[ctypes.c_void_p] * 3,
        *[ctypes.c_int] * 4,
        *[ctypes.c_char_p] * 2,
        ctypes.c_int,
        ctypes.c_char_p,
    )
    pointers = (ctypes.c_void_p * 2)(loop, data.ctypes.data)
    text, inputs = name.encode(), len(dtypes)
    kinds = (ctypes.c_byte * (inputs + 1))(*[dtype.num for dtype in dtypes])  # and a bool, 0
    signature = ",".join(["(m,n)"] * inputs) + "->()"
    _alive.append((data, pointers, kinds, text))
    start = ctypes.addressof(pointers)
    ufunc: np.ufunc = make(
        start,
        start + ctypes.sizeof(ctypes.c_void_p),
        ctypes.addressof(kinds),
        *(1, inputs, 1, IDENTITY_NONE),
        *(text, b"", 0, signature.encode()),
    )
    return ufunc


class ArrayUfunc:
    """A ufunc of NumPy before 2.3: out=... is understood, and a 0-d result is an array."""

    def __init__(self, ufunc: np.ufunc):
        self.ufunc, self.nin, self.__name__ = ufunc, ufunc.nin, ufunc.__name__

    def __call__(self, *arrays: Any, out: Any = ...) -> Any:
        if out is not ...:
            return self.ufunc(*arrays, out=out)
        result = self.ufunc(*arrays)
        return np.asarray(result) if isinstance(result, np.generic) else result


def with_array_results(ufunc: np.ufunc) -> Any:
    """What to call for a launch: the ufunc itself, where it takes out=... (NumPy 2.3)."""
    version = tuple(int(part) for part in np.__version__.split(".")[:2])
    return ufunc if version >= (2, 3) else ArrayUfunc(ufunc)


def add_loop(ufunc: np.ufunc, address: int, dtypes: list[np.dtype[Any]]) -> None:
    """Give `ufunc` the loop at `address` for exactly these dtypes (inputs, then the output)."""
    add = numpy_function(ADD_LOOP, ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
    object_array: Any = ctypes.py_object * len(dtypes)
    classes = object_array(*[type(dtype) for dtype in dtypes])
    slots = (Slot * 2)(Slot(STRIDED_LOOP, address), Slot(END, None))
    spec = MethodSpec(
        b"minigrad",
        ufunc.nin,
        1,
        0,
        NO_FLOATINGPOINT_ERRORS,
        ctypes.addressof(classes),
        ctypes.addressof(slots),
    )
    _alive.append((classes, slots, spec))
    add(ufunc, ctypes.addressof(spec))
