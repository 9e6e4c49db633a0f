"""Every operation on device "cuda": values, dtypes and gradients are the CPU's.

Without a GPU this file runs in Numba's simulator, which must be chosen before Numba is imported:
so the tests run in a pytest of their own (NUMBA_ENABLE_CUDASIM=1), which one test here starts.
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
from minigrad.ops.define import POINTWISE
from minigrad.testing import Sample, has_derivative, samples, tensors_in
from minigrad.testing.samples import CPU_ONLY

HERE = Path(__file__)
SAMPLES = samples()
WITH_KERNELS = [s for s in SAMPLES if s.operation not in CPU_ONLY]
WITHOUT_KERNELS = [s for s in SAMPLES if s.operation in CPU_ONLY]

on_a_device = pytest.mark.skipif(
    not driver.is_available(), reason="the test that starts the simulator runs this one"
)


def results(sample: Sample, device: str) -> tuple[list[Any], dict[str, Any]]:
    """The results of a sample, and its operands with their gradients."""
    operands = sample.tensors(minigrad, "float32", requires_grad=True, device=device)
    values = tensors_in(sample.call(minigrad, operands))
    with_gradient = [x for x in values if has_derivative(x)]
    seeds = [minigrad.ones_like(x) * 0.5 for x in with_gradient]
    if with_gradient:
        minigrad.autograd.backward(with_gradient, seeds)
    return values, operands


def same(on_gpu: Any, on_cpu: Any) -> None:
    assert on_gpu.device.type == "cuda"
    assert on_gpu.dtype == on_cpu.dtype
    given, expected = on_gpu.cpu().numpy(force=True), on_cpu.numpy(force=True)
    assert given.shape == expected.shape
    np.testing.assert_allclose(given, expected, 2e-6, 1e-6)


@on_a_device
@pytest.mark.parametrize("sample", WITHOUT_KERNELS, ids=str)
def test_what_has_no_kernel_says_so(sample: Sample) -> None:
    operands = sample.tensors(minigrad, "float32", requires_grad=True, device="cuda")
    with pytest.raises(NotImplementedError, match="has no kernel for device 'cuda' yet") as raised:
        sample.call(minigrad, operands)
    assert sample.operation in str(raised.value)


@on_a_device
@pytest.mark.parametrize("sample", WITH_KERNELS, ids=str)
def test_as_on_the_cpu(sample: Sample) -> None:
    (values, operands), (expected, of_cpu) = results(sample, "cuda"), results(sample, "cpu")
    assert len(values) == len(expected)
    for x, y in zip(values, expected, strict=True):
        same(x, y)
    for name in sample.floating:
        if of_cpu[name].grad is not None:
            same(operands[name].grad, of_cpu[name].grad)


@on_a_device
@pytest.mark.parametrize(
    "name", [n for n, op in POINTWISE.items() if len(op.definition.inputs) > 1]
)
def test_two_devices_raise(name: str) -> None:
    of_several = [s for s in SAMPLES if s.operation == name and len(s.operands) > 1]
    if not of_several:
        pytest.skip("its samples have one operand")
    sample = of_several[0]
    operands = sample.tensors(minigrad, "float32")
    last = list(operands)[-1]
    with pytest.raises(RuntimeError, match="on the same device, but found at least two devices"):
        sample.call(minigrad, operands | {last: operands[last].cuda()})


@on_a_device
@pytest.mark.parametrize(
    "expression",
    [
        "x @ y.T",
        "x @ v",
        "torch.bmm(b, c)",
        "torch.addmm(u, x, y.T)",
        "torch.cat([x, y])",
        "torch.stack([x, y])",
        "F.embedding(i, x)",
        "F.cross_entropy(x, target)",
        "F.mse_loss(x, y)",
        "x.index_select(0, i)",
    ],
)
def test_two_devices_raise_in_other_operations(expression: str) -> None:
    sample = next(s for s in SAMPLES if s.expression == expression)
    operands = sample.tensors(minigrad, "float32")
    first = next(iter(operands))
    with pytest.raises(RuntimeError, match="on the same device, but found at least two devices"):
        sample.call(minigrad, operands | {first: operands[first].cuda()})


@on_a_device
@pytest.mark.parametrize("sample", [s for s in WITH_KERNELS if len(s.operands) > 1], ids=str)
def test_an_operand_elsewhere_raises_no_other_error(sample: Sample) -> None:
    operands = sample.tensors(minigrad, "float32", device="cuda")
    for name in operands:
        mixed = operands | {name: operands[name].cpu()}
        if raised := error_of(sample, mixed):  # indices, numbers and views may come from elsewhere
            assert isinstance(raised, RuntimeError)
            assert "on the same device" in str(raised)


def error_of(sample: Sample, operands: dict[str, Any]) -> Exception | None:
    try:
        sample.call(minigrad, operands)
    except Exception as error:
        return error
    return None


DRAWS: dict[str, Any] = {
    "rand": lambda device: minigrad.rand(7, device=device),
    "rand, float64": lambda device: minigrad.rand(7, device=device, dtype=minigrad.float64),
    "randn": lambda device: minigrad.randn(2, 3, device=device),
    "randn, float16": lambda device: minigrad.randn(6, device=device, dtype=minigrad.float16),
    "randint": lambda device: minigrad.randint(-5, 900, (7,), device=device),
    "normal of tensors": lambda device: minigrad.normal(minigrad.ones(3, device=device), 2.0),
    "bernoulli": lambda device: minigrad.full((9,), 0.5, device=device).bernoulli(),
    "bernoulli_": lambda device: minigrad.zeros(9, device=device).bernoulli_(0.3),
    "uniform_": lambda device: minigrad.zeros(3, 2, device=device).T.uniform_(-1, 4),
    "normal_": lambda device: minigrad.zeros(5, device=device).normal_(2, 3),
    "exponential_": lambda device: minigrad.zeros(5, device=device).exponential_(2),
    "geometric_": lambda device: minigrad.zeros(5, device=device).geometric_(0.2),
    "random_": lambda device: minigrad.zeros(5, device=device).random_(50),
    "multinomial": lambda device: minigrad.ones(2, 9, device=device).multinomial(1),
}


@on_a_device
@pytest.mark.parametrize("name", DRAWS)
def test_both_devices_draw_the_same_numbers(name: str) -> None:
    minigrad.manual_seed(11)
    on_gpu = DRAWS[name]("cuda")
    state = minigrad.get_rng_state().tolist()
    minigrad.manual_seed(11)
    on_cpu = DRAWS[name]("cpu")
    assert on_gpu.is_cuda
    assert on_gpu.cpu().tolist() == on_cpu.tolist()
    assert state == minigrad.get_rng_state().tolist()


@on_a_device
def test_orders_have_no_kernel() -> None:
    with pytest.raises(NotImplementedError, match="randperm has no kernel for device 'cuda' yet"):
        minigrad.randperm(3, device="cuda")
    with pytest.raises(NotImplementedError, match="multinomial has no kernel"):
        minigrad.ones(3, device="cuda").multinomial(2)


@pytest.mark.skipif(driver.is_available(), reason="the tests above ran on a device")
def test_in_the_simulator() -> None:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=short", str(HERE)]
    root = HERE.parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
