"""python -m benchmarks.checkpointing [--blocks 12] [--batch 1024] [--width 128]

What checkpointing costs and brings: a training step of a stack of blocks, each as a transformer
has them (width -> 4 width -> width, and the sum with its input), with and without.  Memory is what
NumPy's arrays take, counted by tracemalloc; needs no torch.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import minigrad
from benchmarks.tables import Table
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.utils.checkpoint import checkpoint, checkpoint_sequential

MEGABYTE = 2**20
BARS = "▁▂▃▄▅▆▇█"

Step = Callable[[Any], Any]


@dataclass
class Watch:
    """What is seen of a step: how often blocks ran, and the memory as they did."""

    calls: int = 0
    memory: list[int] = field(default_factory=list)

    def look(self, *_: Any) -> None:
        if tracemalloc.is_tracing():
            self.memory.append(tracemalloc.get_traced_memory()[0])


class Block(nn.Module):
    def __init__(self, width: int, watch: Watch) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.watch = watch

    def forward(self, x: Any) -> Any:
        self.watch.calls += 1
        self.watch.look()
        y = x + self.down(F.gelu(self.up(x)))
        if y.requires_grad:
            y.register_hook(self.watch.look)
        self.watch.look()
        return y


@dataclass
class Row:
    """Bytes, and how often a block ran, in one step."""

    label: str
    kept: int  # from the forward to the backward pass
    peak: int
    calls: int
    memory: list[int]  # as blocks began and ended
    seconds: float = 0.0


def measure(label: str, forward: Step, x: Any, watch: Watch) -> Row:
    forward(x).sum().backward()  # kernels are compiled, and gradients have their memory
    watch.calls, watch.memory = 0, []
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    loss = forward(x).sum()
    kept, _ = tracemalloc.get_traced_memory()
    loss.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Row(label, kept - before, peak - before, watch.calls, watch.memory)


def take_times(measured: list[Row], ways: dict[str, Step], x: Any, turns: int) -> None:
    """The median CPU time of a step; the ways take turns, so that a busy neighbour meets all."""
    times: dict[str, list[float]] = {label: [] for label in ways}
    for _ in range(turns):
        for label, forward in ways.items():
            start = time.process_time()
            forward(x).sum().backward()
            times[label].append(time.process_time() - start)
    for row in measured:
        row.seconds = median(times[row.label])


def rows(blocks: int, batch: int, width: int, turns: int = 9) -> list[Row]:
    watch = Watch()
    minigrad.manual_seed(0)
    model = nn.Sequential(*(Block(width, watch) for _ in range(blocks)))
    x = minigrad.randn(batch, width, requires_grad=True)

    def each_block(x: Any) -> Any:
        for block in model:
            x = checkpoint(block, x, use_reentrant=False)
        return x

    def in_segments(segments: int) -> Step:
        return lambda x: checkpoint_sequential(model, segments, x, use_reentrant=False)

    numbers = [n for n in range(2, blocks) if blocks % n == 0]
    ways: dict[str, Step] = {"without": model}
    ways |= {f"in {n} segments": in_segments(n) for n in numbers}
    ways["each block"] = each_block
    measured = [measure(label, forward, x, watch) for label, forward in ways.items()]
    take_times(measured, ways, x, turns)
    return measured


def table(measured: list[Row], title: str) -> Table:
    header = ["", "kept for backward, MB", "peak, MB", "block runs", "CPU time"]
    result = Table(title, header)
    for row in measured:
        sizes = [f"{size / MEGABYTE:.1f}" for size in (row.kept, row.peak)]
        slower = f"{row.seconds / measured[0].seconds:.2f}"
        result.rows.append([row.label, *sizes, str(row.calls), slower])
    return result


def curves(measured: list[Row]) -> str:
    """Memory from the start of the forward pass to the end of the backward pass, in bars."""
    top = max(max(row.memory) for row in measured)
    width = max(len(row.label) for row in measured)
    return "\n".join(f"{row.label:<{width}}  {bars(row.memory, top)}" for row in measured)


def bars(memory: list[int], top: int) -> str:
    return "".join(BARS[min(len(BARS) - 1, len(BARS) * size // top)] for size in memory)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpointing")
    for name, default in (("blocks", 12), ("batch", 1024), ("width", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sizes = vars(parser.parse_args())
    measured = rows(**sizes)
    title = ", ".join(f"{name} {size}" for name, size in sizes.items())
    print(table(measured, f"A training step: {title}").as_markdown())
    print(f"\n{curves(measured)}")


if __name__ == "__main__":
    main()
