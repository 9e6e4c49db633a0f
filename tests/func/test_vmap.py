"""vmap: every operation on all samples at once gives what a loop over the samples gives."""

import hashlib
from typing import Any, ClassVar

import numpy as np
import pytest

import minigrad
from minigrad.autograd import Function, grad
from minigrad.func import vmap
from minigrad.testing import Sample, samples
from minigrad.testing.samples import BY_VALUES, tensors_in

SIZE = 2
DYNAMIC = {"x[mask]", "b[:, mask]"}  # their results have another shape for every sample
NO_DERIVATIVE = {"floor_divide"}
SAMPLES = [sample for sample in samples() if sample.expression not in DYNAMIC]


def x23() -> Any:
    return minigrad.arange(6.0).reshape(2, 3)


# ------------------------------------------------------------------------------- every operation


def mapped_operands(sample: Sample) -> list[set[str]]:
    """All of the operands; and one of them alone, where there are several."""
    names = sorted(sample.operands)
    if len(names) == 1:
        return [set(names)]
    chosen = int(hashlib.md5(sample.expression.encode()).hexdigest(), 16) % len(names)
    return [set(names), {names[chosen]}]


def another(array: np.ndarray) -> np.ndarray:
    """Values like those of `array`, for the second sample."""
    if array.dtype.kind == "f":
        return array * 0.93
    return np.roll(array, 1, -1) if array.ndim else array


def leaves(sample: Sample, mapped: set[str]) -> dict[str, Any]:
    made = {}
    for name, array in sample.operands.items():
        values = np.stack([array, another(array)]) if name in mapped else array
        made[name] = minigrad.tensor(values)
        if name in sample.floating and sample.operation not in NO_DERIVATIVE:
            made[name].requires_grad_()
    return made


def by_vmap(sample: Sample, mapped: set[str], operands: dict[str, Any]) -> list[Any]:
    def call(*values: Any) -> tuple[Any, ...]:
        return tuple(tensors_in(sample.call(minigrad, dict(zip(operands, values, strict=True)))))

    in_dims = tuple(0 if name in mapped else None for name in operands)
    return list(vmap(call, in_dims)(*operands.values()))


def by_loop(sample: Sample, mapped: set[str], operands: dict[str, Any]) -> list[Any]:
    rows = []
    for i in range(SIZE):
        chosen = {n: x[i].clone() if n in mapped else x for n, x in operands.items()}
        rows.append(tensors_in(sample.call(minigrad, chosen)))
    return [minigrad.stack(list(row)) for row in zip(*rows, strict=True)]


def gradients(outputs: list[Any], operands: dict[str, Any]) -> list[np.ndarray]:
    """Of a weighted sum of all outputs; zeros where an operand plays no part."""
    wanted = [x for x in operands.values() if x.requires_grad]
    losses = []
    for x in outputs:
        if x.requires_grad:
            weights = np.random.default_rng(7).normal(size=x.shape)
            losses.append((x * minigrad.tensor(weights)).sum())
    if not losses:
        return []
    found = grad(losses, wanted, materialize_grads=True)
    return [x.numpy() for x in found]


REFUSALS = ("dynamic shape", "of another size", "Cannot access data", "offsets[0] has to")


def refused(sample: Sample, error: RuntimeError) -> bool:
    """Whether an operation whose work its operands' values decide may say so under vmap."""
    words = str(error)
    told = any(t in words for t in REFUSALS)
    return sample.operation in BY_VALUES and told


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_operation_like_a_loop(sample: Sample) -> None:
    for mapped in mapped_operands(sample):
        ours, loops = leaves(sample, mapped), leaves(sample, mapped)
        try:
            outputs = by_vmap(sample, mapped, ours)
        except RuntimeError as error:
            if refused(sample, error):
                continue
            raise
        expected = by_loop(sample, mapped, loops)
        for x, y in zip(outputs, expected, strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), 1e-12, 1e-12)
        for x, y in zip(gradients(outputs, ours), gradients(expected, loops), strict=True):
            np.testing.assert_allclose(x, y, 1e-10, 1e-10)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_level_in_a_level_like_a_loop(sample: Sample) -> None:
    name = sorted(sample.operands)[0]
    operands = leaves(sample, {name})
    pair = minigrad.stack([operands[name][[1, 0]], operands[name]]).detach()

    def call(x: Any) -> tuple[Any, ...]:
        return tuple(tensors_in(sample.call(minigrad, {**operands, name: x})))

    try:
        nested, single = vmap(vmap(call))(pair), vmap(call)(pair[1].clone())
    except RuntimeError as error:
        if refused(sample, error):
            return
        raise
    for x, y in zip(nested, single, strict=True):
        np.testing.assert_allclose(x[1].detach().numpy(), y.detach().numpy(), 1e-12, 1e-12)


