"""Pictures of the backward graph: `backward_graph(tensor)` draws what `grad_fn` leads to.

The walk reads only `grad_fn`, `next_functions` and names, so the same call draws minigrad and torch
graphs. Read `walk.py` first (what is drawn), then `dot.py` and `svg.py` (how it is drawn).
"""

from visualize.graph import Graph, backward_graph

__all__ = ["Graph", "backward_graph"]
