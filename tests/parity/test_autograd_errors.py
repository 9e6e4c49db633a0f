"""Wrong programs about gradients: torch's exception, and the words that both messages share."""

import copy
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error

NO_GRAPH = "does not require grad and does not have a grad_fn"
NOT_SCALAR = "grad can be implicitly created only for scalar outputs"
TWICE = "Trying to backward through the graph a second time"
DAMAGED = "one of the variables needed for gradient computation has been modified by an inplace"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation."
)
NO_HISTORY = "One of the differentiated Tensors does not require grad"
NO_HOOK = "cannot register a hook on a tensor that doesn't require gradient"
SIZE = "hook '<lambda>' has changed the size of value"
INFERENCE = "with lib.inference_mode(): z = ones(3, 4)\n"

# What the programs use: see names().  Each ends with an exception.
BACKWARD = {
    "c.backward()": "element 0 of tensors " + NO_GRAPH,
    "i.sum().backward()": NO_GRAPH,
    "(x > 0).sum().backward()": NO_GRAPH,
    "x.argmax().backward()": NO_GRAPH,
    "x.bool().backward()": NO_GRAPH,
    "x.requires_grad_(False); x.sum().backward()": NO_GRAPH,
    "x.detach().sum().backward()": NO_GRAPH,
    "y.sum().backward(); x.grad.sum().backward()": NO_GRAPH,
    "ag.backward([y.sum(), c.sum()])": "element 1 of tensors " + NO_GRAPH,
    "ag.grad(c.sum(), x)": NO_GRAPH,
    "x.backward()": NOT_SCALAR,
    "y.backward()": NOT_SCALAR,
    "ag.backward(y)": NOT_SCALAR,
    "ag.grad(y, x)": NOT_SCALAR,
    "y.backward(gradient=v)": "Mismatch in shape: grad_output[0] has a shape of ",
    "y.sum().backward(ones(2))": "Mismatch in shape: grad_output[0] has a shape of ",
    "ag.grad(y.sum(), x, grad_outputs=ones(2))": "Mismatch in shape",
    "y.backward(3.0)": "'float' object is not iterable",
    "y.sum().backward('a')": "gradients can be either Tensors or None, but got str",
    "y.sum().backward(inputs=[])": "`inputs` argument to `backward()` cannot be empty.",
    "y.sum().backward(inputs=[c])": "can't retain_grad on Tensor that has requires_grad=False",
    "y.sum().backward(inputs=[3])": "all inputs have to be Tensors or GradientEdges, but got int",
    "y.sum().backward(inputs=3)": "'int' object is not iterable",
    "ag.backward([y.sum(), y.sum()], [None])": "got 2 tensors and 1 gradients",
    "ag.backward(y.sum(), ones(()), grad_variables=ones(()))": "arguments both passed to ",
    "ag.backward(3)": "'int' object is not iterable",
    "ag.backward([3])": "Expected output to be a ",
    "ag.backward([y.sum()], 3)": "'int' object is not iterable",
    "ag.grad(y.sum(), c)": NO_HISTORY,
    "ag.grad(y.sum(), (x, c))": NO_HISTORY,
    "ag.grad(y.sum(), {'a': c})": NO_HISTORY,
    "ag.grad(y.sum(), v)": "The differentiated Tensor at index 0 appears to not have been used in",
    "ag.grad(y.sum(), [x, v])": "The differentiated Tensor at index 1 appears to not have been",
    "ag.grad(y.sum(), [])": "`inputs` argument to `grad()` cannot be empty.",
    "ag.grad(y.sum(), 3)": "'int' object is not iterable",
    "ag.grad(3, x)": "'int' object is not iterable",
    "ag.grad(y.sum(), x, allow_unused=False, materialize_grads=True)": "Expected allow_unused to",
    "ag.grad([y.sum(), y.sum()], x, [ones(())])": "got 2 tensors and 1 gradients",
    "l = (x * x).sum(); l.backward(); l.backward()": TWICE,
    "l = (x * x).sum(); ag.grad(l, x); ag.grad(l, x)": TWICE,
    "l = x.exp(); l.sum().backward(); l.grad_fn._saved_result": TWICE,
    "y = x.exp(); y.mul_(2); y.sum().backward()": DAMAGED,
    "y = x * 2; z = y * y; y[0] = 1; z.sum().backward()": DAMAGED,
    "y = x.sigmoid(); y.detach().zero_(); y.sum().backward()": DAMAGED,
    "lib.floor_divide(x, 2).sum().backward()": "derivative for ",
}

