"""Views beside torch: what is forbidden and in which words, flags of views, .data, detach_."""

from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error

# What is done to `x`, a 2x3 leaf; `r`, a result of it; `c`, a constant; `v` and `w`, views of r and
# of c made under no_grad; `i`, a view of r made in inference mode.
REFUSED = """
    x.add_(1)
    x.fill_(1)
    x[0].zero_()
    x.normal_()
    x.copy_(c)
    x.__setitem__(0, 1)
    x.unbind()[0].mul_(2)
    r.unbind()[1].mul_(2)
    r.split(1)[0].mul_(2)
    r.split([1, 1])[1].zero_()
    r.chunk(2)[0].fill_(1)
    r.unbind()[0][1:].mul_(2)
    c.unbind()[0].mul_(x[0])
    v.mul_(2)
    v.zero_()
    v[1:].mul_(2)
    w.mul_(x[0])
    i.mul_(2)
    c.expand(2, 2, 3).add_(1)
    c[0].expand(2, 3).copy_(c)
    c.view(-1)[1:].copy_(c.view(-1)[:-1])
    c.view(-1)[1:].__setitem__(slice(None), c.view(-1)[:-1])
    c[0].add_(c)
    c.add_(torch.ones(4))
    c[0].copy_(c)
    c.__setitem__(0, torch.ones(2))
    c.__setitem__([0], torch.ones(2))
    c.fill_(torch.ones(2))
    c.masked_fill(c > 2, torch.ones(2))
    c.index_put_((torch.tensor([5]),), torch.ones(3))
    c.long().add_(0.5)
    c.long().div_(2)
    (c > 2).add_(1)
    r[0].detach_()
    v.detach_()
    r.requires_grad_(False)
    (r.unbind()[0], r.mul_(2))[0].grad_fn
    (v, r.mul_(2))[0].grad_fn
    (v, r.mul_(2))[0] * 2
    setattr(x, 'data', 1)
    setattr(x, 'data', c.long())
    setattr(r, 'grad_fn', None)
    setattr(r, '_version', 1)
    v.backward(torch.ones(3))
"""
TOLD = """
    (v.requires_grad, v.is_leaf, v.grad_fn, v._is_view(), v._base is r, v._version)
    (w.requires_grad, w.is_leaf, w._is_view(), w._base is c)
    (i.requires_grad, i.is_inference())
    (w.mul_(2), c._version, w.requires_grad)[1:]
    (v * 2).requires_grad
    (r[0]._base is r, r[0][1:]._base is r, r.detach()._is_view(), r._is_view(), r._base)
    (r.data.add_(1), r._version, r.data._version)[1:]
    (r.detach().add_(1), r._version, r.detach()._version)[1:]
    (c[0].requires_grad_().is_leaf, c.requires_grad)
    (c[0], c.requires_grad_())[0].requires_grad
    r.detach_().requires_grad
    x.detach_().requires_grad
    (setattr(x, 'data', torch.ones(4)), tuple(x.shape), x.requires_grad)
    (setattr(r, 'data', torch.ones(4)), tuple(r.shape), r.requires_grad)
    (x.requires_grad_(False).requires_grad, x.requires_grad_().requires_grad)
    (c.__setitem__(False, 1.0), c._version)
    (c.copy_(c), c._version)[1]
    (c.expand(2, 2, 3).zero_(), c._version)[1]
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def names_of(library: Any) -> dict[str, Any]:
    x = (library.arange(6.0).reshape(2, 3) * 1).requires_grad_()
    r, c = x * 1, library.arange(6.0).reshape(2, 3) * 1
    with library.no_grad():
        v, w = r[0], c[0]
    with library.inference_mode():
        i = r[0]
    return {"torch": library, "x": x, "r": r, "c": c, "v": v, "w": w, "i": i}


@pytest.mark.parametrize("expression", lines(REFUSED))
def test_refused(expression: str) -> None:
    (_, wrong), (_, error) = (outcome(eval, expression, names_of(lib)) for lib in LIBRARIES)
    assert wrong is not None, "torch accepts this"
    same_error(wrong, error)
    if not isinstance(wrong, AttributeError):  # Python's own words
        assert str(error).startswith(str(wrong)[:35])


@pytest.mark.parametrize("expression", lines(TOLD))
def test_told(expression: str) -> None:
    theirs, ours = (eval(expression, names_of(library)) for library in LIBRARIES)
    assert ours == theirs
