"""Whole programs: writes in place, views, hooks, graphs that are kept, gradients that add up."""

from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, graph, same_tensor

Results = dict[str, Any]


def leaf(lib: Any, *shape: int) -> Any:
    count = 1
    for n in shape:
        count *= n
    values = (lib.arange(count, dtype=lib.float64) / 7 - 0.6).reshape(shape)
    return values.requires_grad_()


def write_in_place(lib: Any) -> Results:
    x = leaf(lib, 3, 4)
    y = x * 2
    y.mul_(x)
    y.add_(1).sin_()
    y.sum().backward()
    return {"y": y, "x.grad": x.grad}


def write_to_a_view(lib: Any) -> Results:
    x = leaf(lib, 3, 4)
    y = x * 2
    y[0].mul_(3)
    y[:, 1].copy_(y[:, 2] * 5)
    (y * y).sum().backward()
    return {"y": y, "x.grad": x.grad}


def read_a_view_after_a_write_to_its_base(lib: Any) -> Results:
    x = leaf(lib, 3, 4)
    y = x * 2
    row = y[1]
    y.mul_(x)
    (row * row).sum().backward()
    return {"row": row, "y": y, "x.grad": x.grad}


def read_a_base_after_a_write_to_a_view_of_a_view(lib: Any) -> Results:
    x, z = leaf(lib, 3, 4), leaf(lib, 2)
    y = x * 3
    y.t()[1:3, 0].mul_(z)
    (y * x).sum().backward()
    return {"y": y, "x.grad": x.grad, "z.grad": z.grad}


def assign_items(lib: Any) -> Results:
    x, z = leaf(lib, 3, 4), leaf(lib, 4)
    y = x * 1
    y[0] = z
    y[1:, ::2] = 7.0
    y[2, 1] = z[0] * x[0, 0]
    (y * y).sum().backward()
    return {"y": y, "x.grad": x.grad, "z.grad": z.grad}


def assign_by_index_arrays(lib: Any) -> Results:
    x, z = leaf(lib, 3, 4), leaf(lib, 2)
    y = x * 1
    y[lib.tensor([0, 2]), lib.tensor([1, 3])] = z
    y[y.detach() > 0.5] = 0.0
    (y * y).sum().backward()
    return {"y": y, "x.grad": x.grad, "z.grad": z.grad}


def fill_a_buffer(lib: Any) -> Results:
    x = leaf(lib, 3)
    buffer = lib.zeros(3, 3, dtype=lib.float64)
    for i in range(3):
        buffer[i] = x * (i + 1)
    (buffer * buffer).sum().backward()
    return {"buffer": buffer, "x.grad": x.grad}


def write_under_no_grad(lib: Any) -> Results:
    x = leaf(lib, 4)
    with lib.no_grad():
        x -= 0.5 * x
        x[0] = 9.0
        y = x * 2
    z = (x * x).sum()
    z.backward()
    return {"x": x, "y": y, "z": z, "x.grad": x.grad}


def nested_grad_modes(lib: Any) -> Results:
    x = leaf(lib, 3)

    @lib.no_grad()
    def constant(t: Any) -> Any:
        return t * 2

    with lib.no_grad():
        a = x + 1
        with lib.enable_grad():
            b = x + 2
        with lib.set_grad_enabled(False):
            c = x + 3
    return {"a": a, "b": b, "c": c, "d": constant(x), "e": x * 2}


def gradients_add_up(lib: Any) -> Results:
    x = leaf(lib, 3)
    for k in range(3):
        (x**k).sum().backward()
    first = x.grad.clone()
    x.grad = None
    x.sum().backward()
    return {"first": first, "x.grad": x.grad}


