"""Starting values are spread as torch's, and what it refuses or warns of is the same."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from tests.parity.compare import LIBRARIES

torch = pytest.importorskip("torch")

# Written as a program would; w is (300, 400).
FILLS = """
    uniform_(w) uniform_(w,-2,3) normal_(w) normal_(w,1.0,0.5) trunc_normal_(w)
    trunc_normal_(w,1.0,2.0,0.0,0.5) trunc_normal_(w,mean=-3.0,a=0.0,b=1.0) constant_(w,0.3)
    ones_(w) zeros_(w) eye_(w) xavier_uniform_(w) xavier_uniform_(w,2.0) xavier_normal_(w)
    xavier_normal_(w,gain=0.3) kaiming_uniform_(w) kaiming_uniform_(w,1.0,'fan_out')
    kaiming_uniform_(w,nonlinearity='relu') kaiming_normal_(w) kaiming_normal_(w,0.2,'fan_out')
    kaiming_normal_(w,nonlinearity='selu') orthogonal_(w) orthogonal_(w,3.0) sparse_(w,0.3)
    sparse_(w,0.9,std=2.0)
"""
LAYERS = """
    Linear(300,400) Bilinear(30,40,50) Conv1d(30,100,9) Conv2d(30,100,(3,4),groups=2)
    Conv3d(10,50,4) ConvTranspose1d(30,100,9) ConvTranspose2d(30,100,(3,4),groups=2)
    Embedding(300,400) Embedding(300,400,padding_idx=3) EmbeddingBag(300,400) LayerNorm(9)
    BatchNorm2d(9) GroupNorm(3,9) PReLU(9) RMSNorm(9)
"""


def spread(values: Any) -> np.ndarray:
    """Mean, deviation, fourth moment, part of zeros, and quantiles, in units of the deviation."""
    x = values.detach().numpy().astype(np.float64).ravel()
    std = x.std()
    quantiles = np.quantile(x, np.linspace(0.05, 0.95, 10)) / max(std, 1e-12)
    fourth = (x**4).mean() / max((x**2).mean() ** 2, 1e-12)
    return np.array([np.log(std + 1e-12), (x == 0).mean(), fourth, *quantiles])


def same_spread(theirs: Any, ours: Any, tolerance: float = 0.03) -> None:
    np.testing.assert_allclose(spread(ours), spread(theirs), rtol=tolerance, atol=tolerance)
    limit = theirs.abs().max().item()
    assert ours.abs().max().item() == pytest.approx(limit, rel=0.2), "the largest"


@pytest.mark.parametrize("text", FILLS.split())
def test_spread(text: str) -> None:
    filled = []
    for library in LIBRARIES:
        library.manual_seed(0)
        w = library.empty(300, 400)
        filled.append(eval(text, vars(library.nn.init) | {"w": w}))
        assert filled[-1] is w
    same_spread(*filled)


@pytest.mark.parametrize("text", LAYERS.split())
def test_layers_start_with_the_same_spread(text: str) -> None:
    theirs, ours = [
        [library.manual_seed(0), eval(text, dict(vars(library.nn)))][1] for library in LIBRARIES
    ]
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        if p.numel() > 1000:
            same_spread(p, q)
        else:  # some hundred numbers: their bound says most
            assert q.abs().max().item() == pytest.approx(p.abs().max().item(), rel=0.1)


@pytest.mark.parametrize("shape", [(6, 4, 3), (4, 4, 3, 2), (4, 2, 2, 3, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    theirs, ours = [lib.nn.init.dirac_(lib.empty(shape), groups) for lib in LIBRARIES]
    assert ours.tolist() == theirs.tolist()


WORDS = ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


def test_gains() -> None:
    for word in WORDS:
        theirs, ours = [library.nn.init.calculate_gain(word) for library in LIBRARIES]
        assert ours == theirs


# torch's message, or warning, is the beginning of ours.
WRONG: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.init.calculate_gain("foo"),
    lambda lib: lib.nn.init.calculate_gain("leaky_relu", True),
    lambda lib: lib.nn.init.xavier_normal_(lib.ones(3)),
    lambda lib: lib.nn.init.kaiming_normal_(lib.ones(3)),
    lambda lib: lib.nn.init.kaiming_normal_(lib.ones(3, 3), mode="Fan"),
    lambda lib: lib.nn.init.kaiming_normal_(lib.ones(3, 0)),
    lambda lib: lib.nn.init.kaiming_uniform_(lib.ones(0, 3)),
    lambda lib: lib.nn.init.eye_(lib.ones(3)),
    lambda lib: lib.nn.init.sparse_(lib.ones(3, 3, 3), 0.5),
    lambda lib: lib.nn.init.orthogonal_(lib.ones(3)),
    lambda lib: lib.nn.init.dirac_(lib.ones(3, 3)),
    lambda lib: lib.nn.init.dirac_(lib.ones(3, 3, 3), 2),
    lambda lib: lib.nn.init.trunc_normal_(lib.ones(3), 9.0),
    lambda lib: lib.nn.init.normal_(lib.ones(3), 0.0, -1.0),
    lambda lib: lib.nn.init.uniform_(lib.ones(3), 1.0, 0.0),
    lambda lib: lib.nn.Linear(0, 3),
    lambda lib: lib.nn.Bilinear(0, 3, 3),
]


def heard(act: Callable[[Any], Any], library: Any) -> tuple[str, str]:
    """The kind and the text of what is raised or warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            act(library)
        except Exception as error:
            return type(error).__name__, str(error)
    return (caught[0].category.__name__, str(caught[0].message)) if caught else ("", "")


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_refused_or_warned_of(number: int) -> None:
    (kind, theirs), (our_kind, ours) = [heard(WRONG[number], lib) for lib in LIBRARIES]
    assert our_kind == kind, (theirs, ours)
    assert ours.startswith(theirs[:40]), (theirs, ours)


def test_minigrad_has_all_of_torchs_functions() -> None:
    names = {n for n in torch.nn.init.__all__ if n.endswith("_") or n == "calculate_gain"}
    assert names == set(minigrad.nn.init.__all__)
