"""Arguments by torch's names, which programs use as keywords."""

import inspect
import re

import pytest

import minigrad
from minigrad.nn import functional as F

PARAMETERS = """
    add(input, other, alpha, out) sub(input, other, alpha, out)
    rsub(input, other, alpha) maximum(input, other) exp(input)
    pow(input, exponent) clamp(input, min, max, out) clamp_min(input, min) lerp(input, end, weight)
    addcmul(input, tensor1, tensor2, value) where(condition, input, other, out)
    matmul(input, other) mm(input, mat2) bmm(input, mat2) mv(input, vec) dot(input, tensor)
    outer(input, vec2) transpose(input, dim0, dim1) squeeze(input, dim) select(input, dim, index)
    split(tensor, split_size_or_sections, dim) cat(tensors, dim) stack(tensors, dim)
    flatten(input, start_dim, end_dim) movedim(input, source, destination) from_numpy(ndarray)
"""


@pytest.mark.parametrize("call", re.findall(r"\w+\(.*?\)", PARAMETERS))
def test_parameters_have_torchs_names(call: str) -> None:
    name, _, parameters = call.rstrip(")").partition("(")
    function = getattr(minigrad, name)
    assert ", ".join(inspect.signature(function).parameters) == parameters


def test_they_are_taken_by_name() -> None:
    x, y = minigrad.tensor([[1.0, 2.0]]), minigrad.tensor([[5.0, 1.0]])
    assert minigrad.add(input=x, other=y).tolist() == [[6.0, 3.0]]
    assert minigrad.exp(input=x * 0).tolist() == [[1.0, 1.0]]
    assert minigrad.where(x < y, x, other=y).tolist() == [[1.0, 1.0]]
    assert minigrad.where(condition=x < y, input=0.0, other=y).tolist() == [[0.0, 1.0]]
    assert x.mul(other=y).tolist() == [[5.0, 2.0]]
    assert F.hardtanh(y, min_val=-1, max_val=2).tolist() == [[2.0, 1.0]]
    assert minigrad.reshape(x, shape=(2, 1)).tolist() == [[1.0], [2.0]]
    assert minigrad.permute(x, dims=(1, 0)).tolist() == [[1.0], [2.0]]


def test_new_tensors_by_name() -> None:
    for make in (minigrad.zeros, minigrad.ones, minigrad.empty, minigrad.rand, minigrad.randn):
        assert make(size=(2, 3)).shape == make(2, 3).shape == make((2, 3)).shape == (2, 3)
        assert make(()).shape == ()
    for numbers in (minigrad.arange(1, 7, step=2), minigrad.arange(start=1, end=7, step=2)):
        assert numbers.tolist() == [1, 3, 5]
    assert minigrad.arange(1, end=3).tolist() == [1, 2]
    assert minigrad.arange(end=2.0).dtype == minigrad.float32
    with pytest.raises(TypeError, match="takes from 1 to 3 numbers"):
        minigrad.arange(step=2)
    low = minigrad.randint(low=4, high=5, size=(2,))
    assert low.tolist() == minigrad.randint(4, 5, (2,)).tolist() == [4, 4]
    assert minigrad.randint(high=1, size=(2,)).tolist() == minigrad.randint(1, (2,)).tolist()


def test_a_multiple_is_added() -> None:
    x, y = minigrad.tensor([1.0, 2.0], requires_grad=True), minigrad.tensor([5, 1])
    result = minigrad.add(x, y, alpha=0.5)
    assert result.tolist() == [3.5, 2.5]
    assert result.grad_fn is not None
    assert result.grad_fn.name() == "AddBackward0"
    with minigrad.no_grad():
        x.sub_(y, alpha=2)
    assert x.tolist() == [-9.0, 0.0]
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        y.add(y, alpha=0.5)


def test_other_names_are_refused() -> None:
    x = minigrad.ones(2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'x'"):
        minigrad.exp(x=x)
    with pytest.raises(TypeError, match=r"where\(\) got an unexpected keyword argument 'y'"):
        minigrad.where(x > 0, y=x)