# ----------------------------------------------------------------------------- dimensions and trees


def test_dimensions_in_and_out() -> None:
    x = x23()
    assert vmap(lambda a: a.sum(), in_dims=-1)(x).tolist() == [3, 5, 7]
    assert vmap(lambda a: a, out_dims=1)(x).tolist() == x.T.tolist()
    assert vmap(lambda a: (a, a.sum()), 1, (-1, 0))(x)[0].tolist() == x.tolist()


def test_trees_of_arguments_and_results() -> None:
    def f(pair: Any, scale: float) -> Any:
        return {"sum": pair["a"] + pair["b"][0], "rest": [pair["a"] * scale]}

    x = x23()
    argument = {"a": x, "b": (minigrad.ones(3),)}
    result = vmap(f, ({"a": 0, "b": None}, None))(argument, 2.0)
    assert result["sum"].tolist() == (x + 1).tolist()
    assert result["rest"][0].tolist() == (x * 2).tolist()


def test_results_that_all_samples_share_are_repeated() -> None:
    ones = minigrad.ones(3, requires_grad=True)
    result = vmap(lambda a: ones * 2)(x23())
    assert result.tolist() == [[2, 2, 2], [2, 2, 2]]
    result.sum().backward()
    assert ones.grad.tolist() == [4, 4, 4]
    assert vmap(lambda a: ones, out_dims=None)(x23()) is ones


def test_keyword_arguments_are_passed_on() -> None:
    assert vmap(lambda a, k: (a * k).sum())(x23(), k=minigrad.ones(3)).tolist() == [3, 12]


def test_nested_levels() -> None:
    x, y = x23(), x23() + 1
    products = vmap(lambda a: vmap(lambda b: a.dot(b))(y))(x)
    assert products.tolist() == (x @ y.T).tolist()
    table = vmap(vmap(lambda a, b: a * b, (None, 0)), (0, None))(x[:, 0], y[0])
    assert table.tolist() == x[:, 0].outer(y[0]).tolist()


def test_no_samples() -> None:
    assert vmap(lambda a: a.sum())(minigrad.ones(0, 3)).shape == (0,)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 100])
def test_chunks(chunk_size: int) -> None:
    x = minigrad.arange(10.0).reshape(5, 2)
    whole = vmap(lambda a: (a.exp(), a.sum()), out_dims=(1, 0))(x)
    parts = vmap(lambda a: (a.exp(), a.sum()), out_dims=(1, 0), chunk_size=chunk_size)(x)
    assert [p.tolist() for p in parts] == [w.tolist() for w in whole]


def test_on_both_devices(device: str) -> None:
    x = minigrad.tensor([[1.0, 2], [3, 4], [5, 6]], device=device, requires_grad=True)
    weight = minigrad.tensor([[1.0, 0], [2, 1]], device=device, requires_grad=True)
    index = minigrad.tensor([[1], [0], [1]], device=device)

    def f(a: Any, i: Any) -> Any:
        made = a.new_zeros(2)
        made[1:] = a[i]
        return (vmap(lambda row: row.dot(a))(weight) * made).sum() + a.softmax(0).sum()

    result = vmap(f)(x, index)
    loop = minigrad.stack([f(x[i], index[i]) for i in range(3)])
    np.testing.assert_allclose(result.tolist(), loop.tolist(), 1e-6)
    ours, theirs = (grad(y.sum(), (x, weight)) for y in (result, loop))
    for a, b in zip(ours, theirs, strict=True):
        assert a.device.type == device
        np.testing.assert_allclose(a.tolist(), b.tolist(), 1e-5, 1e-6)


