"""Losses beside torch's: options, odd shapes, extremes, warnings and errors."""

import re
import warnings
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_gradients, same_results

pytestmark = pytest.mark.parity
RANDOM = np.random.default_rng(0)
LEAVES = {
    "x": RANDOM.standard_normal((3, 4)),
    "y": RANDOM.standard_normal((3, 4)),
    "p": RANDOM.random((3, 4)),
    "b": RANDOM.standard_normal((2, 4, 3)),
    "l": RANDOM.standard_normal((6, 3, 5)),
    "inf": np.full((2,), np.inf),
    "holes": np.array([[1.0, 2, 3, 4], [np.nan, np.inf, 1, 2], [-np.inf, 0, 1, 2]]),
}
CONSTANTS = {
    "t": np.array([1, 3, 0]),
    "gaps": np.array([1, -100, 0]),
    "none": np.array([-100] * 3),
    "k": np.array([[1, -100, 0], [2, 2, 0]]),
    "i": np.array([[1, 2, -1, 0], [3, -1, -1, -1], [-1, 1, 1, 1]]),
    "c": RANDOM.random(4),
    "w": RANDOM.random((3, 4)),
    "sign": np.sign(RANDOM.standard_normal((3, 4))),
    "names": np.array([[1, 2, 1], [2, 2, 4], [1, 1, 1]]),
    "steps": np.array([6, 5, 4]),
    "sizes": np.array([3, 2, 1]),
    "nan": np.full((3, 4), np.nan),
    "half": np.array([0.5, 0.0]),
}
VALUES = """
F.mse_loss(x, y, weight=w) | F.mse_loss(x, y, weight=w, reduction='none')
F.l1_loss(x, x.detach()) | F.smooth_l1_loss(x, y, beta=0.0)
F.smooth_l1_loss(x, x.detach() + 1) | F.huber_loss(x, x.detach() - 1)
F.binary_cross_entropy(p.round(), w.round()) | F.binary_cross_entropy(p, w, c, reduction='none')
F.binary_cross_entropy_with_logits(x * 1000, w)
F.binary_cross_entropy_with_logits(inf, half, reduction='none')
F.binary_cross_entropy(p.round(), p) | F.binary_cross_entropy(p, p.round())
F.cross_entropy(holes, t, ignore_index=3, reduction='none')
F.cross_entropy(holes, t, c, ignore_index=3)
F.nll_loss(x[:, :0], none) | F.cross_entropy(x[:, :0], none, c[:0]) | F.cross_entropy(x[:0], w[:0])
F.cross_entropy(x[:, :0], w[:, :0]) | F.cross_entropy(x[:, :0], w[:, :0], label_smoothing=0.2)
F.binary_cross_entropy_with_logits(x * 1000, w, pos_weight=c, reduction='none')
F.kl_div(x, p.round(), reduction='sum') | F.kl_div(x[0, 0], p[0, 0], reduction='batchmean')
F.poisson_nll_loss(x, p * 4, full=True) | F.gaussian_nll_loss(x, y, p[:1], eps=0.5)
F.hinge_embedding_loss(x, y) | F.soft_margin_loss(x * 1000, sign)
F.cosine_embedding_loss(x * 0, y, sign[:, 0]) | F.triplet_margin_loss(x, y, w, p=1, margin=3.0)
F.multi_margin_loss(x + nan, t) | F.multi_margin_loss(x[0], t[:1], reduction='none')
F.multilabel_margin_loss(x[:0], i[:0], reduction='none')
F.cross_entropy(x, gaps, c) | F.cross_entropy(x, none) | F.cross_entropy(x, none, reduction='sum')
F.cross_entropy(x, none, label_smoothing=0.1) | F.cross_entropy(x[:0], t[:0])
F.cross_entropy(x, gaps, c, label_smoothing=0.1, reduction='none') | F.cross_entropy(x * 1000, t)
F.cross_entropy(b, k, c, label_smoothing=0.3) | F.cross_entropy(x, p, c, label_smoothing=0.2)
F.cross_entropy(x[:0], p[:0]) | F.nll_loss(b, k, c) | F.nll_loss(x, none)
F.ctc_loss(l.log_softmax(2), names, steps, sizes)
F.ctc_loss(l.log_softmax(2), names, (6, 1, 2), (3, 3, 3), zero_infinity=True)
F.ctc_loss(l.log_softmax(2), names, (6, 1, 0), (3, 3, 0), reduction='none')
F.ctc_loss(l, names, steps, sizes, blank=3, reduction='sum')
"""
ERRORS = """
F.mse_loss(x, y, reduction='max') | F.mse_loss(x, y, weight=c) | F.huber_loss(x, y, delta=0.0)
F.smooth_l1_loss(x, y, beta=-1.0) | F.mse_loss(x, y, weight=w, reduction='max')
F.binary_cross_entropy(x * 9, w) | F.binary_cross_entropy(p, x * 9) | F.binary_cross_entropy(p, c)
F.binary_cross_entropy(p, w.double())
F.binary_cross_entropy(nan, w) | F.binary_cross_entropy(p, w, weight=x)
F.binary_cross_entropy_with_logits(x, c) | F.binary_cross_entropy_with_logits(x, w, pos_weight=y)
F.kl_div(x, p, reduction='max') | F.gaussian_nll_loss(x, y, -w) | F.gaussian_nll_loss(x, y, w[:2])
F.margin_ranking_loss(x, y, c) | F.cosine_embedding_loss(x, y, sign) | F.soft_margin_loss(x, y)
F.triplet_margin_loss(x, y, w, margin=0) | F.triplet_margin_loss(x, y, c)
F.multi_margin_loss(x, t + 3) | F.multi_margin_loss(x, t, p=3) | F.multi_margin_loss(x, t[:2])
F.multilabel_margin_loss(x, i * 2) | F.multilabel_margin_loss(x, t)
F.cross_entropy(x, t + 4) | F.cross_entropy(x, t - 9) | F.cross_entropy(x, t.int())
F.cross_entropy(x, t.float()) | F.cross_entropy(x, i) | F.cross_entropy(x, t[:2])
F.cross_entropy(x, t, w) | F.cross_entropy(x, t, x[0]) | F.cross_entropy(x, w, ignore_index=1)
F.cross_entropy(x, t, label_smoothing=1.1) | F.cross_entropy(x[:, :, None], t)
F.nll_loss(x[0, 0], t[0]) | F.nll_loss(b, t) | F.nll_loss(x, [1, 2, 3])
F.ctc_loss(l, names, steps, sizes, blank=9) | F.ctc_loss(l, names, steps + 1, sizes)
F.ctc_loss(l, names, steps, sizes + 1) | F.ctc_loss(l, names, steps[:2], sizes)
F.ctc_loss(l[:, :0], names[:0], (), ()) | F.ctc_loss(l, names, 6, 3)
F.multilabel_margin_loss(x[:, :0], i[:, :0]) | F.multi_margin_loss(x[:, :0], t)
F.ctc_loss(l[0, 0], names[0], (6,), (3,)) | F.ctc_loss(l, names, steps.float(), sizes)
"""


