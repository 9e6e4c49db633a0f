"""Weights travel to torch and back in safetensors files, and the models give the same outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.serialization import safetensors

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("safetensors.torch")


def network(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


X = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)


def outputs(mine: Any, their: Any) -> tuple[Any, Any]:
    with torch.no_grad():
        return mine(minigrad.tensor(X)).detach().numpy(), their(torch.tensor(X)).numpy()


def test_weights_of_torch_load_here(tmp_path: Path) -> None:
    their, mine = network(torch.nn), network(minigrad.nn)
    theirs.save_file(their.state_dict(), tmp_path / "w.safetensors")
    mine.load_state_dict(safetensors.load_file(tmp_path / "w.safetensors"))
    np.testing.assert_allclose(*outputs(mine, their), rtol=1e-6, atol=1e-6)


def test_weights_made_here_load_in_torch(tmp_path: Path) -> None:
    their, mine = network(torch.nn), network(minigrad.nn)
    safetensors.save_file(mine.state_dict(), tmp_path / "w.safetensors", {"by": "minigrad"})
    their.load_state_dict(theirs.load_file(tmp_path / "w.safetensors"))
    np.testing.assert_allclose(*outputs(mine, their), rtol=1e-6, atol=1e-6)


def test_an_element_type_that_is_missing_here_is_named(tmp_path: Path) -> None:
    theirs.save_file({"w": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "w.safetensors")
    with pytest.raises(RuntimeError, match="bfloat16"):
        safetensors.load_file(tmp_path / "w.safetensors")


def test_what_torch_saves_by_itself_is_named_and_not_run(tmp_path: Path) -> None:
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pt"
        torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(RuntimeError, match=r"safetensors\.torch\.save_file"):
            minigrad.load(path)