LEAVES = {
    "y.requires_grad_(False)": "you can only change requires_grad flags of leaf variables.",
    "y.requires_grad = False": "you can only change requires_grad flags of leaf variables.",
    "i.requires_grad_()": "only Tensors of floating point dtype can require gradients",
    "i.requires_grad = True": "only Tensors of floating point",
    "lib.tensor([1], requires_grad=True)": "nly Tensors of floating point",
    "x.requires_grad_('a')": "argument 'requires_grad' (position 1) must be bool, not str",
    "x.requires_grad_(1)": "argument 'requires_grad' (position 1) must be bool, not int",
    "x.requires_grad = 1": "requires_grad must be a bool",
    "lib.set_grad_enabled('a')": "argument 'enabled' (position 1) must be bool, not str",
    "c.retain_grad()": "can't retain_grad on Tensor that has requires_grad=False",
    "x.grad = 3": "assigned grad expected to be a Tensor or None but got ",
    "x.grad = ones(2)": "attempting to assign a gradient of size '[2]' to a tensor of size",
    "x.grad = ones(3, 4, dtype=lib.float64)": "attempting to assign a gradient with dtype '",
    "x.grad = x": "can't assign Variable as its own grad",
    "del x.grad; x.grad.foo": "'NoneType' object has no attribute 'foo'",
    "x.data = 3": "Variable data has to be a tensor, but got int",
    "x.data = i": "data set to a tensor that requires gradients must be floating point",
    "x.is_leaf = True": "",
    "x.grad_fn = None": "",
    "y.numpy()": "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()",
    "x.__array__()": "Can't call numpy() on Tensor that requires grad.",
    "copy.deepcopy(y)": "Only Tensors created explicitly by the user (graph leaves) support the",
    "y.grad_fn._saved_self.foo": "'NoneType' object has no attribute 'foo'",
    "y.grad_fn._saved_result": "'MulBackward0' object has no attribute '_saved_result'",
    "y.grad_fn._saved_unknown": "'MulBackward0' object has no attribute '_saved_unknown'",
    "x.exp().grad_fn.saved_tensors": "'ExpBackward0' object has no attribute 'saved_tensors'",
}

WRITES = {
    "x.add_(1)": LEAF,
    "x += 1": LEAF,
    "x.copy_(c)": LEAF,
    "x.exp_()": LEAF,
    "x[0] = 1": VIEW_OF_LEAF,
    "x[0] = v": VIEW_OF_LEAF,
    "x.view(12).mul_(2)": VIEW_OF_LEAF,
    "y.unbind()[0].add_(1)": "is a view and is being modified inplace. This view is the output of",
    "y.split(1)[0].mul_(2)": "is a view and is being modified inplace. This view is the output of",
    "c.expand(2, 3, 4).add_(1)": "more than one element of the written-to tensor refers to a",
    "lib.add(x, x, out=c)": "functions with out=... arguments don't support automatic",
    "lib.mul(c, c, out=x)": "functions with out=... arguments don't support automatic",
    "y[0].detach_()": "Can't detach views in-place",
}

HOOKS = {
    "c.register_hook(print)": NO_HOOK,
    "c.register_post_accumulate_grad_hook(print)": NO_HOOK,
    "y.register_post_accumulate_grad_hook(print)": "cannot be registered on non-leaf tensors",
    "y.register_hook(3); y.sum().backward()": "'int' object is not callable",
    "y.register_hook(lambda g: ones(2)); y.sum().backward()": SIZE,
    "x.register_hook(lambda g: ones(2)); y.sum().backward()": SIZE,
    "y.register_hook(lambda g: 3); y.sum().backward()": "expected Variable, but hook returned",
    "y.register_hook(lambda g: g.double()); y.sum().backward()": "has changed the type of value",
    "y.register_hook(lambda g: 1 / 0); y.sum().backward()": "division by zero",
    "x.register_post_accumulate_grad_hook(lambda t: 1 / 0); y.sum().backward()": "division by zero",
    "x.register_post_accumulate_grad_hook(lambda t: 3); y.sum().backward()": "expected Variable,",
    "f()": "expected 1 arguments, got 0 instead",
    "f(3)": "argument 0 is not a Variable",
    "f.register_hook(lambda a, b: 3); y.sum().backward()": "expected tuple, but hook returned",
    "f.register_hook(lambda a, b: (1, 2, 3)); y.sum().backward()": "an incorrect number of values",
    "f.register_hook(lambda a, b: (ones(2), None)); y.sum().backward()": SIZE,
    "f.register_prehook(lambda a: 3); y.sum().backward()": "expected tuple, but hook returned",
    "f.register_prehook(lambda a: (ones(2),)); y.sum().backward()": SIZE,
    "f.register_prehook(lambda a: ()); y.sum().backward()": "an incorrect number of values",
}

