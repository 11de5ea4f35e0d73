"""The memory limit of DuckDB is derived from the smaller of the machine's and the container's memory."""

import os

import pytest

from wiki_trends.analytics.engines import duckdb
from wiki_trends.analytics.engines.memory import available_memory

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
UNLIMITED_V1 = "9223372036854771712"


def available(folder, groups, limits):
    """The available memory with these cgroups of the process and these limit files."""
    (folder / "self").write_text(groups)
    for name, limit in limits.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit}\n")
    return available_memory(folder / "cgroup", folder / "self")


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        ("", {}, MACHINE),
        ("0::/\n", {"memory.max": "max"}, MACHINE),
        ("0::/\n", {"memory.max": 512_000_000}, 512_000_000),
        ("0::/a/b\n", {"memory.max": "max", "a/memory.max": 300, "a/b/memory.max": 400}, 300),
        ("0::/a/b\n", {"a/b/memory.max": 400}, 400),
        ("5:cpu,memory:/docker/x\n0::/\n", {"memory/docker/x/memory.limit_in_bytes": 700}, 700),
        ("5:memory:/docker/x\n", {"memory/memory.limit_in_bytes": 800}, 800),
        ("5:memory:/\n", {"memory/memory.limit_in_bytes": UNLIMITED_V1}, MACHINE),
        ("0::/../../x\n", {"memory.max": 600}, 600),
    ],
    ids=[
        "no-group",
        "no-limit",
        "root-group",
        "group-above",
        "own-group",
        "docker-version-1",
        "version-1-root",
        "unlimited-version-1",
        "group-outside",
    ],
)
def test_the_least_limit_counts(tmp_path, groups, limits, expected):
    assert available(tmp_path, groups, limits) == expected


def test_without_cgroups_the_machine_counts(tmp_path):
    assert available_memory(tmp_path / "none", tmp_path / "nothing") == MACHINE


@pytest.mark.parametrize("rows", [0, 1_000, 10**12])
def test_the_limit_never_exceeds_the_container(monkeypatch, rows):
    monkeypatch.setattr(duckdb, "available_memory", lambda: 512_000_000)
    assert duckdb._memory_limit_bytes(rows) == 409_600_000
