# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A scalar tape in sixty lines
#
# A neural network is one long formula. Thousands of numbers go in, one number comes out: the
# loss, which says how wrong the network is. To train it you need the answer to a single question,
# asked of every number inside: **if I nudge this one a little, how much does the loss move?**
#
# Autograd answers all of these questions at once, in about the time it took to compute the loss.
# In this lesson you build it, on plain Python numbers, with nothing hidden. You will
#
# 1. measure derivatives by nudging (slow, but it cannot lie),
# 2. teach numbers to remember what they were computed from,
# 3. walk back through that memory, meet the small graph that breaks the obvious ways to do it,
#    and repair the walk twice: by counting, and by looking at ages,
# 4. train a network with it, and find the same gradients in minigrad.
#
# You need Python and the idea that a derivative is a slope. Every exercise has a check below it
# that tells you what it saw. Exercises do not depend on each other: where yours is not solved yet,
# the check hands a reference to the rest of the lesson.
#
# (minigrad compiles an operation when it is first used and keeps the result on disk. So some cells
# take a few seconds the very first time, and next to nothing ever after.)

# %%
import heapq
import itertools
import math
import random
import time

from checks.feedback import summary
from checks.scalar_tape import (
    check_backward_by_age,
    check_backward_by_counting,
    check_count_uses,
    check_multiply,
    check_slope,
    check_step,
    check_sum_over_paths,
    check_tanh,
)

import minigrad
import visualize

# %% [markdown]
# ## 1. Nudge and see
#
# Take any function of one number. Push its input a little to the right, then a little to the
# left, and see how far apart the two outcomes are. Divide by how far apart the inputs were. That
# is the slope, and no calculus was needed:
#
# $$\text{slope} \approx \frac{f(x + h) - f(x - h)}{2h}$$
#
# Why both sides? With a step to one side only, the curve's bend spoils the result by about $h$.
# On both sides the bend cancels, and what is left is about $h^2$: with $h = 0.00001$ that is five
# more correct digits for the same work.
#
# **Exercise: `slope`.** Write the formula down.


# %%
def slope(f, x, h=1e-5):
    """How much f moves for each unit that x moves, measured on both sides of x."""
    # solution: compare f a little to the right of x with f a little to the left
    return (f(x + h) - f(x - h)) / (2 * h)
    # end solution


# %%
measure = check_slope(slope)

# %% [markdown]
# `measure` is your function if the check is happy with it, and the reference if not. It will be
# the judge of everything that follows:

# %%
print("x*x at 3 moves by", round(measure(lambda x: x * x, 3.0), 6), "for each unit of x")
print("tanh at 0 moves by", round(measure(math.tanh, 0.0), 6))
print("tanh at 3 moves by", round(measure(math.tanh, 3.0), 6), "(it is nearly flat out there)")

# %% [markdown]
# So why is this not the end of the lesson? Each number that you ask about costs two runs of the
# whole formula. A network with a million weights would need two million runs for *one* step of
# training. We want all the slopes for the price of about one run more.

# %% [markdown]
# ## 2. Numbers that remember
#
# The trick is to look at one operation at a time. For a single `+` or `*` everybody knows how
# the result moves when an input moves. So let each number carry a note about the one operation
# that made it:
#
# - `inputs`: which numbers went in,
# - `slopes`: for each input, how much the result moves for each unit that this input moves.
#
# The chain of these notes is called the *tape* or the *graph*. It is written while the formula
# runs, one note an operation; nobody has to analyse the program.
#
# The last line gives every value a number when it is born. It looks idle now. Wait for part 6.

# %%
births = itertools.count()


class Value:
    """A number that remembers which numbers it was computed from."""

    def __init__(self, data, inputs=(), slopes=()):
        self.data = data
        self.grad = 0.0  # how much the final outcome moves for each unit that this value moves
        self.inputs = inputs
        self.slopes = slopes
        self.born = next(births)

    def __repr__(self):
        return f"Value({self.data:.4g}, grad={self.grad:.4g})"


# %% [markdown]
# Addition, as an example. Nudge either input of `a + b` by some amount and the sum moves by that
# same amount, so both slopes are 1:


# %%
def add(a, b):
    """a + b, with a note of where it came from."""
    return Value(a.data + b.data, inputs=(a, b), slopes=(1.0, 1.0))


total = add(Value(2.0), Value(5.0))
print(total, "came from", total.inputs, "with slopes", total.slopes)

