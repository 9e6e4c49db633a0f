"""cuDNN is never used, so what programs set here (`deterministic`, `benchmark`) changes nothing."""

enabled = False
deterministic = True  # as all of minigrad is on the CPU; see use_deterministic_algorithms for GPUs
benchmark = False
allow_tf32 = False


def is_available() -> bool:
    return False


def version() -> None:
    """None: there is none."""
