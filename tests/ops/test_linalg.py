"""Products, norms and linear algebra: what samples cannot say, by hand and by their properties."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import linalg
from minigrad.autograd import gradcheck
from minigrad.nn import functional as F

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]


def random(*shape: int, seed: int = 0) -> Any:
    numbers = np.random.default_rng(seed).standard_normal(shape)
    return minigrad.tensor(numbers, requires_grad=True)


def close(x: Any, expected: Any, tolerance: float = 1e-9) -> None:
    values = x.numpy(force=True)
    wanted = expected.numpy(force=True) if isinstance(expected, minigrad.Tensor) else expected
    np.testing.assert_allclose(values, wanted, tolerance, tolerance)


# --------------------------------------------------------------------------------------- products


@pytest.mark.parametrize(
    "equation",
    [
        "ij,jk->ik",
        "ij,kj",
        "bij,bjk->bik",
        "bij,bjk->kb",
        "ij,ij->",
        "ij,ij->j",
        "ij,k->kij",
        "i,i,i->i",
        "ij,jk,kl->il",
        "ii->i",
        "iij->j",
        "...ij,...jk->...ik",
        "b...,b->...",
        "ij,kl->",
    ],
)
def test_einsum_as_numpy_has_it(equation: str) -> None:
    sizes = dict(zip("bijkl", (2, 3, 3, 3, 3), strict=True))
    operands = []
    for number, part in enumerate(equation.split("->")[0].split(",")):
        shape = [sizes[letter] for letter in part.replace("...", "bk" if "b" not in part else "k")]
        operands.append(random(*shape, seed=number))
    expected = np.einsum(equation, *[x.numpy(force=True) for x in operands])
    close(minigrad.einsum(equation, *operands), expected)


def test_einsum_of_nothing_is_zero() -> None:
    x = minigrad.ones(3, 0)
    assert minigrad.einsum("ij,kj->ik", x, x).tolist() == [[0.0] * 3] * 3
    assert minigrad.einsum("ij->", x).item() == 0


def test_einsum_stretches_sizes_of_one() -> None:
    x, v = minigrad.ones(3, 1), minigrad.arange(4.0)
    assert minigrad.einsum("ij,j->i", x, v).tolist() == [6.0] * 3


def test_beta_of_zero_hides_nan() -> None:
    nan, one = minigrad.full((2, 2), math.nan), minigrad.ones(2, 2)
    assert minigrad.addmm(nan, one, one, beta=0).tolist() == [[2.0, 2.0]] * 2
    assert minigrad.baddbmm(nan, one[None], one[None], beta=0).tolist() == [[[2.0, 2.0]] * 2]
    assert minigrad.addbmm(nan, one[None], one[None], beta=0).tolist() == [[2.0, 2.0]] * 2
    assert minigrad.addmv(nan[0], one, one[0], beta=0).tolist() == [2.0, 2.0]
    assert minigrad.addr(nan, one[0], one[0], beta=0).tolist() == [[1.0, 1.0]] * 2


def test_integers_take_whole_multiples() -> None:
    x = minigrad.ones(2, 2, dtype=minigrad.int64)
    assert minigrad.addmm(x, x, x, alpha=1.9, beta=2.5).tolist() == [[4, 4]] * 2
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        minigrad.addr(x, x[0], x[0], alpha=1.5)


def test_a_chain_is_multiplied_in_the_cheapest_order() -> None:
    x, y, z = random(40, 2), random(2, 40, seed=1), random(40, 2, seed=2)
    result = linalg.multi_dot([x, y, z])
    close(result, (x @ (y @ z)))
    chain = result.grad_fn
    while chain.name() != "MmBackward0":
        chain = chain.next_functions[0][0]
    assert chain.next_functions[0][0].name() == "AccumulateGrad"  # x @ (y @ z), not (x @ y) @ z


def test_powers_of_a_matrix() -> None:
    x = random(3, 3)
    for n in range(8):
        close(x.matrix_power(n), np.linalg.matrix_power(x.numpy(force=True), n))
    close(x.matrix_power(-2), (x @ x).inverse())


# ------------------------------------------------------------------------------- norms, distances


def test_the_norm_of_zero_has_gradient_zero() -> None:
    for p in (1, 1.5, 2, 3, math.inf):
        x = minigrad.zeros(3, requires_grad=True)
        x.norm(p).backward()
        assert x.grad is not None
        assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_equal_extremes_share() -> None:
    x = minigrad.tensor([2.0, -2.0, 1.0], requires_grad=True)
    x.norm(math.inf).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.5, -0.5, 0.0]


def test_norms_of_nothing() -> None:
    x = minigrad.ones(0, 3)
    assert x.norm().item() == 0
    assert linalg.matrix_norm(x, 1).item() == linalg.matrix_norm(x, math.inf).item() == 0
    with pytest.raises(RuntimeError, match="inf norm on an empty tensor"):
        x.norm(math.inf)


@pytest.mark.parametrize("size", [7, 1000, 3_000_000])
def test_norms_of_any_size(size: int) -> None:
    x = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    y = minigrad.tensor(x)
    exact = x.astype(np.float64)
    assert y.norm().item() == pytest.approx(np.sqrt((exact * exact).sum()), 1e-6)
    assert y.norm(1).item() == pytest.approx(np.abs(exact).sum(), 1e-6)
    assert y.norm(math.inf).item() == np.abs(x).max()
    assert y.norm(-math.inf).item() == np.abs(x).min()


def test_norms_over_groups_of_dimensions() -> None:
    x = random(3, 4, 5, 6)
    values = x.numpy(force=True)
    close(x.norm(dim=(0, 2)), np.sqrt((values**2).sum((0, 2))))
    close(x.norm(1, dim=(1, 3)), np.abs(values).sum((1, 3)))
    close(x.transpose(0, 3).norm(dim=(0, 1)), np.sqrt((values**2).sum((1, 3))).T)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, math.inf])
@pytest.mark.parametrize("depth", [3, 20])
def test_distances(p: float, depth: int) -> None:
    x, y = random(30, depth), random(20, depth, seed=1)
    differences = x.unsqueeze(1) - y
    close(minigrad.cdist(x, y, p), linalg.vector_norm(differences, p, -1), 1e-7)


def test_a_point_does_not_pull_at_itself() -> None:
    x = random(4, 3)
    for p in (1, 1.5, 2, 3, math.inf):
        x.grad = None
        minigrad.cdist(x, x.detach(), p).diagonal().sum().backward()
        assert not x.grad.numpy().any()


def test_both_ways_to_distances_have_one_gradient() -> None:
    modes = ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    grads = []
    for mode in modes:
        x, y = random(5, 4), random(6, 4, seed=1)
        minigrad.cdist(x, y, compute_mode=mode).sin().sum().backward()
        grads.append((x.grad, y.grad))
    for a, b in zip(*grads, strict=True):
        close(a, b, 1e-7)


def test_a_length_below_eps_counts_as_eps() -> None:
    zero = minigrad.zeros(1, 3)
    assert F.cosine_similarity(zero, zero).item() == 0
    assert F.normalize(zero).tolist() == [[0.0, 0.0, 0.0]]


def test_orders_that_need_singular_values_say_so() -> None:
    for order in (2, -2, "nuc"):
        with pytest.raises(NotImplementedError, match="needs singular values"):
            linalg.norm(minigrad.ones(2, 2), order)


# --------------------------------------------------------------------------------- linear algebra


def test_factors_give_the_matrix_back() -> None:
    x = random(2, 4, 3)
    q, r = linalg.qr(x)
    close(q @ r, x)
    close(q.mT @ q, np.broadcast_to(np.eye(3), (2, 3, 3)), 1e-9)
    positive = x.mT @ x
    lower = linalg.cholesky(positive)
    close(lower @ lower.mT, positive)
    close(linalg.cholesky(positive, upper=True), lower.mT)
    close(minigrad.cholesky_inverse(lower[0]), positive[0].inverse())
    sign, logarithm = linalg.slogdet(positive)
    close(sign * logarithm.exp(), positive.det())


def test_systems() -> None:
    a, b = random(2, 3, 3), random(2, 3, 2, seed=1)
    close(a @ linalg.solve(a, b), b)
    close(linalg.solve(a, b.mT, left=False) @ a, b.mT)
    close((a @ linalg.solve(a, b[..., 0]).unsqueeze(-1)).squeeze(-1), b[..., 0])
    upper = a.triu()
    close(upper @ linalg.solve_triangular(a, b, upper=True), b)
    ones = a.tril(-1) + minigrad.eye(3)
    close(ones @ linalg.solve_triangular(a, b, upper=False, unitriangular=True), b)


def test_singular_matrices_raise() -> None:
    singular = minigrad.tensor(SINGULAR)
    with pytest.raises(linalg.LinAlgError, match=r"linalg\.inv: The diagonal element 2 is zero"):
        singular.inverse()
    both = minigrad.stack([minigrad.eye(2), singular])
    with pytest.raises(linalg.LinAlgError, match=r"\(Batch element 1\): The diagonal element 2"):
        linalg.inv(both)
    with pytest.raises(linalg.LinAlgError, match="the input matrix is singular"):
        linalg.solve(singular, minigrad.ones(2))
    with pytest.raises(linalg.LinAlgError, match="leading minor of order 2 is not positive"):
        linalg.cholesky(minigrad.tensor([[1.0, 2.0], [2.0, 1.0]]))
    assert issubclass(linalg.LinAlgError, RuntimeError)


def test_a_determinant_of_zero_has_a_gradient() -> None:
    """The matrix of cofactors, which does not ask for an inverse."""
    x = minigrad.tensor(SINGULAR, dtype=minigrad.float64, requires_grad=True)
    x.det().backward()
    close(x.grad, [[4.0, -2.0], [-2.0, 1.0]])


def test_a_wide_matrix_has_a_derivative_by_its_factors() -> None:
    x = random(2, 4)
    assert gradcheck(lambda x: linalg.qr(x), (x,))


def test_factors_that_are_not_unique_have_no_derivative() -> None:
    x = random(3, 2)
    with pytest.raises(RuntimeError, match="depends on Q, which is not computed"):
        linalg.qr(x, "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete'"):
        linalg.qr(x, "complete").Q.sum().backward()


def test_matrices_of_no_size() -> None:
    empty = minigrad.ones(0, 0)
    assert empty.det().item() == 1
    assert empty.inverse().shape == (0, 0)
    assert minigrad.ones(0, 3, 3).inverse().shape == (0, 3, 3)
    assert linalg.solve_triangular(empty, minigrad.ones(0, 2), upper=True).shape == (0, 2)


def test_each_sample_has_its_own_matrix() -> None:
    a, b = random(4, 3, 3), random(4, 3, seed=1)
    close(minigrad.vmap(linalg.solve)(a, b), linalg.solve(a, b))
    close(minigrad.vmap(minigrad.det)(a), a.det())
    close(minigrad.vmap(lambda x: x.norm(dim=0))(a), a.norm(dim=1))
    close(minigrad.vmap(minigrad.cdist)(a, a), minigrad.cdist(a, a))
