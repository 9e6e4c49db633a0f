"""The tables that ship with the package, each beside a .txt that says where it comes from."""

import gzip
from importlib import resources


def table(name: str) -> list[list[str]]:
    """The rows of minigrad/data/NAME.csv.gz."""
    file = resources.files("minigrad.data") / f"{name}.csv.gz"
    text = gzip.decompress(file.read_bytes()).decode()
    return [line.split(",") for line in text.splitlines()]
