"""Products, norms and linear algebra: the same errors and odd cases as in torch."""

import math
import re
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_tree

torch = pytest.importorskip("torch")

CALLS = """
torch.mm(x, y)
torch.mm(x, v)
torch.bmm(b, x)
torch.bmm(b, b)
torch.bmm(b.float(), c)
torch.mv(v, x)
torch.mv(x, u)
torch.mv(x.float(), v)
torch.dot(v, u)
torch.dot(v.float(), v)
torch.inner(x, q)
torch.outer(x, v)
torch.outer(i[0], v)
torch.addmm(v, x, y.T)
torch.addmm(q.float(), x, y.T)
torch.addmm(q, x * nan, y.T, alpha=0)
torch.addbmm(q, b, c)
torch.addbmm(q[:, :2], b[:0], c[:0], beta=3)
torch.addbmm(q[:, :2], b, c[:1])
torch.addmv(u.float(), x, v)
torch.addr(i, u, v)
torch.addr(x, v, u)
torch.baddbmm(b[:, :2, :2], b, c)
torch.einsum('ij,jk', x, y)
torch.einsum('ij', x, y)
torch.einsum('ij->k', x)
torch.einsum('ij->ii', x)
torch.einsum('i.j', x)
torch.einsum('...i...', x)
torch.einsum('i%', x)
torch.einsum('ii', x)
torch.einsum('ij->i..', x)
torch.einsum('')
torch.einsum('...,...', b, b[..., 0])
torch.einsum(x, [0, ...], y, [0, ...], [...])
torch.einsum(x, [0, 60])
torch.einsum('ij,j->i', x[:, :1], v)
torch.einsum('bij,bik,b->jk', b, b, u[:2])
torch.tensordot(x, y, 3)
torch.tensordot(x, y, 0)
torch.tensordot(x, y, ([0], [1]))
torch.tensordot(x, x[:, :1], ([1], [1]))
torch.kron(x, v)
torch.linalg.multi_dot([x])
torch.linalg.multi_dot([x, b, x])
torch.linalg.matrix_power(x, 2)
torch.linalg.matrix_power(q, 0)
torch.linalg.vecdot(x.float(), v)
torch.cdist(x, q)
torch.cdist(i, i)
torch.cdist(x, y, p=-1)
torch.cdist(x, y, compute_mode='fast')
torch.cdist(x[:, :0], y[:, :0])
torch.cdist(b[:, None], b)
torch.norm(i)
torch.norm(x, 'bad')
torch.norm(x[:0], inf, dim=0)
torch.norm(x, p=2, dim=0, dtype=torch.float32)
torch.norm(b, p='fro', dim=(0, 1, 2))
torch.linalg.norm(b, 2)
torch.linalg.norm(b, dim=(0, 1, 2))
torch.linalg.norm(b, inf, dim=(2, 0), keepdim=True)
torch.linalg.vector_norm(x, 'fro')
torch.linalg.vector_norm(x.float(), dtype=torch.float64)
torch.linalg.matrix_norm(v)
torch.linalg.matrix_norm(b, 1, (0, 0))
torch.linalg.matrix_norm(x, 3)
torch.dist(i, i)
torch.linalg.inv(x)
torch.linalg.inv(v)
torch.linalg.inv(q.half())
torch.linalg.inv(q * 0)
torch.linalg.inv(torch.stack([torch.eye(3), torch.ones(3, 3)]))
torch.linalg.solve(q, v)
torch.linalg.solve(q * 0, u)
torch.linalg.solve(q.float(), x)
torch.linalg.cholesky(-q)
torch.linalg.qr(x, 'bad')
torch.linalg.qr(x, 'complete')
torch.linalg.qr(x.T, 'r').R
torch.det(i[:, :3])
torch.logdet(-torch.eye(3))
torch.logdet(torch.ones(2, 2))
torch.linalg.slogdet(torch.ones(2, 2))
torch.linalg.solve_triangular(q * 0, x, upper=True)
F.bilinear(x, b, q[None])
F.linear(x, q)
F.linear(x, y, v)
F.pairwise_distance(i, i)
F.cosine_similarity(i, i)
F.cosine_similarity(x * 0, y)
F.normalize(v)
F.normalize(x, dim=(0, 1))
F.linear(b[..., :0], x[:, :0], u)
F.bilinear(x[:, :0], y[:, :0], c[:, :0, :0])
torch.linalg.matrix_norm(x[:, :0].clone().requires_grad_(), 1)
torch.linalg.matrix_norm(b[:, :0].clone().requires_grad_(), -inf)
torch.linalg.slogdet(q * nan)
torch.cdist(x * nan, y, p=0)
torch.cdist(x * inf, y * inf, p=0)
F.scaled_dot_product_attention(b, b[:, :1], b[:, :2], u[:2])
"""


def names(library: Any) -> dict[str, Any]:
    def numbers(*shape: int) -> Any:
        return (library.arange(1, 1 + math.prod(shape)) * 1.0).double().reshape(shape) / 7

    floats = {"x": (3, 4), "y": (3, 4), "b": (2, 3, 4), "c": (2, 4, 2), "u": (3,), "v": (4,)}
    made = {name: numbers(*shape) for name, shape in floats.items()}
    made |= {"q": numbers(3, 3), "i": library.ones(3, 4, dtype=library.int64)}
    constants = {"inf": math.inf, "nan": math.nan}
    return made | constants | {"torch": library, "F": library.nn.functional}


@pytest.mark.parametrize("call", CALLS.strip().splitlines())
def test_as_torch_has_it(call: str) -> None:
    (theirs, error), (ours, our_error) = (
        outcome(eval, call, names(library)) for library in LIBRARIES
    )
    if error is None:
        assert our_error is None, our_error
        parts = theirs if isinstance(theirs, tuple) else (theirs,)
        ours = ours if isinstance(ours, tuple) else (ours,)
        same_tree(tuple(parts), tuple(ours))
        return
    same_error(error, our_error)
    missing = words(str(error).splitlines()[0]) - words(str(our_error))
    assert len(missing) <= 0.3 * len(words(str(error))), f"{error}\n{our_error}"


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{4,}", text))
