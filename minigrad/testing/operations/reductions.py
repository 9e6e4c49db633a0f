"""Sums, extremes and the like along dimensions; scans, sorting and counting."""

import numpy as np

from minigrad.testing.table import Table

# Some are NaN, one row all of them; as integers they are some number.
WITH_NAN = np.array([[0.5, np.nan, -1.5, 1.2], [np.nan, 0.3, np.nan, -0.8], [1.7, -0.4, 0.9, -1.1]])

# No two are equal, nor as integers: which of equals is named is nobody's promise.
WITHOUT_TIES = np.random.default_rng(5).permutation(np.linspace(-22, 22, 12) + 0.3).reshape(2, 3, 2)

ON_CPU = """
    argsort cummax cummin kthvalue median mode msort nanmedian sort topk
    bincount histc histogram nanquantile quantile unique unique_consecutive
"""

TABLE = Table(
    {
        # reductions
        "all": ("x.all()", "x.all(1)", "mask.all(0, True)", "b.all((0, 2))", "x.all(())"),
        "amax": ("x.amax()", "x.amax(1)", "b.amax((0, 2), True)"),
        "amin": ("x.amin()", "x.amin(-1)", "b.amin((0, 2), True)"),
        "aminmax": ("x.aminmax()", "x.aminmax(dim=1)", "b.aminmax(dim=0, keepdim=True)"),
        "any": ("x.any()", "x.any(1)", "mask.any(0, True)", "b.any((0, 2))"),
        "argmax": ("x.argmax()", "x.argmax(1)", "x.argmax(0, True)"),
        "argmin": ("x.argmin()", "x.argmin(1)", "x.argmin(0, True)"),
        "count_nonzero": ("(x * mask).count_nonzero()", "torch.count_nonzero(b, (0, 2))"),
        "logsumexp": ("x.logsumexp(1)", "b.logsumexp((0, 2))", "x.logsumexp(0, True)"),
        "max": ("x.max()", "x.max(1)", "x.max(0, True)", "torch.max(x, y)", "s.max(0)"),
        "mean": ("x.mean()", "x.mean(1)", "b.mean((0, 2), True)", "s.mean()"),
        "min": ("x.min()", "x.min(1)", "x.min(0, True)", "torch.min(x, y)", "s.min(0)"),
        "nanmean": ("x.nanmean()", "n.nanmean(1)"),
        "nansum": ("x.nansum()", "b.nansum((0, 2), True)", "n.nansum(1)"),
        "prod": (
            "x.prod()",
            "x.prod(1)",
            "b.prod(0, True)",
            "(x * mask).prod(0)",
            "(v * 0).prod()",
        ),
        "std": ("x.std()", "x.std(1)", "b.std((0, 2), keepdim=True)", "x.std(correction=0)"),
        "std_mean": ("torch.std_mean(x)", "torch.std_mean(b, (0, 2), keepdim=True)"),
        "sum": ("x.sum()", "x.sum(1)", "b.sum((0, -1), True)", "x.sum(())", "s.sum()"),
        "var": ("x.var()", "x.var(1)", "b.var((0, 2), keepdim=True)", "x.var(0, False)"),
        "var_mean": ("torch.var_mean(x, 1)", "torch.var_mean(b, (0, 2), correction=0)"),
        # scans
        "cummax": ("x.cummax(0)", "x.cummax(1)", "s.cummax(0)"),
        "cummin": ("x.cummin(0)", "b.cummin(1)"),
        "cumprod": ("x.cumprod(0)", "b.cumprod(-1)", "(x * mask).cumprod(1)", "s.cumprod(0)"),
        "cumsum": ("x.cumsum(0)", "b.cumsum(-1)", "b.cumsum(1)", "s.cumsum(0)"),
        "logcumsumexp": ("x.logcumsumexp(0)", "b.logcumsumexp(-1)", "s.logcumsumexp(0)"),
        # by order
        "argsort": ("r.argsort()", "r.argsort(1, True)", "s.argsort()"),
        "kthvalue": ("r.kthvalue(2)", "r.kthvalue(3, 1, True)", "s.kthvalue(1)"),
        "median": ("x.median()", "r.median(1)", "r.median(1, True)"),
        "mode": ("x.mode()", "x.mode(0, True)", "s.mode()"),
        "msort": ("x.msort()",),
        "nanmedian": ("n.nanmedian()", "r.nanmedian(1)", "r.nanmedian(1, True)"),
        "sort": ("x.sort()", "x.sort(0, True)", "x.sort(stable=True, dim=1)", "s.sort()"),
        "topk": ("r.topk(2)", "r.topk(2, 1, False)", "r.topk(1)", "s.topk(1)"),
        "quantile": (
            "x.quantile(0.3)",
            "x.quantile(0.3, 1, True, interpolation='midpoint')",
            "b.quantile(shares, 1)",
            "x.quantile(shares, keepdim=True, interpolation='nearest')",
        ),
        "nanquantile": ("n.nanquantile(0.3)", "n.nanquantile(shares, 1)"),
        # counting
        "bincount": (
            "target.bincount()",
            "target.bincount(minlength=6)",
            "i.bincount(v[:2].detach())",
        ),
        "histc": ("x.histc(4)", "x.histc(3, -1, 2)"),
        "histogram": (
            "torch.histogram(x.detach(), 4)",
            "torch.histogram(x.detach(), 3, range=(-1.0, 2.0), density=True)",
        ),
        "unique": ("j.unique()", "torch.unique(k, True, True, True)", "j.unique(dim=0)"),
        "unique_consecutive": (
            "k.unique_consecutive()",
            "torch.unique_consecutive(k, True, True, 1)",
        ),
        "trace": ("x.trace()", "x.T.trace()"),
    },
    operands={"n": WITH_NAN, "r": WITHOUT_TIES},
    constants={"shares": np.array([0.2, 0.65])},
    own_graph=frozenset({"quantile", "nanquantile"}),
    cpu_only=frozenset(ON_CPU.split()),
    by_values=frozenset({"unique", "unique_consecutive"}),
)
