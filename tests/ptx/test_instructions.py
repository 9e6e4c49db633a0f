"""How a float64 instruction is told from a register's name."""

import pytest

from tests.ptx import report


@pytest.mark.parametrize(
    "text",
    [
        "\tadd.f64 \t%fd1, %fd2, %fd3;",
        "cvt.rn.f32.f64 %f1, %fd1;",
        "\t@!%p1 mul.rn.f64 %fd1, %fd2;",
    ],
)
def test_finds_instructions(text: str) -> None:
    assert report.F64_INSTRUCTION.search(f"\tret;\n{text}")


@pytest.mark.parametrize(
    "text", [".reg .f64 \t%fd<4>;", "mov.b32 %f64, %f1;", "// add.f64", "$L.f64:"]
)
def test_nothing_else(text: str) -> None:
    assert not report.F64_INSTRUCTION.search(f"\tret;\n\t{text}")


def test_the_table_has_a_row_for_each_kernel() -> None:
    line = dict.fromkeys(report.COLUMNS, 0) | {"kernel": "exp: loop"}
    assert report.table([line]).count("\n| exp: loop |") == 1
