"""The range of a dtype: finfo of floats and iinfo of integers, as NumPy knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes


class finfo:  # torch's name
    """bits, eps, max, min, resolution, smallest_normal and tiny of a floating-point dtype."""

    def __init__(self, type: dtypes.dtype | None = None):
        kind = checked("finfo", dtypes.get_default_dtype() if type is None else type)
        if not kind.is_floating_point:
            raise TypeError(
                "finfo() requires a floating point input type. Use minigrad.iinfo to handle "
                f"'{kind}'"
            )
        known = np.finfo(kind.numpy)
        self.bits, self.dtype = int(known.bits), kind.name
        self.eps, self.max, self.min = float(known.eps), float(known.max), float(known.min)
        self.resolution = float(known.resolution)
        self.smallest_normal = self.tiny = float(known.smallest_normal)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:  # torch's name
    """bits, max and min of an integer dtype."""

    def __init__(self, type: dtypes.dtype):
        kind = checked("iinfo", type)
        if kind.numpy.kind not in "iu":
            raise TypeError(
                f"iinfo() requires an integer input type. Use minigrad.finfo to handle '{kind}'"
            )
        known = np.iinfo(kind.numpy)
        self.bits, self.dtype = int(known.bits), kind.name
        self.max, self.min = int(known.max), int(known.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def checked(function: str, given: Any) -> dtypes.dtype:
    if not isinstance(given, dtypes.dtype):
        raise TypeError(
            f"{function}(): argument 'type' (position 1) must be minigrad.dtype, not "
            f"{type(given).__name__}"
        )
    return given