def lines(text: str) -> list[str]:
    return [expression for line in text.split("\n") for expression in line.split(" | ") if line]


def called(library: Any, expression: str, dtype: str) -> tuple[dict[str, Any], Any]:
    names = set(re.findall(r"\w+", expression))
    floats = {n: a.astype(dtype) for n, a in LEAVES.items() if n in names}
    leaves = {n: library.tensor(a, requires_grad=True) for n, a in floats.items()}
    constants = {
        n: library.tensor(a.astype(dtype) if a.dtype.kind == "f" else a)
        for n, a in CONSTANTS.items()
        if n in names
    }
    return leaves, eval(expression, {"F": library.nn.functional, **leaves, **constants})


@pytest.mark.parametrize("expression", lines(VALUES))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients(expression: str, dtype: str) -> None:
    theirs, ours = (called(library, expression, dtype) for library in LIBRARIES)
    same_results(theirs[1], ours[1], graphs=False)
    for _, value in (theirs, ours):
        value.sum().backward()
    same_gradients(theirs[0], ours[0])


@pytest.mark.parametrize("expression", lines(ERRORS))
def test_errors(expression: str) -> None:
    (_, theirs), (_, ours) = (
        outcome(called, library, expression, "float32") for library in LIBRARIES
    )
    assert theirs is not None
    same_error(theirs, ours)


@pytest.mark.parametrize(
    "expression",
    [
        "F.mse_loss(x, c)",
        "F.l1_loss(x, y, size_average=False)",
        "F.smooth_l1_loss(x, y, reduce=False)",
        "F.cross_entropy(x, t, reduction='elementwise_mean')",
        "F.kl_div(x, p)",
    ],
)
def test_warnings(expression: str) -> None:
    texts = []
    for library in LIBRARIES:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            called(library, expression, "float32")
        texts.append(
            [str(warning.message).replace("torch.", "").split("(")[0] for warning in caught]
        )
    assert texts[0] == texts[1] != []
