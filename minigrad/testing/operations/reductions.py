"""Sums, extremes and the like along dimensions; scans, sorting and counting."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "all": ("x.all()", "x.all(1)", "mask.all(0, True)"),
        "amax": ("x.amax()", "x.amax(1)", "b.amax((0, 2), True)"),
        "amin": ("x.amin()", "x.amin(-1)", "b.amin((0, 2), True)"),
        "any": ("x.any()", "x.any(1)", "mask.any(0, True)"),
        "argmax": ("x.argmax()", "x.argmax(1)", "x.argmax(0, True)"),
        "argmin": ("x.argmin()", "x.argmin(1)", "x.argmin(0, True)"),
        "logsumexp": ("x.logsumexp(1)", "b.logsumexp((0, 2))", "x.logsumexp(0, True)"),
        "max": ("x.max()", "x.max(1)", "x.max(0, True)", "torch.max(x, y)"),
        "mean": ("x.mean()", "x.mean(1)", "b.mean((0, 2), True)", "s.mean()"),
        "min": ("x.min()", "x.min(1)", "x.min(0, True)", "torch.min(x, y)"),
        "prod": (
            "x.prod()",
            "x.prod(1)",
            "b.prod(0, True)",
            "(x * mask).prod(0)",
            "(v * 0).prod()",
        ),
        "std": ("x.std()", "x.std(1)", "b.std((0, 2), keepdim=True)", "x.std(correction=0)"),
        "sum": ("x.sum()", "x.sum(1)", "b.sum((0, -1), True)", "x.sum(())", "s.sum()"),
        "var": ("x.var()", "x.var(1)", "b.var((0, 2), keepdim=True)", "x.var(0, False)"),
    }
)
