"""Operations that choose one of several pointwise ones, and compositions of those."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "float_power": (
            "x.float_power(2)",
            "(v * v + 1).float_power(w)",
            "torch.float_power(2, x)",
        ),
        "glu": ("F.glu(x)", "F.glu(b, 2)"),
        "isclose": ("x.isclose(y)", "x.isclose(x, rtol=0, atol=0)"),
        "prelu": ("F.prelu(x, v)", "x.prelu(s)", "F.prelu(b, u)"),
        "relu6": ("F.relu6(2 * x)",),
        "softsign": ("F.softsign(x)",),
        "square": ("x.square()",),
        "tanhshrink": ("F.tanhshrink(x)",),
        "reflected_div": ("2 / x",),
        "floor_divide": ("x // 0.7",),
    }
)
