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
# # Tensors, and the graphs they leave behind
#
# A tensor is a block of numbers that remembers how it was computed. In the first lesson you built
# this memory for single numbers; here you learn to read it in the real thing. Afterwards you can
# look at any model, in minigrad or in PyTorch, and say what its backward pass will do. You will
#
# 1. see how a tensor lies in memory, and how small tensors stretch to meet large ones,
# 2. find out what stretching does to gradients, and write the repair,
# 3. walk a `grad_fn` graph by hand, name its parts, and guess a formula from its graph,
# 4. train with a bare loop: accumulate, clear, `no_grad`, `detach`, a second backward,
# 5. write a derivative of your own and put it to the test,
# 6. meet the usual errors on purpose, so that you will greet them as old friends.
#
# All names are PyTorch's. Where this page says `minigrad`, your later programs may say `torch`.
#
# Every exercise has a check that says in words what it saw. Exercises do not depend on each
# other: until yours is right, the check hands a reference to the cells that follow.
#
# (minigrad compiles an operation when it is first used and keeps the result on disk. So some cells
# take a few seconds the very first time, and next to nothing ever after.)

# %%
from checks.feedback import summary
from checks.tensors_and_graphs import (
    check_broadcast_shape,
    check_centred,
    check_find_leaves,
    check_fit,
    check_formula,
    check_hypot,
    check_numerical_gradient,
    check_position,
    check_repaired,
    check_unbroadcast,
)

import minigrad
import visualize

# %% [markdown]
# ## 1. One row of numbers, many ways to read it
#
# Memory is one long row. A tensor is such a row, plus a rule for reading it: `shape` says how many
# steps there are along each axis, `stride` says how far to jump in the row for one step.

# %%
x = minigrad.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
print("x      ", tuple(x.shape), "strides", x.stride(), x.dtype)
print("x.T    ", tuple(x.T.shape), "strides", x.T.stride())
print("column ", tuple(x[:, 1].shape), "strides", x[:, 1].stride(), x[:, 1].tolist())

# %% [markdown]
# To go one row down in `x` you jump over 3 numbers; one column to the right is 1 number away. The
# transpose moved nothing: it is the same row of numbers, read with the two strides swapped. Such
# a tensor is called a *view*. Views are free, and they share: write into one, and the other shows
# it.

# %%
turned = x.T
x[0, 1] = 100.0
print(turned.tolist())

# %% [markdown]
# **Exercise: `position`.** Where in the row does the number at `index` lie? (Counted from where
# the tensor begins.)


# %%
def position(index, strides):
    """How many numbers to jump over to reach the number at this index."""
    # solution: each axis adds its number of steps times its stride
    return sum(steps * stride for steps, stride in zip(index, strides, strict=True))
    # end solution


# %%
locate = check_position(position)

# %%
print(
    "x[1, 2] lies at", locate((1, 2), x.stride()), "and x.T[2, 1] at", locate((2, 1), x.T.stride())
)

# %% [markdown]
# ## 2. Small meets large
#
# Add a row of three to a table of two by three and it is added to *each* line of the table. This
# is *broadcasting*, and the rule is short. Write the two shapes below each other, **flush right**:
#
# ```
# table   (2, 3)          (4, 1)          (2, 3)
# row        (3)             (3)             (2)
#         ------          ------          ------
#         (2, 3)          (4, 3)          error: 3 and 2
# ```
#
# Two sizes fit if they are equal or if one of them is 1; the 1 is stretched. What is missing on
# the left counts as 1.
#
# **Exercise: `broadcast_shape`.** Write the rule down for two shapes, given as tuples. Where they
# do not fit, raise a `ValueError`.


# %%
def broadcast_shape(a, b):
    """The shape that two shapes stretch to, aligned on the right; ValueError if they do not fit."""
    # solution: fill up with 1s on the left, then compare size by size
    rank = max(len(a), len(b))
    a = (1,) * (rank - len(a)) + tuple(a)
    b = (1,) * (rank - len(b)) + tuple(b)
    sizes = []
    for m, n in zip(a, b, strict=True):
        if m != n and 1 not in (m, n):
            raise ValueError(f"sizes {m} and {n} do not fit")
        sizes.append(n if m == 1 else m)
    return tuple(sizes)
    # end solution


# %%
meet = check_broadcast_shape(broadcast_shape)

# %% [markdown]
# How can stretching cost no memory? Look at the strides:

