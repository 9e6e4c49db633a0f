"""Bad input raises what torch raises: the type, its key words, and where asked, the user's line."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import blame, tensor, zeros
from minigrad.autograd import Function

Case = tuple[str, type[Exception], str]

NAMES: dict[str, Any] = {
    **{
        name: getattr(minigrad, name) for name in ("autograd", "nn", "device", "arange", "linspace")
    },
    **{name: getattr(minigrad, name) for name in ("cat", "stack", "mm", "bmm", "dot", "mv", "exp")},
    **{
        name: getattr(minigrad, name) for name in ("index_select", "from_numpy", "where", "randint")
    },
    **{name: getattr(minigrad, name) for name in ("float64", "int64", "set_default_dtype")},
    "tensor": tensor,
    "zeros": zeros,
}

SHAPES: list[Case] = [
    ("zeros(2, 3) + zeros(4)", RuntimeError, "The size of tensor a (3) must match the size of"),
    ("zeros(2, 3) * zeros(3, 3)", RuntimeError, "tensor b (3) at non-singleton dimension 0"),
    ("zeros(2, 3) + zeros(4, dtype=float64)", RuntimeError, "at non-singleton dimension 1"),
    ("zeros(2, 3).pow(zeros(4))", RuntimeError, "at non-singleton dimension 1"),
    ("where(zeros(2) > 0, zeros(3), 1.0)", RuntimeError, "at non-singleton dimension 0"),
    ("zeros(2, 3) @ zeros(2, 3)", RuntimeError, "shapes cannot be multiplied (2x3 and 2x3)"),
    ("zeros(3) @ zeros(2)", RuntimeError, "inconsistent tensor size, expected tensor [3] and src"),
    ("zeros(2, 3) @ zeros(2)", RuntimeError, "size mismatch, got input (2), mat (2x3), vec (2)"),
    ("zeros(2) @ zeros(3, 2)", RuntimeError, "shapes cannot be multiplied (1x2 and 3x2)"),
    ("zeros(2, 2, 3) @ zeros(3, 3, 2)", RuntimeError, "must match the size of tensor b (3) at"),
    ("zeros(()) @ zeros(3)", RuntimeError, "both arguments to matmul need to be at least 1D, but"),
    ("mm(zeros(2, 3), zeros(3))", RuntimeError, "must be a matrix"),
    ("mm(zeros(2, 3), zeros(2, 3))", RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
    ("bmm(zeros(2, 3, 4), zeros(3, 4, 2))", RuntimeError, "to be: [2, 4] but got: [3, 4]."),
    ("dot(zeros(2), zeros(3))", RuntimeError, "but got 2 and 3 elements respectively"),
    ("mv(zeros(2, 3), zeros(2))", RuntimeError, "size mismatch, got input (2), mat (2x3), vec (2)"),
    ("zeros(2, 3).view(5)", RuntimeError, "shape '[5]' is invalid for input of size 6"),
    ("zeros(2, 3).reshape(4, -1)", RuntimeError, "shape '[4, -1]' is invalid for input of size 6"),
    ("zeros(2, 3).view(-1, -1)", RuntimeError, "only one dimension can be inferred"),
    ("zeros(2, 3).T.view(6)", RuntimeError, "view size is not compatible with input tensor's size"),
    ("zeros(0).reshape(-1, 0)", RuntimeError, "cannot reshape tensor of 0 elements into shape"),
    ("zeros(2).reshape(-2)", RuntimeError, "invalid shape dimension -2"),
    (
        "zeros(2, 3).expand(2, 4)",
        RuntimeError,
        "(4) must match the existing size (3) at non-single",
    ),
    ("zeros(2, 3).expand(3)", RuntimeError, "the number of sizes provided (1) must be greater or"),
    ("zeros(3).expand(-1, 3)", RuntimeError, "isn't allowed in a leading, non-existing dimension"),
    ("zeros(2, 3).permute(0)", RuntimeError, "does not match the length of the desired ordering"),
    ("zeros(2, 3).permute(0, 0)", RuntimeError, "duplicate dims are not allowed"),
    ("zeros(2, 3, 4).t()", RuntimeError, "t() expects a tensor with <= 2 dimensions, but self is"),
    ("zeros(2, 3).flatten(1, 0)", RuntimeError, "start_dim cannot come after end_dim"),
    ("zeros(4).split(-1)", RuntimeError, "split expects split_size be non-negative, but got"),
    ("zeros(4).split([1, 2])", RuntimeError, "expects split_sizes to sum exactly to 4"),
    ("zeros(4).chunk(0)", RuntimeError, "chunk expects `chunks` to be greater than 0, got: 0"),
    ("cat([zeros(2, 3), zeros(2, 4)])", RuntimeError, "must match except in dimension 0. Expected"),
    ("cat([zeros(2, 3), zeros(2)])", RuntimeError, "Tensors must have same number of dimensions"),
    ("cat([zeros(()), zeros(())])", RuntimeError, "zero-dimensional tensor (at position 0) cannot"),
    ("stack([zeros(2), zeros(3)])", RuntimeError, "stack expects each tensor to be equal size"),
    ("stack([])", RuntimeError, "stack expects a non-empty TensorList"),
    ("zeros(3).narrow(0, 2, 2)", RuntimeError, "start (2) + length (2) exceeds dimension size (3)"),
]

DIMENSIONS: list[Case] = [
    (f"zeros(2, 3).{call}", IndexError, f"expected to be in range of [{-n}, {n - 1}], but got {d})")
    for call, n, d in (
        ("sum(2)", 2, 2),
        ("sum(-3)", 2, -3),
        ("mean(5)", 2, 5),
        ("softmax(2)", 2, 2),
        ("argmax(2)", 2, 2),
        ("permute(0, 2)", 2, 2),
        ("transpose(0, 2)", 2, 2),
        ("squeeze(5)", 2, 5),
        ("unsqueeze(4)", 3, 4),
        ("size(3)", 2, 3),
    )
] + [
    ("zeros(2, 3).sum((0, 0))", RuntimeError, "dim 0 appears multiple times in the list of dims"),
    ("zeros(2, 0).amax(1)", IndexError, "amax(): Expected reduction dim"),
    ("zeros(0).argmax()", IndexError, "argmax(): Expected reduction dim"),
    ("zeros(2, 3).sum('x')", TypeError, "str"),
]

DTYPES: list[Case] = [
    (
        "tensor([1, 2]).mean()",
        RuntimeError,
        "could not infer output dtype. Input dtype must be eith",
    ),
    ("tensor([1, 2]).std()", RuntimeError, "std and var only support floating point"),
    ("tensor([True]) - tensor([True])", RuntimeError, "with two bool tensors is not supported"),
    ("-tensor([True])", RuntimeError, "on a bool tensor is not supported"),
    ("tensor([1.0]) & tensor([1.0])", RuntimeError, "not implemented for"),
    ("zeros(2, 3) @ zeros(3, 2, dtype=float64)", RuntimeError, "to have the same dtype, but got"),
    ("zeros(2, dtype=int64, requires_grad=True)", RuntimeError, "nly Tensors of floating point"),
    ("tensor([1, 2]).requires_grad_()", RuntimeError, "only Tensors of floating point dtype can"),
    ("tensor([1.0]) + 'text'", TypeError, "str"),
    ("tensor([1.0]) + None", TypeError, "NoneType"),
    ("tensor([1.0]) + [1.0]", TypeError, "list"),
    ("exp(1.0)", TypeError, "must be Tensor"),
    ("exp('text')", TypeError, "must be Tensor"),
    ("tensor([[1.0], [1.0, 2.0]])", ValueError, "expected sequence"),
    ("tensor('text')", TypeError, "str"),
    ("zeros(2, dtype='float32')", TypeError, "not str"),
    ("zeros(2.5)", TypeError, "ints"),
    (
        "set_default_dtype(int64)",
        TypeError,
        "only floating-point types are supported as the default",
    ),
    ("from_numpy([1.0])", TypeError, "expected np.ndarray (got list)"),
]

INDICES: list[Case] = [
    ("zeros(2, 3)[2]", IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    ("zeros(2, 3)[0, -4]", IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
    ("zeros(2, 3)[:, 3]", IndexError, "index 3 is out of bounds for dimension 1 with size 3"),
    ("zeros(2, 3)[0, 0, 0]", IndexError, "too many indices for tensor of dimension 2"),
    (
        "zeros(2, 3)[1.0]",
        IndexError,
        "only integers, slices (`:`), ellipsis (`...`), None and long",
    ),
    ("zeros(2, 3)['a']", TypeError, "str"),
    ("zeros(2, 3)[[0, 5]]", IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
    (
        "zeros(2, 3)[tensor([True, False, True])]",
        IndexError,
        "The shape of the mask [3] at index 0",
    ),
    ("zeros(2, 3)[::-1]", ValueError, "step must be greater than zero"),
    ("zeros(2, 3)[tensor([0.5])]", IndexError, "used as indices must be long, int, byte or bool"),
    ("zeros(())[0]", IndexError, "invalid index of a 0-dim tensor. Use `tensor.item()`"),
    (
        "zeros(2, 3)[tensor([0, 1]), tensor([0, 1, 2])]",
        IndexError,
        "indexing tensors could not be broadcast together with shapes [2], [3]",
    ),
    ("zeros(3).select(0, 3)", IndexError, "index 3"),
    ("zeros(()).select(0, 0)", IndexError, "select() cannot be applied to a 0-dim tensor"),
    ("index_select(zeros(3), 0, tensor([3]))", IndexError, "index out of range in self"),
    ("nn.functional.embedding(tensor([5]), zeros(3, 2))", IndexError, "index out of range in self"),
    (
        "nn.functional.cross_entropy(zeros(2, 3), tensor([0, 3]))",
        IndexError,
        "Target 3 is out of bounds",
    ),
    (
        "nn.functional.cross_entropy(zeros(2, 3), tensor([0]))",
        ValueError,
        "Expected input batch_size (2) to match target batch_size (1)",
    ),
]

CONVERSIONS: list[Case] = [
    ("zeros(2).item()", RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar"),
    (
        "bool(zeros(2))",
        RuntimeError,
        "Boolean value of Tensor with more than one value is ambiguous",
    ),
    ("bool(zeros(0))", RuntimeError, "Boolean value of Tensor with no values is ambiguous"),
    ("int(zeros(2))", ValueError, "only one element tensors can be converted to Python scalars"),
    ("float(zeros(2))", ValueError, "only one element tensors can be converted to Python scalars"),
    ("len(zeros(()))", TypeError, "len() of a 0-d tensor"),
    ("list(zeros(()))", TypeError, "iteration over a 0-d tensor"),
    ("zeros(2, requires_grad=True).numpy()", RuntimeError, "Use tensor.detach().numpy() instead."),
    ("[1, 2][tensor(1.5)]", TypeError, "only integer tensors of a single element can be converted"),
    ("[1, 2][tensor([0, 1])]", TypeError, "only integer tensors of a single element can be"),
    ("device('gpu')", RuntimeError, "device type at start of device string: gpu"),
    ("zeros(2).to('nowhere')", RuntimeError, "device type at start of device string: nowhere"),
    ("arange(0, 1, 0)", RuntimeError, "step must be nonzero"),
    ("arange(1, 0)", RuntimeError, "upper bound and lower bound inconsistent with step sign"),
    ("linspace(0, 1, -1)", RuntimeError, "number of steps must be non-negative"),
    ("randint(3, 3, (2,))", RuntimeError, "random_ expects 'from' to be less than 'to', but got"),
    ("zeros(2) * (zeros(2),)", TypeError, "Take the tensors out of it first, as in `x, = ctx"),
    ("zeros(2) * ('a',)", TypeError, "Make a tensor of it first, with minigrad.tensor()."),
    ("zeros(2).unknown", AttributeError, "'Tensor' object has no attribute 'unknown'"),
]

BACKWARD: list[Case] = [
    (
        "zeros(2).backward()",
        RuntimeError,
        "element 0 of tensors does not require grad and does not",
    ),
    (
        "(zeros(2, requires_grad=True) * 1).backward()",
        RuntimeError,
        "grad can be implicitly created only for scalar outputs",
    ),
    (
        "(zeros(2, requires_grad=True) * 1).backward('x')",
        TypeError,
        "gradients can be either Tensors or None, but got str",
    ),
    (
        "autograd.grad(zeros((), requires_grad=True) * 1, zeros(2))",
        RuntimeError,
        "One of the differentiated Tensors does not require grad",
    ),
    (
        "zeros(2, requires_grad=True).add_(1)",
        RuntimeError,
        "a leaf Variable that requires grad is being used in an in-place operation.",
    ),
    (
        "(zeros(2, requires_grad=True) * 1).requires_grad_(False)",
        RuntimeError,
        "you can only change requires_grad flags of leaf variables.",
    ),
]

CASES = [*SHAPES, *DIMENSIONS, *DTYPES, *INDICES, *CONVERSIONS, *BACKWARD]


@pytest.mark.parametrize(("written", "error", "words"), CASES, ids=[case[0] for case in CASES])
def test_torchs_exception_and_key_words(written: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        eval(written, dict(NAMES))
    assert words in str(caught.value)


# ----------------------------------------------------------------- the user's line in the message


def here() -> str:
    return f"{__file__}:{sys._getframe(1).f_lineno}"


def shown(error: BaseException) -> str:
    """What a traceback shows: the message and its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def test_second_backward_tells_which_operation_was_freed() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y, line = x.exp(), here()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time") as caught:
        y.sum().backward()
    assert f"ExpBackward0 was made at {line}, in test_second_backward_tells" in str(caught.value)