# -------------------------------------------------------------------------------------- gradients


def loss(weight: Any, x: Any) -> Any:
    return (weight @ x).tanh().sum()


def test_a_gradient_for_every_sample() -> None:
    weight = minigrad.arange(12.0).reshape(4, 3).div(10)
    x = x23()
    per_sample = vmap(minigrad.func.grad(loss), (None, 0))(weight, x)
    for i in range(2):
        expected = minigrad.func.grad(loss)(weight, x[i])
        np.testing.assert_allclose(per_sample[i].numpy(), expected.numpy(), 1e-5, 1e-6)


def test_autograd_inside() -> None:
    weight = minigrad.ones(3, requires_grad=True)
    per_sample = vmap(lambda a: grad((weight * a).sum(), weight)[0])(x23())
    assert per_sample.tolist() == x23().tolist()
    assert weight.grad is None


def test_what_the_samples_share_gets_the_sum_of_their_gradients() -> None:
    weight, scale = minigrad.ones(3, requires_grad=True), minigrad.tensor(2.0, requires_grad=True)
    doubled = weight * 2  # outside, and used twice inside
    result = vmap(lambda a: (doubled * a).sum() + (doubled * a * scale).sum())(x23())
    result.sum().backward()
    assert weight.grad.tolist() == [18, 30, 42]
    assert scale.grad.tolist() == 30


def test_a_shared_value_that_is_also_a_result() -> None:
    weight = minigrad.ones(3, requires_grad=True)

    def f(a: Any) -> Any:
        double = weight * 2
        return double * a, double

    first, second = vmap(f)(x23())
    (first.sum() + second.sum()).backward()
    assert weight.grad.tolist() == [10, 14, 18]  # 2 (sum of a) + 2 samples times 2


def test_second_derivatives_through_vmap() -> None:
    weight = minigrad.tensor([1.0, 2, 3], requires_grad=True)
    x = x23()
    result = vmap(lambda a: (weight**3 * a).sum())(x)
    (first,) = grad(result.sum(), weight, create_graph=True)
    (second,) = grad(first.sum(), weight)
    assert second.tolist() == (6 * weight.detach() * x.sum(0)).tolist()


def test_gradient_of_a_per_sample_gradient() -> None:
    x = x23().requires_grad_()
    slopes = vmap(minigrad.func.grad(lambda a: (a**3).sum()))(x)
    assert grad(slopes.sum(), x)[0].tolist() == (6 * x).tolist()


def test_a_gradient_through_levels_in_levels() -> None:
    weight = minigrad.tensor([1.0, 2, 3], requires_grad=True)
    x = x23()
    result = vmap(lambda a: vmap(lambda b: (weight * a * b).sum())(x))(x)
    result.sum().backward()
    total = x.sum(0)
    assert weight.grad.tolist() == (total * total).tolist()


def test_an_outer_level_over_the_gradient_of_an_inner_one() -> None:
    weight, x = minigrad.ones(3), x23()

    def total(w: Any, a: Any) -> Any:
        return vmap(lambda b: (w * w * a * b).sum())(x).sum()

    result = vmap(minigrad.func.grad(total), (None, 0))(weight, x)
    assert result.tolist() == (2 * x * x.sum(0)).tolist()


def test_forward_mode_over_what_is_shared() -> None:
    x, w = x23(), minigrad.tensor([1.0, 2, 3])

    def total(v: Any) -> Any:
        return vmap(lambda a: (v * v * v * a).sum())(x).sum()

    def slope(v: Any) -> Any:
        return minigrad.func.jvp(total, (v,), (v,))[1]

    assert slope(w).item() == (3 * w**3 * x.sum(0)).sum().item()
    assert minigrad.func.grad(slope)(w).tolist() == (9 * w**2 * x.sum(0)).tolist()


