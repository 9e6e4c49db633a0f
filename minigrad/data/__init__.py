"""Real data that ships with the package."""

from minigrad.data.handwritten import digits, digits_split

__all__ = ["digits", "digits_split"]