def test_switching_off_a_result_tells_where_it_was_made() -> None:
    y, line = tensor([1.0], requires_grad=True) * 2, here()
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags") as caught:
        y.requires_grad_(False)
    assert f"MulBackward0, made at {line}" in str(caught.value)


def test_damage_tells_what_saved_and_what_modified() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y, saved = x.exp(), here()
    _, modified = y.add_(1), here()
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.sum().backward()
    assert f"ExpBackward0 saved at {saved}, in " in str(caught.value)
    assert f"was modified at {modified}, in " in str(caught.value)
    assert "clone()" in str(caught.value)


class Fails(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise KeyError("mine")


def test_an_error_inside_backward_tells_where_its_operation_was_made() -> None:
    y, line = Fails.apply(tensor([1.0], requires_grad=True)), here()
    with pytest.raises(KeyError, match="mine") as caught:
        y.backward()
    assert f"happened in the backward pass of FailsBackward, made at {line}" in shown(caught.value)


def failing_hook(*grads: Any) -> None:
    raise KeyError("mine")


def add_tensor_hook(x: Any, y: Any) -> None:
    y.register_hook(failing_hook)


def add_node_hook(x: Any, y: Any) -> None:
    y.grad_fn.register_hook(failing_hook)


def add_prehook(x: Any, y: Any) -> None:
    y.grad_fn.register_prehook(failing_hook)


def add_multi_grad_hook(x: Any, y: Any) -> None:
    minigrad.autograd.graph.register_multi_grad_hook([y], failing_hook)


@pytest.mark.parametrize("add", [add_tensor_hook, add_node_hook, add_prehook, add_multi_grad_hook])
def test_an_error_in_a_hook_names_it_and_the_line(add: Any) -> None:
    x = tensor([1.0], requires_grad=True)
    y, line = x * 2, here()
    add(x, y)
    with pytest.raises(KeyError, match="mine") as caught:
        y.backward()
    assert (
        f"This happened in the hook 'failing_hook' during the backward pass of MulBackward0, made "
        f"at {line}, in test_an_error_in_a_hook" in shown(caught.value)
    )


def test_an_error_in_the_hook_of_a_leaf() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    x.register_post_accumulate_grad_hook(failing_hook)
    with pytest.raises(KeyError, match="mine") as caught:
        x.sum().backward()
    assert (
        "in the hook 'failing_hook' during the backward pass of AccumulateGrad, at a leaf of"
        in (shown(caught.value))
    )


def test_nothing_is_said_twice() -> None:
    loss = (tensor([1.0], requires_grad=True) ** 2).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="PowBackward0 was made at") as caught:
        loss.backward()
    assert not getattr(caught.value, "__notes__", [])


