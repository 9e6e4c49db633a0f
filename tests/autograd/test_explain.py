"""explain_grad says why .grad is None, zero or NaN, and on which of the user's lines that began."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import explain_grad, nn, no_grad, ones, tensor
from minigrad.autograd import Function, explaining, grad
from minigrad.autograd.explain.record import Latest
from minigrad.utils.checkpoint import checkpoint


@pytest.fixture(autouse=True)
def no_notes() -> None:
    """Each test starts without the notes of the one before."""
    Latest.record = None


def here() -> str:
    """The place of the line that calls this."""
    frame = sys._getframe(1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"


def leaf(*values: float) -> Any:
    return tensor(list(values), requires_grad=True)


# ---------------------------------------------------------------------------- .grad of a non-leaf


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda w: w * 0.01, "MulBackward0"),
        (lambda w: w.double(), "ToCopyBackward0"),
        (lambda w: w.to(minigrad.float64), "ToCopyBackward0"),
        (lambda w: w.reshape(2, 1), "ViewBackward0"),
        (lambda w: w.clone(), "CloneBackward0"),
    ],
)
def test_no_leaf(make: Callable[[Any], Any], name: str) -> None:
    x = make(leaf(1.0, 2.0))
    text = explain_grad(x)
    assert text.startswith(
        f"x.grad is None because x is not a leaf: it is the result of {name}, made at\n    "
        f"{__file__}:"
    )
    assert "x.requires_grad_()" in text
    assert "x.retain_grad()" in text


def test_no_leaf_names_the_line_and_the_leaf() -> None:
    w = leaf(1.0, 2.0)
    scaled, line = w * 0.01, here()
    text = explain_grad(scaled)
    assert f"made at\n    {line}\n        scaled, line = w * 0.01, here()\n" in text
    assert "The leaves it was computed from have theirs: w.grad." in text


def test_retain_grad_before_backward() -> None:
    x = leaf(1.0) * 2
    x.retain_grad()
    loss = x.sum()
    assert "loss depends on it, but no backward pass has freed that graph" in explain_grad(x)
    loss.backward()
    assert explain_grad(x) == "x.grad is there: 1."


# ----------------------------------------------------------------------------- no gradient wanted


def test_integers() -> None:
    x = tensor([1, 2])
    assert "x is minigrad.int64, and only tensors of floating point dtype can" in explain_grad(x)


def test_constant() -> None:
    x = tensor([1.0])
    text = explain_grad(x)
    assert "x does not require one. Tensors are constants unless they are made with" in text
    assert "minigrad.autograd.explaining()" in text


def test_detached() -> None:
    w = leaf(1.0, 2.0)
    x = w.detach()
    assert "It shares its memory with w, which does: so x was made of it by" in explain_grad(x)


def test_detached_from_a_result_tells_where_that_was_made() -> None:
    w = leaf(1.0, 2.0)
    y, line = w.exp(), here()
    x = y.detach()
    text = explain_grad(x)
    assert f"with y (the result of ExpBackward0, made at\n    {line}" in text


def test_detached_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        x, line = w.detach() * 2, here()
        y = x + 1
    cut = f"does not require one, because it was detached by detach() at\n    {line}"
    assert f"x {cut}" in explain_grad(x)
    assert f"y {cut}" in explain_grad(y)


def test_data_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        x, line = w.data, here()
    assert f"because it was detached by .data at\n    {line}" in explain_grad(x)


def test_made_under_no_grad_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        with no_grad():
            x, line = w * 2, here()
        y = x * 3
    assert f"because it was made under no_grad() at\n    {line}" in explain_grad(y)


def test_values_taken_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        loss = w.sum()
        number, line = loss.item(), here()
        again = tensor(number) * 2
    assert not again.requires_grad
    text = explain_grad(w, again)
    assert "No gradient can come from again, which has no graph" in text
    del loss
    text = explain_grad(w)
    assert f"A result of w gave only its values to item() at\n    {line}" in text


def test_integer_result_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        x, line = w.long(), here()
    assert "x does not require one, because it became int64, which has no" in explain_grad(x)
    assert f"A result of w became int64, which has no gradients, at\n    {line}" in explain_grad(w)


def test_copied_values_there() -> None:
    w = leaf(1.0)
    with explaining():
        x, line = tensor(w), here()
    assert f"because it got its values from tensor(), which copies no history, at\n    {line}" in (
        explain_grad(x)
    )


def test_frozen() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.requires_grad_(False)
    text = explain_grad(layer.weight)
    assert text.startswith(
        "layer.weight.grad is None: layer.weight does not require one: requires_"
    )
    with explaining():
        _, line = layer.bias.requires_grad_(False), here()
    text = explain_grad(layer.bias)
    assert f"requires_grad_(False) froze it at\n    {line}" in text


def test_module_frozen() -> None:
    with explaining():
        model = nn.Sequential(nn.Linear(2, 1))
        _, line = model.requires_grad_(False), here()
    text = explain_grad(model[0].weight)
    assert text.startswith("model.0.weight.grad is None")
    assert f"requires_grad_(False) froze it at\n    {line}" in text


def test_inference_tensor() -> None:
    with minigrad.inference_mode():
        x = ones(2)
    assert "x was made under inference_mode(), and can never require one" in explain_grad(x)


def test_a_mask_there() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        hits, line = (w > 1).float().mean(), here()
    assert f"because it became bool, which has no gradients, at\n    {line}" in explain_grad(hits)


def test_a_way_that_the_notes_do_not_show() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        values, line = w.detach().numpy(), here()
    x = tensor(values * 2)
    text = explain_grad(x)
    assert f"Histories ended, as far as notes were taken, at\n    {line}" in text


def test_a_users_forward_is_no_cut() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    w = leaf(1.0)
    with explaining():
        Double.apply(w)
    assert not Latest.record.cuts  # type: ignore[union-attr]


# ----------------------------------------------------------------------------- wanted, but not come


def test_backward_not_run() -> None:
    w = leaf(1.0, 2.0)
    loss, line = (w * w).sum(), here()
    for text in (explain_grad(w), explain_grad(w, loss), explain_grad(w, loss=loss)):
        assert "call loss.backward()." in text
        assert "loss is the result of SumBackward0, made at" in text
        assert line in text


def test_forgotten() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    loss.backward()
    w.grad = None
    text = explain_grad(w)
    assert "A backward pass has gone from loss through the operations that use w, so its" in text
    assert "zero_grad()" in text


def test_returned_by_autograd_grad() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    grad(loss, w)
    assert "autograd.grad() returns gradients" in explain_grad(w, loss)


def test_forgotten_there() -> None:
    model = nn.Linear(1, 1)
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1)
    with explaining():
        model(ones(1)).sum().backward()
        _, line = optimizer.zero_grad(), here()
    text = explain_grad(model.weight)
    assert text.startswith("model.weight.grad is None, though model.weight is a leaf that")
    assert f"It was forgotten (zero_grad() or .grad = None) at\n    {line}" in text


def test_nothing_was_computed() -> None:
    w = leaf(1.0)
    assert "Nothing that is alive now was computed from it" in explain_grad(w)


def test_not_on_any_path_to_the_loss() -> None:
    v, w = leaf(1.0), leaf(2.0)
    other = v * 2
    loss = w.exp().sum()
    text = explain_grad(v, loss)
    assert "v is a leaf that requires one. It is not on any path to loss." in text
    assert "loss depends on w." in text
    assert "detach()" in text
    assert other.requires_grad


def test_cut_on_the_way_there() -> None:
    v, w = leaf(1.0), leaf(2.0)
    with explaining():
        hidden = v * 3
        constant, line = hidden.detach(), here()
        loss = (constant + w).sum()
    text = explain_grad(v, loss)
    assert f"A result of v was detached by detach() at\n    {line}" in text


def test_required_too_late() -> None:
    v, w = tensor([1.0]), leaf(2.0)
    loss, line = (v * w).sum(), here()
    v.requires_grad_()
    for text in (explain_grad(v), explain_grad(v, loss)):
        assert f"values were used, but as a constant, in MulBackward0, made at\n    {line}" in text
        assert "did not require a gradient yet" in text


def test_loss_without_a_graph() -> None:
    w = leaf(1.0)
    with explaining(), no_grad():
        loss, line = w.sum(), here()
    text = explain_grad(w, loss)
    assert "No gradient can come from loss, which has no graph" in text
    assert f"loss does not require one, because it was made under no_grad() at\n    {line}" in text


# ------------------------------------------------------------------------------------------- zero

ZEROS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "ReluBackward0": (lambda x: (x - 3).relu(), "the units are dead"),
    "SigmoidBackward0": (lambda x: (x * 1000).sigmoid(), "It is saturated"),
    "TanhBackward0": (lambda x: (x * 1000).tanh(), "all rounded to 1."),
    "SoftmaxBackward0": (
        lambda x: (x * tensor([1000.0, 0.0])).softmax(0) * tensor([1.0, 2.0]),
        "one score is so much higher",
    ),
    "MulBackward0": (lambda x: x * 0, "the other factor is 0 everywhere"),
    "ClampBackward1": (lambda x: x.clamp(5.0, 6.0), "outside the bounds"),
    "WhereBackward0": (lambda x: minigrad.where(x > 5, x, 0.0), "picks the other side"),
    "FloorBackward0": (lambda x: x.floor(), "a step function"),
}


@pytest.mark.parametrize("name", ZEROS)
@pytest.mark.parametrize("keep", [True, False])
def test_zeros(name: str, keep: bool) -> None:
    """From the graph, if it is kept, or else from notes."""
    make, words = ZEROS[name]
    x = leaf(1.0, 2.0)
    if keep:
        loss = make(x).sum()
        loss.backward(retain_graph=True)
    else:
        with explaining():
            loss = make(x).sum()
            loss.backward()
    text = explain_grad(x)
    assert text.startswith("x.grad is zero everywhere.\nZeros came from ")
    assert name.rstrip("01") in text
    assert words in text
    assert f"made at\n    {__file__}:" in text


def test_zero_where_the_graph_is_freed() -> None:
    x = leaf(-1.0)
    loss = x.relu().sum()
    loss.backward()
    text = explain_grad(x)
    assert "backward(retain_graph=True)" in text
    assert "explaining()" in text


def test_masked() -> None:
    x = leaf(1.0, 2.0)
    loss = (x * tensor([1.0, 0.0]) * tensor([0.0, 1.0])).sum()
    loss.backward(retain_graph=True)
    assert "the other factor is 0 wherever a gradient comes" in explain_grad(x)


def test_two_paths_that_cancel() -> None:
    x = leaf(1.0, 2.0)
    loss = (x.exp() - x.exp()).sum()
    loss.backward(retain_graph=True)
    assert "is not zero, but adds up to zero" in explain_grad(x)


def test_filled_with_zeros_afterwards() -> None:
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    assert x.grad is not None
    with explaining():
        _, line = x.grad.zero_(), here()
    assert f"It was filled with zeros at\n    {line}" in explain_grad(x)
    Latest.record = None
    assert "filled with zeros afterwards" in explain_grad(x)


def test_overwritten() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y[:], line = 0.0, here()
    loss = y.sum()
    loss.backward(retain_graph=True)
    text = explain_grad(x)
    assert line in text
    assert "was overwritten" in text


def test_zeroed_by_a_hook() -> None:
    x = leaf(1.0, 2.0)
    with explaining():
        y, line = x * x, here()
        y.register_hook(lambda g: g * 0)
        y.sum().backward()
    text = explain_grad(x)
    assert (
        f"Zeros came from a hook, or paths that cancel, at MulBackward0, made at\n    {line}"
        in text
    )


def test_a_users_backward_that_gives_zeros() -> None:
    class Zero(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 0

    x = leaf(1.0)
    loss = Zero.apply(x)
    loss.backward(retain_graph=True)
    assert "Zeros came from ZeroBackward" in explain_grad(x)
    assert "That is what its backward() returned." in explain_grad(x)


def test_seed_of_zeros() -> None:
    x = leaf(1.0, 2.0)
    with explaining():
        (x * x).backward(tensor([0.0, 0.0]))
    assert "zero from the start: look at what backward() was given" in explain_grad(x)


# ------------------------------------------------------------------------------- NaN and infinity

STRANGE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "LogBackward0": (lambda x: x.log(), "the logarithm of 0"),
    "SqrtBackward0": (lambda x: x.sqrt(), "the square root of 0"),
    "DivBackward0": (lambda x: 1 / x * x, "divides by 0"),
    "ExpBackward0": (lambda x: (x * 100 + 100).exp(), "exp overflowed: float32 ends at 3.4e+38"),
    "PowBackward0": (lambda x: x**0.5, "a power of 0"),
    "PowBackward1": (lambda x: (x - 1) ** tensor(0.5), "a broken power of a negative number"),
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("keep", [True, False])
def test_not_finite(name: str, keep: bool) -> None:
    make, words = STRANGE[name]
    x = leaf(0.0, 2.0)
    if keep:
        loss = make(x).sum()
        loss.backward(retain_graph=True)
    else:
        with explaining():
            loss = make(x).sum()
            loss.backward()
    text = explain_grad(x)
    assert "among 2.\n" in text
    assert words in text
    assert f"made at\n    {__file__}:" in text


def test_first_forward_and_first_backward() -> None:
    x = leaf(0.0, 2.0)
    logarithm, first = x.log(), here()
    loss, second = (logarithm * x).sum(), here()
    loss.backward(retain_graph=True)
    text = explain_grad(x)
    assert f"In the forward pass it began at LogBackward0, made at\n    {first}" in text
    assert "\n    x: from 0 to 2 in shape [2]\n" in text
    assert f"In the backward pass it began at MulBackward0, made at\n    {second}" in text
    assert "0 * inf is NaN" in text


def test_inside_vmap() -> None:
    w = tensor([0.0, 0.0], requires_grad=True)
    loss = minigrad.func.vmap(lambda x: (x * w.log()).sum())(ones(3, 2)).sum()
    loss.backward(retain_graph=True)
    assert "LogBackward0" in explain_grad(w)
    assert "the logarithm of 0" in explain_grad(w)


def test_a_leaf_that_is_nan_itself() -> None:
    x = leaf(float("nan"), 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    assert "A leaf is not finite itself, as it came to MulBackward0" in explain_grad(x)


# ------------------------------------------------------------------------------------ odd input


@pytest.mark.parametrize("x", [3, 1.0, "x", [1.0]])
def test_no_tensor(x: Any) -> None:
    with pytest.raises(TypeError, match="explain_grad"):
        explain_grad(x)
    with pytest.raises(TypeError, match="loss must be a Tensor"):
        explain_grad(ones(1), loss=x)


def test_odd_tensors() -> None:
    w = leaf(1.0)
    for x in (tensor(()), tensor(True), w[:0], w.unbind()[0], leaf(), w.expand(3), w):
        for loss in (None, x, w, w.sum(), tensor(1), w.detach()):
            assert explain_grad(x, loss)


def test_a_backward_that_fails() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise KeyError("mine")

    x = leaf(1.0)
    loss = Fails.apply(x)
    x.grad = tensor([0.0])
    assert "going backward once more failed ('mine')" in explain_grad(x, loss)


def test_nothing_changes() -> None:
    x = leaf(-1.0, 2.0)
    seen: list[Any] = []
    x.register_hook(seen.append)
    y = x.relu()
    y.retain_grad()
    loss = y.sum()
    loss.backward(retain_graph=True)
    assert x.grad is not None
    assert y.grad is not None
    before, kept = x.grad.tolist(), y.grad.tolist()
    explain_grad(x)
    explain_grad(y, loss)
    assert (x.grad.tolist(), y.grad.tolist(), len(seen)) == (before, kept, 1)
    loss.backward()
    assert x.grad.tolist() == [0.0, 2.0]


def test_it_prints_as_text() -> None:
    x = leaf(1.0) * 2
    text = explain_grad(x)
    assert isinstance(text, str)
    assert repr(text) == str(text)


def test_the_profile_function_of_before_comes_back() -> None:
    calls: list[str] = []
    sys.setprofile(lambda frame, event, arg: calls.append(event))
    try:
        with pytest.raises(ValueError, match="mine"), explaining():
            raise ValueError("mine")
        assert sys.getprofile() is not None
        assert Latest.record.watch is not sys.getprofile()  # type: ignore[union-attr]
    finally:
        sys.setprofile(None)


def test_only_the_paths_to_x_count() -> None:
    x, other = leaf(0.0, 1.0), leaf(-1.0, 1.0)
    loss = (x.sqrt() + other.log()).sum()
    loss.backward(retain_graph=True)
    text = explain_grad(x)
    assert "SqrtBackward0" in text
    assert "LogBackward0" not in text


def test_a_value_from_another_branch() -> None:
    x, other = leaf(1.0, 1.0), leaf(0.0, 1.0)
    y, line = other.log(), here()
    loss = (x * y * 0).sum()
    loss.backward(retain_graph=True)
    text = explain_grad(x)
    assert f"In the forward pass it began at LogBackward0, made at\n    {line}" in text
    assert "In the backward pass it began at MulBackward0" in text


def test_a_weight_that_was_zeroed_is_not_a_gradient_that_was_forgotten() -> None:
    w = leaf(1.0, 2.0)
    with explaining(), no_grad():
        w.zero_()
    assert "forgotten" not in explain_grad(w)


def test_assigning_a_gradient_inside_explaining() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        w.grad = ones(2)
    assert explain_grad(w) == "w.grad is there: from 1 to 1 in shape [2]."


def test_a_deep_graph() -> None:
    x = leaf(1.0)
    y = x * 0
    for _ in range(3000):
        y = y + 1
    y.backward(retain_graph=True)
    assert "the other factor is 0 everywhere" in explain_grad(x)


def test_on_each_device(device: str) -> None:
    w = leaf(-1.0, -2.0)
    x = w.to(device)
    loss = x.relu().sum()
    loss.backward(retain_graph=True)
    if device == "cuda":
        assert "`.to()`, `.cuda()` and `.float()` make a new tensor" in explain_grad(x)
    assert "ReluBackward0" in explain_grad(w)
    assert "the units are dead" in explain_grad(w)


def test_a_backward_pass_inside_of_another_is_part_of_it() -> None:
    w = leaf(1.0, 2.0)
    with explaining():
        y = w * 0
        loss = checkpoint(minigrad.exp, y, use_reentrant=True).sum()
        loss.backward()
    names = {node.name() for node in Latest.record.steps}  # type: ignore[union-attr]
    assert {"SumBackward0", "CheckpointFunctionBackward", "ExpBackward0", "MulBackward0"} <= names
    assert "the other factor is 0 everywhere" in explain_grad(w)


def test_a_loss_that_was_made_of_a_number() -> None:
    w = leaf(1.0, 2.0)
    loss = tensor(float((w * w).sum()), requires_grad=True)
    loss.backward()
    text = explain_grad(w, loss)
    assert "loss is a leaf itself: it was made of values, and depends on no other tensor." in text
    assert "depends on ." not in text


def test_a_loss_that_is_a_number() -> None:
    w: Any = leaf(1.0, 2.0)
    loss: Any = float((w * w).sum())
    with pytest.raises(TypeError, match=r"not float. A number has no history.*keep the tensor"):
        explain_grad(w, loss)


def test_what_has_no_derivative_is_among_the_ways_to_lose_a_history() -> None:
    accuracy = (leaf(1.0, 2.0) > 0).float().mean()
    assert "a comparison, argmax()" in explain_grad(accuracy)


def test_an_update_by_hand_that_makes_a_new_tensor() -> None:
    w = leaf(1.0, 2.0)
    (w * w).sum().backward()
    w = w - 0.1 * w.grad
    (w * w).sum().backward()
    assert "`with minigrad.no_grad(): w -= 0.1 * w.grad`" in explain_grad(w)
