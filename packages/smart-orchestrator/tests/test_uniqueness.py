"""Values that occur more than once are found although other values have equal hashes."""

from __future__ import annotations

import polars as pl
import pytest

from smart_orchestrator import Column, DailyDataset
from smart_orchestrator.contract import uniqueness
from smart_orchestrator.contract.hashes import Hashes
from smart_orchestrator.contract.rows import examine
from smart_orchestrator.contract.sources import BytesPart

DATASET = DailyDataset("pages", "lake", "d_{day}", columns=(Column("page", unique=True),))


def findings(*names):
    part = BytesPart("part-0.csv", "\n".join(["page", *names, ""]).encode())
    return [finding.text for finding in examine(DATASET, [part]).findings]


def page_of_group(group):
    """A page whose hash is in a group."""
    names = pl.Series([f"Page_{number}" for number in range(1000)])
    return names.filter(names.hash() % uniqueness.GROUPS == group)[0]


@pytest.mark.parametrize("group", [0, uniqueness.GROUPS - 1])
def test_a_page_that_occurs_twice_is_found_after_equal_hashes_of_other_pages(monkeypatch, group):
    monkeypatch.setattr(uniqueness, "MAX_UNGROUPED_ROWS", 1)
    add = Hashes.add

    def add_with_collisions(hashes, dataset, rows):
        """Add two rows with equal hashes to each group: the hashes of no value, as if their values differed."""
        add(hashes, dataset, rows)
        hashes.by_column["page"].append(pl.Series([*range(uniqueness.GROUPS)] * 2, dtype=pl.UInt64))

    monkeypatch.setattr(Hashes, "add", add_with_collisions)
    page = page_of_group(group)
    assert findings("Alone", "Other") == []
    assert findings("Alone", page, "Other", page) == [f"column page holds '{page}' more than once"]
