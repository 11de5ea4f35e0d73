"""Ctrl-C during a backfill: it ends at once, nothing half-written shows, and the same command goes on."""

from __future__ import annotations

import time

import pexpect

AS_OF = ("--as-of", "2025-11-12")
WORDS = ("backfill", *AS_OF, "--jobs", "1")


def interrupted(place, *words, when):
    """Exit code, what it said, and the seconds from Ctrl-C to its end."""
    terminal = place.terminal(*words)
    terminal.expect(when)
    pressed = time.monotonic()
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    text = terminal.before
    terminal.close()
    return terminal.exitstatus, text, time.monotonic() - pressed


def test_an_interrupted_backfill_says_how_to_go_on_and_goes_on(place, sample_api):
    place.write_days("2025-11-07", "2025-11-08", "2025-11-09")
    server = sample_api(latency=0.03)
    code, text, _ = interrupted(place, *WORDS, when="2025-11-06 started")
    assert code == 130
    assert "interrupted: nothing half-written is visible. Run the same command again to go on." in text
    assert "Traceback" not in text
    found = place.run("check", *AS_OF, "--json").json
    assert found["missing"] == ["2025-11-06"]
    assert {day["state"] for day in found["days"]} <= {"complete", "absent", "uncommitted"}
    assert place.run(*WORDS).code == 0
    assert place.run("check", *AS_OF).code == 0
    # The first of the two days was done, and is not done again.
    lists = [path[-10:] for _, path, _ in server.requests if "/pageviews/top/" in path]
    assert lists.count("2025/11/05") == 1


def test_an_answer_that_does_not_come_does_not_hold_an_interrupted_backfill(place, sample_api):
    sample_api(latency=3)
    code, text, seconds = interrupted(place, "fetch", "2025-11-05", when="2025-11-05 started")
    assert code == 130
    assert "interrupted: " in text
    assert seconds < 2
