"""A lake whose server fails now and then, or goes away: the right result or an error, never a wrong one."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import LakeError, LakeUnreachable, LostRace
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import open_lake
from testing.lakes import frame, pages
from testing.s3_proxy import FAULTS, Faults, s3_proxy

TIMEOUT, BACKOFF, RETRIES = 1.0, 0.01, 4
WHOLE, HALF, EMPTY = dt.date(2025, 11, 5), dt.date(2025, 11, 6), dt.date(2025, 11, 7)
WINDOW = Window.between(WHOLE, dt.date(2025, 11, 9), dt.date(2025, 11, 12))
LONG = Window.between(dt.date(2025, 9, 1), dt.date(2025, 11, 9), dt.date(2025, 11, 12))


@pytest.fixture
def proxy(s3):
    with s3_proxy(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def faulty(s3, proxy, monkeypatch):
    """Days of which one is half-written and one has no row, seen through the proxy."""
    dataset = pages(s3.url)
    for day in WINDOW:
        if day not in (HALF, EMPTY):
            write_frame(dataset, day, frame())
    lake = open_lake(s3.url)
    lake.put(f"{dataset.key(HALF)}/part-00000-half.csv", b"page,views,rank\n")
    lake.put(f"{dataset.key(EMPTY)}/{MARKER}", b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    return replace(dataset, timeout=TIMEOUT, retries=RETRIES, backoff=BACKOFF)


def codes_and_rows(completeness):
    return [(p.day, p.state, p.code, p.rows, p.fingerprint) for p in completeness.partitions]


def checks(faulty, proxy, rounds):
    """Checks of short windows and long ones while three of ten requests fail; some of them must come through."""
    right = {window: codes_and_rows(check(faulty, window)) for window in (WINDOW, LONG)}
    proxy.faults = Faults(0.3)
    came_through = 0
    for number in range(rounds):
        window = LONG if number % 4 == 3 else WINDOW
        try:
            completeness = check(faulty, window)
        except LakeError:
            continue
        assert codes_and_rows(completeness) == right[window]
        came_through += 1
    assert set(proxy.faults.done) == set(FAULTS)
    assert rounds / 10 < came_through < rounds


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_check_through_faults_is_right_or_an_error(faulty, proxy):
    checks(replace(faulty, timeout=0.3), proxy, 40)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_hundred_checks_through_faults_are_right_or_an_error(faulty, proxy):
    checks(faulty, proxy, 200)


def commits(faulty, proxy, rounds):
    """Commits while three of ten requests fail: what is visible is what the last one said, or one of two if it failed."""
    faults = Faults(0.3)
    visible, succeeded = read_frame(faulty, WHOLE).height, 0
    for rows in range(10, 10 + rounds):
        proxy.faults = faults
        allowed = {rows, visible}
        try:
            write_frame(faulty, WHOLE, frame(rows))
            allowed = {rows}
            succeeded += 1
        except LakeError:
            pass
        except LostRace:
            allowed = {visible}
        proxy.faults = None
        visible = read_frame(faulty, WHOLE).height
        assert visible in allowed
    assert set(faults.done) == set(FAULTS)
    assert rounds / 10 < succeeded < rounds


@pytest.mark.timeout(200)
def test_a_commit_through_faults_is_whole_or_not_there(faulty, proxy):
    commits(replace(faulty, timeout=0.3), proxy, 20)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_hundred_commits_through_faults_are_whole_or_not_there(faulty, proxy):
    commits(faulty, proxy, 200)


@pytest.mark.slow
@pytest.mark.parametrize("window", [WINDOW, LONG], ids=["listed day by day", "listed at once"])
@pytest.mark.parametrize("silent", [False, True], ids=["resets", "silent"])
def test_a_server_gone_in_mid_check_is_an_error_in_time_and_never_missing(faulty, proxy, window, silent):
    quick = replace(faulty, timeout=0.4)
    proxy.requests.clear()
    check(quick, window)
    needed = len(proxy.requests)
    proxy.silent = silent
    for after in sorted({0, 1, needed // 2, needed - 1}):
        proxy.gone_after = after
        began = time.monotonic()
        with pytest.raises(LakeUnreachable):
            check(quick, window)
        # Two time-outs take 0.8 s. obstore's own limit is 180 s, which would show that the time-out is ignored.
        assert time.monotonic() - began < 60
