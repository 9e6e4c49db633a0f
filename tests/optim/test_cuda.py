"""Optimizers on device "cuda": the same steps as on the CPU.

Without a GPU this file runs in Numba's simulator, in a pytest of its own (see tests/ops/test_cuda).
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.kernels.cuda import driver
from minigrad.nn import Parameter

HERE = Path(__file__)

on_a_device = pytest.mark.skipif(
    not driver.is_available(), reason="the test that starts the simulator runs this one"
)

OPTIONS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"amsgrad": True, "maximize": True},
    "AdamW": {},
    "RMSprop": {"centered": True, "momentum": 0.9},
    "Adagrad": {"initial_accumulator_value": 0.1},
    "Adadelta": {},
    "Adamax": {},
    "NAdam": {"weight_decay": 0.1},
    "RAdam": {"betas": (0.5, 0.6)},
}
SHAPES = [(3, 4), (), (0,)]


def course(rule: str, device: str, dtype: Any) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    values = [minigrad.tensor(random.standard_normal(s), dtype=dtype) for s in SHAPES]
    params = [Parameter(x.to(device)) for x in values]
    params[0] = Parameter(values[0].to(device).T)  # not in order
    optimizer = getattr(minigrad.optim, rule)(params, lr=0.1, **OPTIONS[rule])
    for _ in range(3):
        for param in params:
            grad = minigrad.tensor(random.standard_normal(param.shape), dtype=dtype)
            param.grad = grad.to(device)
        optimizer.step()
    assert all(param.device.type == device for param in params)
    return [param.detach().cpu().numpy() for param in params]


@on_a_device
@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64, minigrad.float16])
@pytest.mark.parametrize("rule", OPTIONS)
def test_as_on_the_cpu(rule: str, dtype: Any) -> None:
    tolerance = {2: 2e-3, 4: 1e-5, 8: 1e-12}[dtype.itemsize]
    for x, y in zip(course(rule, "cuda", dtype), course(rule, "cpu", dtype), strict=True):
        np.testing.assert_allclose(x, y, tolerance, tolerance)


@on_a_device
def test_a_state_left_on_the_cpu_raises() -> None:
    param = Parameter(minigrad.ones(2))
    optimizer = minigrad.optim.Adam([param])
    param.grad = minigrad.ones(2)
    optimizer.step()
    param.grad = None
    param.data = param.data.cuda()
    param.grad = minigrad.ones(2, device="cuda")
    with pytest.raises(RuntimeError, match=r"on cpu, but its parameter is .* on cuda"):
        optimizer.step()
    again = minigrad.optim.Adam([param])
    again.load_state_dict(optimizer.state_dict())
    again.step()
    assert again.state[param]["step"].item() == 2
    assert again.state[param]["exp_avg"].is_cuda
    assert again.state[param]["step"].device.type == "cpu"


@pytest.mark.skipif(driver.is_available(), reason="the tests above ran on a device")
def test_in_the_simulator() -> None:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", str(HERE)]
    root = HERE.parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
