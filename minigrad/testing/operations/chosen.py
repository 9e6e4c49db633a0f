"""Operations that choose one of several pointwise ones, and compositions of those."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "square": ("x.square()",),
        "reflected_div": ("2 / x",),
        "floor_divide": ("x // 0.7",),
    }
)