# %% [markdown]
# **Exercise: `multiply`.** What does the product do when only `a` moves? Think of a rectangle with
# the sides `a` and `b`: make one side longer by a hair and look at the strip of area you gain.


# %%
def multiply(a, b):
    """a * b, with a note of where it came from."""
    # solution: return a Value with the product, its two inputs and its two slopes
    return Value(a.data * b.data, inputs=(a, b), slopes=(b.data, a.data))
    # end solution


# %%
times = check_multiply(multiply)

# %% [markdown]
# **Exercise: `tanh`.** The curve that squeezes every number into (-1, 1). Its slope is
# $1 - \tanh^2(x)$: steepest in the middle, flat at both ends. Notice what the formula asks for:
# the *result*, which you have just computed, rather than `x`.


# %%
def tanh(x):
    """The hyperbolic tangent of x, with a note of where it came from."""
    # solution: compute the result once and use it for the slope; there is one input, so one slope
    result = math.tanh(x.data)
    return Value(result, inputs=(x,), slopes=(1.0 - result * result,))
    # end solution


# %%
squash = check_tanh(tanh)

# %% [markdown]
# That is all the calculus in this lesson. The rest of arithmetic is made of these pieces: `-a`
# is `a * -1`, and `a - b` is `a + (-b)`. Python lets us say so once, and from here on formulas
# look like formulas:


# %%
def as_value(number):
    """Wrap a plain number, so that 2 * x works too."""
    return number if isinstance(number, Value) else Value(float(number))


Value.__add__ = lambda a, b: add(a, as_value(b))
Value.__mul__ = lambda a, b: times(a, as_value(b))
Value.__radd__ = Value.__add__
Value.__rmul__ = Value.__mul__
Value.__neg__ = lambda a: a * -1.0
Value.__sub__ = lambda a, b: a + (-as_value(b))
Value.tanh = lambda a: squash(a)

# %%
a, b = Value(0.5), Value(-3.0)
y = (a * b + a).tanh()


def print_tape(value, depth=0):
    """Print a value and, indented below it, what it was computed from."""
    print("    " * depth + f"{value.data:.4g}   slopes {[round(s, 4) for s in value.slopes]}")
    for source in value.inputs:
        print_tape(source, depth + 1)


print_tape(y)

# %% [markdown]
# Each line is a value; indented below it stands what it was computed from. The outcome is at the
# left edge, and `a`, which is 0.5, is there twice: the formula uses it twice.

# %% [markdown]
# ## 3. One path, many paths
#
# Follow a single chain: `x` moves `u` three times as much, `u` moves `y` twice as much, so `x`
# moves `y` six times as much. **Along a path, slopes multiply.**
#
# In the tape above `a` reaches `y` in two ways: through the product, and straight into the sum.
# Nudge `a` and both ways carry the nudge; what arrives is the sum of both. **Across paths, the
# products add up.**
#
# $$\frac{dy}{dx} = \sum_{\text{paths from } x \text{ to } y} \;
# \prod_{\text{steps on the path}} \text{slope of the step}$$
#
# These two sentences are the chain rule, all of it. Everything after this is about doing it fast.
#
# **Exercise: `sum_over_paths`.** Two or three lines that call themselves. The slope of a value
# towards itself is 1. Otherwise ask each input of `output` the same question, multiply its answer
# by the slope of that one step, and add up.


# %%
def sum_over_paths(output, leaf):
    """How much output moves for each unit that leaf moves: the sum over all paths between them."""
    # solution: 1 for leaf itself; else the sum over the inputs of slope * (the same question)
    if output is leaf:
        return 1.0
    steps = zip(output.inputs, output.slopes, strict=True)
    return sum(slope * sum_over_paths(source, leaf) for source, slope in steps)
    # end solution


# %%
by_paths = check_sum_over_paths(sum_over_paths)

# %% [markdown]
# Does it agree with the judge? `a` is 0.5 and `b` is -3 in the formula from above.

# %%
print("paths:", round(by_paths(y, a), 6), round(by_paths(y, b), 6))
print(
    "nudge:",
    round(measure(lambda v: math.tanh(v * -3.0 + v), 0.5), 6),
    round(measure(lambda v: math.tanh(0.5 * v + 0.5), -3.0), 6),
)

# %% [markdown]
# ## 4. The diamond
#
# Here is the smallest graph with a fork in it: one value, used twice.
#
# ```
#           x
#         /   \      two ways,
#         \   /      each with the slope 1
#         x + x
# ```
#
# Stack a few of them, each adding the value below to itself. Every level doubles the number of
# ways down, and every slope is 1, so the derivative *is* the number of paths:


