"""Names made safe to draw: any text may turn up as the name of a parameter."""

LONGEST_NAME = 44


def clean(text: str) -> str:
    """Escape line breaks, control characters and broken Unicode: one safe line."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )


def shorten(text: str) -> str:
    """Cut the middle out of a text too long for a box."""
    if len(text) <= LONGEST_NAME:
        return text
    half = (LONGEST_NAME - 3) // 2
    return f"{text[:half]}...{text[-half:]}"
