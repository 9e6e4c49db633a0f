"""Every layer and loss as in torch: numbers, gradients, names, printed forms and arguments.

A line of the table is a layer, written as a program would, and the inputs that it is called with.
Both libraries get the same weights.
"""

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from tests.parity.compare import LIBRARIES, run_backward, same_tensor, tensors_in

torch = pytest.importorskip("torch")

RANDOM = np.random.default_rng(0)


def x(*shape: int) -> np.ndarray:
    """Numbers around 0."""
    return RANDOM.normal(size=shape)


def positive(*shape: int) -> np.ndarray:
    """Numbers between 0.1 and 0.9: probabilities."""
    return RANDOM.uniform(0.1, 0.9, shape)


def classes(count: int, *shape: int) -> np.ndarray:
    """Numbers of classes."""
    return RANDOM.integers(0, count, shape)


def signs(*shape: int) -> np.ndarray:
    """1 and -1."""
    return RANDOM.integers(0, 2, shape) * 2.0 - 1


def ints(*values: Any) -> np.ndarray:
    return np.array(values)


class Target(np.ndarray):
    """An array that gets no gradient."""


def t(array: np.ndarray) -> np.ndarray:
    return array.view(Target)


IMAGES, SEQUENCES, VOLUMES = x(2, 4, 6, 5), x(2, 4, 9), x(1, 4, 3, 4, 5)
ROWS = x(3, 8)

ACTIVATIONS = """
    ReLU() ReLU(inplace=True) ReLU6() ReLU6(True) Hardtanh() Hardtanh(-0.5,0.7)
    Hardtanh(-2,2,inplace=True) Threshold(0.1,5.0) Threshold(0.1,5,True) LeakyReLU()
    LeakyReLU(0.3,True) PReLU() PReLU(8,init=0.1) ELU() ELU(2.0,True) CELU() CELU(0.5) SELU()
    SELU(True) Sigmoid() Hardsigmoid() Hardsigmoid(True) LogSigmoid() Tanh() Softsign() Softplus()
    Softplus(2,1.5) GELU() GELU('tanh') SiLU() SiLU(inplace=True) Hardswish() Mish() Mish(True)
    Hardshrink() Hardshrink(1.0) Softshrink() Softshrink(0.2) Tanhshrink() GLU() GLU(1) Softmax(1)
    Softmax(dim=0) Softmin(-1) LogSoftmax(1) LogSoftmax(dim=0)
"""
# Only what they do in use is the same.
RANDOM_LAYERS = """
    Dropout() Dropout(0.2,True) Dropout2d() Dropout3d() AlphaDropout(0.3) FeatureAlphaDropout()
    RReLU() RReLU(0.2,0.3,True)
"""

