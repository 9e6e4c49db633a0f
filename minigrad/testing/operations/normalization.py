"""softmax, normalizations and attention."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "log_softmax": ("x.log_softmax(1)", "b.log_softmax(1)", "F.log_softmax(v, 0)"),
        "softmax": ("x.softmax(1)", "b.softmax(0)", "F.softmax(v, 0)"),
        "layer_norm": (
            "F.layer_norm(x, (4,))",
            "F.layer_norm(x, (4,), v)",
            "F.layer_norm(b, (3, 4), x, y, 1e-2)",
        ),
    }
)
