"""The live display of a backfill: what it shows, when it is drawn, and that it leaves nothing behind."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from smart_orchestrator.checking import check
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.plan import make_plan
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.text.live import LiveReporter, duration_text, has_live_display, seconds_left
from testing.lakes import DAY, NEXT, WINDOW, pages

TERMINAL = {"TERM": "xterm-256color"}
CURSOR_HIDDEN, CURSOR_SHOWN = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that the test sets."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _terminal_of_sixty_columns(monkeypatch):
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "40")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def live(clock):
    with LiveReporter(Terminal(), 200, clock) as reporter:
        yield reporter


def run(day, attempt=1, failure=None):
    state = RunState.FAILED if failure else RunState.RUNNING
    return Run(f"{day}.{attempt}", day, attempt, state, ours=True, failure=failure, message="no luck")


def shown(reporter, width=60):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(reporter.display())
    lines = console.file.getvalue().splitlines()
    assert max(map(cell_len, lines), default=0) <= width
    return [line.rstrip() for line in lines]


def test_each_day_in_flight_has_its_step_and_its_time(live, clock):
    live.started(run(DAY), (0, 31))
    live.step(DAY, "step 1 of 5: requesting the list")
    clock.now += 65
    live.started(run(NEXT, attempt=2), (0, 31))
    live.followed(run(dt.date(2025, 11, 7)), (0, 31))
    live.requested()
    assert shown(live) == [
        "[0/31] 1 of 200 requests a minute",
        "  2025-11-05  step 1 of 5: requesting the list  1 min 5 s",
        "  2025-11-06  running, attempt 2                      0 s",
        "  2025-11-07  run by another process                  0 s",
    ]


def test_the_step_that_a_run_reports_before_it_is_shown_is_kept(live):
    live.step(DAY, "step 1 of 5: requesting the list")
    live.started(run(DAY), (0, 1))
    assert "step 1 of 5" in shown(live)[1]


def test_the_rate_counts_the_last_minute_and_the_time_left_follows_the_finished_runs(live, clock):
    live.started(run(DAY), (0, 4))
    for _ in range(142):
        live.requested()
    clock.now += 30
    live.started(run(NEXT), (0, 4))
    live.filled(Partition(DAY, Code.OK, "3 rows"), None, (1, 4))
    assert shown(live)[0] == "[1/4] 142 of 200 requests a minute, about 1 min 30 s left"
    clock.now += 31
    assert shown(live)[0] == "[1/4] 0 of 200 requests a minute, about 1 min left"


def test_a_long_step_is_cut_at_the_width_and_many_rows_are_counted(live):
    for offset in range(12):
        live.started(run(DAY + dt.timedelta(offset)), (0, 12))
        live.step(
            DAY + dt.timedelta(offset), "a step with a text that is longer than the terminal \x1b[2J" * 2
        )
    lines = shown(live)
    assert len(lines) == 10
    assert lines[1].startswith("  2025-11-05  a step with a text")
    assert "…" in lines[1]
    assert lines[-1] == "  … and 4 more"


def test_the_display_is_above_nothing_when_it_ends(live):
    stream = live._stream
    live.started(run(DAY), (0, 1))
    live.failed(run(DAY, failure=Failure.ERROR), (0, 1), again=True)
    live.started(run(DAY, attempt=2), (0, 1))
    live.filled(Partition(DAY, Code.OK, "3 rows"), None, (1, 1))
    written = stream.getvalue()
    assert written.count(CURSOR_HIDDEN) == written.count(CURSOR_SHOWN) == 1
    assert shown(live) == []
    live.status("computing wiki_trends_growth")
    assert shown(live) == ["computing wiki_trends_growth"]
    live.__exit__()
    live.status("a record of the log that comes late")
    written = stream.getvalue()
    assert written.count(CURSOR_HIDDEN) == written.count(CURSOR_SHOWN) == 2
    assert "comes late" not in written
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
    assert "failed (run 2025-11-05.1, ERROR): no luck" in " ".join(plain.split())
    assert "[1/1] 2025-11-05 is complete: 3 rows" in plain


def test_an_interruption_erases_the_display():
    stream = Terminal()

    def interrupted():
        with LiveReporter(stream, 200) as reporter:
            reporter.started(run(DAY), (0, 1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().count(CURSOR_HIDDEN) == stream.getvalue().count(CURSOR_SHOWN) == 1
    # The last codes show the cursor, and erase each line of the display from below.
    assert stream.getvalue().partition(CURSOR_SHOWN)[2] == "\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K"


def test_keys_that_another_process_writes_are_shown(live):
    empty = check(pages("memory://written"), WINDOW)
    partitions = (Partition(DAY, Code.STILL_WRITING, "one file is young"), *empty.partitions[1:])
    completeness = empty.__class__("pages", WINDOW, partitions)
    live.checked(completeness)
    live.planned(make_plan(completeness, {}))
    assert shown(live) == ["  2025-11-05  being written by another process  0 s"]


def test_a_wait_shows_what_is_missing_and_when_it_looks_again(live, clock):
    live.waiting(check(pages("memory://wait"), WINDOW), 60.0, 7200.0)
    clock.now += 18
    assert shown(live) == [
        "  5–9 November 2025: 5 days absent, MISSING: nothing is the…",
        "expected 5, available 0, missing 5, coverage 0.0 %",
        "next check in 42 s, time-out in 1 h 59 min",
    ]


def test_a_wait_shows_the_totals_once_when_the_lake_has_strays(live):
    completeness = check(pages("memory://wait"), WINDOW)
    live.waiting(replace(completeness, strays=("notes.txt",)), 60.0, 7200.0)
    assert [line.partition(",")[0] for line in shown(live)] == [
        "  5–9 November 2025: 5 days absent",
        "expected 5",
        "next check in 1 min",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, True),
        ({"CI": "true"}, False),
        ({"CI": "false"}, True),
        ({"NO_COLOR": "1"}, False),
    ],
    ids=["a terminal", "dumb", "no name", "CI", "not CI", "no colours"],
)
def test_only_a_terminal_that_can_move_its_cursor_has_a_display(changes, expected):
    assert has_live_display(Terminal(), TERMINAL | changes) is expected
    assert not has_live_display(io.StringIO(), TERMINAL)
    assert not has_live_display(Terminal(), {})


def test_the_time_left_is_that_of_the_mean_run():
    assert seconds_left([], [5.0], 3) is None
    assert seconds_left([10.0], [], 0) is None
    assert seconds_left([10.0, 20.0], [5.0, 20.0], 4) == (4 * 15 + 10 + 0) / 2
    assert seconds_left([10.0], [], 2) == 20.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.6, "1 min"),
        (65, "1 min 5 s"),
        (754, "12 min"),
        (3600, "1 h"),
        (7805, "2 h 10 min"),
    ],
    ids=str,
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert duration_text(seconds) == text
