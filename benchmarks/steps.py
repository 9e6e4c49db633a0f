"""Whole training steps.  Each function builds one with torch or minigrad, `lib`, and returns it."""

import itertools
from typing import Any

import numpy as np

from benchmarks.timing import Call, Case, Group

GROUP = Group(
    "Training steps",
    [
        Case("chain: 1000 operations on 16 floats", lambda lib: chain(lib), goal=0.8),
        Case("chain, forward only", lambda lib: chain(lib, backward=False)),
        Case("two moons: 2-16-16-2, batch 100, SGD", lambda lib: moons(lib), goal=0.8),
        Case("the same, Adam", lambda lib: moons(lib, optimizer="Adam")),
        Case("784-128-10, batch 64, SGD", lambda lib: classifier(lib), goal=1.0),
        Case("512-512-512, batch 512, SGD", lambda lib: classifier(lib, (512, 512, 512), 512)),
        Case("CNN on 28x28, batch 32, SGD", lambda lib: images(lib), goal=1.0),
        Case("transformer: 2 layers, d 64, T 64, B 8", lambda lib: transformer(lib), goal=0.9),
        Case("the same, without dropout", lambda lib: transformer(lib, 0.0), goal=0.9),
        Case("LSTM of 64, T 50, B 32", lambda lib: recurrent(lib), goal=1.5),
    ],
)


def chain(lib: Any, length: int = 500, backward: bool = True) -> Call:
    """A product and a sum, `length` times: the cost of recording and of walking back."""
    random = np.random.default_rng(0)
    x = lib.tensor(random.random(16, np.float32)).requires_grad_()
    b = lib.tensor(random.random(16, np.float32))

    def run() -> Any:
        y = x
        for _ in range(length):
            y = y * b
            y = y + x
        if not backward:
            return y
        y.sum().backward()
        x.grad = None

    return run


def two_moons(samples: int) -> tuple[Any, Any]:
    """Points (n, 2) on two interlocking half circles, with some noise, and which one (n,)."""
    random = np.random.default_rng(0)
    angle = np.pi * random.random(samples)
    moon = np.arange(samples) % 2
    sign = 1 - 2 * moon
    points = np.stack([moon + sign * np.cos(angle), 0.5 * moon + sign * np.sin(angle)], axis=1)
    noise = 0.1 * random.standard_normal((samples, 2))
    return (points + noise).astype(np.float32), moon.astype(np.int64)


def moons(lib: Any, samples: int = 100, optimizer: str = "SGD") -> Call:
    return step(lib, (2, 16, 16, 2), *two_moons(samples), optimizer)


def classifier(lib: Any, sizes: tuple[int, ...] = (784, 128, 10), batch: int = 64) -> Call:
    random = np.random.default_rng(0)
    x = random.random((batch, sizes[0]), np.float32)
    return step(lib, sizes, x, random.integers(0, sizes[-1], batch), "SGD")


def step(lib: Any, sizes: tuple[int, ...], x: Any, target: Any, optimizer: str) -> Call:
    """Forward, loss, backward and update of a network of Linear and ReLU layers."""
    nn = lib.nn
    lib.manual_seed(0)
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return training(lib, nn.Sequential(*layers[:-1]), x, target, optimizer)


def images(lib: Any, batch: int = 32) -> Call:
    """Two convolutions with pools, and two Linears."""
    nn, random = lib.nn, np.random.default_rng(0)
    lib.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    x = random.random((batch, 1, 28, 28), np.float32)
    return training(lib, model, x, random.integers(0, 10, batch), "SGD")


def transformer(lib: Any, dropout: float = 0.1, width: int = 64, length: int = 64) -> Call:
    """Two encoder layers under a causal mask: the next symbol of 8 sequences."""
    nn, random = lib.nn, np.random.default_rng(0)
    lib.manual_seed(0)
    layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    mask = nn.Transformer.generate_square_subsequent_mask(length)
    model = nn.Sequential(nn.Embedding(64, width), encoder, nn.Linear(width, 64), nn.Flatten(0, 1))
    encoder.register_forward_pre_hook(lambda _, args: (*args, mask, None, True))
    x, target = random.integers(0, 64, (2, 8, length))
    return training(lib, model, x, target.ravel(), "SGD")


def recurrent(lib: Any, width: int = 64, length: int = 50, batch: int = 32) -> Call:
    """Forward and backward of an LSTM."""
    lib.manual_seed(0)
    layer = lib.nn.LSTM(width, width)
    x = lib.tensor(np.random.default_rng(0).random((length, batch, width), np.float32))

    def run() -> None:
        output, _ = layer(x)
        output.sum().backward()
        layer.zero_grad()

    return run


def training(lib: Any, model: Any, x: Any, target: Any, optimizer: str) -> Call:
    """Forward, loss, backward and update of a classifier."""
    updates = getattr(lib.optim, optimizer)(model.parameters(), lr=0.01)
    points, labels = lib.tensor(x), lib.tensor(target)

    def run() -> None:
        loss = lib.nn.functional.cross_entropy(model(points), labels)
        updates.zero_grad()
        loss.backward()
        updates.step()

    return run
