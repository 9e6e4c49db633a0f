"""Random programs of views, in-place writes and reads, to run under torch and under minigrad."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

Random = np.random.Generator


class Program:
    """A run of the random program `seed` under one library, and a log of all that happened.

    What a step does depends on the seed and on shapes, so both libraries do the same.
    """

    def __init__(self, library: Any, seed: int, steps: int = 12):
        self.library, self.random = library, np.random.default_rng(seed)
        self.log: list[Any] = []
        self.tensors = [self.leaf(2, 3), self.leaf(3), self.constant(2, 3), self.constant(3, 2)]
        self.leaves = self.tensors[:2]
        self.tensors += [self.leaves[0] * 1, self.leaves[1].sin()]
        for _ in range(steps):
            self.step()

    def constant(self, *shape: int) -> Any:
        return self.library.tensor(self.random.uniform(0.2, 0.9, shape))

    def leaf(self, *shape: int) -> Any:
        return self.constant(*shape).requires_grad_()

    # ------------------------------------------------------------------------------- the steps

    def step(self) -> None:
        kind = self.choose([view, view, write, write, write, read, mark])
        no_grad = self.random.random() < 0.15
        x = self.pick()
        mode = self.library.no_grad() if no_grad else nullcontext()
        with mode:
            result, error = attempt(kind, self, x)
        name = f"{kind.__name__} {self.what}"
        self.log.append((name, no_grad, type(error).__name__ if error else None, str(error or "")))
        for y in self.tensors:  # torch notices writes to a view's base when grad_fn is looked at
            attempt(lambda y=y: y.grad_fn)
        for made in result if isinstance(result, tuple | list) else [result]:
            if made is not None and made is not x and made.numel():
                self.tensors.append(made)

    def choose(self, items: list[Any]) -> Any:
        return items[self.random.integers(len(items))]

    def pick(self) -> Any:
        return self.choose(self.tensors)

    def shaped_like(self, x: Any) -> Any:
        """Another tensor that can be broadcast to x, or a new one.  (What torch makes of operands
        that overlap with gaps depends on the order of its loops.)"""
        fitting = [y for y in self.tensors if is_stretched(y.shape, x.shape) and not overlap(x, y)]
        return self.choose(fitting) if fitting else self.constant(*x.shape)

    # -------------------------------------------------------------------------- what came of it

    def describe(self) -> list[Any]:
        """Everything that can be asked of the tensors."""
        lines = []
        for x in self.tensors:
            name, error = attempt(lambda x=x: x.grad_fn and short(x.grad_fn))
            base = next((i for i, y in enumerate(self.tensors) if y is x._base), x._base is None)
            flags = x.requires_grad, x._version, x._is_view(), base
            lines.append((*flags, name, str(error or "")[:60]))
        return lines

    def values(self) -> list[Any]:
        return [x.detach().numpy().copy() for x in self.tensors]

    def gradients(self, second: bool) -> list[Any]:
        """Of the leaves, or of a function of their gradients, with respect to the leaves."""
        lib = self.library
        total = lib.zeros((), dtype=lib.float64)
        for i, x in enumerate(self.tensors):
            part, error = attempt(lambda x=x, i=i: (x * x).sum() * (i + 1))
            if error is None:
                total = total + part
        options = {"allow_unused": True, "create_graph": second}
        if not second:
            total.backward()
            return [None if x.grad is None else x.grad.numpy() for x in self.tensors if leafy(x)]
        grads = lib.autograd.grad(total, self.leaves, **options)
        total = sum((g * g).sum() for g in grads if g is not None)
        grads = lib.autograd.grad(total, self.leaves, allow_unused=True)
        return [None if g is None else g.numpy() for g in grads]


def leafy(x: Any) -> bool:
    shown, _ = attempt(lambda: x.is_leaf or x.retains_grad)
    return bool(shown)


def short(node: Any) -> str:
    return str(node.name()).rpartition("::")[2]


def attempt(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Exception | None]:
    try:
        return function(*arguments), None
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        return None, error


def is_stretched(shape: Any, wanted: Any) -> bool:
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return len(shape) <= len(wanted) and all(a in (1, b) for a, b in pairs)


def overlap(x: Any, y: Any) -> bool:
    return np.shares_memory(x.detach().numpy(), y.detach().numpy())


def is_untracked(x: Any) -> bool:
    """Made under no_grad of what requires a gradient: of x * such a view, torch saves less."""
    return bool(x._is_view() and x.requires_grad and attempt(lambda: x.is_leaf)[0])


def view(program: Program, x: Any) -> Any:
    """A view, of one of many kinds."""
    where = int(program.random.integers(8))
    kinds: list[Any] = [
        ("detach", lambda: x.detach()),
        ("data", lambda: x.data),
        ("view(-1)", lambda: x.view(-1)),
        ("reshape(-1)", lambda: x.reshape(-1)),
        ("unsqueeze", lambda: x.unsqueeze(0)),
        ("squeeze", lambda: x.squeeze()),
        ("[...]", lambda: x[...]),
        ("expand", lambda: x.expand(2, *x.shape)),
        ("view_as", lambda: x.view_as(x)),
        ("flatten", lambda: x.flatten()),
    ]
    if x.ndim:
        n = x.shape[0]
        kinds += [
            ("select", lambda: x[where % n]),
            ("select", lambda: x[where % n]),
            ("slice", lambda: x[where % n :]),
            ("last", lambda: x[..., 0]),
            ("slice", lambda: x[: 1 + where % n]),
            ("step", lambda: x[::2]),
            ("unbind", lambda: x.unbind()[:2]),
            ("split", lambda: x.split(1)[:2]),
            ("narrow", lambda: x.narrow(0, where % n, 1)),
        ]
    if x.ndim > 1:
        kinds += [
            ("t", lambda: x.transpose(0, 1)),
            ("T", lambda: x.T),
            ("column", lambda: x[:, 0]),
            ("permute", lambda: x.permute(1, 0, *range(2, x.ndim))),
            ("chunk", lambda: x.chunk(2, 1)[:2]),
        ]
    program.what, make = program.choose(kinds)
    return make()


def write(program: Program, x: Any) -> Any:
    """An in-place write, of one of many kinds."""
    y = program.shaped_like(x)
    where = int(program.random.integers(8))
    kinds: list[Any] = [
        ("mul_ number", lambda: x.mul_(0.7)),
        ("add_ number", lambda: x.add_(0.1)),
        ("mul_", lambda: x.mul_(y)),
        ("add_", lambda: x.add_(y, alpha=0.5)),
        ("iadd", lambda: x.__iadd__(y)),
        ("isub", lambda: x.__isub__(y)),
        ("div_", lambda: x.div_(y.detach().abs() + 1)),
        ("copy_", lambda: x.copy_(y)),
        ("fill_", lambda: x.fill_(0.3)),
        ("fill_ tensor", lambda: x.fill_(y.reshape(-1)[0])),
        ("zero_", lambda: x.zero_()),
        ("sin_", lambda: x.sin_()),
        ("tanh_", lambda: x.tanh_()),
        ("exp_", lambda: x.exp_()),
        ("neg_", lambda: x.neg_()),
        ("clamp_", lambda: x.clamp_(-0.5, 0.6)),
        ("pow_", lambda: x.pow_(2)),
        ("masked_fill_", lambda: x.masked_fill_(x.detach() > 0.5, 0.25)),
        ("set all", lambda: x.__setitem__(Ellipsis, y)),
        ("set mask", lambda: x.__setitem__(x.detach() > 0.5, 0.25)),
        ("lt_", lambda: x.lt_(y)),
    ]
    if x.ndim:
        n = x.shape[0]
        key = program.library.tensor([where % n])
        kinds += [
            ("set row", lambda: x.__setitem__(where % n, y[0] if y.ndim == x.ndim else y)),
            ("set number", lambda: x.__setitem__(where % n, 0.4)),
            ("set slice", lambda: x.__setitem__(slice(where % n, None), 0.6)),
            ("set picked", lambda: x.__setitem__(key, y[:1] if y.ndim == x.ndim else y)),
            ("index_put_", lambda: x.index_put_((key,), y[:1] if y.ndim == x.ndim else y)),
            ("index_put_ accumulate", lambda: x.index_put_((key,), y.reshape(-1)[0], True)),
            ("add_ to a row", lambda: x[where % n].add_(0.2)),
        ]
    program.what, run = program.choose(kinds)
    run()


def read(program: Program, x: Any) -> Any:
    """A new tensor."""
    y = program.shaped_like(x)
    kinds: list[Any] = [
        ("mul", lambda: x + y if is_untracked(x) or is_untracked(y) else x * y),
        ("add", lambda: x + y),
        ("sin", lambda: x.sin()),
        ("exp", lambda: (x - 1).exp()),
        ("square", lambda: x * x),
    ]
    program.what, run = program.choose(kinds)
    return run()


def mark(program: Program, x: Any) -> Any:
    """A change of what is asked of a tensor."""
    kinds: list[Any] = [
        ("retain_grad", lambda: x.grad_fn is None or x.retain_grad()),
        ("requires_grad_", lambda: x if x._is_view() else x.requires_grad_()),
    ]
    program.what, run = program.choose(kinds)
    run()