# %%
def ladder(levels):
    """x + x, and that plus itself, and so on: a stack of diamonds. Returns bottom and top."""
    bottom = top = Value(1.0)
    for _ in range(levels):
        top = top + top
    return bottom, top


for levels in (4, 8, 12, 16):
    bottom, top = ladder(levels)
    start = time.perf_counter()
    paths = by_paths(top, bottom)
    seconds = time.perf_counter() - start
    print(f"{levels:3} levels, {levels + 1:3} values: {paths:8.0f} paths, {seconds:.4f} s")

print(f"at 30 levels this would take about {seconds * 2**14 / 60:.0f} minutes")

# %% [markdown]
# Seventeen values, 65,536 paths. Thirty-one values: more than a thousand million. Nothing here is
# far-fetched: any value that is used twice is a diamond, and networks are full of them.
#
# A graph for the next attempt: $h = x + x$ and $y = h + h \cdot h$. minigrad records the same graph
# that your tape does, and can draw it. `h` is the lower `Add`; three arrows lead into it.

# %%
x = minigrad.tensor(3.0, requires_grad=True)
h = x + x
visualize.backward_graph(h + h * h, params={"x": x})

# %% [markdown]
# "Visit each value only once, then!" is everybody's next thought. Here it is, pushing the gradient
# from the outcome down and stopping wherever it has been before. Look at what it gets:


# %%
def hasty_backward(output):
    """Wrong on purpose: a value hands its gradient on at the first visit, and never again."""
    seen = set()

    def visit(value, gradient):
        value.grad += gradient
        if value in seen:
            return
        seen.add(value)
        for source, slope in zip(value.inputs, value.slopes, strict=True):
            visit(source, gradient * slope)

    visit(output, 1.0)


x = Value(3.0)
h = x + x
y = h + h * h
hasty_backward(y)
print("h.grad is", h.grad, " the judge says", round(measure(lambda v: v + v * v, 6.0), 6))
print("x.grad is", x.grad, " the judge says", round(measure(lambda v: 2 * v + 4 * v * v, 3.0), 6))

# %% [markdown]
# `h` ends up right: 13. But `x` was told 2 when it should have heard 26. The walk came to `h`
# along the short way, with a gradient of 1, and passed *that* on at once; the other 12 arrived
# when `h` had already spoken.
#
# So both obvious walks fail, one by being slow and one by being wrong, and they fail for the same
# reason. The repair is one sentence, and it is the heart of every autograd engine:
#
# > **A value hands on its gradient once, after everything that uses it has handed in its own.**

# %% [markdown]
# ## 5. Waiting by counting
#
# How does a value know that everything has been handed in? It can count. Before the walk, find
# out how many uses each value has; during the walk, tick them off; at zero, the value is ready.
#
# **Exercise: `count_uses`.** Return a dict: for every value below `output`, the number of times
# it occurs among the `inputs` of the values that `output` was computed from (`output` itself
# included). In `x + x`, the value `x` has two uses. Look at the inputs of each value just once,
# or the ladder will catch you again, and use a list of values still to look at, not a function
# that calls itself: tapes are thousands of values deep, and Python gives up at about a thousand
# calls inside calls.


# %%
def count_uses(output):
    """A dict from each value below output to the number of its uses on the way to output."""
    # solution: keep a list of values to look at; count every use, but queue a value only once
    uses = {}
    waiting = [output]
    while waiting:
        for source in waiting.pop().inputs:
            if source not in uses:
                waiting.append(source)
            uses[source] = uses.get(source, 0) + 1
    return uses
    # end solution


# %%
counted_uses = check_count_uses(count_uses)

# %% [markdown]
# **Exercise: `backward_by_counting`.** Now the walk itself. You have:
#
# - `missing`: how many uses of each value have not been handed in yet,
# - `arrived`: what has been handed in so far, value by value,
# - `ready`: values for which nothing is missing any more.
#
# Take a ready value. If it has no inputs it is a *leaf*, a number that you put in yourself: add
# what arrived to its `grad`. Otherwise hand on to each input what arrived times the slope, tick
# off one use, and if that was the last one, the input is ready.
#
# Only leaves keep a gradient, as in PyTorch. What passes through the values in between lives in
# `arrived` and is gone after the walk. (If it were left in their `grad`, a second walk would
# start with leftovers. That is a real bug in a well-known little library.)


