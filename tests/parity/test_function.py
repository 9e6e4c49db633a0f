"""Functions that users write: the same programs tell the same story under both libraries.

A program notes what it sees in its log: numbers, names, identities, and what was refused.
"""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, dtype_name, outcome


class Log(list[Any]):
    """What a program saw, in terms that do not depend on the library."""

    def __init__(self, library: Any):
        self.library = library

    def note(self, *things: Any) -> None:
        self.append([self.plain(thing) for thing in things])

    def plain(self, x: Any) -> Any:
        if isinstance(x, self.library.Tensor):
            name = x.grad_fn.name().rpartition("::")[2] if x.grad_fn is not None else None
            return x.detach().tolist(), dtype_name(x), x.requires_grad, name
        if isinstance(x, tuple | list):
            return [type(x).__name__, *(self.plain(item) for item in x)]
        if isinstance(x, dict):
            return {key: self.plain(item) for key, item in x.items()}
        return x

    def refused(self, words: str, function: Callable[[], Any]) -> None:
        """Note the type of the exception; its message has the key words."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, error = outcome(function)
        if error is not None:
            assert words in str(error), f"{self.library.__name__}: {error}"
        self.note("refused", type(error).__name__, words)


def first(ctx: Any, *grads: Any) -> Any:
    return grads[0]


def custom(
    lib: Any, forward: Any, backward: Any = first, name: str = "Custom", **members: Any
) -> Any:
    """A Function of functions."""
    methods = {"forward": forward, "backward": backward, **members}
    wrapped = {key: staticmethod(f) if callable(f) else f for key, f in methods.items()}
    return type(name, (lib.autograd.Function,), wrapped)


def leaf(lib: Any, *values: float) -> Any:
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


def squared(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * x


def twice_saved(ctx: Any, g: Any) -> Any:
    return g * 2 * ctx.saved_tensors[0]


def doubled_in_place(ctx: Any, x: Any) -> Any:
    x.mul_(2)
    ctx.mark_dirty(x)
    return x


def twice(ctx: Any, g: Any) -> Any:
    return g * 2


# ----------------------------------------------------------------------------- what comes out


def outputs_of_every_kind(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2, None, "text", 3, [x * 1], {"a": x * 1}

    def backward(ctx: Any, *grads: Any) -> Any:
        log.note(grads)
        return grads[0] * 2

    x = leaf(lib, 1.0)
    out = custom(lib, forward, backward).apply(x)
    log.note(out)
    out[0].backward()
    log.note(x.grad)


def one_in_a_tuple(lib: Any, log: Log) -> None:
    log.note(custom(lib, lambda ctx, x: (x * 1,)).apply(leaf(lib, 1.0)))
    log.note(custom(lib, lambda ctx, x: [x * 1, x * 2]).apply(leaf(lib, 1.0)))
    log.note(custom(lib, lambda ctx, x: None).apply(leaf(lib, 1.0)))
    log.note(custom(lib, lambda ctx, x: ()).apply(leaf(lib, 1.0)))


def the_same_result_twice(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    def backward(ctx: Any, *grads: Any) -> Any:
        log.note(grads)
        return grads[1] * 2

    x = leaf(lib, 1.0)
    a, b = custom(lib, forward, backward).apply(x)
    log.note(a is b, a.output_nr, b.output_nr)
    (a + b).backward()
    log.note(x.grad)


def an_argument_twice(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)
    a, b = custom(lib, lambda ctx, x: (x, x), lambda ctx, g, h: g + h * 10).apply(x)
    log.note(a is b, a is x, a, b, a.output_nr, b.output_nr)
    (a * 2 + b).backward()
    log.note(x.grad)


def an_argument_as_it_is(lib: Any, log: Log) -> None:
    identity = custom(lib, lambda ctx, x: x, lambda ctx, g: -g)
    x = leaf(lib, 1.0, 2.0)
    y = identity.apply(x)
    log.note(y is x, y, y._base is not None, y._base is x, x.is_leaf)
    y.sum().backward()
    log.note(x.grad)
    log.refused("created inside a custom Function", lambda: y.mul_(2))
    middle = x * 1
    z = identity.apply(middle)
    log.refused("created inside a custom Function", lambda: z.mul_(2))
    middle.mul_(2)
    log.refused("its base or another view of its base has been modified inplace", lambda: z.grad_fn)
    with lib.no_grad():
        z = identity.apply(x)
        log.note(z is x, z, z._base is not None)
    constant = x.detach()
    z = identity.apply(constant)
    log.note(z is constant, z, z._base is not None)
    z.mul_(2)
    log.note(constant)


def a_view_of_an_argument(lib: Any, log: Log) -> None:
    flat = custom(lib, lambda ctx, x: x.view(-1), lambda ctx, g: g.view(1, 2) * 3)
    x = lib.ones(1, 2, requires_grad=True)
    middle = x * 1
    y = flat.apply(middle)
    log.note(y, y._base is not None, y._base is middle)
    y.sum().backward()
    log.note(x.grad)
    log.refused("created inside a custom Function", lambda: y.mul_(2))
    middle.mul_(2)
    log.refused("its base or another view of its base", lambda: y.sum().backward())


def a_view_among_several(lib: Any, log: Log) -> None:
    both = custom(lib, lambda ctx, x: (x.view(-1), x * 2), lambda ctx, g, h: g.view(1, 2) + h)
    x = lib.ones(1, 2, requires_grad=True)
    view, copy = both.apply(x * 1)
    log.refused("output of a function that returns multiple views", lambda: view.mul_(2))
    copy.mul_(3)
    (view.sum() + copy.sum()).backward()
    log.note(x.grad)


def results_that_existed_before(lib: Any, log: Log) -> None:
    x, constant = leaf(lib, 1.0), lib.ones(1)
    y = custom(lib, lambda ctx, x: constant).apply(x)
    log.note(y is constant, constant)
    other = leaf(lib, 5.0)
    y = custom(lib, lambda ctx, x: other).apply(x)
    log.note(y is other, other)


def integer_results(lib: Any, log: Log) -> None:
    for materialize in (True, False):

        def forward(ctx: Any, x: Any, materialize: bool = materialize) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 2, (x * 2).long(), None

        def backward(ctx: Any, *grads: Any) -> Any:
            log.note(grads)
            return grads[0]

        out = custom(lib, forward, backward).apply(leaf(lib, 1.0))
        log.note(out)
        out[0].backward()


def results_without_gradient(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        whole = x.floor()
        ctx.mark_non_differentiable(whole)
        return x - whole, whole

    def backward(ctx: Any, *grads: Any) -> Any:
        log.note(grads)
        return grads[0]

    x = leaf(lib, 1.5)
    out = custom(lib, forward, backward).apply(x)
    log.note(out)
    out[0].backward()
    log.note(x.grad)

    def marked(ctx: Any, x: Any) -> Any:
        ctx.mark_non_differentiable(x)
        return x

    y = custom(lib, marked).apply(x)
    log.note(y is x, y, y._base is not None)


# ----------------------------------------------------------------------------- what is written to


def dirty_arguments(lib: Any, log: Log) -> None:
    double = custom(lib, doubled_in_place, twice)
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    z = double.apply(y)
    log.note(z is y, y, y._version, y.output_nr)
    (y * y).sum().backward()
    log.note(x.grad)
    log.refused("a leaf Variable that requires grad", lambda: double.apply(x))
    log.refused("a view of a leaf Variable that requires grad", lambda: double.apply(x[0:1]))
    with lib.no_grad():
        z = double.apply(x)
        log.note(z is x, z)
        constant = x.detach().clone()
        log.note(double.apply(constant) is constant, constant, constant._version)


def dirty_and_retained(lib: Any, log: Log) -> None:
    double = custom(lib, doubled_in_place, twice)
    x = leaf(lib, 1.0)
    y = x * 1
    y.retain_grad()
    y.register_hook(lambda g: log.note("before", g))
    double.apply(y)
    y.register_hook(lambda g: log.note("after", g))
    (y * 3).backward()
    log.note(y.retains_grad, y.grad, x.grad)


def dirty_views(lib: Any, log: Log) -> None:
    def forward(ctx: Any, target: Any, x: Any) -> Any:
        target.copy_(x * 3)
        ctx.mark_dirty(target)
        return target

    def two(ctx: Any, target: Any, x: Any) -> Any:
        return forward(ctx, target, x), x * 2

    x, start = leaf(lib, 1.0, 2.0), leaf(lib, 5.0, 6.0)
    base = lib.stack([start, start]) * 2
    row, other = base[0], base[0]
    out = custom(lib, forward, lambda ctx, g: (g * 0, g * 3)).apply(row, x)
    log.note(out is row, row, base, other, [n for n, _ in base.grad_fn.next_functions if n is None])
    weights = lib.arange(4, dtype=lib.float64).view(2, 2) + 1
    (base * weights).sum().backward()
    log.note(x.grad, start.grad)
    pair = custom(lib, two, lambda ctx, g, h: (None, g))
    words = "cannot return more than one Tensor"
    log.refused(words, lambda: pair.apply((lib.stack([start, start]) * 2)[0], x))


def marks_that_make_no_sense(lib: Any, log: Log) -> None:
    def forgotten(ctx: Any, x: Any) -> Any:
        return doubled_in_place(ctx, x) * 1

    def stranger(ctx: Any, x: Any) -> Any:
        y = x * 1
        ctx.mark_dirty(y)
        return y

    def both(ctx: Any, x: Any) -> Any:
        ctx.mark_non_differentiable(x)
        return doubled_in_place(ctx, x)

    x = leaf(lib, 1.0)
    words = "marked as dirty during the forward method were not returned"
    log.refused(words, lambda: custom(lib, forgotten).apply(x * 1))
    log.refused(words, lambda: custom(lib, forgotten).apply(x.detach().clone()))
    with pytest.warns(UserWarning, match="received a tensor that was not an input"):
        log.note(custom(lib, stranger).apply(x))
    y = x * 1
    log.note(custom(lib, both).apply(y), y)
    mark = custom(lib, lambda ctx, x: ctx.mark_dirty(3))
    log.refused("mark_dirty can only accept variables", lambda: mark.apply(x))
    mark = custom(lib, lambda ctx, x: ctx.mark_non_differentiable([x]))
    log.refused("mark_non_differentiable only accepts variable", lambda: mark.apply(x))
    mark = custom(lib, lambda ctx, x: ctx.set_materialize_grads(3))
    log.refused("set_materialize_grads", lambda: mark.apply(x))


def dirty_with_others(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any, counts: Any, n: int) -> Any:
        x.mul_(n)
        counts.add_(1)
        ctx.mark_dirty(x, counts)
        return x, counts, n

    x, counts = leaf(lib, 1.0), lib.zeros(1, dtype=lib.int64)
    y = x * 1
    out = custom(lib, forward, lambda ctx, g, *_: (g * 3, None, None)).apply(y, counts, 3)
    log.note(out, out[0] is y, out[1] is counts, counts._version)
    y.backward()
    log.note(x.grad)


def damage_seen_by_marks(lib: Any, log: Log) -> None:
    def behind_the_back(ctx: Any, x: Any) -> Any:
        values = x.detach().numpy()
        values *= 2
        ctx.mark_dirty(x)
        return x

    x = leaf(lib, 1.0)
    y = x * 1
    product = y * y
    custom(lib, behind_the_back, twice).apply(y)
    words = "modified by an inplace operation"
    log.refused(words, lambda: product.backward())


# ------------------------------------------------------------------------------------- saving


def saved_and_freed(lib: Any, log: Log) -> None:
    square = custom(lib, squared, twice_saved)
    x = leaf(lib, 1.0, 2.0)
    y = square.apply(x)
    log.note(y.grad_fn.saved_tensors, y.grad_fn.saved_tensors[0] is x)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    log.note(x.grad)
    log.refused("a second time", lambda: y.sum().backward())
    log.refused("already been freed", lambda: y.grad_fn.saved_tensors)


def nothing_saved(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)
    y = custom(lib, lambda ctx, x: x * 1).apply(x)
    log.note(y.grad_fn.saved_tensors)
    y.backward()
    y.backward()
    log.note(x.grad)
    log.refused("already been freed", lambda: y.grad_fn.saved_tensors)


def saved_and_damaged(lib: Any, log: Log) -> None:
    square = custom(lib, squared, twice_saved)
    middle = leaf(lib, 1.0) * 1
    y = square.apply(middle)
    middle.mul_(2)
    log.refused("modified by an inplace operation", lambda: y.backward())


def saved_twice_and_early(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x, x)
        log.note(ctx.saved_tensors)
        ctx.save_for_backward(x * 2, None)
        return x * 1

    def backward(ctx: Any, g: Any) -> Any:
        log.note(ctx.saved_tensors)
        return g

    custom(lib, forward, backward).apply(leaf(lib, 1.0)).backward()


def saving_what_is_no_tensor(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x, [x])
        return x * 1

    def for_jvp(ctx: Any, x: Any) -> Any:
        ctx.save_for_forward([x])
        return x * 1

    x = leaf(lib, 1.0)
    words = "save_for_backward can only save variables, but argument 1 is of type list"
    log.refused(words, lambda: custom(lib, forward).apply(x))
    log.refused("", lambda: custom(lib, forward).apply(x.detach()))
    words = "save_for_forward expects all arguments to be tensors"
    log.refused(words, lambda: custom(lib, for_jvp).apply(x))


def saving_what_is_returned_as_it_is(lib: Any, log: Log) -> None:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)

    def combined(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x

    def backward(ctx: Any, g: Any) -> Any:
        log.note(ctx.saved_tensors, ctx.saved_tensors[0] is x)
        return g

    x = leaf(lib, 1.0)
    words = "input that has been returned as-is as output is being saved for backward"
    log.refused(words, lambda: custom(lib, lambda x: x, setup_context=setup).apply(x))
    log.refused(words, lambda: custom(lib, lambda x: x, setup_context=setup).apply(x.detach()))
    custom(lib, combined, backward).apply(x).backward()


def saving_a_dirty_argument(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        x.exp_()
        ctx.mark_dirty(x)
        return x

    exp_ = custom(lib, forward, lambda ctx, g: g * ctx.saved_tensors[0])
    x = leaf(lib, 1.0, 2.0)
    y = exp_.apply(x * 1)
    (first,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = lib.autograd.grad(first.sum(), x)
    log.note(second.tolist() == y.tolist())


def saved_once(lib: Any, log: Log) -> None:
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        log.refused("can only be accessed once", lambda: ctx.saved_tensors)
        return g * 2 * x

    x = leaf(lib, 3.0)
    custom(lib, squared, backward, clear_saved_tensors_on_access=True).apply(x).backward()
    log.note(x.grad)


def grads_in_a_box(lib: Any, log: Log) -> None:
    def backward(ctx: Any, grads: Any) -> Any:
        log.note(grads)
        return grads.pop() * 2

    x = leaf(lib, 3.0)
    custom(lib, lambda ctx, x: x * 2, backward, boxed_grads_call=True).apply(x).backward()
    log.note(x.grad)


# ---------------------------------------------------------------------- what backward may return


def gradients_that_do_not_fit(lib: Any, log: Log) -> None:
    one = lib.ones(2, dtype=lib.float64)
    cases: dict[str, Any] = {
        "returned an incorrect number of gradients (expected 2, got 1)": (one,),
        "returned an incorrect number of gradients (expected 2, got 3)": (one, one, one),
        "expected Variable or None (got float)": (one, 1.0),
        "expected Variable or None (got numpy.ndarray)": (one, one.numpy()),
        "invalid gradient at index 1 - got [3] but expected shape compatible with [2]": (
            one,
            lib.ones(3, dtype=lib.float64),
        ),
        "got [] but expected shape compatible with [2]": (one.sum(), one),
        "got [0] but expected shape compatible with [2]": (lib.ones(0), one),
        "got [1] but expected shape compatible with [2]": (lib.ones(1), one),
    }
    for words, results in cases.items():
        y = custom(lib, lambda ctx, a, b: a + b, lambda ctx, g, r=results: r).apply(
            leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
        )
        log.refused(words, lambda y=y: y.sum().backward())
    y = custom(lib, lambda ctx, a, b: a + b, lambda ctx, g: [g, g]).apply(
        leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    )
    log.refused("(expected 2, got 1)", lambda: y.sum().backward())


def gradients_that_are_made_to_fit(lib: Any, log: Log) -> None:
    one = lib.ones(2, dtype=lib.float64)
    for results in (
        (one, one, None, None),
        (one.float(), one.half()),
        (one.long(), one.bool()),
        (lib.ones(4, 2, dtype=lib.float64), lib.ones(1, 2, dtype=lib.float64)),
        (None, None),
        (lib.ones(2, 2, dtype=lib.float64).T[0], lib.ones(4, dtype=lib.float64)[::2]),
    ):
        a, b = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
        custom(lib, lambda ctx, a, b: a + b, lambda ctx, g, r=results: r).apply(
            a, b
        ).sum().backward()
        log.note(a.grad, b.grad)


def gradients_for_what_has_none(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any, n: int, constant: Any) -> Any:
        return x * n * constant

    x, constant = leaf(lib, 1.0, 2.0), lib.ones(2, dtype=lib.float64)
    for results, words in (
        ((constant, constant, None), "different than None at position 2"),
        ((constant, None, lib.ones(7)), ""),
        ((constant, "s", None), "different than None at position 2"),
        ((constant, None, "s"), "expected Variable or None (got str)"),
    ):
        y = custom(lib, forward, lambda ctx, g, r=results: r).apply(x, 2, constant)
        log.refused(words, lambda y=y: y.sum().backward())
    node = custom(lib, forward).apply(x, 2, constant).grad_fn
    log.note(len(node.next_functions), node.next_functions[1], node.needs_input_grad)
    log.refused("", lambda: setattr(node, "saved_tensors", ()))
    log.refused("", lambda: lib.autograd.grad(
        custom(lib, lambda ctx, x: x * 1, lambda ctx, g: None).apply(x).sum(), x))  # fmt: skip


def integer_arguments(lib: Any, log: Log) -> None:
    x, index = leaf(lib, 1.0, 2.0), lib.tensor([1, 0])
    pick = custom(lib, lambda ctx, x, i: x[i], lambda ctx, g: (g, lib.ones(3)))
    pick.apply(x, index).sum().backward()
    log.note(x.grad)


def which_inputs_need_a_gradient(lib: Any, log: Log) -> None:
    def forward(ctx: Any, *args: Any) -> Any:
        log.note(ctx.needs_input_grad)
        return args[0] * args[1]

    def backward(ctx: Any, g: Any) -> Any:
        log.note(ctx.needs_input_grad)
        return g, g, None, None

    product = custom(lib, forward, backward)
    a, b, constant = leaf(lib, 1.0), leaf(lib, 2.0), lib.ones(1, dtype=lib.float64)
    product.apply(a, b, 3, None).backward()
    product.apply(a, constant, a, "s").backward()
    lib.autograd.grad(product.apply(a, b, 1, [a]).sum(), a)
    product.apply(a, b, 1, {"a": a}).sum().backward(inputs=[b])
    with lib.no_grad():
        product.apply(a, constant, 1, 2)


# ------------------------------------------------------------------------------------ arguments


def arguments_by_name(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any, n: int = 2, k: int = 3) -> Any:
        log.note(n, k, ctx.needs_input_grad)
        return x * n * k

    def apart(x: Any, n: int = 2, k: int = 3) -> Any:
        return x * n * k

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        log.note(inputs, output, ctx.needs_input_grad)

    x = leaf(lib, 1.0)
    combined = custom(lib, forward, lambda ctx, g: (g, None, None))
    combined.apply(x).backward()
    combined.apply(x, n=5).backward()
    combined.apply(x=x, k=5, n=1).backward()
    log.refused("forward() missing required argument: 'n' (position 1)", lambda: combined.apply(
        x, k=5))  # fmt: skip
    log.refused("got an unexpected keyword argument 'z'", lambda: combined.apply(x, z=1))
    log.refused("got multiple values for argument 'x'", lambda: combined.apply(x, x=x))
    log.refused("missing 1 required positional argument: 'x'", lambda: combined.apply())
    separate = custom(lib, apart, lambda ctx, g: (g, None, None), setup_context=setup)
    separate.apply(x, k=7).backward()
    log.refused("got an unexpected keyword argument 'z'", lambda: separate.apply(x, z=1))
    log.refused("missing a required argument: 'x'", lambda: separate.apply())
    fewer = custom(lib, forward, lambda ctx, g: g)
    fewer.apply(x).backward()
    log.refused("(expected 2, got 1)", lambda: fewer.apply(x, n=2).backward())
    log.note(x.grad)


def nested_arguments(lib: Any, log: Log) -> None:
    def forward(ctx: Any, pair: Any, x: Any) -> Any:
        log.note(pair, ctx.needs_input_grad)
        return x * pair[0]

    x, y = leaf(lib, 2.0), leaf(lib, 3.0)
    out = custom(lib, forward, lambda ctx, g: (None, g)).apply([x, {"y": y}], y)
    out.backward()
    log.note(x.grad, y.grad)


# ------------------------------------------------------------------------- how a class is written


def other_names(lib: Any, log: Log) -> None:
    Function = lib.autograd.Function

    class Triple(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 3

        @staticmethod
        def vjp(ctx: Any, g: Any) -> Any:
            return g * 3

    class Both(Triple):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Sub(Triple):
        pass

    class NotStatic(Function):
        def forward(ctx, x: Any) -> Any:
            return x * 5

        def backward(ctx, g: Any) -> Any:
            return g * 5

    x = leaf(lib, 1.0)
    for function in (Triple, Sub, NotStatic):
        y = function.apply(x)
        log.note(y, type(y.grad_fn).__name__, y.grad_fn.name())
        y.backward()
    log.note(x.grad)
    words = "Implementing both 'backward' and 'vjp' for a custom Function is not allowed"
    log.refused(words, lambda: Both.apply(x).backward())
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        Triple()
    log.refused("non-static forward method is deprecated", lambda: NotStatic()(x))
    log.note(hasattr(y.grad_fn, "forward"), isinstance(y.grad_fn, Function))


def missing_methods(lib: Any, log: Log) -> None:
    class Nothing(lib.autograd.Function):
        pass

    class ForwardAlone(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

    x = leaf(lib, 1.0)
    log.refused("You must implement the forward function", lambda: Nothing.apply(x))
    words = "You must implement either the backward or vjp method"
    log.refused(words, lambda: ForwardAlone.apply(x).backward())


def attributes_of_ctx(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.shape, ctx.dtype, ctx.name, ctx.n = x.shape, "mine", "sum", 7
        return x.sum()

    def backward(ctx: Any, g: Any) -> Any:
        log.note(list(ctx.shape), ctx.dtype, ctx.name, ctx.n)
        ctx.seen = True
        return g.expand(ctx.shape)

    x = leaf(lib, 1.0, 2.0, 3.0)
    y = custom(lib, forward, backward).apply(x)
    node = y.grad_fn
    log.note(node is y.grad_fn, node.n)
    (y * 2).backward()
    log.note(x.grad, node.seen, node.n)
    log.refused("has no attribute 'nope'", lambda: node.nope)
    log.refused("", lambda: setattr(node, "metadata", {}))


def exceptions_leave_everything_usable(lib: Any, log: Log) -> None:
    def fails(ctx: Any, *args: Any) -> Any:
        raise ValueError("mine")

    x = leaf(lib, 1.0)
    log.refused("mine", lambda: custom(lib, fails).apply(x))
    log.note(lib.is_grad_enabled())
    y = custom(lib, squared, fails).apply(x)
    log.refused("mine", lambda: y.backward())
    log.note(lib.is_grad_enabled(), x.grad, y.grad_fn.saved_tensors)
    (x * 2).backward()
    log.note(x.grad)


def forward_may_differentiate(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        with lib.enable_grad():
            ctx.inside = x.detach().requires_grad_()
            ctx.cube = ctx.inside**3
        return ctx.cube.detach()

    def backward(ctx: Any, g: Any) -> Any:
        return lib.autograd.grad(ctx.cube, ctx.inside, g)

    def reentrant(ctx: Any, g: Any) -> Any:
        with lib.enable_grad():
            inside = ctx.saved_tensors[0].detach().requires_grad_()
            (inside**2).sum().backward()
        return g * inside.grad

    def recorded(ctx: Any, x: Any) -> Any:
        with lib.enable_grad():
            return x * 2

    x = leaf(lib, 1.0, 2.0)
    for function in (
        custom(lib, forward, backward),
        custom(lib, squared, reentrant),
        custom(lib, recorded, lambda ctx, g: g * 5),
    ):
        y = function.apply(x)
        y.sum().backward()
        log.note(y, x.grad)


def dtypes_of_gradients(lib: Any, log: Log) -> None:
    def backward(ctx: Any, g: Any) -> Any:
        log.note(g)
        return g

    x = leaf(lib, 1.0)
    custom(lib, lambda ctx, x: x.float(), backward).apply(x).backward()
    log.note(x.grad)
    log.note(custom(lib, lambda ctx, n: lib.ones(n)).apply(2))
    log.note(custom(lib, lambda ctx: lib.ones(1)).apply())
    log.note(custom(lib, lambda ctx, n: x * n).apply(2))


# -------------------------------------------------------------------------------- higher orders


def second_derivatives(lib: Any, log: Log) -> None:
    def result_saved(ctx: Any, x: Any) -> Any:
        result = x.exp()
        ctx.save_for_backward(result)
        return result

    def between_saved(ctx: Any, x: Any) -> Any:
        square = x * x
        ctx.save_for_backward(x, square)
        return square * x

    x = leaf(lib, 0.5, 2.0)
    for forward, backward in (
        (squared, twice_saved),
        (result_saved, lambda ctx, g: g * ctx.saved_tensors[0]),
        (between_saved, lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2),
        (between_saved, lambda ctx, g: g * 3 * ctx.saved_tensors[1]),
    ):
        y = custom(lib, forward, backward).apply(x)
        (first,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        log.note(first.requires_grad)
        log.refused("", lambda first=first: log.note(lib.autograd.grad(first.sum(), x)[0].shape[0]))


def once_differentiable(lib: Any, log: Log) -> None:
    once = lib.autograd.function.once_differentiable

    @once
    def backward(ctx: Any, g: Any) -> Any:
        log.note(lib.is_grad_enabled())
        return g * 2 * ctx.saved_tensors[0]

    x, weight = leaf(lib, 1.0, 2.0), leaf(lib, 1.0, 1.0)
    square = custom(lib, squared, backward)
    square.apply(x).sum().backward()
    log.note(x.grad, backward.__name__)
    (first,) = lib.autograd.grad(square.apply(x).sum(), x, create_graph=True)
    log.note(first)
    (first,) = lib.autograd.grad(square.apply(x), x, weight, create_graph=True)
    log.note(first)
    words = "trying to differentiate twice a function that was marked with @once_differentiable"
    log.refused(words, lambda: first.sum().backward())
    several = custom(lib, lambda ctx, a, b, c: a + b + c, once(lambda ctx, g: (g, None, g * 2)))
    inputs = leaf(lib, 1.0), leaf(lib, 2.0), leaf(lib, 3.0)
    made = lib.autograd.grad(
        several.apply(*inputs), inputs, leaf(lib, 1.0), create_graph=True, allow_unused=True
    )
    log.note(made)
    log.refused(words, lambda: made[2].backward())


# ----------------------------------------------------------------------------- beside other things


def hooks_around(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.register_hook(lambda inputs, outputs: log.note("of forward", inputs, outputs))
        return x * 2, x * 3

    x = leaf(lib, 1.0)
    a, b = custom(lib, forward, lambda ctx, g, h: g * 2 + h * 3).apply(x)
    log.note(a.grad_fn.requires_grad)
    a.register_hook(lambda g: log.note("a", g))
    b.register_hook(lambda g: log.note(g) if g is None else g * 10)
    b.retain_grad()
    a.grad_fn.register_prehook(lambda grads: log.note("prehook", grads))
    a.grad_fn.register_hook(lambda inputs, outputs: log.note("hook", inputs, outputs))
    (a + b).backward(retain_graph=True)
    log.note(x.grad, b.grad)
    a.backward()
    log.note(x.grad)


def saved_tensors_hooks(lib: Any, log: Log) -> None:
    def pack(x: Any) -> Any:
        log.note("pack", x.tolist())
        return x * 2

    def unpack(x: Any) -> Any:
        log.note("unpack", x.tolist())
        return x

    x = leaf(lib, 3.0)
    with lib.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = custom(lib, squared, twice_saved).apply(x)
    y.backward()
    log.note(x.grad)


def inference_mode(lib: Any, log: Log) -> None:
    square = custom(lib, squared, twice_saved)
    x = leaf(lib, 3.0)
    with lib.inference_mode():
        y = square.apply(x)
        log.note(y.is_inference(), y)
        constant = lib.ones(1, dtype=lib.float64)

    def forward(ctx: Any, x: Any, c: Any) -> Any:
        ctx.save_for_backward(c)
        return x * c

    log.refused("", lambda: square.apply(constant))
    words = "Inference tensors cannot be saved for backward"
    log.refused(words, lambda: custom(lib, forward).apply(x, constant))


def functions_inside_functions(lib: Any, log: Log) -> None:
    square = custom(lib, squared, twice_saved, name="Square")

    def backward(ctx: Any, g: Any) -> Any:
        return square.apply(ctx.saved_tensors[0]) * g * 4

    fourth = custom(lib, lambda ctx, x: square.apply(square.apply(x)), backward, name="Fourth")

    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return square.apply(x) * x

    cube = custom(lib, forward, lambda ctx, g: square.apply(ctx.saved_tensors[0]) * g * 3)
    x = leaf(lib, 3.0)
    log.note(fourth.apply(x))
    y = cube.apply(x)
    (first,) = lib.autograd.grad(y, x, create_graph=True)
    log.note(y, first)
    log.note(lib.autograd.grad(first, x))


def directly(lib: Any, log: Log) -> None:
    y = custom(lib, squared, twice_saved).apply(leaf(lib, 3.0))
    log.note(y.grad_fn.apply(lib.ones(1, dtype=lib.float64)))


# --------------------------------------------------------------------------------- forward mode


def pushed(lib: Any, function: Any, x: Any, *others: Any) -> list[Any]:
    """The results and their tangents, with ones as the tangent of x."""
    forward_ad = lib.autograd.forward_ad
    with forward_ad.dual_level():
        out = function.apply(forward_ad.make_dual(x, lib.ones_like(x)), *others)
        results = out if isinstance(out, tuple) else (out,)
        found = []
        for y in results:
            primal, tangent = forward_ad.unpack_dual(y) if hasattr(y, "dtype") else (y, None)
            found.append([t.tolist() if hasattr(t, "dtype") else t for t in (primal, tangent)])
        return found


def tangents(lib: Any, log: Log) -> None:
    def forward(ctx: Any, x: Any, n: int, y: Any, index: Any) -> Any:
        ctx.save_for_forward(x * 7, None)
        ctx.save_for_backward(x)
        ctx.n = n
        return x * n * y, n, index

    def with_none(ctx: Any, *args: Any) -> Any:
        ctx.set_materialize_grads(False)
        return forward(ctx, *args)

    def jvp(ctx: Any, *given: Any) -> Any:
        log.note(ctx.needs_input_grad, *(None if t is None else t.tolist() for t in given))
        log.note([None if t is None else t.tolist() for t in ctx.saved_tensors])
        return given[0] * ctx.n, None, None

    x, y = lib.ones(2, dtype=lib.float64), lib.ones(2, dtype=lib.float64) * 3
    for made in (forward, with_none):
        function = custom(lib, made, jvp=jvp)
        log.note(pushed(lib, function, x, 2, y, lib.tensor([1, 2])))


def tangents_of_views_and_writes(lib: Any, log: Log) -> None:
    def into(ctx: Any, t: Any) -> Any:
        t.mul_(2)
        return t * 1

    x = leaf(lib, 1.0, 2.0)
    flat = lambda ctx, x: x.view(-1)  # noqa: E731
    log.note(pushed(lib, custom(lib, flat, jvp=lambda ctx, t: t.view(-1)), x))
    log.note(pushed(lib, custom(lib, lambda ctx, x: x, jvp=lambda ctx, t: t.view_as(t)), x))
    for words, forward, jvp in (
        ("the jvp is not returning a view", flat, lambda ctx, t: t * 1),
        ("the jvp is not returning a view", lambda ctx, x: x, lambda ctx, t: t),
        ("view of the given grad input", flat, lambda ctx, t: lib.ones_like(t).view(-1)),
    ):
        function = custom(lib, forward, jvp=jvp)
        log.refused(words, lambda f=function: pushed(lib, f, x))
    constant = x.detach().clone()
    function = custom(lib, doubled_in_place, jvp=lambda ctx, t: t.mul_(2))
    log.note(pushed(lib, function, constant))
    words = "not modifying the forward mode gradients inplace"
    function = custom(lib, doubled_in_place, jvp=lambda ctx, t: t * 2)
    log.refused(words, lambda: pushed(lib, function, constant))


def tangents_that_do_not_fit(lib: Any, log: Log) -> None:
    def fails(ctx: Any, t: Any) -> Any:
        raise ValueError("mine")

    x = leaf(lib, 1.0, 2.0)
    integer = lambda ctx, x: (x * 1, x.long())  # noqa: E731
    for words, forward, jvp in (
        ("(expected 1 but got 2)", squared, lambda ctx, t: (t, t)),
        ("expected Variable or None (got float) for grad output 0", squared, lambda ctx, t: 3.0),
        ("expected Variable or None (got list)", squared, lambda ctx, t: [t]),
        ("has a different size than that of the original", squared, lambda ctx, t: lib.ones(3)),
        ("returned a gradient at position 1", integer, lambda ctx, t: (t, t)),
        ("mine", squared, fails),
    ):
        function = custom(lib, forward, jvp=jvp)
        log.refused(words, lambda f=function: pushed(lib, f, x))
    words = "You must implement the jvp function for custom autograd.Function"
    log.refused(words, lambda: pushed(lib, custom(lib, squared), x))


PROGRAMS = [
    *(forward_may_differentiate, dtypes_of_gradients),
    *(tangents, tangents_of_views_and_writes, tangents_that_do_not_fit),
    *(outputs_of_every_kind, one_in_a_tuple, the_same_result_twice, an_argument_twice),
    *(an_argument_as_it_is, a_view_of_an_argument, a_view_among_several),
    *(results_that_existed_before, integer_results, results_without_gradient),
    *(dirty_arguments, dirty_and_retained, dirty_views, marks_that_make_no_sense),
    *(dirty_with_others, damage_seen_by_marks),
    *(saved_and_freed, nothing_saved, saved_and_damaged, saved_twice_and_early),
    *(saving_what_is_no_tensor, saving_what_is_returned_as_it_is, saving_a_dirty_argument),
    *(saved_once, grads_in_a_box),
    *(gradients_that_do_not_fit, gradients_that_are_made_to_fit, gradients_for_what_has_none),
    *(integer_arguments, which_inputs_need_a_gradient, arguments_by_name, nested_arguments),
    *(other_names, missing_methods, attributes_of_ctx, exceptions_leave_everything_usable),
    *(second_derivatives, once_differentiable, hooks_around, saved_tensors_hooks),
    *(inference_mode, functions_inside_functions, directly),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program: Any) -> None:
    logs = [Log(library) for library in LIBRARIES]
    for log in logs:
        program(log.library, log)
    theirs, ours = logs
    assert list(ours) == list(theirs)
