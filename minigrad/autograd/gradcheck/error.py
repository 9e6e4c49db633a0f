"""GradcheckError, and nothing else: every part of gradcheck raises it."""


class GradcheckError(RuntimeError):
    """The derivatives that are computed are not those of the function."""
