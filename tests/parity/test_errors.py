"""What is refused: the type of torch's exception, and key words that both messages share."""

from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error

REFUSED = {
    # shapes
    "x + z": "must match the size of tensor b",
    "x @ y": "mat1 and mat2 shapes cannot be multiplied",
    "x @ s": "",
    "x.mm(v)": "must be a matrix",
    "x.mv(u)": "size mismatch",
    "u.dot(v)": "1D tensors expected|inconsistent tensor size",
    "x.bmm(x)": "must be a 3D tensor",
    "x.reshape(5, 2)": "is invalid for input of size 12",
    "x.reshape(-1, -1)": "only one dimension can be inferred",
    "x.view(7)": "is invalid for input of size 12",
    "x.T.view(12)": "view size is not compatible with input tensor's size and stride",
    "x.expand(3, 5)": "must match the existing size",
    "x.expand(4)": "must be greater or equal to the number of dimensions",
    "x.permute(0)": "",
    "x.permute(0, 0)": "duplicate dims|repeated dim",
    "torch.cat([])": "expected a non-empty",
    "torch.cat([x, v])": "must have same number of dimensions",
    "torch.cat([x, x[:, 1:]])": "Sizes of tensors must match except in dimension 0",
    "torch.stack([x, v])": "expects each tensor to be equal size",
    # what is no tensor
    "torch.cat([x, 1.0])": "expected Tensor as element 1 in argument 0, but got float",
    "torch.stack([1.0, 2.0])": "expected Tensor as element 0 in argument 0, but got float",
    "torch.hstack([1.0, 2.0])": "expected Tensor as element 0 in argument 0, but got float",
    "torch.sum([1.0, 2.0])": "argument 'input' .*must be Tensor, not list",
    "torch.max([1.0, 2.0])": "argument 'input' .*must be Tensor, not list",
    "torch.softmax([1.0, 2.0], 0)": "argument 'input' .*must be Tensor, not list",
    "F.layer_norm(x, 4)": "'normalized_shape' .*must be tuple of ints, not int",
    "'1' in x": "__contains__ only supports Tensor or scalar",
    "F.rms_norm(x, 4)": "'normalized_shape' .*must be tuple of ints, not int",
    "x.split([1, 1])": "expects split_sizes to sum exactly to",
    "x.chunk(0)": "to be greater than 0",
    "b.t()": "expects a tensor with <= 2 dimensions",
    "v.mT": "only supported on matrices or batches of matrices",
    # dimensions
    "x.sum(2)": "Dimension out of range",
    "x.sum((0, 0))": "appears multiple times",
    "x.softmax(5)": "Dimension out of range",
    "x.transpose(0, 3)": "Dimension out of range",
    "x.unsqueeze(4)": "Dimension out of range",
    "s[0]": "",
    "len(s)": "0-d tensor",
    "list(s)": "0-d tensor",
    "e.amax()": "",
    "e.max()": "",
    "e.argmax()": "",
    # indices
    "x[3]": "out of bounds for dimension 0 with size 3",
    "x[0, 0, 0]": "too many indices for tensor of dimension 2",
    "x[torch.tensor([5])]": "out of bounds for dimension 0 with size 3",
    "x[torch.tensor([0.5])]": "tensors used as indices must be",
    "x[::-1]": "step must be greater than zero",
    "x[torch.tensor([True, False])]": "does not match the shape of the indexed tensor",
    "x['a']": "",
    "x.select(0, 9)": "",
    "x.narrow(0, 2, 4)": "exceeds dimension size",
    "x.index_select(0, torch.tensor([9]))": "out of range",
    "F.embedding(torch.tensor([9]), x)": "index out of range in self",
    "F.embedding(v, x)": "to have one of the following scalar types",
    # dtypes
    "i.mean()": "mean\\(\\): could not infer output dtype",
    "i.std()": "std and var only support floating point",
    "m - m": "Subtraction, the `-` operator, with two bool tensors is not supported",
    "-m": "Negation, the `-` operator, on a bool tensor is not supported",
    "v & v": "not implemented for",
    "i ** -1": "Integers to negative integer powers are not allowed",
    "x @ x.T.double()": "expected .* to have the same dtype",
    "i.requires_grad_()": "only Tensors of floating point",
    "torch.tensor([1, 2], requires_grad=True)": "nly Tensors of floating point",
    "i.softmax(0)": "not implemented for",
    "x.masked_fill(x.detach(), 0)": "only supports boolean masks",
    "i.add_(0.5)": "can't be cast to the desired output type",
    "i.clone().exp_()": "can't be cast to the desired output type",
    "x.sum() // 'a'": "",
    "x + 'a'": "",
    "x + None": "",
    # losses
    "F.cross_entropy(x, torch.tensor([0, 1, 9]))": "Target 9 is out of bounds",
    "F.cross_entropy(x, torch.tensor([0, 1]))": "to match target batch_size",
    "F.cross_entropy(x, i, reduction='max')": "is not a valid value for reduction",
    "F.nll_loss(x, v)": "",
    "F.layer_norm(x, (3,))": "Given normalized_shape=\\[3\\], expected input with shape",
    "F.gelu(x, approximate='no')": "approximate argument must be either none or tanh",
    # values
    "x.item()": "cannot be converted to Scalar",
    "bool(x)": "Boolean value of Tensor with more than one value is ambiguous",
    "bool(e)": "Boolean value of Tensor with no values is ambiguous",
    "x.numpy()": "Can't call numpy\\(\\) on Tensor that requires grad",
    "torch.tensor([[1, 2], [3]])": "",
    "torch.tensor('a')": "",
    "torch.zeros(-1)": "negative",
    "torch.arange(3, 0)": "upper bound",
    "x.clamp()": "At least one of",
    # gradients
    "x.backward()": "grad can be implicitly created only for scalar outputs",
    "x.detach().sum().backward()": "does not require grad and does not have a grad_fn",
    "x.sum().backward(v)": "Mismatch in shape",
    "torch.autograd.grad(x.sum(), v)": "not have been used in the graph",
    "torch.autograd.grad(x.sum(), v.detach())": "does not require grad",
    "x.add_(1)": "a leaf Variable that requires grad is being used in an in-place operation",
    "x[0].add_(1)": "a view of a leaf Variable that requires grad",
    "x.zero_()": "a leaf Variable that requires grad",
    "(x * 1).unbind()[0].add_(1)": "is a view and is being modified inplace",
    "v.detach().expand(2, 4).add_(1)": "more than one element of the written-to tensor",
    "v.detach().add_(x)": "doesn't match the broadcast shape",
    "x.detach().register_hook(print)": "doesn't require gradient",
    "(x * 1).requires_grad_(False)": "you can only change requires_grad flags of leaf variables",
    "(x * 1).__deepcopy__({})": "support the deepcopy protocol",
}


