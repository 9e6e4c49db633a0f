"""How tensors print: the strings that torch 2.13 prints, with minigrad for torch in the names."""

from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
from minigrad import tensor

Case = tuple[str, str]

# what is written, and how it prints
CASES: list[Case] = [
    ("tensor(1)", "tensor(1)"),
    ("tensor(-3.5)", "tensor(-3.5000)"),
    ("tensor(2.0)", "tensor(2.)"),
    ("tensor(True)", "tensor(True)"),
    ("tensor(float('nan'))", "tensor(nan)"),
    ("tensor(1e-10)", "tensor(1.0000e-10)"),
    ("tensor([1, 2, 3])", "tensor([1, 2, 3])"),
    ("tensor([1.0, 2.0])", "tensor([1., 2.])"),
    ("tensor([1.5, -2.25, 1000.125])", "tensor([   1.5000,   -2.2500, 1000.1250])"),
    ("tensor([1e-5, 1.0])", "tensor([1.0000e-05, 1.0000e+00])"),
    ("tensor([1e10, 1.0])", "tensor([1.0000e+10, 1.0000e+00])"),
    ("tensor([1e8, 1.0])", "tensor([1.0000e+08, 1.0000e+00])"),
    ("tensor([123456789.0])", "tensor([1.2346e+08])"),
    ("tensor([0.00012, 0.5])", "tensor([1.2000e-04, 5.0000e-01])"),
    ("tensor([0.0, 0.0])", "tensor([0., 0.])"),
    ("tensor([-0.0])", "tensor([-0.])"),
    ("tensor([float('inf'), 1.0, float('-inf')])", "tensor([inf, 1., -inf])"),
    ("tensor([float('nan'), 1.5])", "tensor([   nan, 1.5000])"),
    ("tensor([float('nan')])", "tensor([nan])"),
    ("tensor([float('inf'), 12345.678])", "tensor([       inf, 12345.6777])"),
    ("tensor([True, False])", "tensor([ True, False])"),
    ("tensor([float('inf'), 0.0, float('nan')])", "tensor([inf, 0., nan])"),
    ("tensor([-0.0, 5.0])", "tensor([-0., 5.])"),
    ("tensor([float('-inf'), 20.5])", "tensor([   -inf, 20.5000])"),
    ("tensor([0.0, 1.5])", "tensor([0.0000, 1.5000])"),
    ("tensor([float('-inf'), 1e9])", "tensor([      -inf, 1.0000e+09])"),
    ("tensor([0.0, 100.0, -7.0])", "tensor([  0., 100.,  -7.])"),
    ("tensor([])", "tensor([])"),
    ("minigrad.zeros(2, 0)", "tensor([], size=(2, 0))"),
    ("minigrad.zeros(0, dtype=minigrad.int64)", "tensor([], dtype=minigrad.int64)"),
    (
        "minigrad.zeros(2, 0, 3, dtype=minigrad.float64)",
        "tensor([], size=(2, 0, 3), dtype=minigrad.float64)",
    ),
    ("tensor([[1, -20], [300, 4]])", "tensor([[  1, -20],\n        [300,   4]])"),
    (
        "tensor([[[1.0, 2.5], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])",
        "tensor([[[1.0000, 2.5000],\n"
        "         [3.0000, 4.0000]],\n"
        "\n"
        "        [[5.0000, 6.0000],\n"
        "         [7.0000, 8.0000]]])",
    ),
    (
        "minigrad.arange(16).reshape(2, 2, 2, 2)",
        "tensor([[[[ 0,  1],\n"
        "          [ 2,  3]],\n"
        "\n"
        "         [[ 4,  5],\n"
        "          [ 6,  7]]],\n"
        "\n"
        "\n"
        "        [[[ 8,  9],\n"
        "          [10, 11]],\n"
        "\n"
        "         [[12, 13],\n"
        "          [14, 15]]]])",
    ),
    ("minigrad.arange(1001)", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        "minigrad.arange(1000.0)[:30]",
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
        "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
        "        28., 29.])",
    ),
    (
        "minigrad.arange(10000).reshape(100, 100)",
        "tensor([[   0,    1,    2,  ...,   97,   98,   99],\n"
        "        [ 100,  101,  102,  ...,  197,  198,  199],\n"
        "        [ 200,  201,  202,  ...,  297,  298,  299],\n"
        "        ...,\n"
        "        [9700, 9701, 9702,  ..., 9797, 9798, 9799],\n"
        "        [9800, 9801, 9802,  ..., 9897, 9898, 9899],\n"
        "        [9900, 9901, 9902,  ..., 9997, 9998, 9999]])",
    ),
    (
        "minigrad.arange(2000.0).reshape(2, 1000)",
        "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.9700e+02, 9.9800e+02,\n"
        "         9.9900e+02],\n"
        "        [1.0000e+03, 1.0010e+03, 1.0020e+03,  ..., 1.9970e+03, 1.9980e+03,\n"
        "         1.9990e+03]])",
    ),
    (
        "minigrad.zeros(4, 500)",
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    ("tensor([1.0, 2.0], dtype=minigrad.float64)", "tensor([1., 2.], dtype=minigrad.float64)"),
    ("tensor([1.0, 2.0], dtype=minigrad.float16)", "tensor([1., 2.], dtype=minigrad.float16)"),
    ("tensor([1, 2], dtype=minigrad.int32)", "tensor([1, 2], dtype=minigrad.int32)"),
    ("tensor([1, 2], dtype=minigrad.uint8)", "tensor([1, 2], dtype=minigrad.uint8)"),
    ("tensor([1, 2], dtype=minigrad.int8)", "tensor([1, 2], dtype=minigrad.int8)"),
    ("tensor([1, 2], dtype=minigrad.int16)", "tensor([1, 2], dtype=minigrad.int16)"),
    ("tensor([1.0, 2.0], requires_grad=True)", "tensor([1., 2.], requires_grad=True)"),
    ("tensor(3.0, requires_grad=True)", "tensor(3., requires_grad=True)"),
    ("tensor([1.0, 2.0], requires_grad=True) * 2", "tensor([2., 4.], grad_fn=<MulBackward0>)"),
    ("tensor([1.0, 2.0], requires_grad=True).sum()", "tensor(3., grad_fn=<SumBackward0>)"),
    (
        "tensor([1.0], dtype=minigrad.float64, requires_grad=True).exp()",
        "tensor([2.7183], dtype=minigrad.float64, grad_fn=<ExpBackward0>)",
    ),
    (
        "minigrad.arange(0, 12.0, requires_grad=True).reshape(3, 4)[1] * 2",
        "tensor([ 8., 10., 12., 14.], grad_fn=<MulBackward0>)",
    ),
    (
        "minigrad.ones(20, requires_grad=True).double()",
        "tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n"
        "        1., 1.], dtype=minigrad.float64, grad_fn=<ToCopyBackward0>)",
    ),
    (
        "minigrad.ones(17, dtype=minigrad.float64, requires_grad=True)",
        "tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],\n"
        "       dtype=minigrad.float64, requires_grad=True)",
    ),
    (
        "minigrad.ones(19, requires_grad=True)*1",
        "tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n"
        "        1.], grad_fn=<MulBackward0>)",
    ),
    (
        "minigrad.ones(17, requires_grad=True)*1",
        "tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],\n"
        "       grad_fn=<MulBackward0>)",
    ),
    (
        "minigrad.ones(18, dtype=minigrad.int32)",
        "tensor([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],\n"
        "       dtype=minigrad.int32)",
    ),
    (
        "minigrad.ones(40, dtype=minigrad.int32)",
        "tensor([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
        "        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], dtype=minigrad.int32)",
    ),
    (
        "minigrad.nn.Parameter(tensor([[1.0, 2.0], [3.0, 4.5]]))",
        "Parameter containing:\n"
        "tensor([[1.0000, 2.0000],\n"
        "        [3.0000, 4.5000]], requires_grad=True)",
    ),
    (
        "minigrad.nn.Parameter(tensor([1.0]), requires_grad=False)",
        "Parameter containing:\ntensor([1.])",
    ),
    (
        "tensor([[0.1, 100.0], [2.0, 3.0]])",
        "tensor([[  0.1000, 100.0000],\n        [  2.0000,   3.0000]])",
    ),
    ("tensor([1e-3, 1e3])", "tensor([1.0000e-03, 1.0000e+03])"),
    ("tensor([1e-3, 1.1e0])", "tensor([1.0000e-03, 1.1000e+00])"),
    ("tensor([99999.0, 0.5])", "tensor([9.9999e+04, 5.0000e-01])"),
    ("tensor([1e5, 1e-4])", "tensor([1.0000e+05, 1.0000e-04])"),
    ("tensor([16777216.0, 1.0])", "tensor([1.6777e+07, 1.0000e+00])"),
    ("tensor([1e38, -1e-38])", "tensor([ 1.0000e+38, -1.0000e-38])"),
    (
        "tensor([65504.0, 0.1], dtype=minigrad.float16)",
        "tensor([6.5504e+04, 9.9976e-02], dtype=minigrad.float16)",
    ),
    ("tensor([[True], [False]])", "tensor([[ True],\n        [False]])"),
    ("tensor([10**15, 1])", "tensor([1000000000000000,                1])"),
    (
        "tensor([0.1 + 0.2, 1/3], dtype=minigrad.float64)",
        "tensor([0.3000, 0.3333], dtype=minigrad.float64)",
    ),
    (
        "tensor([[1.0, float('nan')], [float('inf'), -1.0]])",
        "tensor([[ 1., nan],\n        [inf, -1.]])",
    ),
    (
        "minigrad.ones(3, 30)",
        "tensor([[1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n"
        "         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],\n"
        "        [1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n"
        "         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.],\n"
        "        [1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n"
        "         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.]])",
    ),
    (
        "minigrad.ones(2, 2, requires_grad=True) @ minigrad.ones(2, 2)",
        "tensor([[2., 2.],\n        [2., 2.]], grad_fn=<MmBackward0>)",
    ),
    ("minigrad.zeros(1, 1, 1)", "tensor([[[0.]]])"),
    ("tensor([1e-45])", "tensor([1.4013e-45])"),
    ("tensor([[]])", "tensor([], size=(1, 0))"),
    (
        "minigrad.arange(30).reshape(1, 30)",
        "tensor([[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "         18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]])",
    ),
    ("tensor([1.0, 2.0]).shape", "minigrad.Size([2])"),
    ("minigrad.zeros(()).shape", "minigrad.Size([])"),
    ("minigrad.float32", "minigrad.float32"),
    ("minigrad.device('cpu')", "device(type='cpu')"),
    ("minigrad.device('cuda', 1)", "device(type='cuda', index=1)"),
    ("tensor([1.0, 2.0]) > 1.5", "tensor([False,  True])"),
    (
        "minigrad.arange(1200).reshape(3, 400)",
        "tensor([[   0,    1,    2,  ...,  397,  398,  399],\n"
        "        [ 400,  401,  402,  ...,  797,  798,  799],\n"
        "        [ 800,  801,  802,  ..., 1197, 1198, 1199]])",
    ),
    (
        "minigrad.arange(1200.0).reshape(400, 3)/7",
        "tensor([[0.0000e+00, 1.4286e-01, 2.8571e-01],\n"
        "        [4.2857e-01, 5.7143e-01, 7.1429e-01],\n"
        "        [8.5714e-01, 1.0000e+00, 1.1429e+00],\n"
        "        ...,\n"
        "        [1.7014e+02, 1.7029e+02, 1.7043e+02],\n"
        "        [1.7057e+02, 1.7071e+02, 1.7086e+02],\n"
        "        [1.7100e+02, 1.7114e+02, 1.7129e+02]])",
    ),
    (
        "minigrad.arange(2400.0, requires_grad=True).reshape(2,3, 400)/7",
        "tensor([[[0.0000e+00, 1.4286e-01, 2.8571e-01,  ..., 5.6714e+01,\n"
        "          5.6857e+01, 5.7000e+01],\n"
        "         [5.7143e+01, 5.7286e+01, 5.7429e+01,  ..., 1.1386e+02,\n"
        "          1.1400e+02, 1.1414e+02],\n"
        "         [1.1429e+02, 1.1443e+02, 1.1457e+02,  ..., 1.7100e+02,\n"
        "          1.7114e+02, 1.7129e+02]],\n"
        "\n"
        "        [[1.7143e+02, 1.7157e+02, 1.7171e+02,  ..., 2.2814e+02,\n"
        "          2.2829e+02, 2.2843e+02],\n"
        "         [2.2857e+02, 2.2871e+02, 2.2886e+02,  ..., 2.8529e+02,\n"
        "          2.8543e+02, 2.8557e+02],\n"
        "         [2.8571e+02, 2.8586e+02, 2.8600e+02,  ..., 3.4243e+02,\n"
        "          3.4257e+02, 3.4271e+02]]], grad_fn=<DivBackward0>)",
    ),
]


