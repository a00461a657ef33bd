"""The ranking's benchmarks, in small."""

from dataclasses import asdict

import pytest

from hustings.benchmarks import kernel, merge


@pytest.mark.parametrize("compiled", [False, True])
def test_the_kernel_is_measured_beside_the_package(compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba")

    result = asdict(kernel.run(100_000, compiled=compiled, repeats=1))

    assert list(result) == [
        "n",
        "updates_per_s",
        "ratio_to_trueskill",
        "max_abs_difference",
        "peak_mib",
    ]
    assert result["n"] == 100_000
    assert result["max_abs_difference"] < 1e-9
    # Far below what it is, since a busy machine must not fail this.
    assert result["ratio_to_trueskill"] > 50
    assert result["peak_mib"] > 1


def test_the_merge_has_a_column_for_each_number_of_battles_and_kind_of_quotas() -> None:
    result = asdict(merge.run(battles=(2_000,), seeds=1))

    assert [list(column) for column in result["columns"]] == [
        ["n", "quotas", "error", "coverage"]
    ] * 2
    assert [column["quotas"] for column in result["columns"]] == ["balanced", "electorate"]