# %%
def backward_by_counting(output):
    """Add to the grad of each leaf how much output moves for each unit that the leaf moves."""
    missing = dict(counted_uses(output))
    arrived = {output: 1.0}
    ready = [output]
    # solution: loop while something is ready, as described above
    while ready:
        value = ready.pop()
        gradient = arrived.pop(value)
        if not value.inputs:
            value.grad += gradient
        for source, slope in zip(value.inputs, value.slopes, strict=True):
            arrived[source] = arrived.get(source, 0.0) + gradient * slope
            missing[source] -= 1
            if missing[source] == 0:
                ready.append(source)
    # end solution


# %%
counting_walk = check_backward_by_counting(backward_by_counting)

# %% [markdown]
# The graph that fooled the hasty walk, and the ladder that would have taken minutes:

# %%
x = Value(3.0)
h = x + x
counting_walk(h + h * h)
print("x.grad is", x.grad)

bottom, top = ladder(30)
counting_walk(top)
print(f"30 levels: {bottom.grad:,.0f} paths, 31 values, each visited once")

# %% [markdown]
# ## 6. Waiting by age
#
# Counting walks the graph twice: once to count, once to hand on. There is a shorter way, and the
# idle line in `Value.__init__` was there for it.
#
# A value can only be used by values that were made *later*: you cannot add up numbers that do not
# exist yet. So everything that uses `h` is younger than `h`. Keep all values that have received
# something in one heap, and **always take the youngest**. Could anything still be handed in to
# it? That would have to come from a younger value. But no younger one is waiting, and those that
# are waiting can only bring in values older than themselves. So no: it is ready. No counting.
#
# **Exercise: `backward_by_age`.** Python's `heapq` pops the *smallest* item, so push pairs
# `(-value.born, value)`: the youngest has the smallest negative birth number. Birth numbers are
# all different, so the values themselves are never compared. Mind one thing: a value that is
# already waiting must not be pushed a second time. `arrived` knows who is waiting.


# %%
def backward_by_age(output):
    """Add to the grad of each leaf how much output moves for each unit that the leaf moves."""
    arrived = {output: 1.0}
    heap = [(-output.born, output)]
    # solution: pop the youngest; hand on to its inputs; push those that are not waiting yet
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
    # end solution


# %%
Value.backward = check_backward_by_age(backward_by_age)

# %% [markdown]
# And with that the tape is complete. Count the lines of your cells: the class, the three
# operations, the operators and this walk are about sixty.

# %%
x = Value(3.0)
h = x + x
y = h + h * h
y.backward()
print("x.grad after one walk:  ", x.grad)
y.backward()
print("x.grad after two walks: ", x.grad, " (gradients add up until you clear them)")

# %% [markdown]
# minigrad's engine is this very loop: it pops the youngest node. PyTorch counts *and* prefers the
# youngest, because its graphs run on several devices at once, each with a queue of its own, where
# "nothing younger is waiting here" does not prove that nothing younger is running there. The rule
# needs one promise: what a value was made from never changes afterwards. A library that lets you
# overwrite values has to make a new node for each overwriting, and minigrad does.

# %% [markdown]
# ## 7. Train something
#
# A *neuron* weighs its inputs, adds a bias and squashes. A *layer* is several neurons looking at
# the same inputs; a network is layers in a row. Nothing in these ten lines knows about gradients:


# %%
def neuron(inputs, weights, bias):
    """Squash the weighted sum of the inputs."""
    total = bias
    for weight, number in zip(weights, inputs, strict=True):
        total = total + weight * number
    return total.tanh()


def network(inputs, layers):
    """Feed the inputs through layers of neurons; each neuron is a pair (weights, bias)."""
    for layer in layers:
        inputs = [neuron(inputs, weights, bias) for weights, bias in layer]
    return inputs[0]


def new_layers(sizes, seed=0):
    """Random weights and zero biases for layers of the given sizes."""
    dice = random.Random(seed)
    return [
        [([Value(dice.uniform(-1, 1)) for _ in range(fan_in)], Value(0.0)) for _ in range(fan_out)]
        for fan_in, fan_out in itertools.pairwise(sizes)
    ]


# %% [markdown]
# The task is a classic that no single neuron can do: say whether two signs differ (XOR). The loss
# is the mean of the squared differences between what the network says and what it should say.

