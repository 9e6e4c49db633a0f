"""Shapes, views, joining; dtypes."""

from minigrad.testing.table import Table

TABLE = Table(
    {
        "T": ("x.T",),
        "mT": ("b.mT",),
        "broadcast_to": ("v.broadcast_to(3, 4)",),
        "chunk": ("x.chunk(2)", "x.chunk(3, 1)"),
        "clone": ("x.clone()", "b.transpose(0, 2).clone()"),
        "contiguous": ("x.contiguous() * 1", "x.T.contiguous()"),
        "expand": ("v.expand(3, 4)", "x.expand(2, -1, 4)", "s.expand(2, 3)"),
        "expand_as": ("v.expand_as(x)",),
        "flatten": ("x.flatten()", "b.flatten(1)", "b.transpose(0, 1).flatten(0, 1)"),
        "movedim": ("b.movedim(0, 2)", "b.movedim((0, 1), (2, 0))"),
        "narrow": ("x.narrow(1, 1, 2)",),
        "permute": ("b.permute(2, 0, 1)",),
        "ravel": ("x.ravel()", "x.T.ravel()"),
        "reshape": ("x.reshape(2, 6)", "x.T.reshape(-1, 2)", "s.reshape(1, 1)"),
        "select": ("x.select(1, 2)", "x[1]", "x[-1, 2]"),
        "split": ("x.split(2, 1)", "x.split([1, 3], 1)", "torch.split(x, 2)"),
        "squeeze": ("x[:, :1].squeeze()", "x[:, :1].squeeze(1)", "x[:1, :1].squeeze((0, 1))"),
        "swapaxes": ("b.swapaxes(0, 1)",),
        "t": ("x.t()", "v.t()"),
        "transpose": ("b.transpose(0, 2)",),
        "unbind": ("x.unbind()", "x.unbind(1)"),
        "unflatten": ("x.unflatten(1, (2, 2))",),
        "unsqueeze": ("x.unsqueeze(1)", "s.unsqueeze(0)"),
        "view": ("x.view(12)", "x.view(2, -1)"),
        "view_as": ("b.view_as(b + 1)",),
        "cat": ("torch.cat([x, y])", "torch.cat([x, y[:, :2], x], 1)"),
        "stack": ("torch.stack([x, y])", "torch.stack([u, u], 1)"),
        "to": ("x.to(torch.float64)",),
        "type_as": ("x.type_as(y)",),
    }
)
