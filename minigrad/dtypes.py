"""The element types of tensors: minigrad.float32 and its like, each a NumPy dtype with a name."""

import builtins
from typing import Any

import numpy as np


class dtype:  # torch's name
    """An element type.  `numpy` is the same type in NumPy's terms."""

    __slots__ = ("name", "numpy")

    def __init__(self, name: str):
        self.name, self.numpy = name, np.dtype(name)

    @property
    def is_floating_point(self) -> builtins.bool:
        return self.numpy.kind == "f"

    @property
    def is_complex(self) -> builtins.bool:
        return False

    @property
    def is_signed(self) -> builtins.bool:
        return self.numpy.kind in "if"

    @property
    def itemsize(self) -> builtins.int:
        """Bytes an element."""
        return self.numpy.itemsize

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return of_numpy, (self.numpy,)


float16 = half = dtype("float16")
float32 = float = dtype("float32")
float64 = double = dtype("float64")
uint8 = dtype("uint8")
int8 = dtype("int8")
int16 = short = dtype("int16")
int32 = int = dtype("int32")
int64 = long = dtype("int64")
bool = dtype("bool")

OF_NUMPY = {d.numpy: d for d in (float16, float32, float64, uint8, int8, int16, int32, int64, bool)}


def of_numpy(numpy_dtype: np.dtype[Any]) -> dtype:
    """The dtype of a NumPy array's elements.  TypeError for those that tensors cannot hold."""
    try:
        return OF_NUMPY[numpy_dtype]
    except KeyError:
        supported = ", ".join(d.name for d in OF_NUMPY.values())
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. "
            f"The only supported types are: {supported}."
        ) from None


TYPE_NAMES = {
    **{"float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool"},
    **{"uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"},
}


def type_name(numpy_dtype: np.dtype[Any]) -> str:
    """What torch's messages call an element type: Float for float32."""
    return TYPE_NAMES[numpy_dtype.name]


def not_implemented(kernel: str, numpy_dtype: np.dtype[Any]) -> NotImplementedError:
    """What a kernel raises that has no loop for an element type."""
    return NotImplementedError(f'"{kernel}" not implemented for {type_name(numpy_dtype)!r}')


def check_floats(kernel: str, numpy_dtype: np.dtype[Any]) -> None:
    """NotImplementedError unless elements are floats, all that a kernel has a loop for."""
    if numpy_dtype.kind != "f":
        raise not_implemented(kernel, numpy_dtype)


def check_same_floats(kernel: str, given: np.dtype[Any], *parameters: np.dtype[Any] | None) -> None:
    """check_floats, and RuntimeError unless parameters are of the input's dtype; those of a float16
    input may all be float32."""
    others = {x for x in parameters if x is not None}
    wider = given == np.float16 and others == {np.dtype(np.float32)}
    if others - {given} and not wider:
        raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")
    check_floats(kernel, given)


def to_numpy(given: Any) -> np.dtype[Any]:
    """The NumPy dtype that a `dtype=` argument means: a minigrad dtype or a Python type."""
    if isinstance(given, dtype):
        return given.numpy
    python_types = {builtins.float: float64, builtins.int: int64, builtins.bool: bool}
    if given in python_types:
        return python_types[given].numpy
    raise TypeError(
        f"dtype must be a minigrad dtype such as minigrad.float32, not {type(given).__name__}"
    )


_default = float32


def get_default_dtype() -> dtype:
    """The dtype of tensors made of Python floats."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Make tensors of Python floats with dtype `d` from now on."""
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, not {d}")
    _default = d
