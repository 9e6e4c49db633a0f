"""5,163 first names (first_names.txt says where they come from)."""

from minigrad.data.shipped import table


def first_names() -> list[str]:
    """First names in lower case, a to z only, in alphabetical order."""
    return [name for (name,) in table("first_names")]
