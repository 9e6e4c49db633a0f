"""torch's autograd surface and where each piece of it lives here: the table in docs/autograd.md.

    python -m tests.surface      writes the table again (needs torch, to see what torch has)

tests/test_surface.py checks without torch that what the table names is where it says, and
tests/parity/test_surface.py that it names all that torch has.
"""

import importlib
import inspect
import operator
import re
import sys
from pathlib import Path
from typing import Any

import minigrad
from minigrad import grad_mode
from minigrad.node import Node

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "autograd.md"

NAMESPACES = [
    "autograd",
    "autograd.graph",
    "autograd.functional",
    "autograd.forward_ad",
    "autograd.function",
    "autograd.grad_mode",
    "autograd.anomaly_mode",
    "autograd.gradcheck",
    "func",
    "utils.checkpoint",
]

# What torch gives without an __all__ of its own for it.
TENSOR = [
    "backward",
    "data",
    "detach",
    "detach_",
    "grad",
    "grad_fn",
    "is_inference",
    "is_leaf",
    "output_nr",
    "register_hook",
    "register_post_accumulate_grad_hook",
    "requires_grad",
    "requires_grad_",
    "retain_grad",
    "retains_grad",
    "_base",
    "_is_view",
    "_version",
]
NODE = [
    "_saved_self",
    "_sequence_nr",
    "metadata",
    "name",
    "next_functions",
    "register_hook",
    "register_prehook",
    "requires_grad",
    "__call__",
]
TOP = [
    "enable_grad",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
    "vmap",
]

# Pieces of torch that have no counterpart, and why.
LEFT_OUT = {
    "autograd.Variable": "a Tensor has been a Variable since torch 0.4",
    "autograd.variable": "the module of Variable",
    "autograd.NestedIOFunction": "calls methods that torch itself no longer has",
    "autograd.set_multithreading_enabled": "a backward pass runs in the thread that calls it",
    "autograd.enforce_grad_layout_policy": "gradients are stored as they come",
    "autograd.graph.region_activation_memory_budget": "part of torch.compile",
    "autograd.graph.set_warn_on_accumulate_grad_stream_mismatch": "no CUDA streams",
    "autograd.graph.set_override_stale_capture_stream": "no CUDA streams",
    "autograd.grad_mode.set_multithreading_enabled": "a backward pass runs in the thread that "
    "calls it",
    "autograd.grad_mode.enforce_grad_layout_policy": "gradients are stored as they come",
    "autograd.function.FunctionMeta": "`__init_subclass__` does its work",
    "autograd.function.NestedIOFunction": "calls methods that torch itself no longer has",
    "autograd.gradcheck.get_numerical_jacobian": "deprecated in torch",
    "autograd.gradcheck.get_analytical_jacobian": "deprecated in torch",
    "autograd.gradcheck.get_numerical_jacobian_wrt_specific_input": "private in all but name",
    "func.replace_all_batch_norm_modules_": "waits for batch norm",
    "func.functionalize": "a graph here is recorded while the program runs, not traced",
    "func.rearrange": "the einops notation; reshape and permute do it",
    "func.debug_unwrap": "print shows what a batched tensor holds",
    "utils.checkpoint.get_device_states": "one random generator serves all devices",
    "utils.checkpoint.set_device_states": "one random generator serves all devices",
    "utils.checkpoint.DefaultDeviceType": "one random generator serves all devices",
    "utils.checkpoint.CheckpointPolicy": "selective checkpointing is not supported",
    "utils.checkpoint.SelectiveCheckpointContext": "selective checkpointing is not supported",
    "utils.checkpoint.create_selective_checkpoint_contexts": "selective checkpointing is not "
    "supported",
    "utils.checkpoint.SAC_IGNORED_OPS": "selective checkpointing is not supported",
    "utils.checkpoint.GraphExecGroup": "several passes over one region share a run",
}

HEAD = """# torch's autograd, and where it lives here

Every piece of torch 2.13's autograd, the file that defines it here, and what is left out and why.
`python -m tests.surface` writes this table; tests keep it true.
[autograd-guide.md](autograd-guide.md) shows how each is used,
[differences.md](differences.md) what is known to differ.
"""


def public_names(library: Any, namespace: str) -> list[str]:
    """What a namespace offers: its __all__, or the functions and classes that it defines."""
    module = sys.modules[f"{library.__name__}.{namespace}"]
    names = getattr(module, "__all__", None)
    if names is not None:
        return sorted(names)
    return sorted(
        name
        for name, value in vars(module).items()
        if name[0] != "_"
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith(module.__name__)
    )


def surface(library: Any) -> list[str]:
    """The dotted names of all that a library offers around gradients."""
    for namespace in NAMESPACES:
        importlib.import_module(f"{library.__name__}.{namespace}")
    names = [f"{space}.{n}" for space in NAMESPACES for n in public_names(library, space)]
    names += TOP + [f"Tensor.{n}" for n in TENSOR] + [f"autograd.graph.Node.{n}" for n in NODE]
    return names


def here(name: str) -> Any:
    """minigrad's piece of that name."""
    if name.endswith("._saved_self"):  # on the nodes that save such a thing
        return minigrad.mul.node_type._saved_self
    module, _, rest = name.rpartition(".")
    found = sys.modules.get(f"minigrad.{module}")  # a module, where a function has its name
    if found is not None:
        return getattr(found, rest)
    return operator.attrgetter(name)(minigrad)


def file_of(piece: Any) -> str:
    """The file that defines a piece, from the root of the repository."""
    if isinstance(piece, property):
        piece = piece.fget
    if not callable(piece) and not inspect.ismodule(piece):  # what all nodes have
        piece = Node
    if inspect.isbuiltin(piece):  # the get() of a context variable
        piece = grad_mode
    source = inspect.getsourcefile(piece if inspect.ismodule(piece) else inspect.unwrap(piece))
    assert source is not None
    return Path(source).relative_to(ROOT).as_posix()


def row(name: str) -> str:
    if name in LEFT_OUT:
        return f"| `{name}` | not here: {LEFT_OUT[name]} |"
    return f"| `{name}` | `{file_of(here(name))}` |"


def page(names: list[str]) -> str:
    rows = "\n".join(row(name) for name in names)
    return f"{HEAD}\n| torch | minigrad |\n|---|---|\n{rows}\n"


def rows_of_page() -> dict[str, str]:
    """The table as it stands: name -> what is said of it."""
    text = PAGE.read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", text, re.M))


if __name__ == "__main__":
    PAGE.write_text(page(surface(importlib.import_module("torch"))), encoding="utf-8")
