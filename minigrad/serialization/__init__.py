"""Saving and loading: one safe file format, and two that other programs read (docs/saving.md)."""

from minigrad.serialization import npz, safetensors
from minigrad.serialization.archive import load, save

__all__ = ["load", "npz", "safetensors", "save"]
