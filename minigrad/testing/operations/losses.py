"""Loss functions."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "cross_entropy": (
            "F.cross_entropy(x, target)",
            "F.cross_entropy(x, target, reduction='sum')",
            "F.cross_entropy(x, target, reduction='none')",
            "F.cross_entropy(x, target, ignore_index=3)",
            "F.cross_entropy(x, target, w)",
            "F.cross_entropy(c, k)",
            "F.cross_entropy(c, k, reduction='none')",
            "F.cross_entropy(c[:, :, None], k[:, None], reduction='none')",
            "F.cross_entropy(v, target[0])",
            "F.cross_entropy(x, p)",
        ),
        "nll_loss": (
            "F.nll_loss(x, target)",
            "F.nll_loss(x, target, reduction='none')",
            "F.nll_loss(v, target[1], reduction='none')",
            "F.nll_loss(x, target, w, ignore_index=1)",
        ),
        "mse_loss": (
            "F.mse_loss(x, y)",
            "F.mse_loss(x, y, reduction='sum')",
            "F.mse_loss(x, y, reduction='none')",
        ),
    }
)
