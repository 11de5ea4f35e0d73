"""Writers of a local lake, and a memory for the results of files."""

from __future__ import annotations

import pytest

from smart_orchestrator.runners.ledger import Ledger
from testing.partition_writers import MarkerWriter, PathWriter


@pytest.fixture
def writer(tmp_path):
    return PathWriter(str(tmp_path / "lake"))


@pytest.fixture
def marked(tmp_path):
    return MarkerWriter(str(tmp_path / "lake"))


@pytest.fixture
def memory(tmp_path):
    return Ledger(tmp_path / "state")
