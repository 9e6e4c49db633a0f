"""The PTX check runs when it is asked for (`make ptx`): it compiles a thousand kernels."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ptx-table",
        help="compile every CUDA kernel and write ptxas's figures to this Markdown file",
    )


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest, tmp_path_factory: Any) -> list[dict[str, Any]]:
    """What ptxas says of each kernel; in a process of its own, where the simulator is off."""
    table = request.config.getoption("--ptx-table", default=None)
    if table is None:
        pytest.skip("make ptx runs this: it needs numba-cuda, and minutes")
    numbers = tmp_path_factory.mktemp("ptx") / "figures.json"
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    command = [sys.executable, "-m", "tests.ptx.report", "--table", table, "--json", numbers]
    root = Path(__file__).parents[2]
    subprocess.run(command, check=False, env=environment, cwd=root)
    found: list[dict[str, Any]] = json.loads(numbers.read_text())
    return found
