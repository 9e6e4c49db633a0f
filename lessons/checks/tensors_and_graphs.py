"""Checks of the lesson `tensors_and_graphs`, and the references with which it goes on."""

import math

import minigrad
from checks.feedback import NotYet, exercise, expect, expect_error

TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


# position


def positioned(index, strides):
    return sum(steps * stride for steps, stride in zip(index, strides, strict=True))


@exercise(reference=positioned)
def check_position(position):
    mistakes = [
        (3, "that is the sum of the index; each step jumps over `stride` numbers"),
        (7, "the strides belong to the axes in order: 1 step of 3, 2 steps of 1"),
        (6, "the steps of the axes add up, they do not multiply"),
    ]
    hint = "1 * 3 + 2 * 1"
    expect("position((1, 2), (3, 1))", position((1, 2), (3, 1)), 5, hint, mistakes)
    got = position((1, 2, 3), (100, 0, 7))
    expect("position((1, 2, 3), (100, 0, 7))", got, 121, "any number of axes, any strides")
    expect("position((), ()), a single number", position((), ()), 0, "no axis, nothing to jump")


# broadcasting


def stretched_shape(a, b):
    rank = max(len(a), len(b))
    a = (1,) * (rank - len(a)) + tuple(a)
    b = (1,) * (rank - len(b)) + tuple(b)
    sizes = []
    for m, n in zip(a, b, strict=True):
        if m != n and 1 not in (m, n):
            raise ValueError(f"sizes {m} and {n} do not fit")
        sizes.append(n if m == 1 else m)
    return tuple(sizes)


@exercise(reference=stretched_shape)
def check_broadcast_shape(broadcast_shape):
    cases = [
        ((2, 3), (2, 3), (2, 3), "equal shapes stay as they are", []),
        (
            (4, 1),
            (1, 3),
            (4, 3),
            "a 1 on either side is stretched",
            [((4, 1), "a 1 in the second shape is stretched as well")],
        ),
        ((2, 5), (5,), (2, 5), "align on the right", [((5, 5), "align on the right, not left")]),
        ((5,), (2, 5), (2, 5), "the shorter shape may come first", []),
        ((5, 1, 6), (7, 1), (5, 7, 6), "align on the right, then size by size", []),
        ((), (2, 3), (2, 3), "a single number has no axes and fits everything", []),
    ]
    for a, b, expected, hint, mistakes in cases:
        try:
            got = broadcast_shape(a, b)
        except ValueError as error:
            got, hint = f"ValueError: {error}", f"these do fit: {hint}"
        expect(f"broadcast_shape({a}, {b})", got, expected, hint, mistakes)
    hint = "3 and 2 differ and neither is 1: raise ValueError"
    expect_error(
        "broadcast_shape((2, 3), (2,))", lambda: broadcast_shape((2, 3), (2,)), ValueError, hint
    )
    hint = "2 does not go into 4, only 1 is stretched: raise ValueError"
    expect_error(
        "broadcast_shape((4,), (2,))", lambda: broadcast_shape((4,), (2,)), ValueError, hint
    )


def summed_back(gradient, shape):
    while gradient.dim() > len(shape):
        gradient = gradient.sum(0)
    for axis, size in enumerate(shape):
        if size == 1:
            gradient = gradient.sum(axis, keepdim=True)
    return gradient