# %%
row = minigrad.tensor([10.0, 20.0, 30.0])
stretched = row.expand(2, 3)
print(stretched.tolist())
print("shape", tuple(stretched.shape), "strides", stretched.stride(), "=", meet((2, 1), (3,)))

# %% [markdown]
# A stride of 0: one step down jumps over nothing, so both lines are the *same three numbers*. Each
# of them is read twice. And a number that is used twice is the diamond of the first lesson: its
# gradient is the **sum** over its uses.
#
# So the backward of stretching is summing. When a gradient comes back in the stretched shape, add
# it up along every axis that was stretched, until it has the shape of the tensor again.
#
# **Exercise: `unbroadcast`.** There are two cases. An axis that was *missing* on the left has to
# disappear: `gradient.sum(0)`. An axis that was there with size 1 has to become 1 again:
# `gradient.sum(axis, keepdim=True)`.


# %%
def unbroadcast(gradient, shape):
    """Sum the gradient back to the shape that its tensor had before it was stretched."""
    # solution: first sum away the axes that were missing, then those that had size 1
    while gradient.dim() > len(shape):
        gradient = gradient.sum(0)
    for axis, size in enumerate(shape):
        if size == 1:
            gradient = gradient.sum(axis, keepdim=True)
    return gradient
    # end solution


# %%
shrink = check_unbroadcast(unbroadcast)

# %% [markdown]
# Does minigrad think so too? A column times a row, each entry weighted by a number of its own:

# %%
column = minigrad.tensor([[1.0], [2.0]], requires_grad=True)
row = minigrad.tensor([10.0, 20.0, 30.0], requires_grad=True)
weights = minigrad.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
(column * row * weights).sum().backward()

print("column", column.grad.tolist(), "by hand", shrink(weights * row, (2, 1)).tolist())
print("row   ", row.grad.tolist(), "by hand", shrink(weights * column, (3,)).tolist())

# %% [markdown]
# In minigrad's source you will find this sum in one place only: the engine does it for every
# operation, so that no operation has to. And here is a law worth remembering when you debug:
# **a gradient always has the shape of its tensor.**

# %% [markdown]
# ## 3. What gets written down
#
# Nothing is recorded unless somebody asks. You ask with `requires_grad=True`, and from there it
# spreads: whatever is computed from such a tensor remembers how, in its `grad_fn`.

# %%
w = minigrad.tensor([1.0, -2.0], requires_grad=True)
data = minigrad.tensor([3.0, 4.0])
product = w * data
for name, tensor in {"w": w, "data": data, "product": product, "data * 2": data * 2}.items():
    kind = "leaf  " if tensor.is_leaf else "result"
    print(f"{name:9} {kind} requires_grad {tensor.requires_grad!s:6} grad_fn {tensor.grad_fn}")

# %% [markdown]
# - A **leaf** was not computed by anything on record. `w` is one, of the kind that matters: it
#   wants a gradient. `data` is a leaf too, only nobody asks.
# - `product` has a `grad_fn`: a node that knows how to send a gradient back through `*`. Its name
#   is the operation's, then `Backward`, then a number (operations with variants count from 0).
# - `data * 2` recorded nothing. No input wanted a gradient.
#
# A node points at the nodes that its gradients go to, one for each input, in order:

# %%
print(product.grad_fn.next_functions)

# %% [markdown]
# The first goes to an `AccumulateGrad`. That is the end of the road for `w`: the node that adds
# what arrives to `w.grad`. It knows its tensor:

# %%
accumulate = product.grad_fn.next_functions[0][0]
print(accumulate.variable is w)

# %% [markdown]
# The second goes to `None`: `data` wants nothing, so nothing is sent. (The number beside each node
# says which *result* of that node it was; nearly all operations have only one, number 0.)
#
# That is the whole data structure. With `grad_fn`, `next_functions` and `variable` you can walk any
# graph. This prints one, each node above the nodes it sends gradients to:


# %%
def print_graph(node, names, depth=0):
    """Print a node and, indented below it, everything it hands gradients to."""
    if node is None:
        label = "-"
    elif hasattr(node, "variable"):
        label = f"AccumulateGrad {names.get(node.variable, '?')}"
    else:
        label = node.name()
    print("    " * depth + label)
    for source, _ in node.next_functions if node is not None else ():
        print_graph(source, names, depth + 1)


b = minigrad.tensor(0.5, requires_grad=True)
loss = ((w * data + b) ** 2).sum()
print_graph(loss.grad_fn, {w: "w", b: "b"})

