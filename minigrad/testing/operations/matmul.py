"""Matrix products."""

import numpy as np

from minigrad.testing.table import Table, spread

TABLE = Table(
    {
        "addbmm": (
            "torch.addbmm(x[:, :2], b, c)",
            "torch.addbmm(x[0, 0], b, c, beta=0.5, alpha=2)",
            "x[:, :2].addbmm(b, c, beta=0)",
        ),
        "addmm": (
            "torch.addmm(u, x, y.T)",
            "torch.addmm(u, x, y.T, beta=0.5, alpha=2)",
            "torch.addmm(u, x, y.T, beta=0)",
        ),
        "addmv": (
            "torch.addmv(u, x, v)",
            "torch.addmv(u[:1], x, v, beta=0.5, alpha=2)",
            "u.addmv(x, v, beta=0)",
        ),
        "addr": (
            "torch.addr(x, u, v)",
            "torch.addr(v, u, v, beta=0.5, alpha=2)",
            "x.addr(u, v, beta=0)",
        ),
        "baddbmm": (
            "torch.baddbmm(b[..., :2], b, c)",
            "torch.baddbmm(x[:, :2], b, c, beta=0.5, alpha=2)",
            "b[..., :2].baddbmm(b, c, beta=0)",
        ),
        "bilinear": ("F.bilinear(x, y, d, e)", "F.bilinear(b, b, d)", "F.bilinear(v, v, d, e)"),
        "bmm": ("torch.bmm(b, c)", "b.bmm(b.mT)"),
        "dot": ("v.dot(v + 1)",),
        "einsum": (
            "torch.einsum('ij,kj->ik', x, y)",
            "torch.einsum('bij,bjk->bik', b, c)",
            "torch.einsum('bij,bjk', b, c)",
            "torch.einsum('...ij,...jk', b, c)",
            "torch.einsum('b...j,j', b, v)",
            "torch.einsum('ij,ij->', x, y)",
            "torch.einsum('ij,i,j', x, u, v)",
            "torch.einsum('bij,ij->bj', b, x)",
            "torch.einsum('i,j', u, v)",
            "torch.einsum('ii->i', x[:, :3])",
            "torch.einsum('ii', x[:, :3])",
            "torch.einsum('bij,bjj->i', b, c @ c.mT)",
            "torch.einsum('ij->ji', x)",
            "torch.einsum('ij->j', x)",
            "torch.einsum(x, [0, 1], y, [2, 1], [2, 0])",
        ),
        "ger": ("u.ger(v)",),
        "inner": ("torch.inner(x, y)", "b.inner(x)", "torch.inner(v, v)", "torch.inner(s, x)"),
        "kron": ("torch.kron(x, y)", "v.kron(x.contiguous())", "torch.kron(b.contiguous(), u)"),
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
        "multi_dot": (
            "torch.linalg.multi_dot([x, y.T, x])",
            "torch.linalg.multi_dot([u, x, y.T, x, v])",
        ),
        "mv": ("x.mv(v)", "x.T.mv(u)"),
        "outer": ("u.outer(v)",),
        "tensordot": (
            "torch.tensordot(x, y)",
            "torch.tensordot(b, c, ([2, 0], [1, 0]))",
            "torch.tensordot(x, y.T, 1)",
            "torch.tensordot(u, v, 0)",
        ),
        "vdot": ("v.vdot(v + 1)",),
        "vecdot": ("torch.linalg.vecdot(x, y)", "torch.linalg.vecdot(b, x, dim=0)"),
    },
    operands={"d": spread((2, 4, 4), 9), "e": np.array([0.4, -0.7])},
    own_graph=frozenset(
        ("bilinear", "einsum", "inner", "kron", "multi_dot", "tensordot"),
    ),
)