@exercise(reference=summed_back)
def check_unbroadcast(unbroadcast):
    gradient = minigrad.tensor(TABLE)
    cases = [
        ((2, 3), TABLE, "nothing was stretched, so nothing is summed", []),
        (
            (3,),
            [5.0, 7.0, 9.0],
            "sum away the axis that was missing: gradient.sum(0)",
            [
                ([2.5, 3.5, 4.5], "that is the mean; each of the two uses counts in full"),
                (
                    [1.0, 2.0, 3.0],
                    "that is the first row; the second use of the row counts as well",
                ),
                (
                    [6.0, 15.0],
                    "summed along the wrong axis: what was missing is on the left, axis 0",
                ),
                ([[5.0, 7.0, 9.0]], "the missing axis has to disappear: no keepdim here"),
                (TABLE, "nothing was summed; the axis on the left was missing in the shape"),
            ],
        ),
        (
            (1, 3),
            [[5.0, 7.0, 9.0]],
            "sum the axis of size 1 and keep it",
            [
                (
                    [5.0, 7.0, 9.0],
                    "right numbers, but the axis of size 1 is gone: use keepdim=True",
                ),
                (TABLE, "nothing was summed; an axis of size 1 has been stretched"),
            ],
        ),
        (
            (2, 1),
            [[6.0], [15.0]],
            "sum the axis of size 1 and keep it",
            [
                ([6.0, 15.0], "right numbers, but the axis of size 1 is gone: use keepdim=True"),
                ([[21.0], [21.0]], "only the stretched axis is summed, not all of them"),
            ],
        ),
        ((1, 1), [[21.0]], "both axes were stretched", []),
        ((), 21.0, "a single number was used six times", []),
        ((1,), [21.0], "one axis was missing and the other had size 1: both cases at once", []),
    ]
    for shape, expected, hint, mistakes in cases:
        given = f"unbroadcast({TABLE}, {shape})"
        expect(given, unbroadcast(gradient, shape), expected, hint, mistakes)
    got = unbroadcast(minigrad.ones(4, 2, 3), (2, 1))
    expect("unbroadcast(ones of shape (4, 2, 3), (2, 1))", got, [[12.0], [12.0]], "4 * 3 uses each")


# reading graphs


class CountingNode:
    """Looks like a node of the graph, and stops a walk that looks at it far too often."""

    looks = 0

    def __init__(self, *sources):
        self.sources = sources

    @property
    def next_functions(self):
        CountingNode.looks += 1
        if CountingNode.looks > 2_000:
            raise NotYet(
                "given     a ladder of 30 diamonds\nstopped   after 2,000 looks at next_functions\n"
                "hint      a node that has been seen must not be walked through again"
            )
        return tuple((source, 0) for source in self.sources)

    def name(self):
        return type(self).__name__


class AccumulateGrad(CountingNode):
    """The end of a road; `variable` is whatever stands for the leaf."""

    def __init__(self, variable):
        super().__init__()
        self.variable = variable


class Outcome:
    """Looks like a tensor, as far as a walk can see."""

    def __init__(self, grad_fn):
        self.grad_fn = grad_fn


def collected_leaves(loss):
    leaves, seen, waiting = [], set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        waiting.extend(source for source, _ in node.next_functions)
    return leaves


@exercise(reference=collected_leaves)
def check_find_leaves(find_leaves):
    w = minigrad.tensor([1.0, 2.0], requires_grad=True)
    b = minigrad.tensor(0.5, requires_grad=True)
    x = minigrad.tensor([3.0, 4.0])
    names = {id(w): "w", id(b): "b", id(x): "x"}

    def found(loss):
        leaves = find_leaves(loss)
        if leaves is None:
            raise NotYet("got       None\nhint      return the list of leaves")
        return sorted(names.get(id(leaf), "something else") for leaf in leaves)

    mistakes = [
        ([], "nothing found: leaves are the .variable of the AccumulateGrad nodes"),
        (["something else"] * 2, "return the tensors (node.variable), not the nodes"),
        (["w"], "only the first road was walked; follow every entry of next_functions"),
        (["b"], "only the last road was walked; follow every entry of next_functions"),
    ]
    hint = "the variable of each AccumulateGrad"
    expect(
        "loss = (w * x + b).sum(): the leaves", found((w * x + b).sum()), ["b", "w"], hint, mistakes
    )
    mistakes = [(["w", "w"], "w is listed once for each path; remember which nodes you have seen")]
    expect("loss = (w * w).sum(): the leaves", found((w * w).sum()), ["w"], hint, mistakes)
    check_large_graphs(find_leaves)


