"""Data to learn with: some ships with the package, some is made up, some is read from files."""

from minigrad.data.census import first_names
from minigrad.data.handwritten import digits, digits_split
from minigrad.data.idx import read_idx
from minigrad.data.images import FASHION_CLASSES, fashion_mnist, idx_images, mnist
from minigrad.data.patients import diabetes
from minigrad.data.points import moons, spirals
from minigrad.data.sums import addition, addition_vocabulary, exact_accuracy
from minigrad.data.text import NextCharacters, Vocabulary, corpus

__all__ = [
    "FASHION_CLASSES",
    "NextCharacters",
    "Vocabulary",
    "addition",
    "addition_vocabulary",
    "corpus",
    "diabetes",
    "digits",
    "digits_split",
    "exact_accuracy",
    "fashion_mnist",
    "first_names",
    "idx_images",
    "mnist",
    "moons",
    "read_idx",
    "spirals",
]
