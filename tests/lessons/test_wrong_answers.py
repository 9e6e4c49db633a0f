"""Typical wrong answers, and the words with which each is met.

Each is the lesson's own solution with one thing replaced: (exercise, right, wrong, words).
"""

import pytest

from lessons import build

SCALAR_TAPE = [
    ("slope", "f(x - h)) / (2 * h)", "f(x)) / h", "one side only"),
    ("slope", "(2 * h)", "h", "twice too much"),
    ("slope", "(2 * h)", "2 * h", "divides by 2 and then multiplies by h"),
    ("slope", "f(x + h) - f(x - h)", "f(x - h) - f(x + h)", "wrong sign"),
    ("slope", "(2 * h)", "2e-5", "use the h that is passed in"),
    ("multiply", "(b.data, a.data)", "(a.data, b.data)", "swapped"),
    ("multiply", "(b.data, a.data)", "(1.0, 1.0)", "those are the slopes of a sum"),
    ("multiply", "return Value(", "Value(", "return the new Value"),
    ("multiply", "return ", "return a.data * b.data or ", "wrap it: Value(number"),
    ("multiply", "inputs=(a, b)", "inputs=(b, a)", "the very Values passed in"),
    ("tanh", "result * result", "x.data * x.data", "you squared the input"),
    ("tanh", "1.0 - result * result", "1.0 - result", "the formula squares the result"),
    ("tanh", "(1.0 - result * result,)", "1.0 - result * result", "a tuple of one"),
    ("tanh", "math.tanh(x.data)", "math.sin(x.data)", "expected  0.462117"),
    ("multiply", "Value(a.data * b.data,", "Value(a * b,", "the number of the Value a is a.data"),
    ("tanh", "math.tanh(x.data)", "math.tanh(x)", "not Value"),
    ("tanh", "inputs=(x,)", "inputs=x", "also of a single Value: (x,)"),
    ("sum_over_paths", "slope * sum_over", "sum_over", "you do not multiply by the slopes"),
    ("sum_over_paths", "return sum(", "return len(output.inputs) and max(", "one of the two paths"),
    ("sum_over_paths", "in steps)", "in list(steps)[:1])", "that is one of the two paths"),
    ("sum_over_paths", "return 1.0", "return 0.0", "x moves itself by 1"),
    ("count_uses", "uses.get(source, 0) + 1", "1", "count both"),
    ("count_uses", "if source not in uses:", "if True:", "look at its inputs only once"),
    ("count_uses", "return uses", "return len(uses)", "return a dict"),
    ("backward_by_counting", "arrived.get(source, 0.0) + ", "", "is used twice; add what arrives"),
    (
        "backward_by_counting",
        "missing[source] == 0",
        "source not in ready",
        "until all that use it are done",
    ),
    ("backward_by_counting", "value.grad += ", "value.grad = ", "the second walk replaced"),
    ("backward_by_counting", "if not value.inputs:", "if True:", "only leaves keep a gradient"),
    ("backward_by_counting", "gradient * slope", "gradient", "hand on gradient * slope"),
    (
        "backward_by_age",
        "(-source.born, source)",
        "(source.born, source)",
        "until all that use it are done",
    ),
    ("backward_by_age", "if source not in arrived:", "if True:", "a value was served twice"),
    ("backward_by_age", "value.grad += ", "value.grad = ", "the second walk replaced"),
    ("backward_by_age", "not value.inputs", "False", "no gradient arrived"),
    ("step", "-= rate", "+= rate", "uphill"),
    ("step", "parameter.grad = 0.0", "pass", "add to the old gradient"),
    ("step", "rate * parameter.grad", "parameter.grad", "the rate is missing"),
    ("step", "parameter.data -= ", "parameter = parameter.data - ", "raised    AttributeError"),
]

