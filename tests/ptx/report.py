"""What NVIDIA's assembler says about every CUDA kernel of minigrad; needs no GPU.

    python -m tests.ptx.report --table build/ptx.md --json build/ptx.json

Needs numba-cuda and ptxas: pip install "minigrad[cuda13]".
"""

import argparse
import concurrent.futures
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numba import cuda, types

from tests.ptx.launches import launches

CAPABILITIES = ((7, 5), (8, 0), (9, 0))
# The other dtypes are compiled for the oldest GPU only: it takes a quarter of a second a kernel.
EVERYWHERE, OLDEST = ("float32", "float64"), ("float16", "int64", "int32", "bool")
NARROW = ("float16", "float32")  # what they compute never needs a float64

# An instruction on float64, `add.f64` or `@%p1 cvt.rn.f32.f64`; not the registers %fd1, nor a
# declaration `.reg .f64`.
F64_INSTRUCTION = re.compile(r"^\s*(?:@!?%p\d+\s+)?[a-z][\w.]*\.f64\b", re.MULTILINE)

FIGURES = {
    "registers": re.compile(r"Used (\d+) registers"),
    "shared": re.compile(r"(\d+) bytes smem"),
    "stack": re.compile(r"(\d+) bytes stack frame"),
    "spills": re.compile(r"(\d+) bytes spill stores"),
}


def find_ptxas() -> str | None:
    """The assembler: on PATH, or inside the package nvidia-cuda-nvcc."""
    try:
        files = importlib.metadata.files("nvidia-cuda-nvcc") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    inside = [str(file.locate()) for file in files if file.stem == "ptxas"]
    return inside[0] if inside else shutil.which("ptxas")


def assemble(ptx: str, capability: tuple[int, int]) -> dict[str, int]:
    """Registers, shared memory, stack frame (local memory) and spills, by ptxas -v."""
    ptxas = find_ptxas()
    assert ptxas is not None, "ptxas not found: pip install nvidia-cuda-nvcc"
    major, minor = capability
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "kernel.ptx")
        source.write_text(ptx)
        command = [ptxas, "-v", f"-arch=sm_{major}{minor}", source, "-o", Path(folder, "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ptxas: {done.stderr}")
    matches = {name: pattern.search(done.stderr) for name, pattern in FIGURES.items()}
    return {name: int(match[1]) if match else 0 for name, match in matches.items()}


def examine(dtype: str, capability: tuple[int, int], part: slice) -> list[dict[str, Any]]:
    """One line of the report for each kernel of a dtype (of some of them: `part`)."""
    return [line(launch, dtype, capability) for launch in launches(dtype)[part]]


def line(launch: Any, dtype: str, capability: tuple[int, int]) -> dict[str, Any]:
    about = {"kernel": launch.name, "dtype": dtype, "cc": ".".join(map(str, capability))}
    about |= {"angles": launch.angles, "has_float64": launch.has_float64, "error": "", "f64": 0}
    try:
        signature = types.void(*launch.types)
        ptx, _ = cuda.compile_ptx(launch.function, signature, cc=capability)
        return about | {"f64": len(F64_INSTRUCTION.findall(ptx))} | assemble(ptx, capability)
    except Exception as error:
        return about | {"error": f"{type(error).__name__}: {error}"} | dict.fromkeys(FIGURES, 0)


def report(dtypes: Sequence[str]) -> list[dict[str, Any]]:
    """All lines, worked out by as many processes as there are processors."""
    workers = os.cpu_count() or 1
    parts = [slice(i, None, workers) for i in range(workers)]
    pairs = [(d, cc) for d in dtypes for cc in (CAPABILITIES if d in EVERYWHERE else [(7, 5)])]
    jobs = [(dtype, capability, part) for dtype, capability in pairs for part in parts]
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        return [one for lines in pool.map(examine, *zip(*jobs, strict=True)) for one in lines]


# What no kernel may have.  libdevice reduces the large angles of sin, cos and tan in float64, with
# a table in local memory.
RULES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "does not compile": lambda one: one["error"],
    "has float64 instructions": lambda one: (
        one["f64"] and one["dtype"] in NARROW and not (one["angles"] or one["has_float64"])
    ),
    "spills registers": lambda one: one["spills"],
    "uses local memory": lambda one: one["stack"] and not one["angles"],
}


def broken_rules(lines: list[dict[str, Any]]) -> list[str]:
    """One sentence for each kernel that breaks a rule."""
    return [
        f"{one['kernel']} of {one['dtype']} for {one['cc']} {rule}: {found}"
        for rule, finds in RULES.items()
        for one in lines
        if (found := finds(one))
    ]


COLUMNS = ("kernel", "dtype", "cc", "registers", "shared", "stack", "spills", "f64")


def table(lines: list[dict[str, Any]]) -> str:
    """The report in Markdown: sizes in bytes, f64 in instructions."""
    head = ["# What ptxas -v says of every CUDA kernel", ""]
    head += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    body = ["| " + " | ".join(str(one[c]) for c in COLUMNS) + " |" for one in lines]
    return "\n".join([*head, *body, ""])


def main(arguments: list[str]) -> int:
    """0 if every kernel keeps the rules, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="write the figures to this Markdown file")
    parser.add_argument("--json", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--dtypes", nargs="*", default=EVERYWHERE + OLDEST)
    options = parser.parse_args(arguments)
    lines = report(options.dtypes)
    for path, text in ((options.table, table(lines)), (options.json, json.dumps(lines))):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    wrong = broken_rules(lines)
    print(*wrong, f"{len(lines)} kernels compiled, {len(wrong)} problems", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