def test_anomaly_mode() -> None:
    x = x23().requires_grad_()
    with minigrad.autograd.set_detect_anomaly(True):
        assert grad(vmap(lambda a: (a * a).sum())(x).sum(), x)[0].tolist() == (2 * x).tolist()
        result = vmap(lambda a: (a.sqrt() * 0).sum())(x)
        with (
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0"),
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values"),
        ):
            grad(result.sum(), x)


def test_retained_and_hooked_gradients_inside() -> None:
    seen = []
    x = x23().requires_grad_()

    def f(a: Any) -> Any:
        y = a * 2
        y.register_hook(lambda g: seen.append(tuple(g.shape)))
        return (y * y).sum()

    vmap(f)(x).sum().backward()
    assert seen == [(3,)]
    assert x.grad.tolist() == (8 * x).tolist()


# ----------------------------------------------------------------------------------- in place


def test_writes_to_samples() -> None:
    x = x23()

    def f(a: Any) -> Any:
        made = a.new_zeros(3)
        made[0] = a[1]
        made[1:].add_(a[:2])
        made.index_put_((a[:1].long() % 3,), a[2])
        a.mul_(2)
        return made

    assert vmap(f)(x).tolist() == [[2, 0, 1], [5, 3, 4]]
    assert x.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_gradients_through_writes() -> None:
    x = x23().requires_grad_()

    def f(a: Any) -> Any:
        b = a * 1
        b[1:].mul_(a[:2])
        b[minigrad.tensor([0])] = a[2:] * 3
        return (b * b).sum()

    def loop() -> Any:
        return minigrad.stack([f(row) for row in x])

    ours, theirs = vmap(f)(x), loop()
    assert ours.tolist() == theirs.tolist()
    assert grad(ours.sum(), x)[0].tolist() == grad(theirs.sum(), x)[0].tolist()


def test_a_write_reaches_the_tensor_outside() -> None:
    x = x23().requires_grad_()
    y = x * 1
    result = vmap(lambda a: a.mul_(3))(y)
    assert y.tolist() == result.tolist() == (3 * x).tolist()
    y.sum().backward()
    assert x.grad.tolist() == [[3, 3, 3], [3, 3, 3]]


def test_a_write_that_no_result_shows() -> None:
    weight = minigrad.ones(3, requires_grad=True)
    x = x23().requires_grad_()
    y = x * 1
    vmap(lambda a: (a.mul_(weight * 2), minigrad.ones(1))[1])(y)
    of_x, of_weight = grad(y.sum(), (x, weight))
    assert of_x.tolist() == [[2, 2, 2], [2, 2, 2]]
    assert of_weight.tolist() == (2 * x.sum(0)).tolist()


@pytest.mark.parametrize(
    "write",
    [
        lambda a: minigrad.zeros(3).add_(a),
        lambda a: minigrad.zeros(3).copy_(a),
        lambda a: minigrad.mul(a, 2, out=minigrad.zeros(3)),
        lambda a: minigrad.zeros(3).masked_fill_(a > 0, 1.0),
        lambda a: minigrad.zeros(3).__setitem__(0, a[0]),
        lambda a: minigrad.zeros(3).__setitem__(minigrad.tensor([0]), a[:1]),
    ],
)
def test_no_write_of_samples_to_what_they_share(write: Any) -> None:
    with pytest.raises(RuntimeError, match=r"vmap: inplace arithmetic.*new_zeros"):
        vmap(write)(x23())


# ----------------------------------------------------------------------------------- randomness


def differ(x: Any) -> bool:
    return bool((x[0] != x[1]).any())


DRAWS = {
    "rand": lambda a: minigrad.rand(30),
    "randn": lambda a: minigrad.randn(30),
    "randint": lambda a: minigrad.randint(0, 1000, (30,)),
    "randperm": lambda a: minigrad.randperm(30),
    "normal": lambda a: minigrad.normal(0.0, 1.0, (30,)),
    "randn_like": lambda a: minigrad.randn_like(a),
    "bernoulli": lambda a: minigrad.bernoulli(minigrad.full((60,), 0.5)),
    "uniform_": lambda a: a.clone().uniform_(),
    "normal_": lambda a: a.clone().normal_(),
}


