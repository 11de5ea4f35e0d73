"""Stored types against the contract's types: what is no value of the type is a violation, and sums do not overflow."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.contract.rows import check_together, examine, to_bytes
from smart_orchestrator.contract.sources import BytesPart
from smart_orchestrator.errors import ContractError
from smart_orchestrator.model.dataset import Column, DailyDataset
from smart_orchestrator.model.partition import Code
from testing.lakes import DAY

LARGEST = 2**63 - 1


def dataset(kind, *, lake="memory://types", volume=None):
    columns = (Column("value", kind, nullable=True),)
    return DailyDataset(
        name="types",
        lake=lake,
        key_format="types_{day:%Y-%m-%d}",
        format="parquet",
        columns=columns,
        volume_column=volume,
    )


@pytest.mark.parametrize(
    ("kind", "values", "code"),
    [
        ("integer", [dt.datetime(2025, 11, 5, tzinfo=dt.UTC)], Code.BAD_VALUES),
        ("integer", [dt.date(2025, 11, 5)], Code.BAD_VALUES),
        ("float", [dt.date(2025, 11, 5)], Code.BAD_VALUES),
        ("boolean", [dt.date(2025, 11, 5)], Code.BAD_VALUES),
        ("date", [20251105], Code.BAD_VALUES),
        ("date", [1.5], Code.BAD_VALUES),
        ("date", [dt.date(2025, 11, 5)], None),
        ("integer", [1.5], Code.BAD_VALUES),
        ("integer", [2.0], None),
        ("string", [dt.date(2025, 11, 5)], None),
    ],
)
def test_a_stored_type_that_is_not_the_contracts_is_a_violation(kind, values, code):
    contract = dataset(kind)
    frame = pl.DataFrame({"value": [*values, None]})
    result = examine(contract, [BytesPart("part-0.parquet", to_bytes(contract, frame))], foreign=True)

    assert [finding.code for finding in result.findings] == ([code] if code else [])
    assert result.rows == 2


@pytest.mark.parametrize(("text", "good"), [("1.50", False), ("2.00", True)])
def test_a_decimal_with_a_fraction_is_not_an_integer(text, good):
    contract = dataset("integer")
    frame = pl.DataFrame({"value": [text]}).with_columns(pl.col("value").cast(pl.Decimal(10, 2)))
    result = examine(contract, [BytesPart("part-0.parquet", to_bytes(contract, frame))], foreign=True)

    assert bool(result.findings) is not good


def test_a_sum_of_large_integers_does_not_overflow():
    contract = dataset("integer", volume="value")
    data = to_bytes(contract, pl.DataFrame({"value": [LARGEST, LARGEST]}))

    assert examine(contract, [BytesPart("part-0.parquet", data)]).volume == 2 * LARGEST
    assert check_together(contract, [[data]]) == [(2, 2 * LARGEST)]


def test_a_volume_that_no_manifest_can_hold_is_not_committed(tmp_path):
    contract = dataset("integer", lake=str(tmp_path), volume="value")
    with pytest.raises(ContractError, match="the sum of column value is out of range"):
        write_frame(contract, DAY, pl.DataFrame({"value": [LARGEST, 1]}))

    assert inspect(contract, DAY).code is Code.MISSING
    assert write_frame(contract, DAY, pl.DataFrame({"value": [LARGEST]})) == inspect(contract, DAY)