def check_large_graphs(find_leaves):
    CountingNode.looks = 0
    node = AccumulateGrad("bottom")
    for _ in range(30):
        node = CountingNode(node, node)
    expect("a ladder of 30 diamonds: the leaves", list(find_leaves(Outcome(node))), ["bottom"])
    CountingNode.looks = -10_000
    node = AccumulateGrad("first")
    for _ in range(5_000):
        node = CountingNode(node, None)
    expect("a chain of 5,000 nodes: the leaves", list(find_leaves(Outcome(node))), ["first"])


def mean_squares(w, b, x, y):
    return ((w * x + b - y) ** 2).mean()


def outline(node, names, depth=0):
    """A graph as indented lines, as the lesson's print_graph prints it."""
    if node is None:
        return ["    " * depth + "-"]
    leaf = f" {names.get(id(node.variable), '?')}" if hasattr(node, "variable") else ""
    lines = ["    " * depth + node.name().rpartition("::")[2] + leaf]
    for source, _ in node.next_functions:
        lines.extend(outline(source, names, depth + 1))
    return lines


@exercise(reference=mean_squares)
def check_formula(formula):
    w = minigrad.tensor(2.0, requires_grad=True)
    b = minigrad.tensor(0.5, requires_grad=True)
    x, y = minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 5.0])
    names = {id(w): "w", id(b): "b"}
    result = formula(w, b, x, y)
    if getattr(result, "grad_fn", None) is None:
        raise NotYet(f"got       {result!r}\nhint      return a tensor computed from w and b")
    wanted = outline(mean_squares(w, b, x, y).grad_fn, names)
    drawn = outline(result.grad_fn, names)
    if drawn != wanted:
        raise NotYet(compare_outlines(drawn, wanted))
    mistakes = [
        (((2 * 1 + 0.5 - 1) ** 4 + (2 * 2 + 0.5 - 5) ** 4) / 2, "the power is 2"),
        (((2 * 1 + 0.5 - 1) ** 2 + (2 * 5 + 0.5 - 2) ** 2) / 2, "right graph; try x and y swapped"),
    ]
    given = "w = 2, b = 0.5, x = [1, 2], y = [1, 5]: the result"
    expect(given, result, 1.25, "the graph is right, the numbers are not", mistakes)


def compare_outlines(drawn, wanted):
    """Both outlines, with the first line that differs."""
    pairs = zip(drawn, wanted, strict=False)
    same_lines = [mine == theirs for mine, theirs in pairs]
    first = same_lines.index(False) if False in same_lines else min(len(drawn), len(wanted))
    mine = drawn[first].strip() if first < len(drawn) else "nothing"
    theirs = wanted[first].strip() if first < len(wanted) else "nothing"
    shown = "\n".join("          " + line for line in drawn)
    return (
        f"expected  the listing in the text\ngot\n{shown}\n"
        f"hint      line {first + 1} is {mine}, but should be {theirs}"
    )


# training


def fitted(x, y, steps, rate):
    w = minigrad.tensor(0.0, requires_grad=True)
    b = minigrad.tensor(0.0, requires_grad=True)
    for _ in range(steps):
        ((w * x + b - y) ** 2).mean().backward()
        with minigrad.no_grad():
            w -= rate * w.grad
            b -= rate * b.grad
        w.grad = b.grad = None
    return w, b


def descend(x, y, steps, rate, clear=True):
    """The same in plain numbers, so that the outcome of typical mistakes is known as well."""
    w = b = w_grad = b_grad = 0.0
    for _ in range(steps):
        errors = [w * xi + b - yi for xi, yi in zip(x, y, strict=True)]
        w_grad = w_grad * (not clear) + 2 * sum(
            e * xi for e, xi in zip(errors, x, strict=True)
        ) / len(x)
        b_grad = b_grad * (not clear) + 2 * sum(errors) / len(x)
        w, b = w - rate * w_grad, b - rate * b_grad
    return w, b


