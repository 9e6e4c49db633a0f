"""Picking and putting elements by index."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "getitem": (
            "x[1:, ::2]",
            "x[:, None, 1]",
            "x[..., 0]",
            "b[:, 1:, -1]",
            "x[i]",
            "x[:, i]",
            "x[i, i]",
            "x[j]",
            "b[k, :, j]",
            "b[:, i, 1:]",
            "x[mask]",
            "b[:, mask]",
            "x[1, [0, 2]]",
            "x[j] * 2",
        ),
        "embedding": ("F.embedding(i, x)", "F.embedding(k, x)"),
        "index_select": ("x.index_select(0, i)", "torch.index_select(b, 1, i)"),
    }
)
