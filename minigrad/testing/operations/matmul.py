"""Matrix products and linear algebra."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "addmm": ("torch.addmm(u, x, y.T)", "torch.addmm(u, x, y.T, beta=0.5, alpha=2)"),
        "bmm": ("torch.bmm(b, c)", "b.bmm(b.mT)"),
        "dot": ("v.dot(v + 1)",),
        "linear": ("F.linear(x, y)", "F.linear(x, y, u)", "F.linear(b, y, u)", "F.linear(v, y, u)"),
        "matmul": (
            "x @ y.T",
            "x @ v",
            "u @ x",
            "v @ v",
            "b @ c",
            "b @ y.T",
            "b @ v",
            "x @ b.mT",
            "v @ c",
            "b[:, None] @ c",
        ),
        "mm": ("x.mm(y.t())", "torch.mm(x.T, y)"),
        "mv": ("x.mv(v)", "x.T.mv(u)"),
        "outer": ("u.outer(v)",),
    }
)