FIT_HINTS = {
    "NoneType": "a .grad is None: `w = w - ...` makes a new tensor; move the leaf with `w -= ...`",
    "leaf Variable": "move the weights inside `with minigrad.no_grad():`",
    "require grad": (
        "only the moving belongs inside no_grad, loss and backward stay outside; and move with "
        "`w -= ...`: `w = w - ...` is a new tensor, which no_grad keeps from requiring a gradient"
    ),
}


@exercise(reference=fitted, hints=FIT_HINTS)
def check_fit(fit):
    x, y = [0.0, 1.0, 2.0], [1.0, 3.0, 5.0]

    def found(steps):
        w, b = fit(minigrad.tensor(x), minigrad.tensor(y), steps, 0.1)
        return [w.item(), b.item()]

    up = descend(x, y, 1, -0.1)
    mistakes = [
        ((0.0, 0.0), "nothing moved: w -= rate * w.grad"),
        (up, "uphill: the gradient points up, so subtract it"),
        (descend(x, y, 1, 1.0), "the rate is missing"),
    ]
    given = "fit(x=[0, 1, 2], y=[1, 3, 5], rate=0.1), w and b after "
    expect(given + "1 step", found(1), descend(x, y, 1, 0.1), "w -= rate * w.grad", mistakes, 1e-4)
    piled = (descend(x, y, 3, 0.1, clear=False), "old gradients are still in .grad: clear both")
    hint = "each turn: backward, move, clear"
    expect(given + "3 steps", found(3), descend(x, y, 3, 0.1), hint, [piled], 1e-4)
    expect(given + "200 steps", found(200), descend(x, y, 200, 0.1), hint, (), 1e-3)


def centred_values(x):
    return x - x.mean().detach()


CENTRED_HINTS = {
    "require grad": "the result has no past at all: cut off the mean only, and outside no_grad",
}


@exercise(reference=centred_values, hints=CENTRED_HINTS)
def check_centred(centred):
    x = minigrad.tensor([1.0, 2.0, 6.0], requires_grad=True)
    result = centred(x)
    expect("centred([1, 2, 6])", result, [-2.0, -1.0, 3.0], "x - mean of x")
    (result * minigrad.tensor([1.0, 10.0, 100.0])).sum().backward()
    if x.grad is None:
        raise NotYet(
            "given     backward through centred(x)\ngot       x.grad is None\n"
            "hint      x itself must keep its past; detach the mean only"
        )
    mistakes = [
        ([-36.0, -27.0, 63.0], "the gradient also flows through the mean; detach it"),
        ([-37.0, -37.0, -37.0], "the wrong half was cut: x keeps its past, the mean loses it"),
    ]
    given = "gradient of 1*r[0] + 10*r[1] + 100*r[2] for r = centred(x)"
    expect(given, x.grad, [1.0, 10.0, 100.0], "each entry moves only itself", mistakes, 1e-4)


# own derivatives


def nudged(f, x, h=1e-5):
    slopes = []
    for row in minigrad.eye(x.numel(), dtype=x.dtype):
        nudge = h * row.reshape(x.shape)
        slopes.append((f(x + nudge) - f(x - nudge)).item() / (2 * h))
    return minigrad.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@exercise(reference=nudged)
