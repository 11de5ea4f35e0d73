"""Test Ctrl-C during a backfill: the command ends at once, no half-written day is visible, and the next run of the command continues."""

from __future__ import annotations

import time
from dataclasses import replace

import pexpect

AS_OF = ("--as-of", "2025-11-12")
WORDS = ("backfill", *AS_OF, "--jobs", "1")


def test_an_interrupted_backfill_says_how_to_go_on_and_goes_on(place, sample_api):
    place.write_days("2025-11-07", "2025-11-08", "2025-11-09")
    server = sample_api(latency=0.01)
    terminal = place.terminal(*WORDS)
    terminal.expect("2025-11-05 is complete")
    server.options = replace(server.options, latency=2)
    terminal.expect("2025-11-06 +step ")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    text = terminal.before
    terminal.close()
    server.options = replace(server.options, latency=0)
    assert terminal.exitstatus == 130
    assert "interrupted: nothing half-written is visible. Run the same command again to continue." in text
    assert "  wiki-trends backfill --as-of 2025-11-12 --jobs 1\r\n" in text
    assert "Traceback" not in text
    found = place.run("check", *AS_OF, "--json").json
    assert found["missing"] == ["2025-11-06"]
    assert {day["state"] for day in found["days"]} <= {"complete", "absent", "uncommitted"}
    assert place.run(*WORDS).code == 0
    assert place.run("check", *AS_OF).code == 0
    # The first of the two days was complete, so the pipeline does not run for it again.
    lists = [path[-10:] for _, path, _ in server.requests if "/all-access/" in path]
    assert lists.count("2025/11/05") == 1


def test_answers_that_do_not_come_do_not_hold_an_interrupted_backfill(place, sample_api):
    server = sample_api(latency=0.05)
    terminal = place.terminal("fetch", "2025-11-05")
    terminal.expect("2025-11-05 +step ")
    latest = time.monotonic() + 30
    while not any("titles=" in path for _, path, _ in server.requests):
        assert time.monotonic() < latest, server.requests
        time.sleep(0.01)
    server.options = replace(server.options, latency=600)
    answered = -1
    while answered < len(server.requests):
        answered = len(server.requests)
        time.sleep(0.3)
    pressed = time.monotonic()
    terminal.sendintr()
    terminal.expect("interrupted: ")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert time.monotonic() - pressed < 60
