"""How the picture looks: colours, fonts and the width of text, shared by both renderers.

The colours keep their contrast in greyscale and for colour-blind readers; every kind of box also
differs in shape, border or weight, never by colour alone.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

FONT = "Arial"
FONTS = "Arial, Helvetica, sans-serif"
TITLE_SIZE = 12
DETAIL_SIZE = 10
LINE_GAP = 4
PADDING_X = 11
PADDING_Y = 8
EDGE_COLOR = "#64748b"
TEXT_COLOR = "#0f172a"
QUIET_COLOR = "#475569"
BACKGROUND = "#ffffff"
NODE_GAP = 24
RANK_GAP = 34
POINTS_PER_INCH = 72


@dataclass(frozen=True)
class Look:
    """The look of one kind of box, and the words that the legend has for it."""

    fill: str
    stroke: str
    title: str
    detail: str
    legend: str
    rounded: bool = False
    dashed: bool = False
    border: float = 1.0


LOOKS = {
    "root": Look("#334155", "#334155", "#ffffff", "#e2e8f0", "result", rounded=True),
    "op": Look("#ffffff", "#64748b", TEXT_COLOR, QUIET_COLOR, "operation", rounded=True),
    "leaf": Look("#dbeafe", "#1d4ed8", TEXT_COLOR, "#334155", "leaf, keeps .grad", border=1.5),
    "saved": Look("#fffbeb", "#b45309", TEXT_COLOR, QUIET_COLOR, "saved tensor", dashed=True),
    "more": Look("#f8fafc", "#94a3b8", QUIET_COLOR, QUIET_COLOR, "left out", True, dashed=True),
}

# The same boxes on the page's dark background.
DARK_LOOKS = {
    "root": Look("#e2e8f0", "#e2e8f0", "#0f172a", "#334155", ""),
    "op": Look("#1e293b", "#94a3b8", "#f1f5f9", "#cbd5e1", ""),
    "leaf": Look("#1e3a5f", "#93c5fd", "#f1f5f9", "#dbeafe", ""),
    "saved": Look("#3a2c10", "#e0a94a", "#f1f5f9", "#e7dcc4", ""),
    "more": Look("#0f172a", "#64748b", "#cbd5e1", "#cbd5e1", ""),
}

# Helvetica's (and Arial's) advance widths of the characters 32 to 126, in thousandths of the font
# size.
_WIDTHS = (
    [278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278]
    + [556] * 10
    + [278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500]
    + [667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278]
    + [278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222]
    + [833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584]
)
_BOLD = 1.07
# A viewer without Arial takes a wider font: DejaVu Sans needs about a sixth more.
_SPARE = 1.08


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of the text in pixels, a little generous."""
    total = sum(_character_width(character) for character in text)
    return total * size / 1000 * _SPARE * (_BOLD if bold else 1.0)


def _character_width(character: str) -> int:
    code = ord(character)
    if 32 <= code <= 126:
        return _WIDTHS[code - 32]
    if unicodedata.combining(character):
        return 0
    return 1000 if unicodedata.east_asian_width(character) in "WF" else 700


def box_size(title: str, details: tuple[str, ...]) -> tuple[float, float]:
    """Return width and height of a box around a bold title and its smaller lines."""
    widths = [text_width(title, TITLE_SIZE, bold=True)]
    widths += [text_width(detail, DETAIL_SIZE) for detail in details]
    height = TITLE_SIZE + len(details) * (DETAIL_SIZE + LINE_GAP) + 2 * PADDING_Y
    return round(max(widths) + 2 * PADDING_X, 1), float(height)
