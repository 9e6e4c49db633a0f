"""vmap, is_grads_batched and Functions under vmap: the same programs under both libraries."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.testing import Sample, samples
from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_tensor,
    tensors_in,
)

DYNAMIC = {"x[mask]", "b[:, mask]", "mask.argwhere()"}
# Where torch's vmap gives something else than its function of one sample after the other:
# all(()) reduces all dimensions, a system takes the right sides of another sample, and a value is
# given the gradients of all places of select_scatter.  Its hardsigmoid derives by the float32
# number 1 / 6.  Our ctc_loss takes the labels of all samples to be the same.
OWN_RESULT = ("x.all(())", "x.any(())", "h.device)), x)", "select_scatter(", "F.hardsigmoid(")
OWN_RESULT += ("F.ctc_loss(",)
SAMPLES = [
    sample
    for sample in samples()
    if sample.expression not in DYNAMIC and not any(o in sample.expression for o in OWN_RESULT)
]
NO_DERIVATIVE = {"floor_divide"}

# ----------------------------------------------------------------------------- every operation


def called(library: Any, sample: Sample) -> tuple[dict[str, Any], Any]:
    """The leaves and the results of a sample whose operands are all mapped."""
    leaves = {}
    for name, array in sample.operands.items():
        other = array * 0.93 if array.dtype.kind == "f" else array
        leaves[name] = library.tensor(np.stack([array, other]))
        if name in sample.floating and sample.operation not in NO_DERIVATIVE:
            leaves[name].requires_grad_()

    def call(*operands: Any) -> tuple[Any, ...]:
        return tuple(tensors_in(sample.call(library, dict(zip(leaves, operands, strict=True)))))

    return leaves, library.func.vmap(call)(*leaves.values())


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_operations(sample: Sample) -> None:
    theirs, ours = LIBRARIES
    expected, error = outcome(called, theirs, sample)
    if error is not None:
        pytest.skip(f"torch: {error}")
    given = called(ours, sample)
    for x, y in zip(expected[1], given[1], strict=True):
        same_tensor(x, y)
        assert y.requires_grad == x.requires_grad
    for library, (_, results) in zip(LIBRARIES, (expected, given), strict=True):
        run_backward(library, list(results))
    for name, x in expected[0].items():
        if x.grad is not None:
            same_tensor(x.grad, given[0][name].grad, f"gradient of {name}")


# ------------------------------------------------------------------------------------- programs


def numbers(lib: Any, *shape: int) -> Any:
    count = int(np.prod(shape))
    return (lib.arange(count, dtype=lib.float64) / 7 - 0.6).reshape(shape)


def dimensions(lib: Any) -> Any:
    x, vmap = numbers(lib, 2, 3, 4), lib.func.vmap
    return [
        vmap(lambda a: a.sum(0), 1)(x),
        vmap(lambda a: a * 2, -1, -1)(x),
        vmap(lambda a: (a, {"sum": a.sum()}), 1, (2, {"sum": 0}))(x)[0],
        vmap(lambda a, b: a @ b, (0, None))(x, x[0].T),
        vmap(lambda a, b: a @ b, (None, 2))(x[0], x.permute(0, 2, 1).movedim(0, 2)),
        vmap(lambda pair: pair[0] + pair[1], ((0, None),))((x, x[0])),
    ]


def levels(lib: Any) -> Any:
    x, y = numbers(lib, 3, 4), numbers(lib, 2, 4)
    vmap = lib.func.vmap
    return [
        vmap(lambda a: vmap(lambda b: a.dot(b))(y))(x),
        vmap(vmap(lambda a, b: a * b, (None, 0)), (0, None))(x, y),
        vmap(vmap(lambda a: a.softmax(0)[None]), out_dims=1)(numbers(lib, 2, 3, 4)),
    ]


def shared_results(lib: Any) -> Any:
    x = numbers(lib, 2, 3)
    return [
        lib.func.vmap(lambda a: (a, lib.ones(2)))(x)[1],
        lib.func.vmap(lambda a: lib.ones(2), out_dims=None)(x),
        lib.func.vmap(lambda a: lib.ones(2), out_dims=1)(x),
    ]


def chunks(lib: Any) -> Any:
    x = numbers(lib, 5, 3)
    return [
        lib.func.vmap(lambda a: a.exp(), chunk_size=2)(x),
        lib.func.vmap(lambda a: a.sum(), in_dims=1, chunk_size=2)(x),
        lib.func.vmap(lambda a: a * 2, out_dims=1, chunk_size=4)(x),
    ]


def loss(weight: Any, bias: Any, x: Any, y: Any) -> Any:
    return ((weight @ x + bias).tanh() - y).square().sum()


def per_sample_gradients(lib: Any) -> Any:
    weight, bias = numbers(lib, 2, 3), numbers(lib, 2)
    x, y = numbers(lib, 4, 3), numbers(lib, 4, 2)
    gradient = lib.func.grad(loss, argnums=(0, 1))
    return list(lib.func.vmap(gradient, (None, None, 0, 0))(weight, bias, x, y))


def ensemble(lib: Any) -> Any:
    weights, biases = numbers(lib, 5, 2, 3), numbers(lib, 5, 2)
    x, y = numbers(lib, 4, 3), numbers(lib, 4, 2)
    one_model = lib.func.vmap(loss, (None, None, 0, 0))
    return lib.func.vmap(one_model, (0, 0, None, None))(weights, biases, x, y)


def gradients_of_what_is_shared(lib: Any) -> Any:
    weight = numbers(lib, 2, 3).requires_grad_()
    bias = numbers(lib, 2).requires_grad_()
    x = numbers(lib, 4, 3).requires_grad_()
    doubled = weight * 2
    result = lib.func.vmap(lambda a: (doubled @ a + bias).sin().sum() * bias.sum())(x)
    first = lib.autograd.grad(result.sum(), (weight, bias, x), create_graph=True)
    second = lib.autograd.grad([g.square().sum() for g in first], (weight, bias, x))
    return [result, *first, *second]


def second_derivatives_inside(lib: Any) -> Any:
    x = numbers(lib, 4, 3).requires_grad_()
    hessians = lib.func.vmap(lib.func.hessian(lambda a: (a**3).sum() * a.sum()))(x)
    jacobians = lib.func.vmap(lib.func.jacrev(lambda a: a.sin() * a.sum()))(x)
    (gradient,) = lib.autograd.grad(jacobians.sum(), x)
    return [hessians, jacobians, gradient]


def forward_mode(lib: Any) -> Any:
    x, w = numbers(lib, 2, 3), numbers(lib, 3) + 2
    func = lib.func

    def total(v: Any) -> Any:
        return func.vmap(lambda a: (v * v * a).sin().sum())(x).sum()

    return [
        *func.vmap(lambda a, b: func.jvp(lambda c: c.sin() * c.sum(), (a,), (b,)))(x, x + 1),
        *func.jvp(func.vmap(lambda a: a.softmax(0) * w), (x,), (x + 1,)),
        func.grad(lambda v: func.jvp(total, (v,), (v * 2,))[1])(w),
        func.jacfwd(lambda v: func.vmap(lambda a: v * a)(x))(w),
        func.vmap(func.jacfwd(lambda a: a.cos() * a.sum()))(x),
        func.hessian(total)(w),
    ]


def writes(lib: Any) -> Any:
    def f(a: Any) -> Any:
        made = lib.zeros_like(a)
        made[0] = a[1]
        made[1:].add_(a[:2]).mul_(2)
        made.masked_fill_(a > 0.5, 7.0)
        return made

    x = numbers(lib, 4, 3).requires_grad_()
    result = lib.func.vmap(f)(x)
    return [result, *lib.autograd.grad((result * result).sum(), x)]


def writes_outside(lib: Any) -> Any:
    x = numbers(lib, 2, 3).requires_grad_()
    y = x * 2
    lib.func.vmap(lambda a: a.mul_(3), 1)(y)
    return [y, *lib.autograd.grad(y.sum(), x)]


def indices(lib: Any) -> Any:
    x, i = numbers(lib, 2, 3, 4), lib.tensor([[1, 0], [2, 1]])
    vmap = lib.func.vmap
    return [
        vmap(lambda a, k: a[k])(x, i),
        vmap(lambda k: x[0][k])(i),
        vmap(lambda a: a[i[0]], 2)(x),
        vmap(lambda a, k: a[:, k])(x, i),
        vmap(lambda a, k: a[k[0]])(x, i),
        vmap(lambda a: a[:, None, 1:])(x),
    ]


def batched_gradients(lib: Any) -> Any:
    x = numbers(lib, 3).requires_grad_()
    w = (numbers(lib, 3) + 2).requires_grad_()
    y, seeds = x * x * w, lib.eye(3, dtype=lib.float64).requires_grad_()
    rows = lib.autograd.grad(y, (x, w), seeds, create_graph=True, is_grads_batched=True)
    second = lib.autograd.grad(rows[0].square().sum(), (x, w, seeds))
    return [*rows, *second]


def square_of(lib: Any, **members: Any) -> Any:
    class Square(lib.autograd.Function):  # type: ignore[name-defined, misc]
        @staticmethod
        def forward(x: Any) -> Any:
            return x * x

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * grad * x

    return type("Mapped", (Square,), members)


def functions(lib: Any) -> Any:
    told = []

    def rule(info: Any, in_dims: Any, x: Any) -> Any:
        told.append((info.batch_size, info.randomness, in_dims, tuple(x.shape)))
        return ruled.apply(x), in_dims[0]

    ruled = square_of(lib, vmap=staticmethod(rule))
    generated = square_of(lib, generate_vmap_rule=True)
    results = []
    for function in (ruled, generated):
        x = numbers(lib, 2, 3).requires_grad_()
        y = lib.func.vmap(function.apply)(x)
        first = lib.autograd.grad((y * y).sum(), x, create_graph=True)
        results += [y, *first, *lib.autograd.grad(first[0].sum(), x)]
        lib.func.vmap(lib.func.vmap(function.apply), randomness="same")(x)
        lib.func.vmap(lib.func.grad(lambda a, f=function: f.apply(a).sum()))(x)
    return [results, told]


PROGRAMS = [
    *(dimensions, levels, shared_results, chunks, per_sample_gradients, ensemble),
    *(
        forward_mode,
        gradients_of_what_is_shared,
        second_derivatives_inside,
        writes,
        writes_outside,
        indices,
    ),
    *(batched_gradients, functions),
]


def same(theirs: Any, ours: Any, what: str) -> None:
    """The same numbers, whatever the graph's nodes are called."""
    if not isinstance(theirs, list | tuple):
        if hasattr(theirs, "dtype"):
            same_tensor(theirs, ours, what)
        else:
            assert ours == theirs, what
        return
    assert len(ours) == len(theirs), what
    for number, (x, y) in enumerate(zip(theirs, ours, strict=True)):
        same(x, y, f"{what}[{number}]")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program: Callable[[Any], Any]) -> None:
    theirs, ours = (program(library) for library in LIBRARIES)
    same(theirs, ours, program.__name__)


