"""Test random bytes in parts, markers and waivers: every command ends with a documented exit code and valid JSON."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from testing.faults import CSV, FOLDER, WINDOW

EXIT_CODES = {0, 1, 2, 3}
COMMANDS = (("check", *WINDOW, "--json"), ("check", *WINDOW, "--json", "--deep"), ("plan", *WINDOW, "--json"))
WAIVER = json.dumps(
    {
        "day": "2025-11-05",
        "reason": "never came",
        "by": "",
        "until": None,
        "waived_at": "2025-11-06T00:00:00+00:00",
    }
)
MANIFEST = json.dumps(
    {
        "version": 1, "day": "2025-11-05", "run_id": "r", "rows": 1, "columns": [], "volume": None, "measured": {},
        "parts": [{"name": "part-0.csv", "size": len(CSV), "checksum": None, "etag": None}],
        "written_at": "2025-11-06T00:00:00+00:00",
    }
)  # fmt: skip


def parquet():
    buffer = io.BytesIO()
    pl.DataFrame({"page": ["A", "B"], "views": [1, 2]}).write_parquet(buffer)
    return buffer.getvalue()


@st.composite
def damaged(draw, *originals):
    """Draw one of the originals, with some bytes changed, removed or added."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from([*json.loads(MANIFEST), *json.loads(WAIVER), "name"]), JSON, max_size=4
)


def documents(original):
    """Draw the bytes of a document: a damaged document, a document with fields of other types, or random bytes."""
    fields = FIELDS.map(lambda changes: json.dumps(json.loads(original) | changes).encode())
    return damaged(original.encode()) | fields | st.binary(max_size=60)


PARTS = damaged(CSV, gzip.compress(CSV), bz2.compress(CSV), parquet()) | st.binary(max_size=200)
MARKERS = st.sampled_from([b"", b"\n", None]) | documents(MANIFEST)
WAIVERS = st.none() | documents(WAIVER)


def check_the_commands(place, parts, marker, waiver):
    shutil.rmtree("data", ignore_errors=True)
    folder = Path("data/lake/diamond")
    (folder / FOLDER).mkdir(parents=True)
    (folder / "_waived").mkdir()
    for number, part in enumerate(parts):
        (folder / FOLDER / f"part-{number}.csv").write_bytes(part)
    if marker is not None:
        (folder / FOLDER / "_SUCCESS").write_bytes(marker)
    if waiver is not None:
        (folder / "_waived/2025-11-05.json").write_bytes(waiver)
    for command in COMMANDS:
        ended = place.run(*command)
        assert ended.code in EXIT_CODES, ended
        assert "Traceback" not in ended.err
        if ended.code in (0, 1):
            assert ended.json["window"]["days"] == 1


def fuzzed(examples):
    """Return a decorator that runs a test with this number of examples."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


EXAMPLES = (
    example([gzip.compress(CSV)[:-1]], b"", None),
    example([CSV], b'{"version":1e400}', None),
    example([CSV], b"[" * 100_000, b"[]"),
    example([CSV, parquet()], b"\n", b"{}"),
)


def with_examples(test):
    for add in EXAMPLES:
        test = add(test)
    return test


@fuzzed(100)
@given(st.lists(PARTS, max_size=2), MARKERS, WAIVERS)
@with_examples
def test_any_bytes_end_with_an_answer(place, parts, marker, waiver):
    check_the_commands(place, parts, marker, waiver)


@pytest.mark.long
@pytest.mark.timeout(3000)
@fuzzed(2000)
@given(st.lists(PARTS, max_size=2), MARKERS, WAIVERS)
def test_any_bytes_end_with_an_answer_in_many_examples(place, parts, marker, waiver):
    check_the_commands(place, parts, marker, waiver)


@fuzzed(100)
@given(damaged(parquet()))
def test_any_bytes_of_parquet_are_examined_to_an_end(data):
    from smart_orchestrator import Column, DailyDataset
    from smart_orchestrator.contract.rows import examine
    from smart_orchestrator.contract.sources import BytesPart

    columns = (Column("page", unique=True), Column("views", "integer", low=0))
    dataset = DailyDataset("x", "memory://fuzz", "{day:%Y-%m-%d}", format="parquet", columns=columns)
    contents = examine(dataset, [BytesPart("part-0.parquet", data)])
    assert contents.findings or contents.rows >= 0