# %% [markdown]
# Read it from the top, which is where the backward pass starts: undo the sum, undo the square, then
# the `+`. Here the road forks: one way leads to `b`, the other through the `*` to `w`. Compare
# with the picture:

# %%
visualize.backward_graph(loss, params={"w": w, "b": b})

# %% [markdown]
# **Exercise: `find_leaves`.** Which tensors will receive a gradient from this loss? Walk from
# `loss.grad_fn` and return the list of all tensors at an `AccumulateGrad`, each of them once.
#
# `print_graph` would fall into both traps of the first lesson: it visits a diamond's bottom once a
# path, and it calls itself. Use a list of nodes still to visit and a set of nodes already seen.
# And mind the `None`s.


# %%
def find_leaves(loss):
    """All tensors that loss.backward() would give a gradient to, each once."""
    # solution: keep nodes to visit in a list and those already seen in a set; collect .variable
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
    # end solution


# %%
leaves_of = check_find_leaves(find_leaves)

# %%
print([{w: "w", b: "b"}[leaf] for leaf in leaves_of(loss)])

# %% [markdown]
# **Exercise: `formula`.** Now read a graph that you have not written. A function of `w`, `b`, `x`
# and `y`, of which only `w` and `b` require a gradient, left this behind:
#
# ```
# MeanBackward0
#     PowBackward0
#         SubBackward0
#             AddBackward0
#                 MulBackward0
#                     AccumulateGrad w
#                     -
#                 AccumulateGrad b
#             -
# ```
#
# What did it compute? Names and order tell nearly all. What they do not tell: the two `-` are `x`
# and `y`, the one that meets `w` first is `x`, and the power is 2.


# %%
def formula(w, b, x, y):
    """Computes the tensor whose graph is printed above."""
    # solution: read the listing from the bottom to the top
    return ((w * x + b - y) ** 2).mean()
    # end solution


# %%
line_loss = check_formula(formula)

# %% [markdown]
# You have just recognised a model by its footprint: a line `w * x + b`, compared with `y`, and the
# mean of the squares.

# %% [markdown]
# ## 4. Gradients pile up
#
# `backward()` does not *set* `.grad`. It **adds** to it:

# %%
w = minigrad.tensor(3.0, requires_grad=True)
for turn in range(3):
    (w * w).backward()
    print("backward number", turn + 1, "leaves w.grad =", w.grad.item())

# %% [markdown]
# That is on purpose. A large batch can be fed in small portions whose gradients add up, and one
# weight used by two losses gets both. The price is that *you* say when a new sum begins: set
# `w.grad = None`, or call `optimizer.zero_grad()`, before the next backward.
#
# **Exercise: `fit`.** A training loop without any helpers. The loss is there. In each turn: send
# gradients back, move `w` and `b` against theirs, and begin a new sum.
#
# Two things to know. Moving a weight is not part of the model, so do it inside
# `with minigrad.no_grad():`, where nothing is recorded. And move it *in place* (`w -= ...`): with
# `w = w - ...`, `w` would be the name of a new tensor, a result, and results keep no `.grad`.


# %%
def fit(x, y, steps, rate):
    """Fit y = w * x + b by gradient descent, starting at w = b = 0; returns w and b."""
    w = minigrad.tensor(0.0, requires_grad=True)
    b = minigrad.tensor(0.0, requires_grad=True)
    for _ in range(steps):
        loss = ((w * x + b - y) ** 2).mean()
        # solution: backward, move w and b in place under no_grad, clear both gradients
        loss.backward()
        with minigrad.no_grad():
            w -= rate * w.grad
            b -= rate * b.grad
        w.grad = b.grad = None
        # end solution
    return w, b


# %%
fit_line = check_fit(fit)

# %%
minigrad.manual_seed(0)
x = minigrad.linspace(-1.0, 1.0, 50)
y = 2.0 * x - 1.0 + 0.1 * minigrad.randn(50)
w, b = fit_line(x, y, steps=200, rate=0.2)
print(f"the line behind the noise is 2.00 x - 1.00, found {w.item():.2f} x {b.item():+.2f}")
print(f"its loss is {line_loss(w, b, x, y).item():.4f}; the noise alone is about 0.01")

# %% [markdown]
# In longer programs an *optimizer* holds the list of weights and does the last two steps of your
# loop. These are its names for them; nothing else is in it that you do not know.

# %%
w = minigrad.tensor(0.0, requires_grad=True)
b = minigrad.tensor(0.0, requires_grad=True)
optimizer = minigrad.optim.SGD([w, b], lr=0.2)
for _ in range(200):
    optimizer.zero_grad()
    line_loss(w, b, x, y).backward()
    optimizer.step()