GRAPH = {
    "graph.get_gradient_edge(c)": "It is not possible to get the gradient edge for a Tensor that",
    "graph.get_gradient_edge(3)": "'int' object has no attribute '",
    "graph.register_multi_grad_hook([c], print)": "Expected gradient function to be set",
    "graph.register_multi_grad_hook([x], print, mode='some')": "Expects mode to be one of ('all', ",
    "graph.increment_version(3)": "increment_version expect a Iterable[Tensor] as input",
    "with graph.saved_tensors_hooks(lambda t: 3, lambda t: 3): z = x * x\nz.sum().backward()": (
        "Output of saved tensor unpack_hook expected to be a Tensor but got result of type int"
    ),
    "with graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t): x * x": "division by zero",
    "with graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t): x * c": (
        "A saved tensor pack hook is modifying its input in place."
    ),
    "with graph.disable_saved_tensors_hooks('not now'):\n"
    "    with graph.saved_tensors_hooks(lambda t: t, lambda t: t): x * x": "not now",
}

MODES = {
    INFERENCE + "z.requires_grad_()": "Setting requires_grad=True on inference tensor outside",
    INFERENCE + "z.detach().requires_grad_()": "Setting requires_grad=True on inference tensor",
    INFERENCE + "z * x": "Inference tensors cannot be saved for backward.",
    INFERENCE + "x * z": "Inference tensors cannot be saved for backward.",
    INFERENCE + "z.add_(1)": "Inplace update to inference tensor outside InferenceMode is not",
    INFERENCE + "z[0].add_(1)": "Inplace update to inference tensor outside InferenceMode is not",
    INFERENCE + "z._version": "Inference tensors do not track version counter.",
    "with lib.inference_mode(): (x * 2).sum().backward()": NO_GRAPH,
    "with lib.no_grad(): z = x * 2\nz.sum().backward()": NO_GRAPH,
}

FUNCTION = {
    "F.apply(x)": "You must implement the forward function for custom autograd.Function.",
    "F.forward(x)": "You must implement the forward function for custom autograd.Function.",
}

VMAP = {
    "vmap(lambda a: a.item())(x)": "vmap: It looks like you're calling .item() on a Tensor.",
    "vmap(lambda a: a.item())(v)": "vmap: It looks like you're calling .item() on a Tensor.",
    "vmap(lambda a: a if a > 0 else -a)(x)": "a Tensor in some data-dependent control flow.",
    "vmap(lambda a: a if a > 0 else -a)(v)": "a Tensor in some data-dependent control flow.",
    "vmap(lambda a: a.tolist())(x)": "Cannot access data pointer of Tensor that doesn't have",
}

PROGRAMS = {**BACKWARD, **LEAVES, **WRITES, **HOOKS, **GRAPH, **MODES, **FUNCTION, **VMAP}


def names(lib: Any) -> dict[str, Any]:
    x, v = (lib.ones(*shape, requires_grad=True) for shape in ((3, 4), (4,)))
    y = x * 2
    return {
        **{"lib": lib, "ag": lib.autograd, "graph": lib.autograd.graph, "F": lib.autograd.Function},
        **{"x": x, "v": v, "y": y, "f": y.grad_fn, "c": lib.ones(3, 4)},
        **{"i": lib.tensor([0, 1, 2]), "ones": lib.ones, "copy": copy, "vmap": lib.func.vmap},
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_refused(program: str) -> None:
    (_, theirs), (_, ours) = (outcome(exec, program, names(lib)) for lib in LIBRARIES)
    assert theirs is not None, "torch accepts this"
    same_error(theirs, ours)
    assert PROGRAMS[program] in str(theirs)
    assert PROGRAMS[program] in str(ours)
