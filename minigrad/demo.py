"""python -m minigrad demo: learn to read handwritten digits, and draw how the gradient flows.

Trains a small network on four fifths of 1,797 real digits, tests it on the rest, and writes into
a folder: the backward graph of one batch's loss, the course of the training, the misread digits,
and a page that shows them.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from minigrad import nn, optim
from minigrad.data import digits_split
from minigrad.demo_pictures import History, Misread, index_page, misread_picture, training_picture
from minigrad.grad_mode import no_grad
from minigrad.kernels import cuda_module
from minigrad.kernels.cache import kernel_cache
from minigrad.ops.creation import from_numpy
from minigrad.random import manual_seed
from minigrad.tensor import Tensor
from minigrad.utils.data import DataLoader, TensorDataset
from visualize import backward_graph

GOAL = 0.97


@dataclass(frozen=True)
class Setup:
    """How much to train, and with what."""

    epochs: int = 30
    hidden: tuple[int, ...] = (256,)
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.9
    training_digits: int = 1438
    held_out_digits: int = 359


# The simulator runs a GPU's threads one by one: enough to see that every kernel works.
SIMULATED = Setup(epochs=1, hidden=(16,), batch_size=16, training_digits=48, held_out_digits=16)


# ------------------------------------------------------------------------------------- training


def network(hidden: tuple[int, ...]) -> nn.Sequential:
    """64 pixels in, ten scores out, with ReLU layers of the given widths between."""
    widths = [64, *hidden]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def moved(images: np.ndarray, rng: np.random.Generator, most: float = 0.7) -> np.ndarray:
    """Each image moved by its own fraction of a pixel along both axes, so that no two epochs
    show the same ones: what is learned must not depend on where exactly a digit lies."""
    for axis in (1, 2):
        distance = rng.uniform(-most, most, (len(images), 1, 1)).astype(np.float32)
        forth, back = (next_pixel(images, axis, step) for step in (1, -1))
        neighbour = np.where(distance > 0, forth, back)
        images = images + np.abs(distance) * (neighbour - images)
    return images


def next_pixel(images: np.ndarray, axis: int, step: int) -> np.ndarray:
    """The images moved by one whole pixel, with paper coming in at the edge."""
    result = np.roll(images, step, axis)
    np.moveaxis(result, axis, 0)[0 if step > 0 else -1] = 0
    return result


def train(
    model: nn.Module, data: TensorDataset, setup: Setup, history: History, seed: int, device: str
) -> Iterator[int]:
    """Train for setup.epochs, and note the losses in `history`.  Yields after each epoch."""
    images, labels = data.tensors
    rng = np.random.default_rng(seed)
    loss_function = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=setup.learning_rate, momentum=setup.momentum)
    for epoch in range(setup.epochs):
        optimizer.param_groups[0]["lr"] = setup.learning_rate * (1 - epoch / setup.epochs)
        shown = TensorDataset(from_numpy(moved(images.numpy(), rng)), labels)
        losses = []
        for batch, answers in DataLoader(shown, setup.batch_size, shuffle=True):
            loss = loss_function(scores(model, batch, device), answers.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.batch_losses += losses
        history.epoch_losses.append(sum(losses) / len(losses))
        yield epoch


def scores(model: nn.Module, images: Tensor, device: str) -> Tensor:
    """The ten scores of each image of a batch: (N, 8, 8) -> (N, 10)."""
    result: Tensor = model(images.to(device).flatten(1))
    return result


@no_grad()
def probabilities(model: nn.Module, data: TensorDataset, device: str) -> np.ndarray:
    """How probable each of the ten digits is to the model: (N, 10)."""
    result: np.ndarray = scores(model, data.tensors[0], device).softmax(1).cpu().numpy()
    return result


def accuracy(model: nn.Module, data: TensorDataset, device: str) -> float:
    guesses = probabilities(model, data, device).argmax(1)
    return float((guesses == data.tensors[1].numpy()).mean())


def misread(model: nn.Module, data: TensorDataset, device: str) -> list[Misread]:
    """The digits that the model reads wrongly, the surest mistakes first."""
    guesses = probabilities(model, data, device)
    images, labels = (tensor.numpy() for tensor in data.tensors)
    wrong = np.flatnonzero(guesses.argmax(1) != labels)
    wrong = wrong[np.argsort(-guesses[wrong].max(1), kind="stable")]
    return [Misread(images[i], int(labels[i]), guesses[i]) for i in wrong]


# ----------------------------------------------------------------------------------------- output


class Progress:
    """A line an epoch; on a terminal, one line that is written over."""

    def __init__(self, stream: TextIO, epochs: int) -> None:
        self.stream = stream
        self.epochs = epochs
        self.on_terminal = stream.isatty()

    def show(self, history: History) -> None:
        epoch = len(history.epoch_losses)
        bar = "#" * round(20 * epoch / self.epochs)
        line = (
            f"epoch {epoch:3d}/{self.epochs} [{bar:<20}]  loss {history.epoch_losses[-1]:.4f}  "
            f"held-out {100 * history.accuracies[-1]:.1f}%"
        )
        self.stream.write(f"\r{line}" if self.on_terminal else f"{line}\n")
        self.stream.flush()

    def close(self) -> None:
        if self.on_terminal:
            self.stream.write("\n")


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, contents in files.items():
        (folder / name).write_text(contents, encoding="utf-8", newline="\n")


def draw_graph(model: nn.Module, data: TensorDataset, size: int, device: str) -> dict[str, str]:
    """The backward graph of the loss on the first `size` digits, as a picture and as a page."""
    images, labels = (tensor[:size] for tensor in data.tensors)
    loss = nn.CrossEntropyLoss()(scores(model, images, device), labels.to(device))
    graph = backward_graph({"loss": loss}, model)
    return {
        "graph.svg": graph.svg(),
        "graph.html": graph.html("The backward graph of the digits network"),
    }


# ---------------------------------------------------------------------------------------- command


def add_command(commands: Any) -> None:
    """Add `demo` and its options to the command line's parser."""
    parser = commands.add_parser("demo", help="train on real digits and draw the backward graph")
    parser.add_argument("--seed", type=not_negative, default=0, help="of weights and batches")
    parser.add_argument("--epochs", type=positive, help="times to go through the digits")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the files")
    parser.set_defaults(run=run)