print(f"the optimizer found {w.item():.2f} x {b.item():+.2f}")

# %% [markdown]
# ## 5. Cutting the graph
#
# `no_grad` switches recording off for everything inside it. `detach` is finer: it gives you *one*
# tensor with the same numbers and no past. Gradients stop there as if it were data.

# %%
x = minigrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
with minigrad.no_grad():
    print("under no_grad:", (x * 2).requires_grad)
print("detached:     ", (x * 2).detach().requires_grad)

(x * x.detach()).sum().backward()
print("gradient of x * x.detach():", x.grad.tolist(), " (of x * x it would be twice that)")

# %% [markdown]
# **Exercise: `centred`.** Subtract the mean from `x`, but let the gradient treat the mean as a
# constant: moving an entry of `x` should move that entry of the result by just as much, and the
# others not at all.


# %%
def centred(x):
    """x minus its mean; no gradient flows through the mean."""
    # solution: only the mean is cut off from its past
    return x - x.mean().detach()
    # end solution


# %%
centre = check_centred(centred)

# %% [markdown]
# ## 6. Once is enough
#
# To send a gradient back through `exp`, its node needs the result of the forward pass, so it keeps
# it: a *saved tensor*. Saved tensors are most of the memory of a training step, and so they are
# let go as soon as the backward pass has used them. A second pass finds nothing:


# %%
def attempt(action):
    """Run something and print what it raises."""
    try:
        action()
        print("no error")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")


x = minigrad.tensor([0.0, 1.0], requires_grad=True)
loss = x.exp().sum()
loss.backward()
attempt(loss.backward)

# %% [markdown]
# `retain_graph=True` says "keep them, I will come again". Gradients pile up as always:

# %%
x.grad = None
loss = x.exp().sum()
loss.backward(retain_graph=True)
loss.backward()
print([round(number, 4) for number in x.grad.tolist()], "= 2 * exp(x)")

# %% [markdown]
# One might think that a second backward always fails without it. Not so: `+` needs nothing from the
# forward pass (its slopes are 1 whatever the numbers are), so its node saves nothing and loses
# nothing.

# %%
loss = (x + 1).sum()
loss.backward()
attempt(loss.backward)

# %% [markdown]
# In practice you will meet this error when a loop reuses something computed *before* the loop. The
# cure is seldom `retain_graph`. It is to compute that thing inside the loop, or to `detach` it.

# %% [markdown]
# ## 7. A derivative of your own, and how to trust it
#
# Nudging cannot lie (first lesson), so it is the test for every formula. Do it in `float64`: the
# default `float32` has seven digits, and comparing two nearly equal numbers eats most of them.
#
# **Exercise: `numerical_gradient`.** `f` takes a tensor and returns a tensor with a single number.
# Nudge each entry of `x` by `h` up and down, one at a time, and collect the slopes in a tensor of
# the shape of `x`. The rows of `minigrad.eye(n)` are handy: each has a single 1, in a different
# place. So is `x.numel()`, the number of entries.


# %%
def numerical_gradient(f, x, h=1e-5):
    """The slope of f in the direction of each entry of x, measured; same shape as x."""
    # solution: for each row of the unit matrix, nudge x by h times that row, both ways
    slopes = []
    for row in minigrad.eye(x.numel(), dtype=x.dtype):
        nudge = h * row.reshape(x.shape)
        slopes.append((f(x + nudge) - f(x - nudge)).item() / (2 * h))
    return minigrad.tensor(slopes, dtype=x.dtype).reshape(x.shape)
    # end solution


# %%
measured = check_numerical_gradient(numerical_gradient)

# %%
x = minigrad.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=minigrad.float64, requires_grad=True)
(x.sin() * x).sum().backward()
print("autograd", [round(number, 7) for number in x.grad.reshape(-1).tolist()])
numbers = measured(lambda v: (v.sin() * v).sum(), x.detach()).reshape(-1).tolist()
print("nudging ", [round(number, 7) for number in numbers])

# %% [markdown]
# An operation that does not exist yet is a `Function` with two static methods. `forward` computes
# and saves; `backward` receives the gradient of the result and returns one gradient for each input,
# in order. The object `ctx` that both receive *is* the node in the graph.
#
# **Exercise: `Hypot`.** The length of the arrow $(x, y)$ is $r = \sqrt{x^2 + y^2}$. Its slopes are
# $x / r$ and $y / r$. Write `backward`; mind that each slope must be multiplied by the gradient
# that came in. That is the chain rule, and its absence is the most common mistake of all.