# --------------------------------------------------------------------------------- what is refused

# An expression of lib, vmap, x (2, 3); and what both messages say.
REFUSED = {
    "vmap(lambda a: a.sum().item())(x)": r"vmap: It looks like you're calling .item\(\) on a Tens",
    "vmap(lambda a: float(a.sum()))(x)": r"vmap: It looks like you're calling .item\(\) on a Tens",
    "vmap(lambda a: [1][a.sum().long()])(x)": r"vmap: It looks like you're calling .item\(\)",
    "vmap(lambda a: f'{a.sum():.2f}')(x)": r"vmap: It looks like you're calling .item\(\)",
    "vmap(lambda a: a if a.sum() > 0 else -a)(x)": "in some data-dependent control flow. We don't",
    "vmap(lambda a: a.tolist())(x)": "Cannot access data pointer of Tensor that doesn't have stor",
    "vmap(lambda a: a.numpy())(x)": "Cannot access data pointer of Tensor that doesn't have stor",
    "vmap(lambda a: a[a > 0])(x)": "dynamic shape. Attempting to batch over indexing with a bool",
    "vmap(lambda a: lib.zeros(3).copy_(a))(x)": r"vmap: inplace arithmetic\(self, \*extra_args\)",
    "vmap(lambda a: lib.zeros(3).add_(a))(x)": "",
    "vmap(lambda a: a.add_(1))(x[:1].expand(2, 3))": "refers to a single memory location",
    "vmap(lambda a: a.add_(1))(x.requires_grad_())": "a leaf Variable that requires grad",
    "vmap(lambda a: (w * a).sum().backward())(x)": r"backward\(\) called inside a functorch tran",
    "vmap(lambda a: a + lib.randn(3))(x)": "called random operation while in randomness error mode",
    "vmap(lambda a: lib.zeros(3).normal_(), randomness='different')(x)": "different inplace random",
    "vmap(lambda a: lib.bernoulli(a / 9), randomness='same')(x)": "same randomness with a batched",
    "vmap(lambda a: a, randomness='often')(x)": "Only allowed values for randomness are 'error'",
    "vmap(lambda a: lib.ones(3)[a.long()])(x)": "index [35] is out of bounds for dimension 0 with",
    "vmap(lambda a: 3)(x)": "must only return Tensors, got type <class 'int'>. Did you mean to set",
    "vmap(lambda a: (a, None))(x)": "must only return Tensors, got type <class 'NoneType'>",
    "vmap(lambda a: a)(3)": "We cannot vmap over non-Tensor arguments, please use None",
    "vmap(lambda: 1)()": r"\(<inputs>\): got no inputs. Maybe you forgot to add inputs, or you",
    "vmap(lambda *, a: a)(a=x)": r"\(<inputs>\): got no inputs. Maybe you forgot to add inputs",
    "vmap(lambda a, k: a * k)(x, k=x[:, :2])": "The size of tensor a",
    "vmap(lambda a: a, in_dims=None)(x)": r"expected `in_dims` to be int or a \(potentially nested",
    "vmap(lambda a: a, in_dims=[0])(x)": r"expected `in_dims` to be int or a \(potentially nested",
    "vmap(lambda a: a, in_dims='x')(x)": r"expected `in_dims` to be int or a \(potentially nested",
    "vmap(lambda a, b: a, (None, None))(x, x)": "vmap: Expected at least one Tensor to vmap over",
    "vmap(lambda a: a, (0, 0))(x)": "in_dims is not compatible with the structure of `inputs`",
    "vmap(lambda a, b: a, ([0], 0))(x, x)": "in_dims is not compatible with the structure of",
    "vmap(lambda a: a, (0.5,))(x)": "Got in_dim=0.5 for an input but in_dim must be either an inte",
    "vmap(lambda a, b: a, (0, 0))(x, 3)": "but the input is of type <class 'int'>",
    "vmap(lambda a: a, 2)(x)": "dimensionality 2 so expected in_dim to satisfy -2 <= in_dim < 2",
    "vmap(lambda a: a, -3)(x)": "dimensionality 2 so expected in_dim to satisfy -2 <= in_dim < 2",
    "vmap(lambda a: a)(x.sum())": "dimensionality 0 so expected in_dim to satisfy",
    "vmap(lambda a, b: a, (0, 1))(x, x)": r"same size in the mapped dimension, got sizes \[2, 3\]",
    "vmap(lambda a: a, out_dims='x')(x)": "`out_dims` must be an int, None or a python collection",
    "vmap(lambda a: a, out_dims=(0.5,))(x)": "`out_dims` must be an int, None or a python collec",
    "vmap(lambda a: a, out_dims=(0, 0))(x)": "out_dims is not compatible with the structure of",
    "vmap(lambda a: (a, a), out_dims=(0,))(x)": "out_dims is not compatible with the structure of",
    "vmap(lambda a: a, out_dims=2)(x)": r"Dimension out of range \(expected to be in range of",
    "vmap(lambda a: a, out_dims=None)(x)": "can not return a BatchedTensor when out_dim is None",
    "vmap(lambda a: a, chunk_size=0)(x)": r"vmap: chunk_size should be None or greater than 0. \(g",
    "vmap(lambda a: a, chunk_size='a')(x)": "not supported between instances of",
    "vmap(3)(x)": "callable",
    "grad(w * 1, w, lib.ones(4), is_grads_batched=True)": "we interpret the first dimension of",
    "grad(w * 1, w, lib.ones(2, 4), is_grads_batched=True)": "a mismatch was detected: grad_outp",
    "grad(w.sum(), w, lib.tensor(1.0), is_grads_batched=True)": "invalid index of a 0-dim tensor",
    "grad(w.sum(), w, is_grads_batched=True)": "is a Tensor of dimensionality 0 so expected in_dim",
    "grad((w * 1, w * 2), w, (x, x[:1]), is_grads_batched=True)": r"got sizes \[2, 1\] for the map",
    "grad(w * 1, (w, u), x, is_grads_batched=True)": "at index 1 appears to not have been used",
    "vmap(square(lib).apply)(x)": "You tried to vmap over Mapped, but it does not have vmap suppor",
    "vmap(square(lib, generate_vmap_rule=True, vmap=rule).apply)(x)": "to avoid ambiguity",
    "vmap(square(lib, vmap=rule).apply)(x)": "to have two returns, an output and out_dims",
    "vmap(square(lib, vmap=other_rule).apply)(x)": r"incompatible \(output, out_dims\) tuple",
}