def operands(library: Any) -> dict[str, Any]:
    def ones(*shape: int) -> Any:
        return library.ones(*shape, requires_grad=True)

    return {
        **{"x": ones(3, 4), "y": ones(3, 4), "z": ones(3, 3), "u": ones(3), "v": ones(4)},
        **{"b": ones(2, 3, 4), "s": ones(()), "e": library.zeros(0)},
        **{"i": library.tensor([0, 1, 2]), "m": library.tensor([True, False])},
        **{"torch": library, "F": library.nn.functional},
    }


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    (_, theirs), (_, ours) = (outcome(eval, expression, operands(lib)) for lib in LIBRARIES)
    assert theirs is not None, "torch accepts this"
    same_error(theirs, ours)
    for error in (theirs, ours):
        with pytest.raises(type(error), match=REFUSED[expression]):
            raise error


def second_backward(library: Any) -> None:
    x = library.ones(3, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    y.backward()


def damaged(library: Any) -> None:
    x = library.ones(3, requires_grad=True)
    y = x.exp()
    z = y * y
    y.add_(1)
    z.sum().backward()


def wrong_grad(library: Any) -> None:
    library.ones(3, requires_grad=True).grad = library.ones(2)


def no_second_order(library: Any) -> None:
    x = library.ones(3, requires_grad=True)
    (gradient,) = library.autograd.grad((x * x).sum(), x)
    gradient.sum().backward()


def under_no_grad(library: Any) -> None:
    x = library.ones(3, requires_grad=True)
    with library.no_grad():
        y = x.sum()
    y.backward()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (second_backward, "Trying to backward through the graph a second time"),
        (damaged, "has been modified by an inplace operation"),
        (wrong_grad, "to assign a gradient of size '[2]' to a tensor of size '[3]'"),
        (no_second_order, "does not require grad and does not have a grad_fn"),
        (under_no_grad, "does not require grad and does not have a grad_fn"),
    ],
)
def test_programs_that_fail(program: Any, words: str) -> None:
    (_, theirs), (_, ours) = (outcome(program, library) for library in LIBRARIES)
    same_error(theirs, ours)
    assert words in str(theirs)
    assert words in str(ours)
