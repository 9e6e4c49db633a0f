"""Checks of the lesson `scalar_tape`, and the references with which it goes on.

The walks are checked on values that count how often their inputs are looked at: a walk that is
exponential is told so after a few hundred looks instead of keeping the student waiting.
"""

import heapq
import itertools
import math

from checks.feedback import NotYet, exercise, expect

births = itertools.count()


class Probe:
    """Looks like the lesson's Value, and stops a walk that looks at it far too often."""

    looks = 0
    allowed = math.inf

    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.grad, self.slopes = data, 0.0, slopes
        self.born = next(births)
        self._inputs = inputs

    @property
    def inputs(self):
        Probe.looks += 1
        if Probe.looks > Probe.allowed:
            raise NotYet(
                f"stopped   after {Probe.looks} looks at inputs: values are visited again and again"
                "\nhint      30 diamonds have 2**30 paths but few values; each needs one visit, "
                "and should wait for it until all that use it are done"
            )
        return self._inputs

    def __repr__(self):
        return f"Value({self.data:.4g})"


# Python's own messages name the class of an operand: they should use the name that students know.
Probe.__name__ = "Value"


def allow(looks):
    """Start counting looks afresh."""
    Probe.looks, Probe.allowed = 0, looks


def plus(a, b):
    return Probe(a.data + b.data, (a, b), (1.0, 1.0))


def product(a, b):
    return Probe(a.data * b.data, (a, b), (b.data, a.data))


def ladder(levels):
    """A stack of diamonds: bottom and top."""
    bottom = top = Probe(1.0)
    for _ in range(levels):
        top = plus(top, top)
    return bottom, top


def skewed_ladder(levels):
    """Each level is used at two depths, so that whoever does not wait meets it twice."""
    bottom = top = Probe(1.0)
    for level in range(levels):
        detour = product(top, Probe(1.0))
        top = plus(top, detour) if level % 2 else plus(detour, top)
    return bottom, top


def chain(length):
    """A long row of additions without a fork: first and last."""
    first = last = Probe(0.0)
    one = Probe(1.0)
    for _ in range(length):
        last = plus(last, one)
    return first, last


# slope


