"""torch.func and minigrad.func: values, structures, what requires a gradient, what is refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_tree


def names(lib: Any) -> dict[str, Any]:
    """What the expressions below are written with; capitals require a gradient."""
    x = lib.tensor([0.3, -0.7, 1.1], dtype=lib.float64)
    y = lib.tensor([0.5, -0.25, 2.0], dtype=lib.float64)
    v = lib.tensor([1.0, -2.0, 0.5], dtype=lib.float64)
    matrix = (lib.arange(6, dtype=lib.float64) / 7 + 0.3).reshape(2, 3)
    leaves = {"X": x.clone().requires_grad_(), "C": y.clone().requires_grad_()}
    captured = leaves["C"]

    def constant_inside(x: Any) -> Any:
        with lib.no_grad():
            factor = x * x
        return (x * factor).sum()

    def all_constant(x: Any) -> Any:
        with lib.no_grad():
            return x.sum()

    functions = SimpleNamespace(
        number=lambda x: (x.sin() * x * x).sum(),
        vector=lambda x: x.exp() * x.sum(),
        two=lambda x, y: (x * y.exp()).sum(),
        pair=lambda x, y: (x * y, {"sum": (x * x).sum()}),
        tree=lambda p: (p["a"] * p["b"][0]).sum(),
        uses_c=lambda x: (x * x * captured).sum(),
        only_c=lambda x: captured * 1,
        constant_inside=constant_inside,
        all_constant=all_constant,
        with_aux=lambda x: ((x * x).sum(), (x * 2, [x * 3])),
        i=lib.tensor([1, 2, 3]),
        t=lib.tensor(0.7, dtype=lib.float64),
        rows=lib.stack([x, y]),
    )
    library = {"lib": lib, **{name: getattr(lib.func, name) for name in FUNCTIONS}}
    return {**{"x": x, "y": y, "v": v, "m": matrix}, **leaves, **vars(functions), **library}


FUNCTIONS = (
    *("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "linearize"),
    "vmap",
)

ACCEPTED = [
    # grad
    *(f"grad(number)({at})" for at in ("x", "X", "X * 2")),
    *(f"grad_and_value(number)({at})" for at in ("x", "X")),
    "grad(uses_c)(x)",
    "grad(uses_c)(C)",
    "grad(lambda a: C.sum())(x)",
    "grad(constant_inside)(x)",
    "grad(constant_inside)(X)",
    "grad(all_constant)(X)",
    "grad(two, argnums=1)(x, y)",
    "grad(two, argnums=-1)(x, y)",
    "grad(two, argnums=(1, 0))(x, X)",
    "grad(two, argnums=(1,))(x, y)",
    "grad(two)(x, y=y)",
    "grad(tree)({'a': x, 'b': [y]})",
    "grad(tree)({'a': X, 'b': (y,)})",
    "grad(with_aux, has_aux=True)(x)",
    "grad(with_aux, has_aux=True)(X)",
    "grad_and_value(with_aux, has_aux=True)(X)",
    "grad(lambda a: (a.sum(), C * a), has_aux=True)(x)",
    "grad(grad(grad(lib.sin)))(t)",
    "grad(lambda x: grad(number)(x).sum())(X)",
    "grad(lambda x: x.long().sum().double() + x.sum())(x)",
    "grad(lambda x: (x.detach() * x).sum())(X)",
    "grad(lambda x: (x.detach_() * x).sum())(x.clone())",
    "grad(lambda m: (x - grad(lambda a: (a**3).sum() + m * (a * a).sum())(x)).sum())(t)",
    "grad(lambda x, out: out.copy_(x * x).sum())(x, lib.zeros(3).double())",
    # vjp
    "vjp(vector, x)[1](v)",
    "vjp(vector, X)[0]",
    "vjp(vector, X)[1](v)",
    "vjp(vector, x)[1](C)",
    "vjp(vector, X)[1](v, create_graph=False)",
    "vjp(pair, X, y)[0]",
    "vjp(pair, X, y)[1]((v, {'sum': t}))",
    "vjp(with_aux, X, has_aux=True)[2]",
    "vjp(only_c, x)[0]",
    "vjp(only_c, x)[1](v)",
    "vjp(lambda p: p['a'] * 2, {'a': x})[1](v)",
    "vjp(lambda: C * 2)[0]",
    # jvp
    "jvp(vector, (x,), (v,))",
    "jvp(vector, (X,), (v,))",
    "jvp(vector, (x,), (C,))",
    "jvp(pair, (x, y), (v, y))",
    "jvp(with_aux, (x,), (v,), has_aux=True)",
    "jvp(only_c, (x,), (v,))",
    "jvp(lambda x: C * x, (x,), (v,), strict=True)",
    "jvp(constant_inside, (x,), (v,))",
    "jvp(lambda x: [x, {'k': x * x}], (x,), (v,))",
    "jvp(lambda p: p['a'] * 2, ({'a': x},), ({'a': v},))",
    "jvp(lambda x: (x.long(), x), (x,), (v,))",
    "jvp(lambda y: jvp(vector, (y,), (v,))[1], (x,), (v,))",
    "jvp(grad(number), (x,), (v,))",
    "jvp(grad(number), (X,), (v,))",
    "grad(lambda x: jvp(vector, (x,), (v,))[1].sum())(x)",
    "linearize(vector, x)[1](v)",
    "linearize(vector, X)[1](v)",
    "linearize(pair, x, y)[0]",
    # matrices
    *(
        f"{jacobian}({call}"
        for jacobian in ("jacrev", "jacfwd")
        for call in (
            "vector)(x)",
            "vector)(X)",
            "number)(x)",
            "pair, argnums=(0, 1))(x, y)",
            "pair, argnums=1)(x, y)",
            "two, argnums=(1,))(x, y)",
            "tree)({'a': x, 'b': [y]})",
            "with_aux, has_aux=True)(x)",
            "lambda a: C * 2)(x)",
            "lambda a: a[:0])(x)",
            "lambda a: a.sum())(x[:0])",
            "lambda m: m @ x)(m)",
            "uses_c)(x)",
            "constant_inside)(x)",
        )
    ),
    "jacrev(vector, chunk_size=1)(x)",
    "jacrev(vector, chunk_size=2)(x)",
    "jacfwd(vector, argnums=None)(x)",
    "hessian(number)(x)",
    "hessian(number)(X)",
    "hessian(two, argnums=(0, 1))(x, y)",
    "hessian(vector)(x)",
    "jacfwd(jacfwd(jacfwd(lambda x: x * x * x * x)))(t)",
    "jacrev(jacrev(jacrev(lambda x: x * x * x * x)))(t)",
    "jacrev(jacfwd(number))(x)",
    # with vmap
    "vmap(grad(number))(rows)",
    "vmap(grad(two), in_dims=(0, None))(rows, y)",
    "vmap(hessian(number))(rows)",
    "vmap(lambda x: vjp(vector, x)[1](v)[0])(rows)",
    "vmap(lambda t: jvp(vector, (x,), (t,))[1])(rows)",
    "grad(lambda m: vmap(number)(m).sum())(rows)",
    "jacrev(vmap(number))(rows)",
    "vmap(vmap(grad(lib.sin)))(rows)",
    "vmap(grad(uses_c))(rows)",
    "vmap(lambda x: vjp(uses_c, x)[1](t)[0])(rows)",
]


@pytest.mark.parametrize("expression", ACCEPTED)
@pytest.mark.parametrize("mode", ["enable_grad", "no_grad"])
def test_accepted(expression: str, mode: str) -> None:
    results = []
    for lib in LIBRARIES:
        with getattr(lib, mode)():
            results.append(eval(expression, names(lib)))
    same_tree(*results)


REFUSED = {
    # what is differentiated
    "grad(number)(3.0)": "Thing passed to transform API must be Tensor, got <class 'float'>",
    "grad(tree)({'a': x, 'b': 3})": "Thing passed to transform API must be Tensor",
    "grad(number)(i)": "only Tensors of floating point",
    "grad(two, argnums=2)(x, y)": "Got argnum=2, but only 2 positional inputs",
    "grad(two, argnums=-3)(x, y)": "Got argnum=-3, but only 2 positional inputs",
    "grad(two, argnums=(0, 5))(x, y)": "Got argnum=5, but only 2 positional inputs",
    "grad(two, argnums=(0, 0))(x, y)": "argnums elements must be unique",
    "grad(two, argnums=())(x, y)": "argnums must be non-empty",
    "grad(two, argnums='x')(x, y)": "argnums must be int or Tuple",
    "grad(two, argnums=[0])(x, y)": "argnums must be int or Tuple",
    "grad(two)(x=x, y=y)": "Got argnum=0, but only 0 positional inputs",
    # what comes out
    "grad(vector)(x)": "to return a scalar Tensor, got tensor with 1 dims. Maybe you wanted to",
    "grad(lambda x: x.sum().reshape(1))(x)": "to return a scalar Tensor",
    "grad(lambda x: 3.0)(x)": r"Expected f\(\*args\) to return a Tensor, got <class 'float'>",
    "grad(pair)(x, y)": "to return a Tensor, got <class 'tuple'>",
    "grad(number, has_aux=True)(x)": r"should be a tuple: \(output, aux\) if has_aux is True",
    "grad(lambda x: (x.sum(), 3), has_aux=True)(x)": "Expected tensors, got unsupported type",
    # what may not happen inside
    "grad(lambda x: (x * x).sum().backward())(x)": r"backward\(\) called inside a functorch tran",
    "vjp(lambda x: (x * x).sum().backward(), x)": r"backward\(\) called inside a functorch transf",
    "jvp(lambda x: (x * x).sum().backward(), (x,), (v,))": r"backward\(\) called inside a functor",
    "jacrev(lambda x: x.sum().backward())(x)": r"backward\(\) called inside a functorch transform",
    # vjp
    "vjp(lambda x: 3, x)": "to return only tensors, got unsupported type <class 'int'>",
    "vjp(lambda x: (x, 3), x)": "expected f.* to return only tensors",
    "vjp(lambda x: (), x)": "Expected f to be a function that has non-empty output",
    "vjp(lambda x: None, x)": "Expected f to be a function that has non-empty output",
    "vjp(lambda x: x.long(), x)": "All outputs of f must be floating-point or complex Tensors",
    "vjp(vector, x, has_aux=True)": r"should be a tuple: \(output, aux\) if has_aux is True",
    "vjp(vector, i)": "only Tensors of floating point",
    "vjp(vector, x)[1](v[:2])": "Mismatch in shape: grad_output\\[0\\] has a shape of",
    "vjp(vector, x)[1](3.0)": "gradients can be either Tensors or None",
    "vjp(vector, x)[1]([v])": r"cotangents: \[\*\], primal output: \*",
    "vjp(pair, x, y)[1](v)": r"primal output: \(\*, {'sum': \*}\)",
    "[f(v, retain_graph=False) for f in [vjp(vector, x)[1]] * 2]": "a second time",
    # jvp
    "jvp(vector, x, v)": "Expected primals to be a tuple",
    "jvp(vector, [x], [v])": "Expected primals to be a tuple",
    "jvp(vector, (x,), v)": "primals and tangents to have the same python structure",
    "jvp(vector, (x,), (v, v))": "primals and tangents to have the same python structure",
    "jvp(vector, (), ())": "Expected primals to contain at least one Tensor",
    "jvp(vector, (3,), (v,))": "Expected primals to only contain Tensors, got <class 'int'>",
    "jvp(vector, (x,), (3,))": "Expected tangents to only contain Tensors",
    "jvp(vector, (x,), (v[:2],))": "forward gradient that has a different size",
    "jvp(vector, (i,), (v,))": "Expected primal to be floating point",
    "jvp(vector, (x,), (i,))": "Expected tangent to be floating point",
    "jvp(lambda x: 3, (x,), (v,))": "to return only tensors, got unsupported type",
    "jvp(lambda x: (), (x,), (v,))": "function that has non-empty output",
    "jvp(vector, (x,), (v,), has_aux=True)": r"should be a tuple: \(output, aux\)",
    "jvp(lambda x: (x, 4), (x,), (v,), has_aux=True)": "Expected tensors, got unsupported type",
    "jvp(only_c, (x,), (v,), strict=True)": "output of f is independent of the inputs",
    "linearize(vector, i)": "Expected primal to be floating point",
    "linearize(vector, x)[1](v, v)": "to have the same argspec as the primals",
    "linearize(vector, x)[1](v[:2])": "tangent:0 with shape .* doesn't match the shape",
    "linearize(vector, x)[1](v.float())": "tangent:0 with dtype .* doesn't match the dtype",
    # matrices
    "jacrev(vector, chunk_size=0)": "`chunk_size` should be greater than 0",
    "jacrev(vector)(3)": "Thing passed to transform API must be Tensor",
    "jacrev(vector, argnums=3)(x)": "Got argnum=3, but only 1 positional inputs",
    "jacrev(vector)(i)": "only Tensors of floating point",
    "jacrev(lambda x: x.long())(x)": "must be floating-point or complex Tensors",
    "jacrev(lambda x: 3)(x)": "to return only tensors",
    "jacrev(vector, has_aux=True)(x)": r"should be a tuple: \(output, aux\)",
    "jacfwd(vector, argnums=(0, 0))(x, y)": "argnums elements must be unique",
    "jacfwd(vector)(i)": "Expected primal to be floating point",
    "jacfwd(vector, has_aux=True)(x)": r"should be a tuple: \(output, aux\)",
    "jacfwd(vector, randomness='maybe')(x)": "Only allowed values for randomness",
    "jacfwd(lambda x: x * lib.rand(3))(x)": "randomness error mode",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    (_, theirs), (_, ours) = (outcome(eval, expression, names(lib)) for lib in LIBRARIES)
    assert theirs is not None, "torch accepts this"
    same_error(theirs, ours)
    for error in (theirs, ours):
        with pytest.raises(type(error), match=REFUSED[expression]):
            raise error


# ------------------------------------------------------------------------------ modules


def modules(lib: Any) -> dict[str, Any]:
    def filled(module: Any) -> Any:
        for parameter in module.parameters():
            values = lib.arange(parameter.numel()) / 5 - 0.3
            parameter.data.copy_(values.reshape(parameter.shape))
        return module

    class Tied(lib.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a = lib.nn.Linear(2, 2, bias=False)
            self.b = lib.nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight
            self.register_buffer("calls", lib.tensor(0.0))

        def forward(self, x: Any) -> Any:
            self.calls = self.calls + 1
            return self.b(self.a(x)) * self.calls

    layers = (lib.nn.Linear(2, 2), lib.nn.ReLU(), lib.nn.Linear(2, 1))
    model, tied = filled(lib.nn.Sequential(*layers)), filled(Tied())
    values = {name: p.detach() * 2 for name, p in model.named_parameters()}
    return {
        **{"lib": lib, "nn": lib.nn, "model": model, "tied": tied, "values": values},
        **{"x": lib.tensor([[1.0, 2.0]]), "w": lib.tensor([[1.0, 2.0], [3.0, 4.0]])},
        **{name: getattr(lib.func, name) for name in ("functional_call", "stack_module_state")},
        **{"filled": filled, "given": {"a.weight": lib.ones(2, 2), "calls": lib.tensor(5.0)}},
    }


CALLS = [
    "functional_call(model, values, x)",
    "functional_call(model, {}, (x,))",
    "functional_call(model, (values, {}), x)",
    "functional_call(model, values, None, {'input': x})",
    "functional_call(model, values, x, strict=True)",
    "functional_call(model, {**values, 'new': x}, x)",
    "functional_call(model, {'0.weight': w.requires_grad_()}, x)",
    "(functional_call(tied, given, x), given, dict(tied.named_buffers()))",
    "functional_call(tied, given, x, tie_weights=False)",
    "functional_call(tied, {**given, 'b.weight': w}, x, tie_weights=False)",
    "functional_call(tied, {**given, 'b.weight': given['a.weight']}, x)",
    "functional_call(tied, given, x, strict=True)",
    "lib.func.grad(lambda p: functional_call(model, p, x).sum())(values)",
    "stack_module_state([model, model])",
    "stack_module_state([tied, tied])",
    "[hasattr(model, 'new'), functional_call(model, {'new': x}, x), hasattr(model, 'new')]",
]


@pytest.mark.parametrize("expression", CALLS)
def test_modules_as_functions(expression: str) -> None:
    same_tree(*(eval(expression, modules(lib)) for lib in LIBRARIES))


REFUSED_CALLS = {
    "functional_call(model, 3, x)": "Expected parameter_and_buffer_dicts to be a dict, or a list",
    "functional_call(model, [3], x)": "Expected all elements of parameter_and_buffer_dicts to be d",
    "functional_call(model, (values, values), x)": "appeared in multiple dictionaries",
    "functional_call(model, {'0.weight': 3}, x)": "3 is not an instance of .*Tensor",
    "functional_call(model, {'0': x}, x)": "attribute `0`: .* is not an instance of",
    "functional_call(model, {'training': x}, x)": "attribute `training`: True is not an instance",
    "functional_call(model, {'9.weight': x}, x)": "Sequential has no attribute `9`",
    "functional_call(model, {'': x}, x)": "tensor name can.* be empty string",
    "functional_call(model, {'q': x}, x, strict=True)": r"Unexpected key\(s\): 'q'",
    "functional_call(model, {'0.bias': x}, x, strict=True)": r"Missing .*: '0.weight', '2.bias'",
    "functional_call(tied, {**given, 'b.weight': w}, x)": "got multiple values for keys",
    "functional_call(tied, {'a.weight': w}, x, strict=True)": r"Missing key\(s\): 'calls'",
    "stack_module_state([])": "Expected at least one model, got 0",
    "stack_module_state([model, tied])": "Expected all models to be of the same class",
    "stack_module_state([nn.ReLU(), nn.ReLU().eval()])": "to have the same training/eval mode",
    "stack_module_state([nn.Linear(2, 1), nn.Linear(1, 1)])": "each tensor to be equal size",
    "stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)])": (
        "Expected weight from each model to have the same .requires_grad"
    ),
}


@pytest.mark.parametrize("expression", REFUSED_CALLS)
def test_refused_calls(expression: str) -> None:
    (_, theirs), (_, ours) = (outcome(eval, expression, modules(lib)) for lib in LIBRARIES)
    assert theirs is not None, "torch accepts this"
    same_error(theirs, ours)
    for error in (theirs, ours):
        with pytest.raises(type(error), match=REFUSED_CALLS[expression]):
            raise error