def check_numerical_gradient(numerical_gradient):
    x = minigrad.tensor([1.0, 2.0], dtype=minigrad.float64)
    h = 1e-3
    got = numerical_gradient(lambda v: (v * v * v).sum(), x, h)
    mistakes = [
        ([(((n + h) ** 3) - n**3) / h for n in (1.0, 2.0)], "one side only: nudge up *and* down"),
        ([6.0 + 2 * h * h, 24.0 + 2 * h * h], "exactly twice too much: divide by 2 * h"),
        ([15.0 + 2 * h * h] * 2, "all entries were nudged at once: one at a time, please"),
    ]
    expected = [3.0 + h * h, 12.0 + h * h]
    given = "numerical_gradient(lambda v: (v**3).sum(), [1, 2], h=0.001)"
    hint = "return a tensor with dtype=x.dtype; in float32 too few digits are left"
    expect(f"{given}: the dtype", str(getattr(got, "dtype", None)), str(x.dtype), hint)
    hint = "(f(up) - f(down)) / (2 * h), entry by entry"
    expect(given, got, expected, hint, mistakes, tolerance=1e-8)
    expect("x afterwards", x, [1.0, 2.0], "x itself was changed: nudge a new tensor, x + ...")
    table = minigrad.tensor(TABLE, dtype=minigrad.float64)
    got = numerical_gradient(lambda v: (v * table).sum(), table)
    mistakes = [(TABLE[0] + TABLE[1], "right numbers, but in one row: reshape to the shape of x")]
    given = f"the gradient of (v * table).sum(), table = {TABLE}"
    expect(given, got, TABLE, "entry by entry, in the shape of x", mistakes)


class Hypot(minigrad.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        length = (x * x + y * y).sqrt()
        ctx.save_for_backward(x, y, length)
        return length

    @staticmethod
    def backward(ctx, gradient):
        x, y, length = ctx.saved_tensors
        return gradient * x / length, gradient * y / length


HYPOT_HINTS = {
    "number of gradients": "forward takes x and y, so backward returns two gradients: a, b",
}


@exercise(reference=Hypot, hints=HYPOT_HINTS)
def check_hypot(function):
    x = minigrad.tensor([3.0, 5.0], dtype=minigrad.float64, requires_grad=True)
    y = minigrad.tensor([4.0, 12.0], dtype=minigrad.float64, requires_grad=True)
    length = function.apply(x, y)
    expect("Hypot.apply([3, 5], [4, 12])", length, [5.0, 13.0], "forward was right: leave it")
    (length * minigrad.tensor([10.0, 100.0], dtype=minigrad.float64)).sum().backward()
    in_x, in_y = [30 / 5, 500 / 13], [40 / 5, 1200 / 13]
    mistakes = [
        ([3 / 5, 5 / 13], "the slope alone: multiply it by the gradient that came in"),
        (in_y, "the two gradients are swapped: first x, then y"),
        ([10.0, 100.0], "the gradient was passed on without the slope x / length"),
        ([30.0, 500.0], "gradient * x still has to be divided by length"),
    ]
    given = "length weighted with 10 and 100: "
    expect(given + "x.grad", x.grad, in_x, "gradient * x / length", mistakes)
    expect(given + "y.grad", y.grad, in_y, "gradient * y / length")


def harmless(x):
    return (x.exp() + 1.0).sum()


REPAIRED_HINTS = {
    "modified by an inplace operation": "exp saved its result, and something still writes into it",
    "require grad": "the result lost its past: no detach and no no_grad are needed here",
}


@exercise(reference=harmless, hints=REPAIRED_HINTS)
def check_repaired(repaired):
    x = minigrad.tensor([0.0, 1.0], requires_grad=True)
    loss = repaired(x)
    total = 3.0 + math.e
    mistakes = [(1.0 + math.e, "the + 1 is missing"), (2.0 + math.e, "add 1 to every entry")]
    hint = "the sum of exp(x) + 1"
    expect("repaired([0, 1])", loss, total, hint, mistakes, 1e-5)
    loss.backward()
    hint = "the gradient of exp is exp; the + 1 changes nothing"
    mistakes = [([2.0, math.e + 1.0], "that is the result, exp(x) + 1, taken for exp(x)")]
    expect("repaired([0, 1]).backward(): x.grad", x.grad, [1.0, math.e], hint, mistakes, 1e-5)
