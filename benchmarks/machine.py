"""What a figure depends on besides the code: the processor and the versions."""

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")


def description(torch: Any) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    return (
        f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {packages}, torch {torch.__version__}"
    )


def processor() -> str:
    """The processor's name, and its widest vector instructions where Linux tells."""
    if not CPU_INFO.exists():
        return platform.processor() or platform.machine()
    facts = {}
    for text in CPU_INFO.read_text().splitlines():
        name, _, value = text.partition(":")
        facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    vectors = next((name for name in ("avx512f", "avx2", "avx") if name in flags), "no AVX")
    family = f"family {facts['cpu family']}, model {facts['model']}" if "model" in facts else ""
    return f"{facts.get('model name', platform.machine())} ({family}, {vectors})"
