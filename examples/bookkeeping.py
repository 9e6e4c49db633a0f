"""What the examples share beside their models: options, progress, checkpoints, the loss plot."""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import minigrad
from minigrad.demo_pictures import BLUE, PALE_BLUE, Panel, curve, svg
from minigrad.kernels.cache import kernel_cache

try:
    from tqdm import tqdm
except ImportError:  # a line an epoch will do
    tqdm = None

FREE = {"data", "device", "out", "resume"}  # options that may change when a run goes on


def options(description: str, epochs: int, batch_size: int) -> argparse.ArgumentParser:
    """The options of every example; a script adds its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="train on the first so many samples only")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for the files")
    parser.add_argument("--resume", type=Path, help="a last.pt to go on from")
    return parser


class Training:
    """The epochs of a run: shows them, and can go on where another run stopped.

        run = Training(args, model=model, optimizer=optimizer)
        for epoch in run.epochs():
            for x, y in run.batches(loader):
                ...
                run.losses.append(loss.item())
            run.report(accuracy=...)

    After every epoch OUT/last.pt holds the parts' state_dicts, the random numbers, the losses and
    the options, and OUT/loss.svg shows the losses.
    """

    def __init__(self, args: argparse.Namespace, **parts: Any) -> None:
        self.args, self.parts = args, parts
        self.epoch = 0
        self.losses: list[float] = []
        self.compiled = count_kernels()
        if args.resume:
            self.restore(minigrad.load(args.resume, map_location=args.device))
        args.out.mkdir(parents=True, exist_ok=True)

    def epochs(self) -> Iterator[int]:
        if self.epoch >= self.args.epochs:
            print(f"nothing to do: {self.epoch} of {self.args.epochs} epochs are done")
        while self.epoch < self.args.epochs:
            self.epoch += 1
            self.started, self.before = time.perf_counter(), len(self.losses)
            yield self.epoch

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The loader's batches, with a bar on a terminal."""
        if tqdm and sys.stderr.isatty():
            loader = tqdm(loader, desc=f"epoch {self.epoch}", leave=False)
        return iter(loader)

    def report(self, **figures: float) -> None:
        """A line for the epoch; the checkpoint and the plot."""
        losses = self.losses[self.before :]
        line = f"epoch {self.epoch:3d}/{self.args.epochs}  loss {sum(losses) / len(losses):.4f}"
        line += "".join(f"  {name} {figure:.4g}" for name, figure in figures.items())
        print(f"{line}  ({time.perf_counter() - self.started:.1f} s{self.news()})", flush=True)
        minigrad.save(self.state(), self.args.out / "last.pt")
        picture = loss_plot(self.losses, self.epoch)
        (self.args.out / "loss.svg").write_text(picture, encoding="utf-8")

    def news(self) -> str:
        """Why an epoch took long that met kernels for the first time."""
        before, self.compiled = self.compiled, count_kernels()
        new = self.compiled - before
        return f", {new} kernels compiled and kept" if new > 0 else ""

    def options(self) -> dict[str, Any]:
        """What a run must have in common with the one that it goes on from.

        A schedule is planned for so many epochs; without one a run may go on for longer.
        """
        free = FREE if "scheduler" in self.parts else FREE | {"epochs"}
        return {name: value for name, value in vars(self.args).items() if name not in free}

    def state(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        random = minigrad.get_rng_state()
        done = {"options": self.options(), "epoch": self.epoch, "losses": self.losses}
        return {**done, "random": random, **parts}

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in self.options().items():
            was = state["options"].get(name)
            if was != value:
                option = "--" + name.replace("_", "-")
                raise SystemExit(f"{self.args.resume} was made with {option} {was}, not {value}")
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.epoch, self.losses = state["epoch"], state["losses"]
        minigrad.set_rng_state(state["random"])


def count_kernels() -> int:
    return sum(1 for _ in kernel_cache().glob("*.nbc"))


def running_means(losses: list[float]) -> list[float]:
    """An exponential mean over about a twentieth of the run: of a short run, the losses."""
    share = min(1.0, 40 / (len(losses) + 20))
    means, mean = [], losses[0]
    for loss in losses:
        mean += share * (loss - mean)
        means.append(mean)
    return means


def round_ticks(highest: float) -> list[float]:
    """Round numbers from 0 up to `highest`, by 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(highest))
    step = next(s * power for s in (0.2, 0.5, 1, 2) if highest / (s * power) < 6)
    return [step * i for i in range(int(highest / step) + 1)]


def loss_plot(losses: list[float], epochs: int) -> str:
    """An SVG picture of the loss of every step, and of its running mean."""
    highest = max(filter(math.isfinite, losses), default=0.0) or 1.0
    panel = Panel(60, 48, 560, 240, epochs, 0, highest)
    ticks = round_ticks(highest)
    places = [panel.x((step + 1) * epochs / len(losses)) for step in range(len(losses))]
    means = running_means(losses)
    parts = panel.frame("Training loss", ticks)
    parts.append(curve(list(zip(places, map(panel.y, losses), strict=True)), PALE_BLUE, 1))
    parts.append(curve(list(zip(places, map(panel.y, means), strict=True)), BLUE, 2.5))
    return svg(660, 340, "Training loss", parts)