def called_expression(library: Any, expression: str) -> Any:
    names = {
        "lib": library,
        "vmap": library.func.vmap,
        "grad": library.autograd.grad,
        "x": library.arange(6.0).reshape(2, 3),
        "w": library.ones(3, requires_grad=True),
        "u": library.ones(3, requires_grad=True),
        "square": square_of,
        "rule": staticmethod(lambda info, in_dims, x: x),
        "other_rule": staticmethod(lambda info, in_dims, x: (x, (0, 0))),
    }
    return eval(expression, names)


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    (_, theirs), (_, ours) = (outcome(called_expression, lib, expression) for lib in LIBRARIES)
    assert theirs is not None, "torch takes it"
    same_error(theirs, ours)
    for error in (theirs, ours):
        with pytest.raises(type(error), match=REFUSED[expression]):
            raise error


# -------------------------------------------------------------------------------------- randomness

DRAWS: dict[str, Callable[[Any, Any], Any]] = {
    "rand": lambda lib, a: lib.rand(9),
    "randn": lambda lib, a: lib.randn(9),
    "randint": lambda lib, a: lib.randint(0, 100000, (9,)),
    "randperm": lambda lib, a: lib.randperm(30),
    "randn_like": lambda lib, a: lib.randn_like(a),
    "bernoulli": lambda lib, a: lib.bernoulli(lib.ones(60) / 2),
}


def equal_draws(lib: Any, draw: Any, outer: str, inner: str) -> tuple[bool, bool]:
    """Whether the draws of two outer, and of two inner samples are the same."""
    f = lib.func.vmap(lambda a: draw(lib, a), randomness=inner)
    x = lib.func.vmap(f, randomness=outer)(lib.ones(2, 2, 3))
    return bool((x[0] == x[1]).all()), bool((x[:, 0] == x[:, 1]).all())


@pytest.mark.parametrize("name", DRAWS)
def test_randomness(name: str) -> None:
    for outer in ("same", "different"):
        for inner in ("same", "different"):
            theirs, ours = (equal_draws(lib, DRAWS[name], outer, inner) for lib in LIBRARIES)
            assert ours == theirs == (outer == "same", inner == "same")


# ---------------------------------------------------------------------------------------- printing


def test_print() -> None:
    def seen(lib: Any) -> list[str]:
        found = []
        f = lib.func.vmap(lambda a: (found.append(repr(a)), found.append(repr(a * 2)), a)[-1])
        lib.func.vmap(f)(lib.arange(6.0).reshape(1, 2, 3))
        f(lib.arange(2.0))
        return found

    theirs, ours = (seen(lib) for lib in LIBRARIES)
    assert ours == theirs
