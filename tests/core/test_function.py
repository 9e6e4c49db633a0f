"""Functions that users write: both forms of forward, what ctx keeps, what backward may return."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor
from minigrad.autograd import Function, grad, gradcheck, gradgradcheck


def leaf(*values: float) -> Any:
    return tensor(values, dtype=minigrad.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class CubeInTwoParts(Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x * x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class Exp(Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        result = x.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (result,) = ctx.saved_tensors
        return g * result


class MulAdd(Function):
    """x * y + number: a number among the arguments."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, number: float) -> Any:
        ctx.save_for_backward(x, y)
        ctx.number = number
        return x * y + number

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y, g * x, None


class SumAndProduct(Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x + y, x * y

    @staticmethod
    def backward(ctx: Any, of_sum: Any, of_product: Any) -> Any:
        x, y = ctx.saved_tensors
        return of_sum + of_product * y, of_sum + of_product * x


@pytest.mark.parametrize("function", [Cube, CubeInTwoParts])
def test_both_forms_of_forward(function: Any) -> None:
    x = leaf(2.0, -1.0)
    y = function.apply(x)
    assert y.tolist() == [8.0, -1.0]
    assert y.grad_fn.name() == f"{function.__name__}Backward"
    y.sum().backward()
    assert x.grad.tolist() == [12.0, 3.0]


@pytest.mark.parametrize("function", [Cube, CubeInTwoParts, Exp])
def test_first_and_second_derivatives(function: Any) -> None:
    x = leaf(0.5, -1.25)
    assert gradcheck(function.apply, x)
    assert gradgradcheck(function.apply, x)


def test_several_outputs_to_second_order() -> None:
    inputs = (leaf(0.5, -1.25), leaf(2.0, 0.25))
    assert gradcheck(SumAndProduct.apply, inputs)
    assert gradgradcheck(SumAndProduct.apply, inputs)


def test_ctx_is_the_node_of_the_graph() -> None:
    x, y = leaf(2.0), leaf(3.0)
    out = MulAdd.apply(x, y, 10.0)
    node = out.grad_fn
    assert node.number == 10.0
    assert node.needs_input_grad == (True, True, False)
    assert [saved.item() for saved in node.saved_tensors] == [2.0, 3.0]
    (first, _), (second, _) = node.next_functions[:2]
    assert (first.variable is x, second.variable is y) == (True, True)


def test_saved_inputs_are_the_arguments_themselves() -> None:
    x = leaf(2.0)
    (saved,) = Cube.apply(x).grad_fn.saved_tensors
    assert saved.requires_grad
    assert saved.is_leaf


def test_needs_input_grad_tells_which_gradients_matter() -> None:
    seen = []

    class Product(MulAdd):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(ctx.needs_input_grad)
            return MulAdd.backward(ctx, g)

    x, constant = leaf(2.0), tensor([3.0], dtype=minigrad.float64)
    Product.apply(x, constant, 1.0).backward()
    assert seen == [(True, False, False)]
    assert x.grad.tolist() == [3.0]


def test_forward_records_nothing() -> None:
    modes = []

    class Watch(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            modes.append(minigrad.is_grad_enabled())
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            modes.append(minigrad.is_grad_enabled())
            return g * 2

    x = leaf(1.0)
    y = Watch.apply(x)
    assert [type(node).__name__ for node, _ in y.grad_fn.next_functions] == ["AccumulateGrad"]
    y.backward(retain_graph=True)
    grad(y, x, create_graph=True)
    assert modes == [False, False, True]


def test_without_a_gradient_to_record_there_is_no_node() -> None:
    assert not Cube.apply(tensor([2.0])).requires_grad
    with minigrad.no_grad():
        assert not Cube.apply(leaf(2.0)).requires_grad


def test_apply_works_inside_another_forward() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return Cube.apply(x) * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            with minigrad.enable_grad():
                inner = x.detach().requires_grad_()
                return g * 2 * grad(Cube.apply(inner).sum(), inner)[0]

    x = leaf(2.0)
    Twice.apply(x).backward()
    assert x.grad.tolist() == [24.0]


# -------------------------------------------------------------------------- several outputs


def test_outputs_know_their_number() -> None:
    total, product = SumAndProduct.apply(leaf(2.0), leaf(3.0))
    assert total.grad_fn is product.grad_fn
    assert (total.output_nr, product.output_nr) == (0, 1)


def test_an_output_without_gradient_counts_as_zeros() -> None:
    x, y = leaf(2.0), leaf(3.0)
    _, product = SumAndProduct.apply(x, y)
    product.backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [2.0])


def test_both_outputs_together() -> None:
    x, y = leaf(2.0), leaf(3.0)
    total, product = SumAndProduct.apply(x, y)
    (total * product).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([6.0 + 5.0 * 3.0], [6.0 + 5.0 * 2.0])


@pytest.mark.parametrize("materialize", [True, False])
def test_set_materialize_grads(materialize: bool) -> None:
    seen = []

    class Pair(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 1, (x * 2).sum()

        @staticmethod
        def backward(ctx: Any, first: Any, second: Any) -> Any:
            seen.append(second if second is None else second.tolist())
            return first

    x = leaf(1.0, 2.0)
    Pair.apply(x)[0].sum().backward()
    assert seen == [0.0 if materialize else None]
    assert x.grad.tolist() == [1.0, 1.0]


def test_mark_non_differentiable() -> None:
    class Sort(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            order = np.argsort(x.detach().numpy())
            places = tensor(order)
            ctx.mark_non_differentiable(places)
            ctx.places = order
            return x[places], places

        @staticmethod
        def backward(ctx: Any, g: Any, of_places: Any) -> Any:
            result = minigrad.zeros_like(g)
            result[tensor(ctx.places)] = g
            return result

    x = leaf(3.0, 1.0, 2.0)
    values, places = Sort.apply(x)
    assert (values.requires_grad, places.requires_grad) == (True, False)
    (values * tensor([1.0, 10.0, 100.0], dtype=minigrad.float64)).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_mark_non_differentiable_float_output() -> None:
    class Split(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return x - whole, whole

        @staticmethod
        def backward(ctx: Any, g: Any, of_whole: Any) -> Any:
            return g

    x = leaf(1.5)
    part, whole = Split.apply(x)
    assert not whole.requires_grad
    part.backward()
    assert x.grad.tolist() == [1.0]


def test_mark_dirty_gives_the_argument_a_new_history() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(1.0, 2.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    assert y.grad_fn.name() == "DoubleBackward"
    (y * y).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0]


class Doubled(Function):
    """Modifies its argument."""

    returned = True

    @classmethod
    def forward(cls, ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x if cls.returned else x * 1

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2


def test_a_leaf_may_not_be_dirty() -> None:
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad has been used in an"
    ):
        Doubled.apply(leaf(1.0))


def test_what_is_dirty_must_be_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Doubled, "returned", False)
    with pytest.raises(
        RuntimeError, match="marked as dirty during the forward method were not ret"
    ):
        Doubled.apply(leaf(1.0) * 1)


def test_a_dirty_view_gives_its_base_a_new_history() -> None:
    class Put(Function):
        """Write 3 * x into a view."""

        @staticmethod
        def forward(ctx: Any, x: Any, target: Any) -> Any:
            target.copy_(x * 3)
            ctx.mark_dirty(target)
            return target

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3, None

    x, y = leaf(1.0, 2.0), leaf(5.0, 6.0)
    base = minigrad.stack([y, y]) * 2
    row = base[1]
    out = Put.apply(x, row)
    assert out is row
    assert (row.grad_fn.name(), base.grad_fn.name()) == ("AsStridedBackward0", "CopySlices")
    assert base.tolist() == [[10.0, 12.0], [3.0, 6.0]]
    (base * tensor([[1.0, 10.0], [100.0, 1000.0]], dtype=minigrad.float64)).sum().backward()
    assert x.grad.tolist() == [300.0, 3000.0]
    assert y.grad.tolist() == [2.0, 20.0]


def test_outputs_that_are_no_tensors_are_passed_on() -> None:
    class Several(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, None, "text"

        @staticmethod
        def backward(ctx: Any, g: Any, *others: Any) -> Any:
            assert others == (None, None)
            return g * 2

    x = leaf(1.0)
    y, *others = Several.apply(x)
    assert others == [None, "text"]
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_arguments_by_name_reach_forward() -> None:
    class Power(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, exponent: int = 2) -> Any:
            ctx.save_for_backward(x)
            ctx.exponent = exponent
            return x**exponent

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * ctx.exponent * x ** (ctx.exponent - 1), None

    x = leaf(2.0)
    Power.apply(x, exponent=3).backward()
    assert x.grad.tolist() == [12.0]


def test_setup_context_gets_all_arguments_with_their_defaults() -> None:
    class Scale(Function):
        @staticmethod
        def forward(x: Any, factor: float = 3.0) -> Any:
            return x * factor

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            _, ctx.factor = inputs

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.factor, None

    x = leaf(2.0)
    (Scale.apply(x) + Scale.apply(x, factor=10.0)).backward()
    assert x.grad.tolist() == [13.0]


def test_an_argument_handed_through_gets_a_history_of_its_own() -> None:
    class Reverse(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g

    x = leaf(1.0, 2.0)
    y = Reverse.apply(x)
    assert y is not x
    assert x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0]


def test_an_output_that_shows_an_argument_is_not_written_to() -> None:
    class Flat(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.view(-1), x * 1

        @staticmethod
        def backward(ctx: Any, g: Any, of_copy: Any) -> Any:
            return g.view(1, 2) + of_copy

    x = tensor([[1.0, 2.0]], dtype=minigrad.float64, requires_grad=True)
    flat, copied = Flat.apply(x * 1)
    with pytest.raises(RuntimeError, match="view and is being modified inplace"):
        flat.mul_(3)
    copied.mul_(3)
    (flat.sum() + copied.sum()).backward()
    assert x.grad.tolist() == [[4.0, 4.0]]


# -------------------------------------------------------------------------- what backward returns


def returning(*results: Any) -> Any:
    """A Function of two arguments whose backward returns `results`."""

    class Returns(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return results

    return Returns


ONE = tensor([1.0], dtype=minigrad.float64)


@pytest.mark.parametrize("results", [(ONE,), (ONE, ONE, ONE)])
def test_a_wrong_number_of_gradients(results: Any) -> None:
    y = returning(*results).apply(leaf(1.0), leaf(2.0))
    text = rf"returned an incorrect number of gradients \(expected 2, got {len(results)}\)"
    with pytest.raises(RuntimeError, match=text):
        y.backward()


def test_nones_beyond_the_arguments_are_welcome() -> None:
    x, y = leaf(1.0), leaf(2.0)
    returning(ONE, ONE, None, None).apply(x, y).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([1.0], [1.0])


@pytest.mark.parametrize("wrong", [1.0, "gradient", np.ones(1)])
def test_a_gradient_of_a_wrong_type(wrong: Any) -> None:
    with pytest.raises(RuntimeError, match=r"expected Variable or None \(got .*\)"):
        returning(ONE, wrong).apply(leaf(1.0), leaf(2.0)).backward()


def test_a_gradient_of_a_wrong_shape() -> None:
    wrong = minigrad.ones(3, dtype=minigrad.float64)
    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 1"):
        returning(ONE, wrong).apply(leaf(1.0), leaf(2.0, 3.0)).sum().backward()


def test_a_gradient_that_only_needs_summing_is_summed() -> None:
    x, y = leaf(1.0), leaf(2.0, 3.0, 4.0)
    wide = minigrad.ones(3, dtype=minigrad.float64)
    returning(wide, wide).apply(x, y).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_none_for_an_argument_that_wants_a_gradient_means_no_contribution() -> None:
    x, y = leaf(1.0), leaf(2.0)
    (returning(None, ONE).apply(x, y) + x * 5).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([5.0], [1.0])


def test_none_alone_leaves_grad_none() -> None:
    x, y = leaf(1.0), leaf(2.0)
    returning(None, ONE).apply(x, y).backward()
    assert x.grad is None


# ------------------------------------------------------------------------------------- saving


def test_saved_tensors_are_freed_by_backward() -> None:
    y = Cube.apply(leaf(2.0))
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = y.grad_fn.saved_tensors


def test_none_may_be_saved() -> None:
    class Identity(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(None, x)
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            nothing, x = ctx.saved_tensors
            assert nothing is None
            return g * x.exp() / x.exp()

    x = leaf(2.0)
    Identity.apply(x).backward()
    assert x.grad.tolist() == [1.0]


def test_only_tensors_may_be_saved() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x, 3.0)
            return x * 3

    with pytest.raises(TypeError, match="save_for_backward can only save variables, but argument"):
        Wrong.apply(leaf(2.0))


def test_a_saved_tensor_written_to_is_damaged() -> None:
    x = leaf(2.0)
    middle = x * 1
    y = Cube.apply(middle)
    middle.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_attributes_of_ctx_stay() -> None:
    y = MulAdd.apply(leaf(2.0), leaf(3.0), 7.0)
    y.backward(retain_graph=True)
    y.grad_fn.note = "mine"
    assert (y.grad_fn.number, y.grad_fn.note) == (7.0, "mine")


# ------------------------------------------------------------------------------ what is missing


def test_a_function_without_forward_or_backward() -> None:
    class Nothing(Function):
        pass

    class NoBackward(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

    with pytest.raises(NotImplementedError, match="You must implement the forward function"):
        Nothing.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="must implement either the backward"):
        NoBackward.apply(leaf(1.0)).backward()


def test_an_exception_in_forward_leaves_the_grad_mode_alone() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            raise ValueError("in forward")

    with pytest.raises(ValueError, match="in forward"):
        Fails.apply(leaf(1.0))
    assert minigrad.is_grad_enabled()


def test_gradients_of_several_outputs_have_their_shapes_and_dtypes() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x.sum()

        @staticmethod
        def backward(ctx: Any, first: Any, second: Any) -> Any:
            assert (first.shape, second.shape) == ((3,), ())
            assert first.dtype == second.dtype == minigrad.float32
            return first * 2 + second

    x = minigrad.ones(3, requires_grad=True)
    first, second = Two.apply(x)
    rows = minigrad.ones(2, 3, dtype=minigrad.float64)
    (first * rows + second * rows).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [10.0] * 3


class Scaled(Function):
    """x *= 2 that saves y; its backward looks at y only if told to."""

    looks = False

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        return x.mul_(2)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 2 + (0 * ctx.saved_tensors[0] if Scaled.looks else 0), None


@pytest.mark.parametrize("of_a_part", [False, True])
def test_damage_matters_to_a_backward_that_asks_for_what_was_saved(
    monkeypatch: pytest.MonkeyPatch, of_a_part: bool
) -> None:
    x, saved = leaf(1.0), minigrad.ones(1)
    y = x * 1
    Scaled.apply(y[:1] if of_a_part else y, saved)
    saved.add_(1)
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [2.0]
    monkeypatch.setattr(Scaled, "looks", True)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()


def test_a_function_of_a_view_that_was_made_under_no_grad_is_recorded_like_any_operation() -> None:
    base = leaf(1.0, 2.0) * 1
    with minigrad.no_grad():
        view = base[:1]
    assert view.requires_grad
    assert (view * 2).requires_grad
    assert Cube.apply(view).requires_grad
