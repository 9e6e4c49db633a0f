"""The demo's pictures, written as SVG text: the course of the training, and the misread digits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

Array = np.ndarray

INK, MUTED, GRID = "#1f2933", "#69737d", "#e4e7eb"
BLUE, PALE_BLUE, RED, GREEN = "#1f6feb", "#bcd5fb", "#c9382a", "#2b8a3e"
FONT = 'font-family="Arial, Helvetica, sans-serif"'


@dataclass
class History:
    """What was measured while training: the loss of each batch, the accuracy after each epoch."""

    batch_losses: list[float] = field(default_factory=list)
    epoch_losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


@dataclass
class Misread:
    """A held-out digit that the network read wrongly, with its ten probabilities."""

    image: Array  # (8, 8), from 0 (paper) to 1 (ink)
    label: int
    probabilities: Array  # (10,)

    @property
    def read_as(self) -> int:
        return int(self.probabilities.argmax())


# ------------------------------------------------------------------------------------- SVG in small


def svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """A whole picture on white."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" role="img" {FONT}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    color: str = INK,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color}" '
        f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"{dashes}/>'
    )


def curve(points: Sequence[tuple[float, float]], color: str, width: float) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )


def box(x: float, y: float, width: float, height: float, color: str) -> str:
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{color}"/>'
    )


# ------------------------------------------------------------------------------------ loss.svg


@dataclass
class Panel:
    """A rectangle of the picture that shows values from `low` to `high` over the epochs."""

    left: float
    top: float
    width: float
    height: float
    epochs: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        return self.left + self.width * epoch / self.epochs

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - share)

    def frame(self, title: str, ticks: Sequence[float], unit: str = "") -> list[str]:
        """Title, grid lines with their values, and the epochs below."""
        parts = [text(self.left, self.top - 14, title, size=14, bold=True)]
        for tick in ticks:
            y = self.y(tick)
            parts.append(line(self.left, y, self.left + self.width, y, GRID))
            parts.append(
                text(self.left - 8, y + 4, f"{tick:g}{unit}", color=MUTED, anchor="end", size=11)
            )
        step = max(1, round(self.epochs / 5))
        below = self.top + self.height + 18
        for epoch in range(0, self.epochs + 1, step):
            parts.append(
                text(self.x(epoch), below, str(epoch), color=MUTED, anchor="middle", size=11)
            )
        parts.append(
            text(
                self.left + self.width / 2,
                below + 18,
                "epoch",
                color=MUTED,
                anchor="middle",
                size=11,
            )
        )
        return parts


def training_picture(history: History, goal: float) -> str:
    """The loss of every batch with its mean over each epoch, beside the held-out accuracy."""
    return svg(
        860,
        330,
        "The course of the training",
        [*loss_panel(history), *accuracy_panel(history, goal)],
    )


def loss_panel(history: History) -> list[str]:
    epochs, losses = len(history.epoch_losses), history.batch_losses
    highest = np.ceil(max(losses) * 2) / 2
    panel = Panel(56, 48, 340, 220, epochs, 0, highest)
    step = 0.5 if highest <= 3 else 1
    parts = panel.frame(
        "Loss on the training digits", np.arange(0, highest + step / 2, step).tolist()
    )
    a_batch = epochs / len(losses)
    each = [(panel.x((i + 1) * a_batch), panel.y(loss)) for i, loss in enumerate(losses)]
    mean = [(panel.x(i + 0.5), panel.y(loss)) for i, loss in enumerate(history.epoch_losses)]
    parts += [curve(each, PALE_BLUE, 1), curve(mean, BLUE, 2.5)]
    right, top = panel.left + panel.width, panel.top
    parts.append(text(right, top + 14, "mean of an epoch", color=BLUE, anchor="end"))
    parts.append(text(right, top + 32, "each batch", color="#7aa7ee", anchor="end"))
    return parts


def accuracy_panel(history: History, goal: float) -> list[str]:
    """Accuracies in percent, from the worst one shown to 100."""
    values = [100 * accuracy for accuracy in history.accuracies]
    lowest = next(low for low in (90, 80, 50, 0) if low <= min([*values, 100 * goal]))
    panel = Panel(486, 48, 340, 220, len(values), lowest, 100)
    ticks = np.linspace(lowest, 100, 6).tolist()
    parts = panel.frame("Accuracy on the held-out digits", ticks, "%")
    right, y = panel.left + panel.width, panel.y(100 * goal)
    points = [(panel.x(i + 1), panel.y(value)) for i, value in enumerate(values)]
    parts.append(line(panel.left, y, right, y, MUTED, dash="4 4"))
    parts.append(text(right, y + 16, f"goal {100 * goal:g}%", size=11, color=MUTED, anchor="end"))
    parts.append(curve(points, GREEN, 2.5))
    x, y = points[-1]
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{GREEN}"/>')
    parts.append(text(x, y - 10, f"{values[-1]:.1f}%", color=GREEN, anchor="end", bold=True))
    return parts


