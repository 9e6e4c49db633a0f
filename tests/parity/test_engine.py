"""What the engine does under torch and minigrad: values, the order of hooks, names, exceptions."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.events import Log, Program, check_program, leaf

# --------------------------------------------------------------------------------------- backward


def options_of_backward(lib: Any, log: Log) -> None:
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 5.0)
    y = x * w
    y.backward(lib.ones_like(y), retain_graph=True)
    log.note("plain", x.grad, w.grad)
    y.backward(gradient=lib.ones_like(y), retain_graph=True, inputs=[x])
    log.note("inputs", x.grad, w.grad)
    lib.autograd.backward([y, y * 2], [lib.ones_like(y), lib.ones_like(y)], retain_graph=True)
    log.note("two roots", x.grad, w.grad)
    lib.autograd.backward((y.sum(), (y * y).sum()), inputs={"w": w}, retain_graph=True)
    log.note("dict", x.grad, w.grad)
    y.sum().backward(create_graph=True)
    log.note("create_graph", x.grad, w.grad)
    x.grad = None
    y.backward(lib.ones_like(y))
    log.tries("again", lambda: y.backward(lib.ones_like(y)))


def wrong_arguments_of_backward(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y, constant = x * 2, lib.ones(2)
    backward = lib.autograd.backward
    log.tries("not scalar", lambda: y.backward())
    log.tries("shape", lambda: y.backward(lib.ones(3)))
    log.tries("number", lambda: y.backward(1.0))
    log.tries("constant", lambda: constant.backward(lib.ones(2)))
    log.tries("second constant", lambda: backward([y.sum(), constant.sum()]))
    log.tries("lengths", lambda: backward([y, y], [lib.ones(2)]))
    log.tries("no inputs", lambda: y.sum().backward(inputs=[]))
    log.tries("constant input", lambda: y.sum().backward(inputs=[constant]))
    log.tries("leaf itself", lambda: x.sum().backward(inputs=[x]))
    log.tries("integers", lambda: lib.tensor([1, 2]).sum().backward())


def backward_to_a_result(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 3
    z = (y * y).sum()
    y.grad_fn.register_hook(lambda *_: log.note("y's node ran"))
    z.backward(inputs=[y], retain_graph=True)
    log.note("y.grad", y.grad, x.grad, y.retains_grad)
    z.backward(inputs=[y, x])
    log.note("both", y.grad, x.grad)


def unused_branches(lib: Any, log: Log) -> None:
    x, unused = leaf(lib, 1.0, 2.0), leaf(lib, 3.0)
    y = (x * x).sum()
    branch = (x * 5).sum() + unused.sum()
    grad = lib.autograd.grad
    log.tries("unused", lambda: grad(y, [x, unused], retain_graph=True))
    allowed = {"retain_graph": True, "allow_unused": True}
    log.tries("allowed", lambda: grad(y, [x, unused], **allowed))
    zeros = {"retain_graph": True, "materialize_grads": True}
    log.tries("zeros", lambda: grad(y, [x, unused], **zeros))
    log.tries("both", lambda: grad(y, x, allow_unused=False, materialize_grads=True))
    log.tries("twice the same", lambda: grad(y, [x, x], retain_graph=True))
    log.tries("dict", lambda: grad(y, {"x": x, "u": unused}, **allowed))
    log.tries("no inputs", lambda: grad(y, []))
    log.tries("constant", lambda: grad(y, lib.ones(2)))
    branch.backward()
    log.note("x.grad", x.grad, unused.grad)


def gradient_edges(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 3
    z = (y * y).sum()
    edge = lib.autograd.graph.get_gradient_edge
    y_edge, x_edge, z_edge = edge(y), edge(x), edge(z)
    log.note("edges", y_edge.node, y_edge.output_nr, x_edge.node, z_edge.node)
    grad = lib.autograd.grad
    log.note("inputs", grad(z, [y_edge, x_edge], retain_graph=True))
    log.note("outputs", grad(z_edge, [x], retain_graph=True))
    log.note("both", grad([z_edge, y_edge], x_edge, [None, lib.ones_like(y)], retain_graph=True))
    log.tries("zeros", lambda: grad(y.sum(), z_edge, materialize_grads=True, retain_graph=True))
    log.tries("shape", lambda: grad(y_edge, x, lib.ones(3)))
    log.tries("scalar", lambda: grad(y_edge, x))
    log.tries("constant", lambda: edge(lib.ones(2)))
    z_first, z_second = (x * 2).unbind()
    log.note("output_nr", edge(z_second).output_nr, z_second.output_nr)
    log.note("of unbind", grad(z_first + z_second * 5, [edge(z_first), edge(z_second)]))
    lib.autograd.backward(z_edge, inputs=[x_edge])
    log.note("x.grad", x.grad)


def second_derivatives_where_they_vanish(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    (first,) = lib.autograd.grad((x * 3).sum(), x, create_graph=True)
    log.note("linear", first)
    log.tries("again", lambda: lib.autograd.grad(first.sum(), x))
    (first,) = lib.autograd.grad((x * x * x).sum(), x, create_graph=True)
    (second,) = lib.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = lib.autograd.grad(second.sum(), x, create_graph=True)
    log.note("powers", first, second, third)


def accumulation(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    (x * 2).sum().backward()
    kept = x.grad
    (x * 2).sum().backward()
    log.note("in place", x.grad is kept, kept, kept._version)
    (x * x).sum().backward(create_graph=True)
    log.note("out of place", x.grad is kept, kept, x.grad.requires_grad)
    x.grad = None
    g = lib.ones(2, dtype=lib.float64)
    x.backward(g)
    log.note("given", x.grad is g, x.grad)
    w = leaf(lib, 4.0, 5.0)
    loss = (w * x.grad).sum()
    (x * 2).sum().backward()
    log.tries("saved .grad was added to", lambda: loss.backward())


# ------------------------------------------------------------------------- None along live edges


def nothing_along_a_live_edge(lib: Any, log: Log) -> None:
    class Nothing(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return None

    class AddsOne(Nothing):
        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            log.note("AddsOne", grad)
            return grad + 1

    class Plain(Nothing):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            log.note("Plain", grad)
            return grad

    for function in (AddsOne, Plain):
        x = leaf(lib, 1.0, 2.0)
        y = function.apply(x)
        z = y * 3
        watch(log, x=x, y=y, z=z)
        (Nothing.apply(z).sum() + (x * 0).sum()).backward(retain_graph=True)
        log.note("x.grad", x.grad)
        Nothing.apply(z).sum().backward(create_graph=True)
        log.note("x.grad", x.grad)
        log.tries("grad", lambda z=z, x=x: lib.autograd.grad(Nothing.apply(z).sum(), x))


def some_outputs_without_a_gradient(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0, 3.0)
    first, second, third = (x * 2).unbind()
    third.register_hook(lambda g: log.note("third", g))
    first.register_hook(lambda g: log.note("first", g))
    first.grad_fn.register_prehook(lambda g: log.note("before", g))
    second.retain_grad()
    first.backward()
    log.note("x.grad", x.grad, second.grad)


# ----------------------------------------------------------------------------------------- hooks


def watch(log: Log, **tensors: Any) -> None:
    """Every kind of hook on tensors and the nodes that made them."""
    for name, t in tensors.items():
        t.register_hook(lambda g, name=name: log.note(f"hook {name}", g))
        if t.is_leaf:
            t.register_post_accumulate_grad_hook(
                lambda t, name=name: log.note(f"accumulated {name}", t.grad)
            )
        else:
            watch_node(log, name, t.grad_fn)


def watch_node(log: Log, name: str, node: Any) -> None:
    node.register_prehook(lambda g, name=name: log.note(f"before {name}", g))
    node.register_hook(lambda i, o, name=name: log.note(f"after {name}", i, o))


def order_of_hooks(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    multi = lib.autograd.graph.register_multi_grad_hook
    multi([x, y], lambda grads: log.note("all", grads))
    multi([x, y], lambda grad: log.note("any", grad), mode="any")
    node = x.view_as(x).grad_fn.next_functions[0][0]
    watch(log, x=x, y=y)
    watch_node(log, "leaf", node)
    y.sum().backward()
    log.note("leaf's node", node)


def order_of_nodes_and_leaves(lib: Any, log: Log) -> None:
    a, b, c = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0), leaf(lib, 5.0, 6.0)
    p = a * b
    q = b + c
    r = p * q
    s = r.sin() + a
    watch(log, a=a, b=b, c=c, p=p, q=q, r=r, s=s)
    (s * c).sum().backward()


def order_with_shared_weights(lib: Any, log: Log) -> None:
    w, x = leaf(lib, 0.5, 0.25), leaf(lib, 1.0, 2.0)
    h = (w * x).tanh()
    h = (w * h).tanh()
    watch(log, w=w, x=x, h=h)
    (w * h).sum().backward()


def order_in_addcmul(lib: Any, log: Log) -> None:
    a, b, c = leaf(lib, 1.0), leaf(lib, 2.0), leaf(lib, 3.0)
    watch(log, a=a, b=b, c=c)
    lib.addcmul(a, b, c).backward()


def order_in_linear(lib: Any, log: Log) -> None:
    x = lib.ones(2, 3, dtype=lib.float64, requires_grad=True)
    w = lib.ones(4, 3, dtype=lib.float64, requires_grad=True)
    b = lib.ones(4, dtype=lib.float64, requires_grad=True)
    watch(log, w=w, b=b, x=x)
    lib.nn.functional.linear(x, w, b).sum().backward()


def hooks_that_change_gradients(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda g: (g[0] + 1,))
    y.grad_fn.register_hook(lambda i, o: (i[0] * 100, *i[1:]))
    y.retain_grad()
    y.sum().backward()
    log.note("x.grad", x.grad, y.grad)


def wrong_hooks(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)

    def run(register: Callable[[Any], Any], name: str) -> None:
        y = x * 2
        register(y)
        log.tries(name, lambda: y.sum().backward())
        log.note("usable", lib.autograd.grad((x * 2).sum(), x))

    def raising(*grads: Any) -> None:
        raise KeyError("from the hook")

    run(lambda y: y.register_hook(lambda g: 3), "a number")
    run(lambda y: y.register_hook(lambda g: lib.ones(3, dtype=lib.float64)), "a size")
    run(lambda y: y.register_hook(lambda g: g.float()), "a dtype")
    run(lambda y: y.register_hook(raising), "raising")
    run(lambda y: y.grad_fn.register_prehook(lambda g: g[0]), "no tuple")
    run(lambda y: y.grad_fn.register_prehook(lambda g: (g[0], g[0])), "too many")
    run(lambda y: y.grad_fn.register_prehook(lambda g: (3,)), "a number before")
    run(lambda y: y.grad_fn.register_hook(lambda i, o: i[0]), "no tuple after")
    run(lambda y: y.grad_fn.register_hook(lambda i, o: (i[0],)), "too few after")
    run(lambda y: y.grad_fn.register_hook(lambda i, o: (o[0], o[0])), "something for None")
    constant = lib.ones(2)
    log.tries("constant", lambda: constant.register_hook(print))
    log.tries("constant leaf", lambda: constant.register_post_accumulate_grad_hook(print))
    log.tries("not a leaf", lambda: (x * 2).register_post_accumulate_grad_hook(print))
    log.tries("retain", lambda: constant.retain_grad())
    log.tries("mode", lambda: lib.autograd.graph.register_multi_grad_hook([x], print, mode="some"))


def removed_hooks(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    multi = lib.autograd.graph.register_multi_grad_hook
    handles = [
        y.register_hook(lambda g: log.note("tensor")),
        y.grad_fn.register_hook(lambda i, o: log.note("after")),
        y.grad_fn.register_prehook(lambda g: log.note("before")),
        x.register_post_accumulate_grad_hook(lambda t: log.note("accumulated")),
        multi([x, y], lambda grads: log.note("all")),
    ]
    y.sum().backward(retain_graph=True)
    for handle in handles:
        handle.remove()
        handle.remove()
    y.sum().backward(retain_graph=True)
    with y.register_hook(lambda g: log.note("in the block")):
        y.sum().backward(retain_graph=True)
    y.sum().backward()
    log.note("x.grad", x.grad)


def multi_grad_hooks_of_some(lib: Any, log: Log) -> None:
    x, y, z = leaf(lib, 1.0), leaf(lib, 2.0), leaf(lib, 3.0)
    a, b = x * y, y * z
    multi = lib.autograd.graph.register_multi_grad_hook
    multi([x, a, b, z], lambda grads: log.note("all", grads))
    multi([z, x], lambda grad: log.note("any", grad), mode="any")
    (a * 1).backward(retain_graph=True)  # torch does not count a node that is itself the root
    (a + b).backward(retain_graph=True)
    multi([a, b], lambda grads: log.note("results", grads))
    lib.autograd.grad(b * 1, [a, b], allow_unused=True)


# ------------------------------------------------------------------- reentrant, threads, the graph


def backward_within_backward(lib: Any, log: Log) -> None:
    class Inner(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            with lib.enable_grad():
                y = x.detach().requires_grad_()
                (y * y).sum().backward()
            log.note("inner", y.grad)
            return grad * y.grad

    x = leaf(lib, 1.0, 2.0)
    y = Inner.apply(Inner.apply(x))

    def hook(grad: Any) -> None:
        with lib.enable_grad():
            (x * 3).sum().backward()

    y.register_hook(hook)
    y.sum().backward()
    log.note("x.grad", x.grad)


def exceptions_leave_everything_usable(lib: Any, log: Log) -> None:
    class Fails(lib.autograd.Function):
        fail = True

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.exp()

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            if Fails.fail:
                raise ZeroDivisionError("from backward")
            return grad

    x = leaf(lib, 1.0, 2.0)
    y = Fails.apply(x * 2)
    log.tries("fails", lambda: y.sum().backward(retain_graph=True))
    log.note("state", x.grad, lib.is_grad_enabled())
    Fails.fail = False
    y.sum().backward()
    log.note("x.grad", x.grad)


def several_threads(lib: Any, log: Log) -> None:
    x = lib.ones(3000, dtype=lib.float64, requires_grad=True)

    def work() -> None:
        for _ in range(20):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.note("x.grad", x.grad.min(), x.grad.max())


def what_a_node_tells(lib: Any, log: Log) -> None:
    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    y = x * w
    z = y.exp()
    node = z.grad_fn
    log.note("names", node.name(), node.next_functions[0][0], node.next_functions[0][1])
    log.note("saved", y.grad_fn._saved_self, y.grad_fn._saved_other, node._saved_result)
    log.note("same", y.grad_fn._saved_self is x, node._saved_result is z)
    node.metadata["seen"] = True
    log.note("metadata", z.grad_fn.metadata)
    log.note("order", node._sequence_nr() > y.grad_fn._sequence_nr())
    log.note("called", node(lib.ones_like(z)), y.grad_fn(lib.ones_like(y)))
    log.note("leaf", node.next_functions[0][0].next_functions[0][0].variable is x)
    log.tries("none such", lambda: node._saved_nonsense)
    z.sum().backward()
    log.tries("freed", lambda: node._saved_result)
    log.note("pow", (x**2.0).grad_fn._saved_self, (x**2.0).grad_fn._saved_exponent)
    log.note("sum", x.sum().grad_fn.name(), x.sum(0).grad_fn.name())


PROGRAMS = [
    *(options_of_backward, wrong_arguments_of_backward, backward_to_a_result, unused_branches),
    *(gradient_edges, second_derivatives_where_they_vanish, accumulation),
    *(nothing_along_a_live_edge, some_outputs_without_a_gradient, order_of_hooks),
    *(order_of_nodes_and_leaves, order_with_shared_weights, order_in_addcmul, order_in_linear),
    *(hooks_that_change_gradients, wrong_hooks, removed_hooks, multi_grad_hooks_of_some),
    *(backward_within_backward, exceptions_leave_everything_usable, several_threads),
    what_a_node_tells,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_events(program: Program) -> None:
    check_program(program)
