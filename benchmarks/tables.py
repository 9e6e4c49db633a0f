"""A table as aligned text for the screen, and in Markdown for a page."""

from dataclasses import dataclass, field


@dataclass
class Table:
    title: str
    headers: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def as_text(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.headers, *self.rows, strict=True)]
        return "\n".join([self.title, *[line(row, widths) for row in (self.headers, *self.rows)]])

    def as_markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.headers) - 1)]
        rows = [f"| {' | '.join(row)} |" for row in (self.headers, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *rows])


def line(cells: list[str], widths: list[int]) -> str:
    """The first cell to the left, the others to the right."""
    first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([cells[0].ljust(len(first)), *others]).rstrip()