# --------------------------------------------------------------------------------- misread.svg

COLUMNS, CELL, ROW = 6, 132, 196  # digits a row; size of a cell, in pixels
PIXEL = 12  # side of one of an image's 8x8 pixels
BARS = 34  # height of the bar of a probability of 1


def misread_picture(misread: Sequence[Misread], total: int, most: int = 12) -> str:
    """Each misread digit, what it was read as, and how sure the network was of each of the ten."""
    shown = misread[:most]
    rows = -(-len(shown) // COLUMNS)
    height = 66 + max(rows, 0.2) * ROW
    heading = f"{len(misread)} of {total} held-out digits were misread"
    if len(shown) < len(misread):
        heading += f", {len(shown)} of them here"
    parts = [
        text(24, 32, heading, size=15, bold=True),
        text(24, 51, "Bars: how probable each digit was to the network.", color=MUTED),
    ]
    for index, digit in enumerate(shown):
        row, column = divmod(index, COLUMNS)
        parts += misread_cell(24 + column * CELL, 70 + row * ROW, digit)
    return svg(COLUMNS * CELL + 30, height, heading, parts)


def misread_cell(left: float, top: float, digit: Misread) -> list[str]:
    parts = [digit_picture(left, top, digit.image)]
    below = top + 8 * PIXEL + 20
    parts.append(text(left, below, f"is {digit.label},", color=GREEN, size=13, bold=True))
    parts.append(text(left + 34, below, f"read as {digit.read_as}", color=RED, size=13, bold=True))
    bottom = below + 14 + BARS
    for number, probability in enumerate(digit.probabilities):
        x = left + 9.8 * number
        color = {digit.label: GREEN, digit.read_as: RED}.get(number, "#b8c0c8")
        bar = max(float(probability) * BARS, 0.6)
        parts.append(box(x, bottom - bar, 7.4, bar, color))
        parts.append(
            text(x + 3.7, bottom + 11, str(number), size=8.5, color=MUTED, anchor="middle")
        )
    return parts


def digit_picture(left: float, top: float, image: Array) -> str:
    """The 8x8 image as squares of ink in a thin frame."""
    squares = [
        f'<rect x="{left + PIXEL * column:g}" y="{top + PIXEL * row:g}" width="{PIXEL}" '
        f'height="{PIXEL}" fill="{grey(image[row, column])}"/>'
        for row in range(8)
        for column in range(8)
    ]
    side = 8 * PIXEL
    frame = (
        f'<rect x="{left:g}" y="{top:g}" width="{side}" height="{side}" fill="none" '
        'stroke="#c3cad1"/>'
    )
    return '<g shape-rendering="crispEdges">' + "".join(squares) + frame + "</g>"


def grey(ink: float) -> str:
    """The color of a pixel with this much ink: white for 0, almost black for 1."""
    level = round(255 - 225 * float(ink))
    return f"#{level:02x}{level:02x}{level:02x}"


# -------------------------------------------------------------------------------------- index.html


def index_page(facts: Sequence[tuple[str, str]]) -> str:
    """A page that shows the four files beside it, below a line of facts about the run."""
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts
    )
    return PAGE.replace("FIGURES", figures)


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>minigrad demo</title>
<style>
  body { font: 16px/1.5 Arial, Helvetica, sans-serif; color: #1f2933; background: #f5f7f9;
         max-width: 920px; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
  p { margin: .2rem 0 0; color: #52606d; } a { color: #1f6feb; }
  dl { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.2rem 0 0; }
  dt { color: #69737d; font-size: .8rem; } dd { margin: 0; font-size: 1.15rem; font-weight: bold; }
  .card { background: white; border: 1px solid #e4e7eb; border-radius: 8px; overflow: auto;
          padding: .6rem; }
  img { max-width: 100%; height: auto; display: block; margin: auto; }
  iframe { width: 100%; height: 640px; border: 0; display: block; }
  .card + p { margin-top: .6rem; }
  @media (prefers-color-scheme: dark) {
    body { color: #f1f5f9; background: #0f172a; } p, dt { color: #a9b6c6; } a { color: #8ab8ff; }
    .graph { background: #0f172a; border-color: #334155; }
  }
</style>
<h1>Handwritten digits, learned by minigrad</h1>
<p>A network trained on four fifths of 1,797 real digits and tested on the rest.</p>
<dl>FIGURES</dl>
<h2>The course of the training</h2>
<div class="card"><img src="loss.svg" alt="Loss and accuracy after each epoch"></div>
<h2>What it got wrong</h2>
<div class="card"><img src="misread.svg" alt="The misread digits"></div>
<h2>The backward graph of one batch's loss</h2>
<div class="card graph">
<iframe src="graph.html" title="The backward graph, interactive"></iframe>
</div>
<p>The same graph as a plain picture: <a href="graph.svg">graph.svg</a></p>
</html>
"""
