"""Convolution, pooling, resizing and padding."""

from minigrad.testing.table import Table

TABLE = Table({})