class ErrorOfPython310(Exception):
    add_note = property()  # type: ignore[assignment]


def test_without_notes_the_message_itself_tells() -> None:
    for error, text in (
        (ErrorOfPython310("mine"), "mine\nit was here"),
        (ErrorOfPython310("two", 2), "('two', 2)"),
    ):
        blame.note(error, "it was here")
        assert str(error) == text


ADVICE: list[tuple[str, str]] = [
    ("zeros(2).sum().backward()", "minigrad.explain_grad(this tensor) tells more"),
    ("(w * 1).backward()", "reduce it, as in .sum().backward(), or pass the gradient of each"),
    ("(w * 1).backward(zeros(3))", "Pass a gradient of the output's shape."),
    ("w.sum().backward(inputs=[])", "backward() without `inputs` reaches all leaves."),
    ("autograd.backward([w.sum()], [])", "give one for each tensor"),
    ("autograd.grad(w.sum(), [w, zeros(2)])", "index 1. Call requires_grad_() on it before it is"),
    ("autograd.grad(w.sum(), zeros(2).requires_grad_())", "explain_grad(input, output) tells"),
    ("zeros(2).retain_grad()", "call requires_grad_() on it before it is used"),
    ("zeros(2).register_hook(print)", "call requires_grad_() on it before it is used"),
    ("(w * 1).register_post_accumulate_grad_hook(print)", "Use register_hook()."),
    ("w.add_(1)", "inside `with minigrad.no_grad():`"),
    ("(w * 1).__deepcopy__({})", "Use tensor.detach().clone()"),
    ("tensor([1], requires_grad=True)", "make it with dtype=minigrad.float32, or call .float()"),
]