@pytest.mark.parametrize("name", DRAWS)
def test_randomness(name: str) -> None:
    draw = DRAWS[name]
    with pytest.raises(RuntimeError, match="called random operation while in randomness error"):
        vmap(draw)(x23())
    assert differ(vmap(draw, randomness="different")(x23()))
    assert not differ(vmap(draw, randomness="same")(x23()))


def test_randomness_of_nested_levels() -> None:
    def draws(outer: str, inner: str) -> Any:
        f = vmap(lambda b: minigrad.rand(()), randomness=inner)
        return vmap(f, randomness=outer)(x23())

    assert len(set(draws("different", "same")[:, 0].tolist())) == 2
    assert len(set(draws("different", "same")[0].tolist())) == 1
    assert len(set(draws("same", "different")[0].tolist())) == 3
    with pytest.raises(RuntimeError, match="randomness error mode"):
        draws("error", "different")


def test_refused_randomness() -> None:
    with pytest.raises(RuntimeError, match="different inplace randomness on an unbatched tensor"):
        vmap(lambda a: minigrad.zeros(3).normal_(), randomness="different")(x23())
    with pytest.raises(RuntimeError, match="same randomness with a batched tensor input"):
        vmap(lambda a: minigrad.bernoulli(a / 10), randomness="same")(x23())