def keep_the_graph(lib: Any) -> Results:
    x = leaf(lib, 3)
    y = (x.exp() * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return {"x.grad": x.grad}


def second_backward_through_what_saves_nothing(lib: Any) -> Results:
    x = leaf(lib, 3)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return {"x.grad": x.grad}


def third_derivative(lib: Any) -> Results:
    x = leaf(lib, 3)
    y, found = (x**4).sum(), {}
    for k in range(3):
        (y,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        found[f"order {k + 1}"] = y
    return found


def gradient_penalty(lib: Any) -> Results:
    x, w = leaf(lib, 2, 3), leaf(lib, 3, 3)
    y = (x @ w).tanh().sum()
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    loss = y + (g * g).sum()
    loss.backward()
    return {"loss of grad": loss, "g": g, "x.grad": x.grad, "w.grad": w.grad}


def backward_with_create_graph(lib: Any) -> Results:
    x = leaf(lib, 3)
    (x**3).sum().backward(create_graph=True)
    gradient = x.grad
    x.grad = None
    gradient.sum().backward()
    return {"first": gradient, "x.grad": x.grad}


def grads_of_some_inputs(lib: Any) -> Results:
    x, y, z = leaf(lib, 3), leaf(lib, 3), leaf(lib, 3)
    middle = x * y
    out = (middle * y).sum()
    a, b, c = lib.autograd.grad(out, [middle, y, z], allow_unused=True, retain_graph=True)
    (d,) = lib.autograd.grad(out, [z], materialize_grads=True, retain_graph=True)
    out.backward(inputs=[y])
    return {"a": a, "b": b, "c": c, "d": d, "x.grad": x.grad, "y.grad": y.grad}


def several_roots(lib: Any) -> Results:
    x = leaf(lib, 3)
    y, z = x * x, x.exp()
    lib.autograd.backward([y, z.sum()], [lib.ones_like(y), None])
    return {"x.grad": x.grad}


def retained_gradients(lib: Any) -> Results:
    x = leaf(lib, 3)
    y = x * 2
    y.retain_grad()
    z = y * y
    z.retain_grad()
    z.sum().backward()
    return {"x.grad": x.grad, "y.grad": y.grad, "z.grad": z.grad}


def hooks_change_gradients(lib: Any) -> Results:
    x = leaf(lib, 3)
    y = x * 2
    order = []
    y.register_hook(lambda g: order.append(1))
    y.register_hook(lambda g: order.append(2) or g * 10)
    x.register_hook(lambda g: order.append(3) or g + 1)
    removed = x.register_hook(lambda g: g * 0)
    removed.remove()
    (y * y).sum().backward()
    return {"x.grad": x.grad, "order": lib.tensor(order)}


def custom_function(lib: Any) -> Results:
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * 3 * x**2

    x = leaf(lib, 3)
    y = Cube.apply(x * 2)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    g.sum().backward()
    return {"y": y, "x.grad": x.grad}


def detached_parts(lib: Any) -> Results:
    x = leaf(lib, 3)
    y = x * 2
    z = y.detach() * x + y.data
    z.sum().backward()
    return {"z": z, "x.grad": x.grad, "version": lib.tensor(y._version)}


def versions(lib: Any) -> Results:
    x = lib.zeros(3, 2)
    found = []
    for write in (
        lambda: x.add_(1),
        lambda: x[0].mul_(2),
        lambda: x.t().zero_(),
        lambda: x.clone(),
    ):
        write()
        found.append(x._version)
    return {"versions": lib.tensor(found)}


def network(lib: Any) -> Results:
    lib_nn = lib.nn.functional
    x, w, b = leaf(lib, 5, 4).detach(), leaf(lib, 3, 4), leaf(lib, 3)
    scale, shift = leaf(lib, 3), leaf(lib, 3)
    hidden = lib_nn.gelu(lib_nn.layer_norm(lib_nn.linear(x, w, b), (3,), scale, shift))
    loss = lib_nn.cross_entropy(hidden, lib.tensor([0, 1, 2, 1, 0]))
    loss.backward()
    leaves = {"w": w, "b": b, "scale": scale, "shift": shift}
    return {"loss": loss, **{name: x.grad for name, x in leaves.items()}}


def attention(lib: Any) -> Results:
    q, k, v = leaf(lib, 2, 3, 4), leaf(lib, 2, 3, 4), leaf(lib, 2, 3, 4)
    mask = lib.tensor([[False, True, True], [False, False, True], [False, False, False]])
    scores = (q @ k.transpose(-2, -1) / 2.0).masked_fill(mask, float("-inf"))
    out = scores.softmax(-1) @ v
    (out * out).sum().backward()
    return {"out": out, "q": q.grad, "k": k.grad, "v": v.grad}


PROGRAMS = [
    *(write_in_place, write_to_a_view, read_a_view_after_a_write_to_its_base),
    *(read_a_base_after_a_write_to_a_view_of_a_view, assign_items, assign_by_index_arrays),
    *(fill_a_buffer, write_under_no_grad, nested_grad_modes, gradients_add_up, keep_the_graph),
    *(second_backward_through_what_saves_nothing, third_derivative, gradient_penalty),
    *(backward_with_create_graph, grads_of_some_inputs, several_roots, retained_gradients),
    *(hooks_change_gradients, custom_function, detached_parts, versions, network, attention),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program: Any) -> None:
    theirs, ours = (program(library) for library in LIBRARIES)
    for name, expected in theirs.items():
        given = ours[name]
        assert (given is None) == (expected is None), name
        if expected is None:
            continue
        same_tensor(expected, given, name)
        assert given.requires_grad == expected.requires_grad, name
        assert given.is_leaf == expected.is_leaf, name
        if not name.endswith("grad") and not name.startswith(("order", "first", "g")):
            assert graph(given) == graph(expected), f"graph of {name}"