@pytest.mark.parametrize(("written", "advice"), ADVICE, ids=[case[0] for case in ADVICE])
def test_what_to_do(written: str, advice: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        eval(written, {**NAMES, "w": zeros(2, requires_grad=True)})
    assert advice in str(caught.value)


def test_lines_are_the_users_and_not_the_librarys() -> None:
    x = tensor([[1.0, 2.0]], requires_grad=True)
    makers = [
        lambda: x * 2,
        lambda: x @ x.T,
        lambda: x.sum(),
        lambda: x[0, 1:],
        lambda: x.softmax(1),
        lambda: x.reshape(2),
        lambda: minigrad.cat([x, x]),
        lambda: x.unbind()[0],
        lambda: x.mean(0).exp(),
        lambda: minigrad.nn.functional.cross_entropy(x, tensor([0])),
        lambda: minigrad.nn.Linear(2, 3)(x),
    ]
    assert {maker().grad_fn.line.file for maker in makers} == {__file__}


def test_a_line_has_a_column_and_a_function() -> None:
    def make(x: Any) -> Any:
        return 0 if x is None else x * 3

    line = make(tensor([1.0], requires_grad=True)).grad_fn.line
    assert line.function == "make"
    assert str(line).startswith(f"{__file__}:{line.number}, in make")
    if sys.version_info >= (3, 11):
        assert line.column == len("        return 0 if x is None else ")


def test_a_multi_line_expression_gives_each_operation_its_line() -> None:
    x = tensor([1.0], requires_grad=True)
    first = sys._getframe().f_lineno + 2
    y = (
        x.exp()
        + x.sin()
    )  # fmt: skip
    nodes = [node for node, _ in y.grad_fn.next_functions]
    assert [node.line.number - first for node in nodes] == [0, 1]


# ---------------------------------------------------------------------------- devices do not mix

TWO_DEVICES = """
import minigrad

cpu = minigrad.ones(2)
gpu = minigrad.ones(2, device="cuda")
attempts = {
    "add": lambda: cpu + gpu,
    "mul": lambda: gpu * cpu,
    "matmul": lambda: minigrad.ones(2, 2) @ minigrad.ones(2, 2, device="cuda"),
    "cat": lambda: minigrad.cat([cpu, gpu]),
    "where": lambda: minigrad.where(cpu > 0, gpu, gpu),
    "in place": lambda: gpu.add_(cpu),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except RuntimeError as error:
        assert "Expected all tensors to be on the same device" in str(error), (name, error)
        assert "cuda:0" in str(error) and "cpu" in str(error), (name, error)
    else:
        raise AssertionError(name)

try:
    gpu.numpy()
except TypeError as error:
    assert "can't convert cuda:0 device type tensor to numpy" in str(error), error
else:
    raise AssertionError("numpy")

x = minigrad.ones(2, requires_grad=True)
try:
    x.grad = gpu
except RuntimeError as error:
    assert "attempting to assign a gradient with device type 'cuda'" in str(error), error
else:
    raise AssertionError("grad")
print("done")
"""


def test_devices_are_never_mixed() -> None:
    result = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_numpy_dtypes_that_tensors_cannot_hold() -> None:
    for array in (np.zeros(2, np.complex64), np.zeros(2, np.uint32)):  # torch has these
        with pytest.raises(TypeError, match=r"can't convert np\.ndarray of type"):
            minigrad.from_numpy(array)


def test_the_warning_about_a_result_tells_where_it_was_made() -> None:
    y, line = tensor([1.0], requires_grad=True) * 2, here()
    with pytest.warns(UserWarning, match="attribute of a Tensor that is not a leaf") as caught:
        assert y.grad is None
    assert f"result of MulBackward0, made at {line}, in test_the_warning" in str(caught[0].message)


def test_backward_of_several_numbers_tells_where_they_were_made() -> None:
    y, line = tensor([1.0, 2.0], requires_grad=True) * 2, here()
    with pytest.raises(RuntimeError, match="only for scalar outputs") as caught:
        y.backward()
    assert f"but this one, made at {line}, in test_backward_of_several" in str(caught.value)


def test_gradients_that_are_no_tensors_are_named_before_they_are_counted() -> None:
    y = tensor([1.0, 2.0], requires_grad=True) * 1
    with pytest.raises(TypeError, match="either Tensors or None, but got float"):
        y.backward([1.0, 1.0])


def test_a_damaged_saved_tensor_is_not_shown() -> None:
    y = tensor([1.0, 2.0], requires_grad=True).exp()
    node = y.grad_fn
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        _ = node._saved_result
