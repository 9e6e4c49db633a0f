"""Memory: who owns it, who wrote to it, and that .grad takes an array only nobody else holds."""

import gc
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import kernels, memory, tensor


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The addresses of the results of pointwise kernels, without a reference to any."""
    addresses: list[int] = []

    def launch(kernel: Any, arrays: Any) -> Any:
        result = kernel(*arrays, out=...)
        addresses.append(address(result))
        return result

    for op in ("exp", "sin"):  # compile them and their derivatives before watching
        getattr(leaf(1.0, 2.0), op)().sum().backward()
    (leaf(1.0) * leaf(2.0) + leaf(1.0)).backward()
    monkeypatch.setattr(kernels, "observer", launch)
    return addresses


# -------------------------------------------------------- the first gradient becomes .grad itself


def test_a_gradient_that_nobody_else_holds_becomes_grad_without_a_copy(made: list[int]) -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.backward(tensor([1.0, 10.0]))
    assert made[-1] == address(x.grad.array)


def test_so_do_both_gradients_of_a_product(made: list[int]) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x * y).backward(tensor([1.0, 10.0]))
    assert {address(x.grad.array), address(y.grad.array)} == set(made[-2:])


def test_so_does_the_sum_of_several_paths(made: list[int]) -> None:
    x = leaf(1.0, 2.0)
    (x.exp() + x.sin()).backward(tensor([1.0, 10.0]))
    assert address(x.grad.array) == made[-1]


def test_and_through_a_users_function(made: list[int]) -> None:
    class Exp(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            result = x.exp()
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (result,) = ctx.saved_tensors
            return g * result

    x = leaf(1.0, 2.0)
    Exp.apply(x).backward(tensor([1.0, 10.0]))
    assert address(x.grad.array) == made[-1]


def test_a_gradient_that_a_hook_kept_is_copied(made: list[int]) -> None:
    kept: list[Any] = []
    x = leaf(1.0, 2.0)
    x.register_hook(kept.append)
    x.exp().backward(tensor([1.0, 10.0]))
    assert address(kept[0].array) == made[-1]
    assert not np.shares_memory(x.grad.array, kept[0].array)


@pytest.mark.parametrize(
    "show", [lambda x: x.view(2, 1), lambda x: x[None].T, lambda x: x.view(1, 2)]
)
def test_a_gradient_that_is_a_view_of_what_a_hook_kept_is_copied(show: Any) -> None:
    kept: list[Any] = []
    x = leaf(1.0, 2.0)
    y = show(x)
    y.register_hook(kept.append)
    y.exp().sum().backward()
    assert not np.shares_memory(x.grad.array, kept[0].array)
    x.grad.zero_()
    assert kept[0].tolist() != minigrad.zeros_like(kept[0]).tolist()


def test_a_gradient_that_a_function_kept_is_copied() -> None:
    kept: list[Any] = []

    class Keeps(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            kept.append(g)
            return g

    x = leaf(1.0, 2.0)
    Keeps.apply(x).exp().sum().backward()
    assert not np.shares_memory(x.grad.array, kept[0].array)


def test_a_gradient_that_two_leaves_get_is_copied() -> None:
    x, y, z = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0, 6.0)
    (x + y + z).exp().backward(tensor([1.0, 10.0]))
    grads = [t.grad.array for t in (x, y, z)]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(grads) for b in grads[:i])


@pytest.mark.parametrize(
    "pass_on",
    [
        lambda x: x.view(2, 1),
        lambda x: x.expand(3, 2),
        lambda x: x[:, None].T,
        lambda x: x.clone(),
        lambda x: x + 0,
        lambda x: x.sum(),
        lambda x: x.unbind()[0] + x.unbind()[1],
        lambda x: minigrad.cat([x, x]),
        lambda x: minigrad.stack([x, x * 1]),
        lambda x: x.double().float(),
    ],
)
def test_grad_never_shares_memory_with_the_seed_and_is_writable(pass_on: Any) -> None:
    x = leaf(1.0, 2.0)
    y = pass_on(x)
    seed = minigrad.ones_like(y)
    y.backward(seed)
    assert not np.shares_memory(x.grad.array, seed.array)
    x.grad.add_(1.0)  # a read-only or stretched array would raise
    assert seed.array.min() == seed.array.max() == 1.0


def test_grad_never_shares_memory_with_what_was_saved() -> None:
    x, y = leaf(1.0, 2.0), leaf(1.0, 1.0)
    (x * y).backward(tensor([1.0, 1.0]))
    x.grad.zero_()
    y.grad.zero_()
    assert (x.tolist(), y.tolist()) == ([1.0, 2.0], [1.0, 1.0])


def test_grad_of_a_transposed_leaf_has_the_leafs_shape() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    weights = tensor([[1.0, 10.0], [100.0, 1000.0]])
    x.T.backward(weights)
    assert x.grad.tolist() == [[1.0, 100.0], [10.0, 1000.0]]
    assert not np.shares_memory(x.grad.array, weights.array)


# ----------------------------------------------------------------------------------- the owner


def test_views_know_the_owner_of_their_memory() -> None:
    array = np.zeros((2, 3))
    assert memory.owner_of(array) is array
    assert memory.owner_of(array.T[1:].reshape(2, 2, 1)) is array
    assert memory.owner_of(array[0][1:]) is array
    assert memory.owner_of(np.broadcast_to(array[0], (5, 3))) is array


def test_memory_that_numpy_borrowed_has_the_outermost_array_as_owner() -> None:
    array = np.frombuffer(bytearray(8), dtype=np.float32)
    assert memory.owner_of(array[1:]) is array


# --------------------------------------------------------------------------------- _version


def test_version_counts_the_writes_to_the_memory() -> None:
    x = tensor([1.0, 2.0])
    view, alias = x[0], x.detach()
    assert x._version == 0
    x.add_(1)
    view.mul_(2)
    alias[1] = 5.0
    x.zero_()
    assert [t._version for t in (x, view, alias)] == [4, 4, 4]


def test_version_of_other_memory_stays() -> None:
    x = tensor([1.0, 2.0])
    copy = x.clone()
    x.add_(1)
    assert copy._version == 0
    assert (x + 0)._version == 0


def test_writes_to_dead_memory_are_forgotten() -> None:
    gc.collect()
    before = len(memory.writes)
    tensors = [tensor([1.0]) for _ in range(10)]
    for x in tensors:
        x.add_(1)
    assert len(memory.writes) == before + 10
    del tensors, x
    assert len(memory.writes) == before


def test_new_memory_at_an_old_address_starts_anew() -> None:
    for _ in range(50):
        x = tensor([1.0])
        assert x._version == 0
        x.add_(1)
        assert x._version == 1
        del x
