"""Attention: its kernel against the definition, memory, and what it is not used for."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import func
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn import functional as F
from minigrad.ops.attention import ScaledDotProductFlashAttentionForCpuBackward0 as OneNode

attend = F.scaled_dot_product_attention


def operands(rows: int, keys: int, width: int = 8, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = (1, 2, rows, width), (1, 2, keys, width), (1, 2, keys, width)
    return [minigrad.tensor(rng.normal(size=s).astype(dtype), requires_grad=True) for s in shapes]


def by_definition(q: Any, k: Any, v: Any, causal: bool) -> Any:
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if causal:
        later = minigrad.tensor(np.triu(np.ones(scores.shape[-2:], bool), 1))
        scores = scores.masked_fill(later, -float("inf"))
    return scores.softmax(-1) @ v


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("rows", "keys"), [(3, 5), (300, 700), (700, 300)])
def test_the_kernel_computes_the_definition(rows: int, keys: int, causal: bool) -> None:
    tensors = operands(rows, keys)
    result, expected = attend(*tensors, is_causal=causal), by_definition(*tensors, causal)
    assert type(result.grad_fn) is OneNode
    np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), 1e-10, 1e-12)
    weight = minigrad.randn(*result.shape, dtype=minigrad.float64)
    ours = minigrad.autograd.grad(result, tensors, weight)
    theirs = minigrad.autograd.grad(expected, tensors, weight)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-11)


def test_no_matrix_of_all_scores_is_kept() -> None:
    """At T = 1024, two heads have scores of 8 MiB."""
    attend(*operands(64, 64, dtype="float32")).sum().backward()  # compiled before
    q, k, v = operands(1024, 1024, dtype="float32")
    tracemalloc.start()
    try:
        result = attend(q, k, v)
        kept, _ = tracemalloc.get_traced_memory()
        result.sum().backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * q.array.nbytes
    assert peak < 5 << 20


def test_derivatives_of_a_mask() -> None:
    """A mask with a gradient is not for the kernel."""
    q, k, v = operands(3, 4)
    mask = minigrad.zeros(3, 4, dtype=minigrad.float64, requires_grad=True)
    result = attend(q, k, v, mask)
    assert type(result.grad_fn) is not OneNode
    assert gradcheck(attend, (q, k, v, mask))


def test_second_derivatives_of_the_node() -> None:
    q, k, v = operands(2, 3, 2)
    hidden = minigrad.tensor([[True, False, True], [False, False, False]])
    assert gradgradcheck(lambda *t: attend(*t, hidden), (q, k, v))
    assert gradgradcheck(lambda *t: attend(*t, is_causal=True), (q, k, v))


def test_a_row_that_sees_nothing_is_zero_and_gives_no_gradient() -> None:
    q, k, v = operands(2, 3)
    for mask in (minigrad.tensor([[False] * 3, [True] * 3]), None):
        if mask is None:
            mask = minigrad.tensor([[-float("inf")] * 3, [0.0] * 3], dtype=minigrad.float64)
        result = attend(q, k, v, mask)
        assert not result[..., 0, :].any()
        dq, dk, _ = minigrad.autograd.grad(result.sum(), (q, k, v))
        assert not dq[..., 0, :].any()
        assert bool(dk.isfinite().all())


def test_samples_of_vmap() -> None:
    q, k, v = (x.detach() for x in operands(3, 4))
    stacked = [minigrad.stack([x, x * 2, x - 1]) for x in (q, k, v)]
    mapped = func.vmap(attend)(*stacked)
    each = [attend(*sample) for sample in zip(*stacked, strict=True)]
    np.testing.assert_allclose(mapped.numpy(), minigrad.stack(each).numpy(), 1e-12)


def test_dropout_of_weights() -> None:
    minigrad.manual_seed(0)
    q, k, v = operands(50, 60)
    result = attend(q, k, minigrad.ones_like(v), dropout_p=0.5)
    assert abs(float(result.mean()) - 1) < 0.05
    assert float(result.std()) > 0.01
    assert not attend(q, k, v, dropout_p=1.0).any()


def test_what_is_refused() -> None:
    q, k, v = operands(3, 5)
    with pytest.raises(RuntimeError, match="to have the same dtype"):
        attend(q, k.float(), v)
    with pytest.raises(RuntimeError, match="at least 2 dimensional"):
        attend(q[0, 0, 0], k, v)
    with pytest.raises(RuntimeError, match="attn_mask dtype to be bool or float"):
        attend(q, k, v, minigrad.zeros(3, 5).long())
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        attend(q, k, v, minigrad.zeros(3, 4).double())
    with pytest.raises(RuntimeError, match="must divide the number of heads"):
        attend(q, k[:, [0, 1, 0]], v[:, [0, 1, 0]], enable_gqa=True)
    with pytest.raises(RuntimeError, match="dropout probability has to be between 0 and 1"):
        attend(q, k, v, dropout_p=1.5)