def not_negative(text: str) -> int:
    return at_least(0, text)


def positive(text: str) -> int:
    return at_least(1, text)


def at_least(least: int, text: str) -> int:
    """The number that an option was given, or argparse's error that says what it should be."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} up")
    return int(text)


def find_obstacle(options: argparse.Namespace) -> str:
    """Why this cannot be run, in words; empty if it can.  Makes the folder for the files."""
    try:
        if options.device == "cuda":
            cuda_module("driver").require()
        options.out.mkdir(parents=True, exist_ok=True)
    except RuntimeError as error:
        return f"--device cuda: {error}"
    except OSError as error:
        return f"--out {options.out}: cannot write there ({error.strerror})"
    if not os.access(options.out, os.W_OK):
        return f"--out {options.out}: cannot write there"
    return ""


def run(options: argparse.Namespace) -> int:
    """Train, report and write the files.  Returns 2 without the device or a folder to write to."""
    obstacle = find_obstacle(options)
    if obstacle:
        sys.stderr.write(f"minigrad demo {obstacle}\n")
        return 2
    simulated = options.device == "cuda" and cuda_module("driver").is_simulator()
    setup = SIMULATED if simulated else Setup()
    setup = replace(setup, epochs=options.epochs or setup.epochs)
    if simulated:
        print(
            f"CUDA simulator: cut down to {setup.training_digits} training digits, "
            f"{setup.held_out_digits} held-out digits and {setup.epochs} epoch(s): enough to run "
            "every kernel, too little to learn much"
        )
    device = options.device + (" (simulator)" if simulated else "")
    print(f"training a {describe(setup)} network on {setup.training_digits} digits, on {device}")
    if not any(kernel_cache().glob("*.nbc")):
        print(f"the first run compiles its kernels, and keeps them in {kernel_cache()}")
    started = time.perf_counter()
    files, history = train_and_draw(setup, options.seed, options.device)
    seconds = time.perf_counter() - started
    facts = summary(history, setup, options.seed, device, seconds)
    write_files(options.out, {**files, "index.html": index_page(facts)})
    report(facts, options.out, files)
    return 0


def train_and_draw(setup: Setup, seed: int, device: str) -> tuple[dict[str, str], History]:
    """The contents of the files, by name, and what was measured."""
    manual_seed(seed)
    training, held_out = digits_split()
    training = first(training, setup.training_digits)
    held_out = first(held_out, setup.held_out_digits)
    model = network(setup.hidden).to(device)
    progress = Progress(sys.stdout, setup.epochs)
    history = History()
    for _ in train(model, training, setup, history, seed, device):
        history.accuracies.append(accuracy(model, held_out, device))
        progress.show(history)
    progress.close()
    wrong = misread(model, held_out, device)
    files = draw_graph(model, held_out, setup.batch_size, device)
    files["loss.svg"] = training_picture(history, GOAL)
    files["misread.svg"] = misread_picture(wrong, setup.held_out_digits)
    return files, history


def first(data: TensorDataset, size: int) -> TensorDataset:
    return TensorDataset(*(tensor[:size] for tensor in data.tensors))


def describe(setup: Setup) -> str:
    return "-".join(str(width) for width in (64, *setup.hidden, 10))


def summary(
    history: History, setup: Setup, seed: int, device: str, seconds: float
) -> list[tuple[str, str]]:
    """The facts of a run, each with its name, in the order they are shown."""
    return [
        ("accuracy", f"{100 * history.accuracies[-1]:.1f}% of {setup.held_out_digits} held-out"),
        ("time", f"{seconds:.1f} s"),
        ("device", device),
        ("network", describe(setup)),
        ("seed", str(seed)),
    ]


def report(facts: list[tuple[str, str]], folder: Path, files: dict[str, str]) -> None:
    for name, value in facts:
        print(f"{name:<9} {value}")
    print(f"files     {folder / 'index.html'}  shows {', '.join(sorted(files))}")