TENSORS_AND_GRAPHS = [
    ("position", "steps * stride for", "steps for", "that is the sum of the index"),
    ("position", "strides, strict", "strides[::-1], strict", "belong to the axes in order"),
    (
        "broadcast_shape",
        "(rank - len(b)) + tuple(b)",
        "0 + tuple(b) + (1,) * (rank - len(b))",
        "these do fit: align on the right",
    ),
    ("broadcast_shape", "raise ValueError", "str", "neither is 1: raise ValueError"),
    ("broadcast_shape", "n if m == 1 else m", "m", "in the second shape is stretched as well"),
    ("unbroadcast", ", keepdim=True", "", "the axis of size 1 is gone: use keepdim=True"),
    ("unbroadcast", "gradient.sum(0)", "gradient.mean(0)", "that is the mean"),
    ("unbroadcast", "gradient.sum(0)", "gradient[0]", "that is the first row"),
    ("unbroadcast", "if size == 1", "if False", "an axis of size 1 has been stretched"),
    ("unbroadcast", "gradient.sum(axis", "gradient.sum(0", "sum the axis of size 1 and keep it"),
    ("find_leaves", "node is None or node in seen", "node is None", "listed once for each path"),
    ("find_leaves", "append(node.variable)", "append(node)", "not the nodes"),
    ("find_leaves", "node is None or", "", "raised    AttributeError: 'NoneType'"),
    ("find_leaves", "return leaves", "leaves.sort", "return the list of leaves"),
    ("formula", ".mean()", ".sum()", "line 1 is SumBackward0, but should be MeanBackward0"),
    ("formula", "w * x + b - y", "w * x - y + b", "line 3 is AddBackward0, but should be Sub"),
    ("formula", "w * x + b - y", "w * y + b - x", "try x and y swapped"),
    ("formula", "** 2", "** 4", "the power is 2"),
    ("fit", "w.grad = b.grad = None", "pass", "old gradients are still in .grad"),
    ("fit", "w -= rate * w.grad", "w = w - rate * w.grad", "move the leaf with `w -= ...`"),
    ("fit", "w -= rate * w.grad", "w = w - rate * w.grad", "move the leaf with `w -= ...`"),
    (
        "fit",
        "w -= rate * w.grad\n            b -= rate * b.grad",
        "w, b = w - rate * w.grad, b - rate * b.grad",
        "`w = w - ...` is a new tensor",
    ),
    ("fit", "with minigrad.no_grad():", "if True:", "inside `with minigrad.no_grad():`"),
    ("fit", "-= rate", "+= rate", "uphill"),
    (
        "fit",
        "loss.backward()\n        with minigrad.no_grad():",
        "with minigrad.no_grad():\n            ((w * x + b - y) ** 2).mean().backward()",
        "only the moving belongs inside no_grad",
    ),
    ("centred", ".detach()", "", "the gradient also flows through the mean"),
    ("centred", "x - x.mean().detach()", "(x - x.mean()).detach()", "cut off the mean only"),
    ("centred", "x - x.mean().detach()", "x.detach() - x.mean()", "the wrong half was cut"),
    ("numerical_gradient", "f(x - nudge)).item() / (2 * h)", "f(x)).item() / h", "one side only"),
    ("numerical_gradient", "/ (2 * h)", "/ h", "twice too much"),
    ("numerical_gradient", "slopes, dtype=x.dtype", "slopes", "in float32 too few digits"),
    ("numerical_gradient", ".reshape(x.shape)\n    # end", "\n    # end", "but in one row"),
    ("numerical_gradient", "h * row.reshape(x.shape)", "h", "all entries were nudged at once"),
    ("Hypot", "gradient * x / length, gradient * y", "x / length, y", "the slope alone"),
    ("Hypot", "x / length, gradient * y", "y / length, gradient * x", "gradients are swapped"),
    ("Hypot", ", gradient * y / length", "", "backward returns two gradients"),
    ("repaired", "y = y + 1.0", "y += 1.0", "something still writes into it"),
    ("repaired", "y = y + 1.0", "y = y.detach() + 1.0", "the result lost its past"),
    ("repaired", "y = y + 1.0", "", "the + 1 is missing"),
]


def cases(table):
    return pytest.mark.parametrize(
        ("name", "right", "wrong", "words"), table, ids=[f"{row[0]}: {row[3]}" for row in table]
    )


def check_wrong_answer(lesson, name, right, wrong, words):
    source = lesson.solutions[name]
    assert right in source
    said, returned, check = lesson.feedback(name, source.replace(right, wrong))
    assert f"{name.lower()}: not yet." in said
    assert words in said
    assert returned is check.reference


@cases(SCALAR_TAPE)
def test_scalar_tape(lessons, name, right, wrong, words):
    check_wrong_answer(lessons["scalar_tape"], name, right, wrong, words)


@cases(TENSORS_AND_GRAPHS)
def test_tensors_and_graphs(lessons, name, right, wrong, words):
    check_wrong_answer(lessons["tensors_and_graphs"], name, right, wrong, words)


@pytest.mark.parametrize(
    ("table", "stem"),
    [(SCALAR_TAPE, "scalar_tape"), (TENSORS_AND_GRAPHS, "tensors_and_graphs")],
)
def test_each_exercise_has_two_wrong_answers_here(lessons, table, stem):
    tried = [row[0] for row in table]
    assert set(tried) == set(lessons[stem].solutions)
    assert all(tried.count(name) >= 2 for name in lessons[stem].solutions)


RECURSIVE = {
    "count_uses": """
def count_uses(output):
    uses = {}
    def visit(value):
        for source in value.inputs:
            uses[source] = uses.get(source, 0) + 1
            if uses[source] == 1:
                visit(source)
    visit(output)
    return uses
""",
    "backward_by_age": """
def backward_by_age(output):
    def push(value, gradient):
        if not value.inputs:
            value.grad += gradient
        for source, slope in zip(value.inputs, value.slopes):
            push(source, gradient * slope)
    push(output, 1.0)
""",
}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("count_uses", "too many calls inside calls"),
        ("backward_by_age", "2**30 paths but few values"),
    ],
)
def test_a_walk_that_calls_itself_is_told_so_at_once(lessons, name, words):
    said, _, _ = lessons["scalar_tape"].feedback(name, RECURSIVE[name])
    assert words in said


def test_the_line_of_the_students_own_error_is_shown(tmp_path, lessons):
    script = tmp_path / "answer.py"
    script.write_text("def step(parameters, rate):\n    parameters.oops\n", encoding="utf-8")
    source = compile(script.read_text(encoding="utf-8"), str(script), "exec")
    said, _, _ = lessons["scalar_tape"].feedback("step", source)
    assert "raised    AttributeError: 'list' object has no attribute 'oops'" in said
    assert "line 2 of the cell, in step: parameters.oops" in said


def test_every_reference_passes_its_own_check(lessons):
    for lesson in lessons.values():
        for name in lesson.solutions:
            check = lesson.namespace[f"check_{name.lower()}"]
            # `type(a)(...)` stands for the lesson's Value, which a reference cannot name.
            assert check(check.reference) is check.reference
            assert build.defined_names(lesson.solutions[name])[0] == name
