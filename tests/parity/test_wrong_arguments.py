"""Arguments of another kind in every operation: None, a string, a float, a list or a flag where a
number, a dimension or a flag belongs.  The type of exception is torch's."""

import ast
import inspect
import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
from minigrad.testing import Sample, samples
from tests.parity.compare import LIBRARIES, outcome
from tests.parity.test_wrong_operands import same_kind

WRONG = (None, "a", 1.5, [1], True, 1)

# The operations that still raise another exception than torch somewhere, or none.
DIFFERENT: dict[str, str] = {
    "add": "True passes for 1",
    "sub": "True passes for 1",
    "add_multiple": "True passes for 1",
    "sub_multiple": "True passes for 1",
    "rsub_number_multiple": "True passes for 1",
    "hardtanh": "torch does not look at it",
    "logsumexp": "accepted",
    "max": "accepted",
    "mean": "True passes for 1",
    "min": "accepted",
    "std": "accepted",
    "std_mean": "accepted",
    "sum": "True passes for 1",
    "var": "accepted",
    "var_mean": "accepted",
    "median": "True passes for 1",
    "nanmedian": "True passes for 1",
    "multi_head_attention_forward": "torch does not look at it",
    "poisson_nll_loss": "TypeError in torch, ValueError here",
    "gaussian_nll_loss": "TypeError in torch, ValueError here",
    "cosine_embedding_loss": "torch does not look at it",
    "multi_margin_loss": "torch does not look at it",
    "multilabel_soft_margin_loss": "TypeError in torch, ValueError here",
    "matrix_norm": "TypeError in torch, RuntimeError here",
    "normalize": "torch does not look at it",
    "addr": "True passes for 1",
    "broadcast_to": "RuntimeError in torch, TypeError here",
    "clone": "torch does not look at it",
    "expand": "RuntimeError in torch, TypeError here",
    "permute": "RuntimeError in torch, TypeError here",
    "reshape": "RuntimeError in torch, TypeError here",
    "view": "TypeError in torch, accepted here",
    "tensor_split": "accepted",
    "flip": "TypeError in torch, accepted here",
    "repeat": "TypeError in torch, accepted here",
    "tile": "TypeError in torch, accepted here",
    "gather": "torch does not look at it",
    "scatter": "accepted",
    "embedding": "torch does not look at it",
    "embedding_bag": "accepted in torch, TypeError here",
    "max_pool1d": "torch does not look at it",
    "max_pool2d": "torch does not look at it",
    "adaptive_max_pool1d": "torch does not look at it",
    "adaptive_max_pool2d": "torch does not look at it",
    "interpolate": "accepted in torch, TypeError here",
}

SAMPLES: dict[str, list[Sample]] = defaultdict(list)
for each in samples():
    SAMPLES[each.operation].append(each)


def call_of(sample: Sample) -> ast.Call | None:
    """The outermost call of an expression."""
    node: Any = ast.parse(sample.expression, mode="eval").body
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Call) else None


def constants(call: ast.Call, wrong: Any) -> Iterator[ast.Call]:
    """The call, with something wrong in place of each number, string or tuple."""
    for i, argument in enumerate(call.args):
        if is_other(argument, wrong):
            args = [*call.args[:i], literal(wrong), *call.args[i + 1 :]]
            yield ast.Call(call.func, args, call.keywords)
    for i, keyword in enumerate(call.keywords):
        if is_other(keyword.value, wrong):
            others = [k for j, k in enumerate(call.keywords) if j != i]
            changed = ast.keyword(keyword.arg, literal(wrong))
            yield ast.Call(call.func, call.args, [*others, changed])


def options(sample: Sample, call: ast.Call, wrong: Any) -> Iterator[ast.Call]:
    """The call with one argument more, by its name: something wrong."""
    function = evaluated(minigrad, sample, call.func)
    given = {keyword.arg for keyword in call.keywords}
    parameters = list(inspect.signature(function).parameters.values())[len(call.args) :]
    for parameter in parameters:
        is_option = parameter.default is not parameter.empty
        if is_option and parameter.name not in given | {"out"}:
            more = ast.keyword(parameter.name, literal(wrong))
            yield ast.Call(call.func, call.args, [*call.keywords, more])


def is_other(argument: ast.expr, wrong: Any) -> bool:
    """Whether an argument is a constant of another type."""
    try:
        return type(ast.literal_eval(argument)) is not type(wrong)
    except ValueError:
        return False


def literal(value: Any) -> ast.expr:
    return ast.parse(repr(value), mode="eval").body


def evaluated(library: Any, sample: Sample, node: ast.expr) -> Any:
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<call>", "eval")
    names = {"torch": library, "F": library.nn.functional, **sample.tensors(library)}
    return eval(code, names)


def wrong_calls(operation: str) -> Iterator[tuple[Sample, ast.Call]]:
    """Each constant of each sample changed; each option that the first sample leaves away given."""
    first = True
    for sample in SAMPLES[operation]:
        call = call_of(sample)
        if call is None:
            continue
        for wrong in WRONG:
            yield from ((sample, changed) for changed in constants(call, wrong))
            if first:
                yield from ((sample, longer) for longer in options(sample, call, wrong))
        first = False


def same_refusal(theirs: Exception | None, ours: Exception | None) -> bool:
    """Where torch refuses an argument for what comes of it, minigrad may refuse it by its type."""
    named = isinstance(ours, TypeError) and "' must be " in str(ours)
    return same_kind(theirs, ours) or (theirs is not None and named)


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(name, marks=[pytest.mark.xfail(reason=DIFFERENT[name], strict=True)])
        if name in DIFFERENT
        else name
        for name in SAMPLES
    ],
)
def test_refused_as_in_torch(operation: str) -> None:
    for sample, call in wrong_calls(operation):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, ours = (outcome(evaluated, lib, sample, call)[1] for lib in LIBRARIES)
        assert same_refusal(theirs, ours), f"{ast.unparse(call)}:\n{theirs!r}\n{ours!r}"