# -------------------------------------------------------------------------- what cannot be mapped


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda a: a.sum().item(), r"vmap: It looks like you're calling \.item\(\)"),
        (lambda a: float(a.sum()), r"vmap: It looks like you're calling \.item\(\)"),
        (lambda a: [1, 2][a.sum().long()], r"vmap: It looks like you're calling \.item\(\)"),
        (lambda a: a if a.sum() > 0 else -a, "data-dependent control flow.*where"),
        (lambda a: a.tolist(), "Cannot access data pointer"),
        (lambda a: a.numpy(), "Cannot access data pointer"),
        (lambda a: np.asarray(a), "Cannot access data pointer"),
        (lambda a: a[a > 0], "dynamic shape.*boolean mask.*where"),
        (lambda a: a.sum().requires_grad_().backward(), r"backward\(\) called inside"),
        (lambda a: a.data, "accessing `data` under vmap transform is not allowed"),
    ],
)
def test_looking_at_values(look: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        vmap(look)(x23())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: vmap(lambda a: a, in_dims=None)(x), "expected `in_dims` to be int or a"),
        (lambda x: vmap(lambda a: a, in_dims="0")(x), "expected `in_dims` to be int or a"),
        (lambda x: vmap(lambda a: a, in_dims=[0])(x), "expected `in_dims` to be int or a"),
        (lambda x: vmap(lambda a: a, (0, 0))(x), "in_dims is not compatible with the structure"),
        (lambda x: vmap(lambda a, b: a, ([0], 0))(x, x), "in_dims is not compatible"),
        (lambda x: vmap(lambda a: a, (0.5,))(x), "must be either an integer dimension or None"),
        (lambda x: vmap(lambda a: a)(3), "cannot vmap over non-Tensor arguments"),
        (lambda x: vmap(lambda a: a, 2)(x), "expected in_dim to satisfy -2 <= in_dim < 2"),
        (lambda x: vmap(lambda a: a)(x[0, 0]), "dimensionality 0"),
        (lambda x: vmap(lambda a: a, (None,))(x), "Expected at least one Tensor to vmap over"),
        (lambda x: vmap(lambda: 1)(), "got no inputs"),
        (lambda x: vmap(lambda a, b: a, (0, 1))(x, x), r"got sizes \[2, 3\] for the mapped"),
        (lambda x: vmap(lambda a: a, out_dims="0")(x), "`out_dims` must be an int, None"),
        (lambda x: vmap(lambda a: a, out_dims=(0, 0))(x), "out_dims is not compatible"),
        (lambda x: vmap(lambda a: (a, a), out_dims=(0,))(x), "out_dims is not compatible"),
        (lambda x: vmap(lambda a: a, out_dims=None)(x), "can not return a BatchedTensor when"),
        (lambda x: vmap(lambda a: 3)(x), "must only return Tensors, got type <class 'int'>"),
        (lambda x: vmap(lambda a: a, chunk_size=0)(x), "chunk_size should be None or greater"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(x23())


def test_other_wrong_arguments() -> None:
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        vmap(lambda a: a, randomness="often")
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
        vmap(lambda a: a, out_dims=2)(x23())
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        vmap(lambda i: minigrad.ones(3)[i])(minigrad.tensor([[1], [7]]))


def test_what_escaped() -> None:
    kept: list[Any] = []
    vmap(lambda a: (kept.append(a), a)[1])(x23())
    with pytest.raises(RuntimeError, match="may have escaped from inside a function being vmapped"):
        (kept[0] + 1).tolist()


def test_an_exception_leaves_no_level_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        vmap(lambda a: 1 // 0)(x23())
    assert minigrad.rand(2).shape == (2,)


def test_print_like_torch() -> None:
    seen = []
    vmap(vmap(lambda a: (seen.append(repr(a)), a)[1]))(x23()[:1])
    assert seen == [
        "BatchedTensor(lvl=2, bdim=0, value=\n    BatchedTensor(lvl=1, bdim=0, value=\n"
        "        tensor([[0., 1., 2.]])\n    )\n)"
    ]


# ----------------------------------------------------------------------------- a user's Function


class Square(Function):
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


class GeneratedSquare(Square):
    generate_vmap_rule = True


class RuledSquare(Square):
    calls: ClassVar[list[Any]] = []

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        RuledSquare.calls.append((info.batch_size, info.randomness, in_dims, tuple(x.shape)))
        return RuledSquare.apply(x), in_dims[0]


@pytest.mark.parametrize("function", [GeneratedSquare, RuledSquare])
def test_functions(function: Any) -> None:
    x = x23().requires_grad_()
    y = vmap(function.apply)(x)
    assert y.tolist() == (x * x).tolist()
    (first,) = grad((y * y).sum(), x, create_graph=True)
    assert first.tolist() == (4 * x**3).tolist()
    assert grad(first.sum(), x)[0].tolist() == (12 * x**2).tolist()
    slopes = vmap(minigrad.func.grad(lambda a: function.apply(a).sum()))(x23())
    assert slopes.tolist() == (2 * x23()).tolist()


def test_what_a_rule_is_told() -> None:
    RuledSquare.calls.clear()
    vmap(vmap(RuledSquare.apply), randomness="same")(x23())
    assert RuledSquare.calls == [(3, "error", (0,), (3,)), (2, "same", (0,), (2, 3))]
    vmap(lambda a: RuledSquare.apply(minigrad.ones(3)))(x23())
    assert len(RuledSquare.calls) == 2  # nothing of the samples in it


class Scale(Function):
    """x * x * w, and a number that its rule makes for all samples together."""

    @staticmethod
    def forward(x: Any, w: Any) -> Any:
        return x * x * w, (x * w).sum()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Any, grad_of_sum: Any) -> Any:
        x, w = ctx.saved_tensors
        return 2 * grad * x * w + grad_of_sum * w, grad * x * x + grad_of_sum * x

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, w: Any) -> Any:
        return Scale.apply(x, w), (0, None)


def test_a_rule_with_shared_arguments_and_results() -> None:
    w = minigrad.tensor([1.0, 2, 3], requires_grad=True)
    x = x23().requires_grad_()
    doubled = w * 2

    def f(a: Any) -> Any:
        first, second = Scale.apply(a, doubled)
        return (first * a).sum() + second * a.sum()

    expected = (x**3 * doubled).sum() + (x * doubled).sum() * x.sum()
    result = vmap(f)(x).sum()
    assert result.item() == expected.item()
    ours, theirs = (grad(y, (x, w), retain_graph=True) for y in (result, expected))
    assert [g.tolist() for g in ours] == [g.tolist() for g in theirs]
    alone = vmap(lambda a: (RuledSquare.apply(doubled) * a).sum())(x)
    assert grad(alone.sum(), w)[0].tolist() == (8 * w * x.sum(0)).tolist()


