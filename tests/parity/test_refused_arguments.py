"""What is no number, flag, dimension or shape, in the place of arguments: torch's exceptions."""

import re
import warnings
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error

# Calls of which each is tried with every one of WRONG in the place of `_`.
CALLS = re.split(
    r"\s{2,}",
    """
    x.sum(_)  x.sum(0, _)  x.mean(dim=_)  x.prod(_)  x.prod(0, keepdim=_)  x.max(_)  x.amax(0, _)
    x.median(_)  x.argmax(_)  x.logsumexp(1, _)  x.cumsum(_)  x.sort(_)  x.sort(0, _)  x.topk(_)
    x.kthvalue(_)  x.unique(_)  x.histc(_)
    x.squeeze(_)  x.flatten(_)  x.movedim(0, _)  x.transpose(0, _)  x.narrow(0, _, 1)
    x.select(0, _)  x.chunk(_)  x.diagonal(_)  x.tril(_)  x.diag(_)  x.rot90(_)  x.diff(_)
    x.unfold(0, _, 1)  x.tensor_split(_)  torch.stack(_)  torch.cat(_)  torch.cat([x], _)
    torch.hstack(_)  torch.combinations(v, _)
    torch.einsum('ij->i', _)  torch.linalg.vecdot(x, _)  torch.linalg.multi_dot(_)
    torch.addmm(x, x, x, beta=_)  torch.linalg.vector_norm(x, 2, _)  torch.cdist(x, x, _)
    F.conv2d(image, image, stride=_)  F.conv2d(image, image, groups=_)  F.max_pool2d(image, _)
    F.avg_pool2d(image, 1, 1, _)  F.avg_pool2d(image, 1, divisor_override=_)
    F.pixel_shuffle(image, _)  F.pad(x, (1, 1), value=_)  F.pad(x, (1, 1), _)
    """.strip(),
)
WRONG = ["'a'", "[0.5]", "object()", "{}", "1e400", "[None]"]
CASES = [re.sub(r"\b_\b", wrong, call.strip()) for call in CALLS for wrong in WRONG if call.strip()]


def operands(library: Any) -> dict[str, Any]:
    x = library.tensor([[1.0, 2.0], [3.0, 4.0]])
    return {"x": x, "v": x[0], "image": x.reshape(1, 1, 2, 2)}


@pytest.mark.parametrize("expression", CASES)
def test_refused_as_in_torch(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = [operands(lib) | {"torch": lib, "F": lib.nn.functional} for lib in LIBRARIES]
        (_, theirs), (_, ours) = (outcome(eval, expression, names) for names in given)
    if theirs is None:
        assert ours is None, f"torch accepts this: {ours}"
    else:
        same_error(theirs, ours)
        assert len(str(ours)) > 20, f"what is wrong, and what to do? {ours}"