@pytest.mark.parametrize(("written", "printed"), CASES, ids=[written for written, _ in CASES])
def test_prints_as_torch(written: str, printed: str) -> None:
    names: dict[str, Any] = {"minigrad": minigrad, "tensor": tensor}
    assert repr(eval(written, names)) == printed


def test_str_is_repr() -> None:
    x = tensor([1.0, 2.0])
    assert str(x) == repr(x) == f"{x}"


@pytest.fixture
def usual_options() -> Iterator[None]:
    yield
    minigrad.set_printoptions(profile="default")


@pytest.mark.usefixtures("usual_options")
def test_print_options() -> None:
    x = minigrad.tensor([1.23456, 2.5])
    minigrad.set_printoptions(precision=2)
    assert str(x) == "tensor([1.23, 2.50])"
    minigrad.set_printoptions(sci_mode=True)
    assert str(x) == "tensor([1.23e+00, 2.50e+00])"
    minigrad.set_printoptions(sci_mode=False)
    assert str(minigrad.tensor([1.25, 1e9])) == "tensor([         1.25, 1000000000.00])"
    minigrad.set_printoptions(threshold=4, edgeitems=1)
    assert str(minigrad.arange(5)) == "tensor([0,  ..., 4])"
    minigrad.set_printoptions(profile="full")
    assert "..." not in str(minigrad.zeros(2000))
    minigrad.set_printoptions(profile="default", linewidth=20)
    assert str(minigrad.arange(8)) == "tensor([0, 1, 2, 3,\n        4, 5, 6, 7])"


def test_wrong_print_options_change_nothing() -> None:
    for name in ("precision", "edgeitems", "linewidth"):
        for wrong in ("a", -1, 1.5, True):
            with pytest.raises(ValueError, match=f"{name} must be an int"):
                minigrad.set_printoptions(**{name: wrong})
    with pytest.raises(ValueError, match="profile must be one of"):
        minigrad.set_printoptions(profile="long")
    assert str(minigrad.tensor([1.23456])) == "tensor([1.2346])"


def test_a_number_in_an_f_string() -> None:
    loss = tensor(1.5, requires_grad=True)
    assert f"{loss} {tensor(3)} {tensor(True)} {loss * 2:.2f}" == "1.5 3 True 3.00"
    assert f"{loss!r}" == str(loss) == "tensor(1.5000, requires_grad=True)"
    assert f"{tensor([1.5])}" == "tensor([1.5000])"
    assert f"{minigrad.nn.Parameter(tensor(1.5))}".startswith("Parameter containing")
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{tensor([1.5]):.2f}"