class Product(Function):
    """x * x * w, with a derivative in both modes."""

    @staticmethod
    def forward(x: Any, w: Any) -> Any:
        return x * x * w

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        x, w = ctx.saved_tensors
        return 2 * grad * x * w, grad * x * x

    @staticmethod
    def jvp(ctx: Any, of_x: Any, of_w: Any) -> Any:
        x, w = ctx.saved_tensors
        return 2 * x * w * of_x + x * x * of_w


class GeneratedProduct(Product):
    generate_vmap_rule = True


class RuledProduct(Product):
    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, w: Any) -> Any:
        return RuledProduct.apply(x, w), 0


@pytest.mark.parametrize("function", [GeneratedProduct, RuledProduct])
def test_functions_of_what_is_shared(function: Any) -> None:
    x, w = x23().requires_grad_(), minigrad.tensor([1.0, 2, 3], requires_grad=True)

    def f(shared: Any) -> Any:
        return vmap(lambda a: function.apply(a, shared))(x)

    def g(shared: Any) -> Any:
        def of_sample(a: Any) -> Any:
            made_inside = shared * 1
            return function.apply(a, made_inside) + made_inside * a

        return vmap(of_sample)(x)

    squares, sums = (x * x).sum(0), x.sum(0)
    assert grad(f(w).sum(), w)[0].tolist() == squares.tolist()
    assert grad(g(w).sum(), w)[0].tolist() == (squares + sums).tolist()
    per_sample = vmap(minigrad.func.grad(lambda v, a: function.apply(a, v).sum()), (None, 0))
    assert per_sample(w.detach(), x).tolist() == (x * x).tolist()

    (slope,) = grad(f(w).sum(), x, create_graph=True)
    assert slope.tolist() == (2 * x * w).tolist()
    assert grad(slope.sum(), w)[0].tolist() == (2 * x.sum(0)).tolist()
    for h, expected in ((f, x * x * w), (g, x * x * w + x * w)):
        tangent = minigrad.func.jvp(h, (w * 1,), (w,))[1]
        assert tangent.tolist() == expected.tolist()


def test_functions_without_a_rule() -> None:
    class Old(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

    class Both(RuledSquare):
        generate_vmap_rule = True

    class OneResult(Square):
        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            return x

    class WrongDims(Square):
        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            return x, (0, 0)

    for function, message in (
        (Square, "it does not have vmap support"),
        (Old, "must override the setup_context staticmethod"),
        (Both, "both generate_vmap_rule=True and an overridden vmap"),
        (OneResult, "to have two returns"),
        (WrongDims, r"incompatible \(output, out_dims\) tuple"),
    ):
        with pytest.raises(RuntimeError, match=message):
            vmap(function.apply)(x23())


# ----------------------------------------------------------------------------- is_grads_batched


def test_batched_gradients() -> None:
    x = minigrad.arange(3.0).requires_grad_()
    w = minigrad.ones(3, requires_grad=True)
    y = x * x * w
    (rows,) = grad(y, x, minigrad.eye(3), retain_graph=True, is_grads_batched=True)
    assert rows.tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 4]]
    seeds = minigrad.eye(3).requires_grad_()
    (rows,) = grad(y, x, seeds, create_graph=True, is_grads_batched=True)
    second = grad(rows.sum(), (x, w, seeds))
    assert [g.tolist() for g in second] == [[2, 2, 2], [0, 2, 4], [[0, 2, 4]] * 3]


def test_refused_batched_gradients() -> None:
    x = minigrad.arange(3.0).requires_grad_()
    for seeds, kind, message in (
        (minigrad.ones(4), RuntimeError, "we interpret the first dimension of each grad_output"),
        (minigrad.ones(2, 4), RuntimeError, "a mismatch was detected"),
        (minigrad.tensor(1.0), IndexError, "0-dim tensor"),
    ):
        with pytest.raises(kind, match=message):
            grad(x * 2, x, seeds, is_grads_batched=True)
    with pytest.raises(ValueError, match="dimensionality 0"):
        grad(x.sum(), x, is_grads_batched=True)
    outputs, seeds = (x * 2, x * 3), (minigrad.ones(2, 3), minigrad.ones(1, 3))
    with pytest.raises(ValueError, match=r"got sizes \[2, 1\]"):
        grad(outputs, x, seeds, is_grads_batched=True)
