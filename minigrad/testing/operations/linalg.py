"""Linear algebra, norms and distances."""

import numpy as np

from minigrad.testing.table import Table

# Square matrices.  What is added to them keeps them far from singular, even where a test makes all
# rows equal.
SQUARE = np.array([[0.7, -0.4, 0.5], [0.3, -0.6, 0.9], [-0.8, 0.2, 0.4]])
G = "(g + 2 * torch.eye(3, dtype=g.dtype, device=g.device))"
H = "(h + 2 * torch.eye(3, dtype=h.dtype, device=h.device))"

CPU_ONLY = """
    cholesky cholesky_inverse cholesky_solve det inverse logdet qr slogdet
    solve solve_triangular
"""
OWN_GRAPH = """
    cdist cholesky_inverse cholesky_solve cosine_similarity dist logdet matrix_power
    normalize pairwise_distance
"""

TABLE = Table(
    {
        "cholesky": (
            f"torch.linalg.cholesky({G} @ {G}.mT)",
            f"torch.linalg.cholesky({G} @ {G}.mT, upper=True)",
            f"({H} @ {H}.mT).cholesky()",
            f"torch.cholesky({H} @ {H}.mT, upper=True)",
        ),
        "cholesky_inverse": (
            f"torch.cholesky_inverse({G}.tril())",
            f"torch.cholesky_inverse({G}.triu(), upper=True)",
        ),
        "cholesky_solve": (
            f"torch.cholesky_solve(x, {G}.tril())",
            f"x.cholesky_solve({G}.triu(), upper=True)",
        ),
        "det": (f"torch.det({G})", f"torch.linalg.det({H})"),
        "inverse": (
            f"{G}.inverse()",
            f"torch.linalg.inv({H})",
            f"torch.linalg.matrix_power({G}, -2)",
        ),
        "logdet": (f"torch.logdet({G} @ {G}.mT)", f"({H} @ {H}.mT).logdet()"),
        "matrix_power": (
            "g.matrix_power(3)",
            "torch.linalg.matrix_power(h, 2)",
            "torch.matrix_power(g, 5)",
        ),
        "qr": (
            f"torch.linalg.qr({H})",
            f"torch.linalg.qr(torch.cat([{G}, 2 * g]))",
            f"torch.linalg.qr({G}, mode='complete')",
            f"torch.linalg.qr(torch.cat([{H}, h * h], -1))",
            f"torch.qr(torch.cat([{G}, g * g], -1))",
        ),
        "slogdet": (
            f"torch.slogdet({G})[1]",
            f"torch.linalg.slogdet({H})",
            f"{G}.slogdet()",
        ),
        "solve": (
            f"torch.linalg.solve({G}, x)",
            f"torch.linalg.solve({G}, u)",
            f"torch.linalg.solve({H}, b)",
            f"torch.linalg.solve({H}, b[..., 0])",
            f"torch.linalg.solve({H}, x)",
            f"torch.linalg.solve({G}, x.T, left=False)",
        ),
        "solve_triangular": (
            f"torch.linalg.solve_triangular({G}, x, upper=True)",
            f"torch.linalg.solve_triangular({G}, x, upper=False, unitriangular=True)",
            f"torch.linalg.solve_triangular({H}, x.T, upper=False, left=False)",
        ),
        "cdist": (
            "torch.cdist(x, y)",
            "torch.cdist(b, x)",
            "torch.cdist(x, y, p=1)",
            "torch.cdist(x, y, p=0)",
            "torch.cdist(x, y, p=0.7)",
            "torch.cdist(x, y, p=1.5)",
            "torch.cdist(x, y, p=3)",
            "torch.cdist(x * x, y, p=float('inf'))",
            "torch.cdist(x, y, compute_mode='use_mm_for_euclid_dist')",
        ),
        "cosine_similarity": (
            "F.cosine_similarity(x, y)",
            "torch.cosine_similarity(b, x, dim=-1)",
            "F.cosine_similarity(x, y, 0, 1e-3)",
        ),
        "dist": ("torch.dist(x, y)", "x.dist(v, 1)", "torch.dist(x, y, float('inf'))"),
        "matrix_norm": (
            "torch.linalg.matrix_norm(b)",
            "torch.linalg.matrix_norm(x, 1)",
            "torch.linalg.matrix_norm(b * b, -1, (0, 2))",
            "torch.linalg.matrix_norm(b, float('inf'), (2, 0), keepdim=True)",
            "torch.linalg.norm(x, float('-inf'))",
        ),
        "norm": (
            "x.norm()",
            "b.norm(dim=(0, 2))",
            "x.norm(1, 0, True)",
            "torch.norm(x, 3)",
            "torch.norm(x, 0.7, 1)",
            "torch.norm(x, 1.5, dim=1)",
            "torch.norm(x, float('inf'), 1)",
            "torch.norm(b, float('-inf'), (1, 2), True)",
            "torch.norm(x, 0)",
            "torch.norm(x, p=-1)",
            "torch.linalg.norm(x)",
            "torch.linalg.norm(s)",
            "torch.linalg.norm(b, 2, dim=1)",
            "torch.linalg.vector_norm(x, 2, 1)",
        ),
        "normalize": ("F.normalize(x)", "F.normalize(b, 1, 2)", "F.normalize(v, 3, 0)"),
        "pairwise_distance": (
            "F.pairwise_distance(x, y)",
            "F.pairwise_distance(b, x, p=1, keepdim=True)",
            "torch.pairwise_distance(v, v - 1, 3, 0)",
        ),
    },
    operands={"g": SQUARE, "h": np.stack([SQUARE, 0.7 - SQUARE.T])},
    cpu_only=frozenset(CPU_ONLY.split()),
    own_graph=frozenset(OWN_GRAPH.split()),
)