CASES: list[tuple[Any, ...]] = [
    ("Identity()", ROWS),
    ("Identity(3, foo=4)", ROWS),
    ("Linear(8, 3)", ROWS),
    ("Linear(8, 3, bias=False)", x(2, 3, 8)),
    ("Bilinear(8, 5, 3)", ROWS, x(3, 5)),
    ("Bilinear(8, 5, 3, bias=False)", ROWS, x(3, 5)),
    # activations
    *[(name, ROWS) for name in ACTIVATIONS.split()],
    ("Softmax2d()", IMAGES),
    ("Softmax2d()", x(4, 2, 3)),
    # convolutions
    ("Conv1d(4, 6, 3)", SEQUENCES),
    ("Conv1d(4, 6, 3, padding='same', padding_mode='circular')", SEQUENCES),
    ("Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False)", SEQUENCES),
    ("Conv2d(4, 6, 3)", IMAGES),
    ("Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2))", IMAGES),
    ("Conv2d(4, 4, 3, padding='same', groups=4)", IMAGES),
    ("Conv2d(4, 4, (3, 2), padding='same', padding_mode='reflect')", IMAGES),
    ("Conv2d(4, 4, 3, padding=(1, 2), padding_mode='replicate', bias=False)", IMAGES),
    ("Conv2d(4, 4, 3, padding='valid', padding_mode='circular')", IMAGES),
    ("Conv2d(4, 4, 3)", x(4, 6, 6)),
    ("Conv3d(4, 2, 2)", VOLUMES),
    ("Conv3d(4, 2, 2, padding=1, padding_mode='replicate')", VOLUMES),
    ("ConvTranspose1d(4, 6, 3)", SEQUENCES),
    ("ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)", SEQUENCES),
    ("ConvTranspose2d(4, 6, 3)", IMAGES),
    ("ConvTranspose2d(4, 6, 3, (2, 3), 1, (1, 2), bias=False, dilation=2)", IMAGES),
    ("ConvTranspose2d(4, 6, 3, 2)", IMAGES, [14, 12]),
    ("ConvTranspose2d(4, 6, 3, 2)", IMAGES, [2, 6, 13, 11]),
    ("ConvTranspose3d(4, 2, 2)", VOLUMES),
    ("Unfold((2, 3))", IMAGES),
    ("Unfold(2, dilation=2, padding=1, stride=2)", IMAGES),
    ("Fold((4, 5), (2, 2))", x(2, 8, 12)),
    ("Fold(output_size=6, kernel_size=2, padding=1, stride=2)", x(2, 8, 16)),
    # pools
    ("MaxPool1d(3)", SEQUENCES),
    ("MaxPool1d(3, stride=2, padding=1, ceil_mode=True)", SEQUENCES),
    ("MaxPool2d(2)", IMAGES),
    ("MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2))", IMAGES),
    ("MaxPool2d(2, return_indices=True)", IMAGES),
    ("AvgPool1d(3)", SEQUENCES),
    ("AvgPool1d(3, 2, 1, True, False)", SEQUENCES),
    ("AvgPool2d(2)", IMAGES),
    ("AvgPool2d((3, 2), (2, 1), padding=(1, 0), count_include_pad=False)", IMAGES),
    ("AvgPool2d(3, divisor_override=2)", IMAGES),
    ("AdaptiveAvgPool1d(4)", SEQUENCES),
    ("AdaptiveAvgPool2d((3, 2))", IMAGES),
    ("AdaptiveAvgPool2d((None, 2))", IMAGES),
    ("AdaptiveAvgPool2d(1)", IMAGES),
    ("AdaptiveMaxPool1d(4)", SEQUENCES),
    ("AdaptiveMaxPool2d((3, 2))", IMAGES),
    ("AdaptiveMaxPool2d(2, return_indices=True)", IMAGES),
    # normalisation
    ("BatchNorm1d(8)", ROWS),
    ("BatchNorm1d(4, momentum=None)", SEQUENCES),
    ("BatchNorm1d(4, bias=False)", SEQUENCES),
    ("BatchNorm2d(4)", IMAGES),
    ("BatchNorm2d(4, eps=0.1, momentum=0.3, affine=False)", IMAGES),
    ("BatchNorm2d(4, track_running_stats=False)", IMAGES),
    ("BatchNorm3d(4)", VOLUMES),
    ("InstanceNorm1d(4)", SEQUENCES),
    ("InstanceNorm1d(4)", x(4, 9)),
    ("InstanceNorm2d(4, affine=True)", IMAGES),
    ("InstanceNorm2d(4, affine=True, bias=False)", IMAGES),
    ("InstanceNorm2d(4, affine=True, track_running_stats=True)", IMAGES),
    ("InstanceNorm3d(4)", VOLUMES),
    ("LayerNorm(8)", ROWS),
    ("LayerNorm([6, 5], eps=0.1)", IMAGES),
    ("LayerNorm((8,), bias=False)", ROWS),
    ("LayerNorm(8, elementwise_affine=False)", ROWS),
    ("RMSNorm(8)", ROWS),
    ("RMSNorm((6, 5), eps=0.1, elementwise_affine=False)", IMAGES),
    ("GroupNorm(2, 4)", IMAGES),
    ("GroupNorm(2, 4, affine=False)", IMAGES),
    ("GroupNorm(4, 4, eps=0.1, bias=False)", IMAGES),
    ("LocalResponseNorm(2)", IMAGES),
    ("LocalResponseNorm(3, alpha=0.1, beta=0.5, k=2.0)", IMAGES),
    # embeddings
    ("Embedding(7, 3)", classes(7, 4, 2)),
    ("Embedding(7, 3, padding_idx=-2)", classes(7, 9)),
    ("Embedding(7, 3, max_norm=1.0, norm_type=1.0)", classes(7, 4)),
    ("Embedding(7, 3, scale_grad_by_freq=True)", classes(7, 9)),
    ("EmbeddingBag(7, 3)", classes(7, 4, 2)),
    ("EmbeddingBag(7, 3, mode='sum')", classes(7, 9), ints(0, 3, 3)),
    ("EmbeddingBag(7, 3, mode='sum')", classes(7, 9), ints(0, 3, 3), x(9)),
    ("EmbeddingBag(7, 3, mode='max', padding_idx=1)", classes(7, 9), ints(0, 3, 3)),
    ("EmbeddingBag(7, 3, include_last_offset=True, max_norm=1.0)", classes(7, 9), ints(0, 3, 9)),
    # shapes
    ("Flatten()", IMAGES),
    ("Flatten(0, 2)", IMAGES),
    ("Unflatten(1, (2, 2))", IMAGES),
    ("Unflatten(-1, [-1, 5])", IMAGES),
    ("PixelShuffle(2)", IMAGES),
    ("ChannelShuffle(2)", IMAGES),
    ("PixelUnshuffle(2)", x(2, 1, 4, 6)),
    ("Upsample(scale_factor=2)", IMAGES),
    ("Upsample(scale_factor=(2, 1.5), mode='bilinear')", IMAGES),
    ("Upsample((7, 9), mode='bilinear', align_corners=True)", IMAGES),
    ("Upsample(size=12, mode='linear')", SEQUENCES),
    ("UpsamplingNearest2d(scale_factor=2)", IMAGES),
    ("UpsamplingBilinear2d(size=(9, 8))", IMAGES),
    # padding
    ("ZeroPad1d(2)", SEQUENCES),
    ("ZeroPad1d((1, 2))", x(4, 9)),
    ("ZeroPad2d((1, 2, 0, -1))", IMAGES),
    ("ZeroPad3d(1)", VOLUMES),
    ("ConstantPad1d(2, 3.5)", SEQUENCES),
    ("ConstantPad2d((1, 2, 3, 0), 1)", IMAGES),
    ("ConstantPad3d(1, 0.5)", VOLUMES),
    ("ReflectionPad1d((2, 1))", SEQUENCES),
    ("ReflectionPad2d(2)", IMAGES),
    ("ReflectionPad3d(1)", VOLUMES),
    ("ReplicationPad1d((2, 1))", SEQUENCES),
    ("ReplicationPad2d((1, 2, 3, 0))", IMAGES),
    ("ReplicationPad3d(1)", VOLUMES),
    ("CircularPad1d((2, 1))", SEQUENCES),
    ("CircularPad2d((1, 2, 3, 0))", IMAGES),
    ("CircularPad3d(1)", VOLUMES),
    # distances
    ("CosineSimilarity()", ROWS, x(3, 8)),
    ("CosineSimilarity(dim=0, eps=0.1)", ROWS, x(3, 8)),
    ("PairwiseDistance()", ROWS, x(3, 8)),
    ("PairwiseDistance(p=1, keepdim=True)", ROWS, x(3, 8)),
    # random ones: only what they do in use is the same
    *[(name, IMAGES) for name in RANDOM_LAYERS.split()],
    ("Dropout1d(0.1)", SEQUENCES),
    # losses of numbers
    *[
        (f"{loss}({arguments})", x(4, 3), x(4, 3))
        for loss in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")
        for arguments in ("", "reduction='sum'", "reduction='none'")
    ],
    ("SmoothL1Loss(beta=0.3)", x(4, 3), x(4, 3)),
    ("HuberLoss(delta=0.3)", x(4, 3), x(4, 3)),
    ("MSELoss(False)", x(4, 3), x(4, 3)),
    ("L1Loss(reduce=False)", x(4, 3), x(4, 3)),
    ("KLDivLoss()", x(4, 3), positive(4, 3)),
    ("KLDivLoss(reduction='batchmean', log_target=True)", x(4, 3), x(4, 3)),
    ("PoissonNLLLoss()", x(4, 3), t(positive(4, 3) * 5)),
    (
        "PoissonNLLLoss(log_input=False, full=True, reduction='sum')",
        positive(4, 3),
        t(5 * positive(4, 3)),
    ),
    ("GaussianNLLLoss()", x(4, 3), x(4, 3), positive(4, 3)),
    ("GaussianNLLLoss(full=True, eps=0.5, reduction='none')", x(4, 3), x(4, 3), positive(4, 3)),
    # losses of classes
    ("CrossEntropyLoss()", x(5, 3), classes(3, 5)),
    ("CrossEntropyLoss(weights(3), ignore_index=1, reduction='sum')", x(5, 3), classes(3, 5)),
    ("CrossEntropyLoss(label_smoothing=0.2)", x(5, 3, 2), classes(3, 5, 2)),
    ("CrossEntropyLoss(reduction='none')", x(5, 3), positive(5, 3)),
    ("NLLLoss()", x(5, 3), classes(3, 5)),
    ("NLLLoss(weights(3), ignore_index=1)", x(5, 3, 2), classes(3, 5, 2)),
    ("BCELoss()", positive(5, 3), positive(5, 3)),
    ("BCELoss(weights(3), reduction='sum')", positive(5, 3), t(positive(5, 3))),
    ("BCEWithLogitsLoss()", x(5, 3), positive(5, 3)),
    ("BCEWithLogitsLoss(weights(3), pos_weight=weights(3))", x(5, 3), t(positive(5, 3))),
    ("MultiLabelSoftMarginLoss()", x(5, 3), t(positive(5, 3))),
    ("MultiLabelSoftMarginLoss(weights(3))", x(5, 3), t(positive(5, 3))),
    ("CTCLoss()", x(6, 2, 4), ints([1, 2], [3, 1]), ints(6, 5), ints(2, 1)),
    ("CTCLoss(3, 'sum', True)", x(6, 2, 4), ints([1, 2], [0, 1]), ints(6, 2), ints(2, 2)),
    # losses with a margin
    ("MarginRankingLoss(0.5)", x(5), x(5), t(signs(5))),
    ("HingeEmbeddingLoss(margin=0.5, reduction='sum')", x(5), t(signs(5))),
    ("CosineEmbeddingLoss(0.1)", x(5, 3), x(5, 3), t(signs(5))),
    ("SoftMarginLoss()", x(5, 3), t(signs(5, 3))),
    ("MultiMarginLoss()", x(5, 3), classes(3, 5)),
    ("MultiMarginLoss(2, 0.5, weights(3), reduction='none')", x(5, 3), classes(3, 5)),
    ("MultiLabelMarginLoss()", x(2, 3), ints([0, 2, -1], [1, -1, 0])),
    ("TripletMarginLoss()", x(5, 3), x(5, 3), x(5, 3)),
    ("TripletMarginLoss(0.5, p=1.0, swap=True, reduction='none')", x(5, 3), x(5, 3), x(5, 3)),
    ("TripletMarginWithDistanceLoss()", x(5, 3), x(5, 3), x(5, 3)),
    (
        "TripletMarginWithDistanceLoss(distance_function=CosineSimilarity(), swap=True)",
        x(5, 3),
        x(5, 3),
        x(5, 3),
    ),
]
NAMES = [case[0] for case in CASES]
IS_RANDOM = ("Dropout", "AlphaDropout", "FeatureAlpha", "RReLU")


