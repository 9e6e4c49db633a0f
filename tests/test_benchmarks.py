"""Every benchmark runs, at a tiny size; how fast is not for a test to say."""

import importlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import minigrad
from benchmarks import checkpointing, command, families, gemm, ops, optimizers, steps
from benchmarks.__main__ import MISLEADING, run_in_clean_environment
from benchmarks.tables import Table
from benchmarks.timing import Case, Group, Plan, measure

PLAN = Plan(turns=2, seconds=1e-6)
STEPS = Group(
    "steps",
    [
        Case("chain", lambda lib: steps.chain(lib, 3)),
        Case("forward", lambda lib: steps.chain(lib, 3, backward=False)),
        Case("moons", lambda lib: steps.moons(lib, 6)),
        Case("Adam", lambda lib: steps.moons(lib, 6, "Adam")),
        Case("classifier", lambda lib: steps.classifier(lib, (5, 4, 3), 6)),
    ],
)
GROUPS = [STEPS, *ops.groups((4,), ((3, 2),), (3, 5)), *families.groups(6), *optimizers.groups(100)]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = minigrad.get_num_threads()
    yield
    minigrad.set_num_threads(before)


def check(group: Group, peer: Any) -> None:
    table = command.compared(group, 1, peer, PLAN)
    assert len(table.rows) == len(group.cases) + 2
    for case in group.cases:
        row = measure(case, peer, PLAN)
        assert 0 < row.ratio < math.inf
        assert 0 < row.wall_ratio < math.inf


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_each_group_runs_with_minigrad_in_torchs_place(group: Group) -> None:
    check(group, minigrad)


@pytest.mark.parity
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_each_group_runs_beside_torch(group: Group) -> None:
    check(group, pytest.importorskip("torch"))


def test_families_cover_the_operations() -> None:
    assert sum(len(group.cases) for group in families.groups(6)) >= 60


def test_products_give_a_table() -> None:
    rows = list(gemm.rows(sizes=[4], plan=PLAN))
    assert all(0 < speed < math.inf for _, speed, _ in rows)
    assert len(command.gemm_table(rows).rows) == len(rows) + 2


def test_checkpointing_in_smaller_parts_keeps_less_and_runs_more() -> None:
    rows = checkpointing.rows(blocks=4, batch=512, width=16, turns=1)
    assert [row.label for row in rows] == ["without", "in 2 segments", "each block"]
    assert [row.calls for row in rows] == [4, 6, 8]
    without, halves, blocks = (row.kept for row in rows)
    assert without > 1.8 * halves > 1.8 * 1.8 * blocks
    assert rows[0].peak > rows[1].peak > rows[2].peak
    assert all(row.seconds > 0 for row in rows)
    pictures = checkpointing.curves(rows).splitlines()
    assert all(p.startswith(row.label) for p, row in zip(pictures, rows, strict=True))
    assert "█" in pictures[0]
    assert len(checkpointing.table(rows, "").rows) == 3


def test_moons_lie_apart() -> None:
    points, labels = steps.two_moons(100)
    assert points.shape == (100, 2)
    assert sorted(set(labels)) == [0, 1]
    upper, lower = points[labels == 0], points[labels == 1]
    assert upper[:, 1].mean() > lower[:, 1].mean()


def test_goals_are_judged_on_one_thread() -> None:
    easy = Case("easy", lambda lib: lambda: None, goal=1e9)
    hard = replace(easy, goal=1e-9)
    table = command.compared(Group("", [easy, hard]), 1, minigrad, PLAN)
    assert [row[-1] for row in table.rows] == ["<= 1000000000.0 reached", "<= 1e-09 missed", "", ""]
    table = command.compared(Group("", [easy, hard]), 2, minigrad, PLAN)
    assert [row[-1] for row in table.rows] == ["", "", "", ""]


def test_tables() -> None:
    table = Table("Title", ["", "ratio"], [["addition", "0.50"], ["exp", "12.00"]])
    assert table.as_text() == "Title\n          ratio\naddition   0.50\nexp       12.00"
    assert table.as_markdown() == (
        "### Title\n\n|  | ratio |\n| --- | ---: |\n| addition | 0.50 |\n| exp | 12.00 |"
    )


def test_markdown_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tables.md"
    monkeypatch.setattr(command, "torch_if_installed", lambda: minigrad)
    monkeypatch.setattr(command, "tables", lambda *_: [Table("One", ["", "x"], [["a", "1"]])])
    command.main(["steps", "--markdown", str(path)])
    assert path.read_text().endswith("### One\n\n|  | x |\n| --- | ---: |\n| a | 1 |\n")


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "torch_if_installed", lambda: None)
    with pytest.raises(SystemExit, match="pip install torch"):
        command.main([])


def test_starts_again_without_misleading_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(os, "execve", lambda path, args, env: started.append(env))
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    run_in_clean_environment()
    (environment,) = started
    assert not set(MISLEADING) & set(environment)
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    for name in MISLEADING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    run_in_clean_environment()
    assert len(started) == 1


def test_torch_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert gemm.torch_if_installed() is None