def measured_slope(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


@exercise(reference=measured_slope)
def check_slope(slope):
    h = 1e-5
    one_sided = ((2 + h) ** 3 - 8) / h
    mistakes = [
        (one_sided, "close, but you step to one side only, so the bend of the curve shows"),
        (24.0, "exactly twice too much: the two inputs are 2*h apart, not h"),
        (6.0, "exactly half: divide by 2*h once, not twice"),
        (-12.0, "right size, wrong sign: what lies to the right minus what lies to the left"),
        (12.0 * 2 * h, "the outcomes are compared, but not yet divided by 2*h"),
        (12.0 * h * h, "(...) / 2 * h divides by 2 and then multiplies by h; write / (2 * h)"),
    ]
    hint = "(f to the right - f to the left) / (2 * h)"
    got = slope(lambda x: x**3, 2.0)
    expect("slope(lambda x: x**3, 2.0)", got, 12.0, hint, mistakes, tolerance=1e-7)
    got = slope(lambda x: x * x, 1.0, h=0.5)
    expect("slope(lambda x: x*x, 1.0, h=0.5)", got, 2.0, "use the h that is passed in")


# multiply and tanh


def multiplied(a, b):
    return type(a)(a.data * b.data, inputs=(a, b), slopes=(b.data, a.data))


def check_note(call, out, data, sources):
    """What both operations owe: a Value with the right number and the right inputs."""
    if out is None:
        raise NotYet(f"given     {call}\ngot       None\nhint      return the new Value")
    if isinstance(out, (int, float)):
        raise NotYet(
            f"given     {call}\ngot       the plain number {out}\n"
            "hint      wrap it: Value(number, inputs=..., slopes=...)"
        )
    expect(f"{call}.data", out.data, data, "compute with the .data of the inputs")
    hint = "note the Values that went in, in order, as a tuple"
    expect(f"len({call}.inputs)", len(out.inputs), len(sources), hint)
    same_values = [mine is theirs for mine, theirs in zip(out.inputs, sources, strict=True)]
    expect(
        f"are the inputs of {call} the very Values passed in?", same_values, [True] * len(sources)
    )


NOTE_HINTS = {
    "operand": "inputs are Values; the number of the Value a is a.data",
    "must be real number": "x is a Value; its number is x.data",
    "has no len()": "inputs is a tuple, also of a single Value: (x,)",
}


@exercise(reference=multiplied, hints=NOTE_HINTS)
def check_multiply(multiply):
    a, b = Probe(3.0), Probe(4.0)
    out = multiply(a, b)
    call = "multiply(Value(3.0), Value(4.0))"
    check_note(call, out, 12.0, (a, b))
    mistakes = [
        ((3.0, 4.0), "swapped: when a moves by 1, a * b moves by b"),
        ((1.0, 1.0), "those are the slopes of a sum; a product moves by the *other* input"),
        ((12.0, 12.0), "that is the product itself; move only a by 1: 4 * 4 instead of 3 * 4"),
    ]
    hint = "how much more is (a + 1) * b than a * b?"
    expect(f"{call}.slopes", out.slopes, (4.0, 3.0), hint, mistakes)


def squashed(x):
    result = math.tanh(x.data)
    return type(x)(result, inputs=(x,), slopes=(1.0 - result * result,))


@exercise(reference=squashed, hints=NOTE_HINTS)
def check_tanh(tanh):
    x = Probe(0.5)
    out = tanh(x)
    call = "tanh(Value(0.5))"
    result = math.tanh(0.5)
    check_note(call, out, result, (x,))
    if isinstance(out.slopes, float):
        raise NotYet(
            f"given     {call}.slopes\ngot       a plain number\n"
            "hint      slopes is a tuple, one slope an input; a tuple of one is written (s,)"
        )
    mistakes = [
        ((1 - 0.25,), "you squared the input; the formula squares the result"),
        ((1 - result,), "the formula squares the result: 1 - result * result"),
        ((result,), "that is the result itself"),
        ((1 - math.tanh(result) ** 2,), "tanh was taken twice: the result already is a tanh"),
    ]
    hint = "1 - result * result"
    expect(f"{call}.slopes", out.slopes, (1 - result**2,), hint, mistakes)


# sum_over_paths


def summed_over_paths(output, leaf):
    if output is leaf:
        return 1.0
    steps = zip(output.inputs, output.slopes, strict=True)
    return sum(slope * summed_over_paths(source, leaf) for source, slope in steps)


@exercise(reference=summed_over_paths)
def check_sum_over_paths(sum_over_paths):
    allow(10_000)
    x, two = Probe(3.0), Probe(2.0)
    expect("sum_over_paths(x, x)", sum_over_paths(x, x), 1.0, "x moves itself by 1")
    expect("sum_over_paths(x, two), unrelated", sum_over_paths(x, two), 0, "no path, so 0")
    mistakes = [
        (1.0, "you do not multiply by the slopes yet"),
        (2.0, "the slope of the last step is missing"),
        (3.0, "only the slope of the last step is in it"),
        (5.0, "along a path slopes multiply: 2 * 3; it is across paths that they add"),
    ]
    y = product(product(x, two), Probe(3.0))
    hint = "slope of the step, times the answer of the input"
    expect("y = x * 2 * 3 at x = 3", sum_over_paths(y, x), 6.0, hint, mistakes)
    mistakes = [
        (3.0, "that is one of the two paths; x reaches x * x twice"),
        (9.0, "across paths products add up, they do not multiply"),
        (1.0, "that looks like one path whose slope was left out"),
    ]
    hint = "two paths, each with the slope 3; add them"
    expect("y = x * x at x = 3", sum_over_paths(product(x, x), x), 6.0, hint, mistakes)
    h = plus(x, x)
    y = plus(h, product(h, h))
    expect("h = x + x; y = h + h * h at x = 3", sum_over_paths(y, x), 26.0, "x -> h: 2, h -> y: 13")


# count_uses


def counted_uses(output):
    uses = {}
    waiting = [output]
    while waiting:
        for source in waiting.pop().inputs:
            if source not in uses:
                waiting.append(source)
            uses[source] = uses.get(source, 0) + 1
    return uses


@exercise(reference=counted_uses)
def check_count_uses(count_uses):
    allow(10_000)
    x = Probe(3.0)
    uses = count_uses(plus(x, x))
    if not isinstance(uses, dict):
        raise NotYet(f"given     count_uses(x + x)\ngot       {uses!r}\nhint      return a dict")
    mistakes = [
        (1, "x occurs twice among the inputs of x + x: count both"),
        (None, "x is not in your dict"),
        (4, "each use was counted twice"),
    ]
    expect("count_uses(x + x)[x]", uses.get(x), 2, "count every occurrence", mistakes)
    h = plus(x, x)
    square = product(h, h)
    y = plus(h, square)
    uses = count_uses(y)
    mistakes = [
        (4, "uses are counted again each time a value is reached; look at its inputs only once"),
        (6, "uses are counted again each time a value is reached; look at its inputs only once"),
        (1, "count every use, also when the value has been seen before"),
    ]
    expect("h = x + x; y = h + h * h: uses of x", uses.get(x), 2, "", mistakes)
    expect("h = x + x; y = h + h * h: uses of h", uses.get(h), 3, "one in h + ..., two in h * h")
    expect(
        "the same graph: number of values in the dict without y",
        len(uses.keys() - {y}),
        3,
        "every value below the output: h * h, h and x",
    )
    allow(2_000)
    bottom, top = ladder(30)
    uses = count_uses(top)
    expect("a ladder of 30 diamonds: uses of the bottom", uses.get(bottom), 2)
    allow(100_000)
    first, last = chain(5_000)
    expect("a chain of 5,000 additions: uses of the first", count_uses(last).get(first), 1)


# the two walks, and the step


def backward_youngest_first(output):
    arrived = {output: 1.0}
    heap = [(-output.born, output)]
    while heap:
        _, value = heapq.heappop(heap)
        gradient = arrived.pop(value)
        if not value.inputs:
            value.grad += gradient
        for source, slope in zip(value.inputs, value.slopes, strict=True):
            if source not in arrived:
                heapq.heappush(heap, (-source.born, source))
                arrived[source] = 0.0
            arrived[source] += gradient * slope


def check_walk(backward):
    """What is asked of any backward walk, from the simplest graph to the treacherous ones."""
    allow(100_000)
    x, w = Probe(3.0), Probe(5.0)
    y = product(x, w)
    backward(y)
    mistakes = [
        (0.0, "no gradient arrived: hand on, then add to .grad at values without inputs"),
        (1.0, "the gradient arrived without its slope: hand on gradient * slope"),
        (3.0, "that is the slope of the other input; zip inputs and slopes together"),
    ]
    expect("y = x * w at x = 3, w = 5: x.grad", x.grad, 5.0, "gradient * slope", mistakes)
    expect("y = x * w at x = 3, w = 5: w.grad", w.grad, 3.0, "serve every input, not only one")
    x = Probe(3.0)
    backward(product(x, x))
    mistakes = [
        (3.0, "x is used twice; add what arrives (+=), do not replace it"),
        (12.0, "x was served twice: let it wait only once, and take out what has `arrived` for it"),
    ]
    expect("y = x * x at x = 3: x.grad", x.grad, 6.0, "add up both uses", mistakes)
    check_walk_that_waits(backward)
    check_walk_again(backward)
    check_large_walks(backward)


def check_walk_that_waits(backward):
    x = Probe(3.0)
    h = plus(x, x)
    backward(plus(h, product(h, h)))
    mistakes = [
        (2.0, "h handed on before all of its three uses had handed in: it should wait"),
        (24.0, "h handed on only what came through h * h"),
        (12.0, "h handed on only a part of what it should have collected"),
        (13.0, "h collected 13, but x is used twice in x + x"),
        (28.0, "h handed on twice: some of its gradient arrived at x two times"),
        (40.0, "h handed on more than once; take what has arrived out of `arrived` when you do"),
    ]
    hint = "h should wait until it has collected 1 + 12 = 13, then hand on 13 + 13"
    expect("h = x + x; y = h + h * h at x = 3: x.grad", x.grad, 26.0, hint, mistakes)
    x = Probe(2.0)
    early = product(x, x)
    late = product(plus(x, early), Probe(1.0))
    backward(plus(product(early, late), late))
    hint = "a value that is used at two depths should wait for the deeper use as well"
    expect("u = x*x; v = x + u; y = u*v + v at x = 2: x.grad", x.grad, 49.0, hint)


def check_walk_again(backward):
    x = Probe(3.0)
    h = plus(x, x)
    y = plus(h, product(h, h))
    backward(y)
    expect("after a walk from y: h.grad", h.grad, 0.0, "h has inputs; only leaves keep a gradient")
    backward(y)
    mistakes = [(26.0, "the second walk replaced the first; add to .grad with +=")]
    hint = "52 is twice 26; more means that leftovers of the first walk were used again"
    expect("two walks from the same y: x.grad", x.grad, 52.0, hint, mistakes)


def check_large_walks(backward):
    allow(2_000)
    bottom, top = ladder(30)
    backward(top)
    expect("a ladder of 30 diamonds: bottom.grad", bottom.grad, 2.0**30, "each level doubles")
    bottom, top = skewed_ladder(30)
    backward(top)
    expect("30 levels of v = v + v * 1: bottom.grad", bottom.grad, 2.0**30, "each level doubles")
    allow(100_000)
    first, last = chain(5_000)
    backward(last)
    expect("a chain of 5,000 additions: first.grad", first.grad, 1.0)


WALK_HINTS = {
    "KeyError": "a value was served twice, or before anything arrived: it may wait only once",
}


@exercise(reference=backward_youngest_first, hints=WALK_HINTS)
def check_backward_by_counting(backward_by_counting):
    check_walk(backward_by_counting)


@exercise(reference=backward_youngest_first, hints=WALK_HINTS)
def check_backward_by_age(backward_by_age):
    check_walk(backward_by_age)


def stepped(parameters, rate):
    for parameter in parameters:
        parameter.data -= rate * parameter.grad
        parameter.grad = 0.0


@exercise(reference=stepped)
def check_step(step):
    parameters = [Probe(1.0), Probe(-2.0)]
    parameters[0].grad, parameters[1].grad = 0.5, -4.0
    step(parameters, 0.1)
    mistakes = [
        ([1.05, -2.4], "uphill: the gradient points up, so subtract it"),
        ([0.5, 2.0], "the rate is missing"),
        ([1.0, -2.0], "nothing moved: change each parameter's .data in place"),
        ([0.95, -2.0], "only the first one moved"),
    ]
    data = [parameter.data for parameter in parameters]
    given = "data 1 and -2 with grad 0.5 and -4, rate 0.1: the new data"
    expect(given, data, [0.95, -1.6], "data - rate * grad", mistakes)
    grads = [parameter.grad for parameter in parameters]
    hint = "clear it, or the next walk will add to the old gradient"
    expect("the same step: the grad that is left", grads, [0.0, 0.0], hint)