# %%
class Hypot(minigrad.autograd.Function):
    """The length of the arrow (x, y), entry by entry."""

    @staticmethod
    def forward(ctx, x, y):
        length = (x * x + y * y).sqrt()
        ctx.save_for_backward(x, y, length)
        return length

    @staticmethod
    def backward(ctx, gradient):
        x, y, length = ctx.saved_tensors
        # solution: return two gradients, for x and for y: what came in times the slope
        return gradient * x / length, gradient * y / length
        # end solution


# %%
LengthOf = check_hypot(Hypot)

# %% [markdown]
# In the graph it stands like any other node, and the library has a thorough version of your test:

# %%
x = minigrad.tensor([3.0, 5.0], dtype=minigrad.float64, requires_grad=True)
y = minigrad.tensor([4.0, 12.0], dtype=minigrad.float64, requires_grad=True)
length = LengthOf.apply(x, y)
print(length.tolist(), length.grad_fn.name())
print("gradcheck:", minigrad.autograd.gradcheck(LengthOf.apply, (x, y)))

# %% [markdown]
# ## 8. Errors you will meet, and what they want from you
#
# Each of these is caused on purpose. Read the message first and guess the cure before you go on.
#
# **More than one number.** A gradient says how *one* number moves. Reduce with `sum()` or `mean()`
# first, or pass `backward(gradient=...)`, the weights with which the numbers are to be added up.

# %%
w = minigrad.tensor([1.0, 2.0], requires_grad=True)
attempt(lambda: (w * 2).backward())

# %% [markdown]
# **Nobody asked.** Nothing this was computed from requires a gradient. Look for a forgotten
# `requires_grad=True`, or for a `detach`, a `no_grad` or a detour through NumPy on the way.

# %%
attempt(lambda: minigrad.tensor([1.0, 2.0]).sum().backward())

# %% [markdown]
# **Whole numbers do not move a little.** Only floating point tensors have slopes. Write `1.0`, or
# pass `dtype=minigrad.float32`.

# %%
attempt(lambda: minigrad.tensor([1, 2], requires_grad=True))

# %% [markdown]
# **Shapes.** Read the sizes from the right, as in part 2. The usual cure is a `.T`, a `reshape`, or
# `unsqueeze` for an axis of size 1.

# %%
attempt(lambda: minigrad.ones(2, 3) + minigrad.ones(2))
attempt(lambda: minigrad.ones(2, 3) @ minigrad.ones(2, 3))

# %% [markdown]
# **A leaf, overwritten.** The graph would have no honest value for `w` any more: the one before, or
# the one after? Under `no_grad` it is allowed; that is how weights are moved.


# %%
def overwrite(leaf):
    """Add to a leaf in place, with recording on."""
    leaf += 1.0


attempt(lambda: overwrite(w))

# %% [markdown]
# **Damage.** `exp` saved its result for the backward pass, and then somebody wrote into it. A
# careless library would now compute a wrong gradient and say nothing. The message of minigrad also
# names two lines of *your* program: the one that saved, and the one that wrote.


# %%
def damaged(x):
    """The sum of exp(x) + 1, in a way that backward cannot bear."""
    y = x.exp()
    y += 1.0
    return y.sum()


attempt(damaged(w).backward)

# %% [markdown]
# **Exercise: `repaired`.** The same number as `damaged`, and a backward that works.


# %%
def repaired(x):
    """The sum of exp(x) + 1, with the right gradient."""
    # solution: make a new tensor instead of writing into the saved one
    y = x.exp()
    y = y + 1.0
    return y.sum()
    # end solution


# %%
safe = check_repaired(repaired)

# %% [markdown]
# ## What to take along
#
# - A graph is `grad_fn`, its `next_functions`, and so on down to `AccumulateGrad`, whose `variable`
#   is the leaf. With these three words you can read any of them.
# - A gradient has the shape of its tensor; what was stretched is summed.
# - `.grad` adds up until you clear it. `no_grad` stops recording, `detach` cuts one thread.
# - Saved tensors are used once, and must not be written into before that.
# - A derivative that has not been compared with a nudge is a rumour.
#
# From here, read `minigrad/engine.py` beside part 6 of the first lesson, and then any file in
# `minigrad/ops/`: each operation and its derivative stand side by side.

# %%
summary()
