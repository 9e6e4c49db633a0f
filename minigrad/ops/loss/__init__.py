"""Losses, one file an idea: pointwise ones, those of classes, margins and sequences."""