# %%
points = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
targets = [-1.0, 1.0, 1.0, -1.0]


def mean_squared_error(layers):
    """How wrong the network is on the four points, on average."""
    total = Value(0.0)
    for point, target in zip(points, targets, strict=True):
        difference = network(point, layers) - target
        total = total + difference * difference
    return total * (1 / len(points))


def parameters_of(layers):
    """All weights and biases in one list."""
    return [value for layer in layers for weights, bias in layer for value in (*weights, bias)]


# %% [markdown]
# **Exercise: `step`.** A gradient tells which way is *up*. Move each parameter's `data` against
# its `grad`, by `rate` times its size. Then one more thing, which you have seen two cells above
# the neuron: gradients add up until you clear them, and the next walk should start at zero.


# %%
def step(parameters, rate):
    """Move each parameter a little downhill and clear its gradient."""
    # solution: data goes against grad; afterwards grad is zero again
    for parameter in parameters:
        parameter.data -= rate * parameter.grad
        parameter.grad = 0.0
    # end solution


# %%
go_downhill = check_step(step)

# %%
layers = new_layers([2, 4, 1])
parameters = parameters_of(layers)
for turn in range(201):
    loss = mean_squared_error(layers)
    if turn % 40 == 0:
        print(f"step {turn:3}  loss {loss.data:.4f}  " + "#" * round(40 * loss.data))
    loss.backward()
    go_downhill(parameters, rate=0.3)

# %% [markdown]
# What has it learned? Ask it about the whole square between the four points. Where the network
# says "they differ" the map has a `#`, elsewhere a dot:

# %%
for row in range(11):
    height = 1.5 - 0.3 * row
    line = [network((0.15 * column - 1.5, height), layers).data for column in range(21)]
    print(" ".join("#" if said > 0 else "." for said in line))

# %% [markdown]
# ## 8. The same with tensors
#
# Is it right, though? Build the same network from minigrad's tensors: same numbers, but now a
# whole layer is one matrix and all four points go through together.


# %%
def as_tensors(layer):
    """The weights of a layer as one matrix and its biases as one vector."""
    weights = [[weight.data for weight in row] for row, _ in layer]
    biases = [bias.data for _, bias in layer]
    return [
        minigrad.tensor(numbers, dtype=minigrad.float64, requires_grad=True)
        for numbers in (weights, biases)
    ]


layers = new_layers([2, 4, 1], seed=1)
loss = mean_squared_error(layers)
loss.backward()

(w1, b1), (w2, b2) = (as_tensors(layer) for layer in layers)
inputs = minigrad.tensor(points, dtype=minigrad.float64)
wanted = minigrad.tensor(targets, dtype=minigrad.float64)
hidden = (inputs @ w1.T + b1).tanh()
said = (hidden @ w2.T + b2).tanh()
tensor_loss = ((said[:, 0] - wanted) ** 2).mean()
tensor_loss.backward()

print("loss   tape", round(loss.data, 12), "  tensors", round(tensor_loss.item(), 12))
for (weights, _), row in zip(layers[0], w1.grad.tolist(), strict=True):
    ours = [round(weight.grad, 12) for weight in weights]
    print("grads  tape", ours, "  tensors", [round(number, 12) for number in row])

# %% [markdown]
# The same, to the last digit that is printed. What differs is the size of the graph. The tape notes
# each single addition and multiplication. A tensor notes one node for a whole matrix product:

# %%
print("values on the tape:", 1 + len(counted_uses(loss)))
visualize.backward_graph(tensor_loss, params={"w1": w1, "b1": b1, "w2": w2, "b2": b2})

# %% [markdown]
# This is minigrad's graph: one box an operation. Gradients flow in it the way that you have just
# programmed: each box waits for all that use it, multiplies by its slope, and hands on.
#
# Everything you built has a name there. The next lesson reads such graphs with these names:
#
# | your tape | minigrad and PyTorch |
# |---|---|
# | a `Value` made by an operation | a tensor and its `grad_fn`, a node such as `MulBackward0` |
# | `inputs` | `grad_fn.next_functions` |
# | `slopes`, as numbers | what the node saved, and a formula to apply to it |
# | a `Value` without inputs: `grad` is added to | a leaf; its node is an `AccumulateGrad` |
# | `born` | the node's `sequence_nr` |
# | `arrived` | gradients on their way, held by the engine |
# | `backward_by_age` | `minigrad/engine.py`: read it now, it will look familiar |

# %%
summary()
