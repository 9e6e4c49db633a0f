"""Everything in this folder is marked parity, and skipped where torch is not installed."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.parity)
            item.add_marker(
                pytest.mark.filterwarnings("ignore")
            )  # torch warns; minigrad never does


def pytest_configure(config: pytest.Config) -> None:
    """The examples of hypothesis depend on the test alone, and may take as long as they do."""
    hypothesis = pytest.importorskip("hypothesis")
    hypothesis.settings.register_profile("parity", deadline=None, derandomize=True, database=None)
    hypothesis.settings.load_profile("parity")
