"""The command line: which groups to run, their tables on the screen and in a file."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import families, gemm, ops, optimizers, steps
from benchmarks.machine import description
from benchmarks.tables import Table
from benchmarks.timing import (
    Group,
    Plan,
    Row,
    geometric_mean,
    measure,
    median,
    set_threads,
    torch_if_installed,
)

PARTS = ("steps", "optimizers", "ops", "gemm")
UNTIL_ASLEEP = 0.02  # seconds in which torch's idle threads spin, at the cost of who comes next
GEMM_GOALS = {"OpenBLAS": 0.9, "MKL": 0.8}


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    torch = torch_if_installed()
    if torch is None:
        raise SystemExit("the benchmarks compare with torch: pip install torch==2.13.0")
    text = [description(torch)]
    print(f"{text[0]}\n\n{LEGEND}", flush=True)
    for table in tables(options.parts or PARTS, options.threads, torch, Plan()):
        print(f"\n{table.as_text()}", flush=True)
        text.append(table.as_markdown())
    if options.markdown:
        options.markdown.write_text("\n\n".join(text) + "\n")


LEGEND = (
    "ratio: minigrad's time over torch's, below 1 is faster; CPU time, medians in microseconds.\n"
    "GEMM: speed relative to the other library, above 1 is faster."
)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=LEGEND)
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="default: all")
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        help="numbers of threads (default: 1, and 2 for steps; gemm always 1)",
    )
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return options


def tables(parts: Any, threads: list[int] | None, torch: Any, plan: Plan) -> Iterator[Table]:
    """The tables of the chosen parts, each as soon as it is measured."""
    if "steps" in parts:
        for count in threads or (1, 2):
            yield compared(steps.GROUP, count, torch, plan)
    if "optimizers" in parts:
        for count in threads or (1,):
            for group in optimizers.groups():
                yield compared(group, count, torch, plan)
    if "ops" in parts:
        for count in threads or (1,):
            for group in (*ops.groups(), *families.groups()):
                yield compared(group, count, torch, plan)
    if "gemm" in parts:
        set_threads(1, torch)
        yield gemm_table(list(gemm.rows()))


def compared(group: Group, threads: int, peer: Any, plan: Plan) -> Table:
    """Measure a group with so many threads; the goals are for one."""
    set_threads(threads, peer)
    if threads > 1:
        plan = replace(plan, pause=UNTIL_ASLEEP)
    rows = [measure(case, peer, plan) for case in group.cases]
    title = f"{group.title}, {threads} thread{'s' * (threads > 1)}"
    table = Table(title, ["", "ratio", "ratio on the wall", "minigrad us", "torch us", "goal"])
    for row in rows:
        times = [f"{1e6 * median(times).cpu:.1f}" for times in (row.ours, row.torch)]
        goal = goal_text(row.ratio, row.goal) if threads == 1 else ""
        table.rows.append([row.label, *ratios([row]), *times, goal])
    mean = geometric_mean(row.ratio for row in rows)
    goal = goal_text(mean, group.goal) if threads == 1 else ""
    table.rows.append(["geometric mean", *ratios(rows), "", "", goal])
    table.rows.append(["worst", *ratios([max(rows, key=lambda row: row.ratio)]), "", "", ""])
    return table


def ratios(rows: list[Row]) -> list[str]:
    """Of CPU time, which a busy machine disturbs less, and of time on the wall."""
    means = [geometric_mean(r.ratio for r in rows), geometric_mean(r.wall_ratio for r in rows)]
    return [f"{mean:.2f}" for mean in means]


def goal_text(ratio: float, goal: float | None) -> str:
    """The goal, and whether a ratio that should be small reaches it."""
    if goal is None:
        return ""
    return f"<= {goal} {'reached' if ratio <= goal else 'missed'}"


def gemm_table(rows: list[gemm.Row]) -> Table:
    table = Table("GEMM float32, 1 thread: speed relative to", ["", *GEMM_GOALS])
    for label, *speeds in rows:
        table.rows.append([label, *[f"{speed:.2f}" for speed in speeds]])
    means = [geometric_mean(speeds) for speeds in list(zip(*rows, strict=True))[1:]]
    table.rows.append(["geometric mean", *[f"{mean:.2f}" for mean in means]])
    goals = [
        f">= {goal} {'reached' if mean >= goal else 'missed'}"
        for mean, goal in zip(means, GEMM_GOALS.values(), strict=True)
    ]
    table.rows.append(["goal", *goals])
    return table