def made(library: Any, text: str) -> Any:
    """The layer that a line of the table names."""
    weights = library.tensor([0.5, 1.0, 2.0])
    return eval(text, {**vars(library.nn), "weights": lambda n: weights[:n]})


def with_torchs_weights(text: str) -> tuple[Any, Any]:
    torch.manual_seed(0)
    theirs, ours = made(torch, text).double(), made(minigrad, text).double()
    state = {name: minigrad.tensor(v.numpy()) for name, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    return theirs, ours


def arguments(library: Any, inputs: tuple[Any, ...]) -> list[Any]:
    values = []
    for value in inputs:
        if isinstance(value, np.ndarray):
            wanted = value.dtype.kind == "f" and not isinstance(value, Target)
            value = library.tensor(np.array(value), requires_grad=wanted)
        values.append(value)
    return values


def run(library: Any, layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The result of a call, and all that may have a gradient after its backward pass."""
    given = arguments(library, inputs)
    called = [a * 1 if getattr(layer, "inplace", False) else a for a in given]
    result = layer(*called)
    run_backward(library, result)
    leaves = [a for a in given if isinstance(a, library.Tensor)]
    return result, [*leaves, *layer.parameters()]


def in_width(text: str, inputs: list[Any]) -> tuple[Any, ...]:
    """The inputs; in float32 where torch's own constants have no more digits."""
    if text.startswith("Hardsigmoid"):
        return tuple(array.astype(np.float32) for array in inputs)
    return tuple(inputs)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_numbers_and_gradients(case: tuple[Any, ...]) -> None:
    text, *inputs = case
    theirs, ours = with_torchs_weights(text)
    for training in [False] if text.startswith(IS_RANDOM) else [True, True, False]:
        theirs.train(training)
        ours.train(training)
        (a, their_leaves), (b, our_leaves) = [
            run(library, layer, in_width(text, inputs))
            for library, layer in zip(LIBRARIES, (theirs, ours), strict=True)
        ]
        for p, q in zip(tensors_in(a), tensors_in(b), strict=True):
            same_tensor(p, q, "result")
        for number, (p, q) in enumerate(zip(their_leaves, our_leaves, strict=True)):
            assert (p.grad is None) == (q.grad is None), number
            if p.grad is not None:
                same_tensor(p.grad, q.grad, f"gradient {number}")
        for (name, p), q in zip(
            theirs.state_dict().items(), ours.state_dict().values(), strict=True
        ):
            same_tensor(p, q, name)


@pytest.mark.parametrize("text", NAMES)
def test_names_and_printed_form(text: str) -> None:
    theirs, ours = made(torch, text), made(minigrad, text)
    assert repr(ours) == repr(theirs)
    for layer in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert list(layer.state_dict()) == list(theirs.state_dict())
        shapes = [tuple(v.shape) for v in theirs.state_dict().values()]
        assert [tuple(v.shape) for v in layer.state_dict().values()] == shapes
        assert [n for n, _ in layer.named_parameters()] == [n for n, _ in theirs.named_parameters()]
        assert repr(layer) == repr(theirs)
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata


CLASSES = [
    name
    for name in nn.__all__
    if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
]


def described(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, getattr(p.default, "__name__", p.default)) for p in parameters]


@pytest.mark.parametrize("name", CLASSES)
def test_arguments(name: str) -> None:
    """The constructor's, and those of forward."""
    theirs, ours = getattr(torch.nn, name), getattr(nn, name)
    takes_anything = described(torch.nn.Module)
    if described(theirs) != takes_anything:
        assert described(ours) == described(theirs)
    if theirs.forward is not torch.nn.Module.forward:
        assert described(ours.forward) == described(theirs.forward)


RECURRENT = {"RNN", "LSTM", "GRU", "RNNBase", "RNNCell", "LSTMCell", "GRUCell", "RNNCellBase"}
ATTENTION = {name for name in CLASSES if name.startswith(("Multihead", "Transformer"))}
NO_LAYERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}


def test_every_layer_is_in_the_table() -> None:
    elsewhere = RECURRENT | ATTENTION | NO_LAYERS
    assert {n.split("(")[0] for n in NAMES} == set(CLASSES) - elsewhere
