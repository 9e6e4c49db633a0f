"""Picking and putting elements by index."""

import numpy as np

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
            "b[j, None, 1]",
            "x[[True, False, True], ..., None]",
        ),
        # ---------------------------------------------------------------- one element an index
        "gather": (
            "x.gather(1, k)",
            "torch.gather(x, 0, rows)",
            "b.gather(-1, cube)",
            "v.gather(0, i)",
            "torch.gather(s, 0, zero)",
        ),
        "scatter": (
            "x.scatter(0, apart, y[:2])",
            "x.scatter(1, once, y[:2, :2])",
            "x.scatter(1, k, 0.5)",
            "torch.scatter(x, dim=1, index=k, value=2)",
            "b.scatter(1, deep, c[:, :2] * 2)",
            "x.detach().scatter(0, rows, 0.5, reduce='multiply')",
            "x.detach().scatter(0, rows, y.detach(), reduce='add')",
            "s.scatter(0, zero, s * 2)",
        ),
        "scatter_add": (
            "x.scatter_add(0, rows, y[:2])",
            "x.scatter_add(1, k, x[:2, :2])",
            "torch.scatter_add(b, 2, cube, c[:, 1:3])",
            "v.scatter_add(0, ends, v)",
        ),
        "scatter_reduce": tuple(
            f"x.scatter_reduce(0, rows, y[:2], {reduce!r}, include_self={include})"
            for reduce in ("sum", "mean", "prod", "amax", "amin")
            for include in (True, False)
        ),
        "take": ("x.take(j)", "torch.take(b, i)", "x.take(zero)"),
        "take_along_dim": (
            "torch.take_along_dim(x, k[:1], 1)",
            "x.take_along_dim(rows, dim=0)",
            "v.take_along_dim(i)",
        ),
        # ---------------------------------------------------------------- rows by number
        "index_select": (
            "x.index_select(0, i)",
            "torch.index_select(b, 1, i)",
            "s.index_select(0, zero)",
        ),
        "index_add": (
            "x.index_add(0, i, y[:2])",
            "torch.index_add(x, 1, ends, y, alpha=2)",
            "b.index_add(-1, i, c[:, 1:, :])",
        ),
        "index_copy": ("x.index_copy(0, i, y[:2])", "torch.index_copy(b, 2, i, c[:, 1:, :])"),
        "index_fill": ("x.index_fill(1, i, 0.5)", "torch.index_fill(b, 1, i, s)"),
        "index_put": (
            "x.index_put((i,), y[:2])",
            "torch.index_put(x, (i, i), u[:2], accumulate=True)",
            "x.index_put((j,), y[0], True)",
        ),
        # ---------------------------------------------------------------- masks
        "masked_fill": (
            "x.masked_fill(mask, s)",
            "torch.masked_fill(v, mask, 0.5)",
            "x.masked_fill(mask[0], 2)",
        ),
        "masked_select": ("x.masked_select(mask)", "torch.masked_select(v, mask)"),
        "masked_scatter": (
            "x.masked_scatter(mask, y)",
            "torch.masked_scatter(v, mask, b)",
            "x.masked_scatter(mask[0], y)",
        ),
        "nonzero": (
            "mask.nonzero()",
            "torch.nonzero(x > 0, as_tuple=True)",
            "torch.where(mask)",
        ),
        "argwhere": ("mask.argwhere()",),
        "searchsorted": (
            "torch.searchsorted(bounds, x)",
            "torch.searchsorted(bounds, x, right=True, out_int32=True)",
            "torch.searchsorted(w, v, sorter=order, side='right')",
            "torch.searchsorted(bounds, 0.5)",
        ),
        "bucketize": ("torch.bucketize(x, bounds)", "torch.bucketize(0.5, bounds, right=True)"),
        # ---------------------------------------------------------------- parts put in place
        "slice_scatter": (
            "x.slice_scatter(y[:, 1:3], 1, 0, 4, 2)",
            "torch.slice_scatter(x, y[:1], start=-1)",
        ),
        "diagonal_scatter": (
            "x.diagonal_scatter(u)",
            "torch.diagonal_scatter(b, c[:, :2, 0], 1, dim1=2, dim2=1)",
        ),
        "select_scatter": ("x.select_scatter(v, 0, 1)", "torch.select_scatter(b, x, 0, -1)"),
        # ---------------------------------------------------------------- tables
        "embedding": (
            "F.embedding(i, x)",
            "F.embedding(k, x)",
        ),
        "embedding_bag": (
            "F.embedding_bag(k, x)",
            "F.embedding_bag(k, x, mode='sum', per_sample_weights=x[1:, 1:3])",
            "F.embedding_bag(k, x, mode='max')",
            "F.embedding_bag(numbers, x, starts, mode='sum')",
            "F.embedding_bag(numbers, x, starts, padding_idx=2, include_last_offset=True)",
            "F.embedding_bag(numbers, x, starts, mode='max', padding_idx=-1)",
        ),
        "one_hot": ("F.one_hot(k)", "F.one_hot(i, num_classes=4)"),
    },
    constants={
        "rows": np.array([[0, 1, 1, 2], [0, 2, 1, 2]]),
        "apart": np.array([[0, 1, 1, 2], [2, 0, 2, 1]]),
        "once": np.array([[0, 3], [2, 1]]),
        "cube": np.array([[[0, 1], [1, 2]], [[2, 2], [0, 0]]]),
        "deep": np.array([[[0, 1], [1, 2]], [[2, 2], [0, 0]]]),
        "numbers": np.array([2, 0, 2, 1, 1]),
        "starts": np.array([0, 2, 2, 4]),
        "zero": np.array(0),
        "ends": np.array([3, 0, 3, 1]),
        "bounds": np.array([-1.5, -0.5, 0.0, 0.4, 1.2]),
        "order": np.array([0, 1, 3, 2]),
    },
    by_values=frozenset({"nonzero", "argwhere", "masked_select", "embedding_bag"}),
)
