from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_trends.errors import SettingError
from wiki_trends.wikimedia.limiter import DeadlinePassed, Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def in_five_seconds() -> float:
    return time.monotonic() + 5


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(1, 40),
    gaps=st.lists(st.floats(0, 20) | st.just(0.0), min_size=1, max_size=80),
)
def test_no_minute_has_more_requests_than_allowed(tmp_path_factory, rate, gaps):
    clock = Clock()
    limiter = Limiter(tmp_path_factory.mktemp("limits"), max_in_flight=1, rate_per_minute=rate, clock=clock)
    starts = []

    def sleep(seconds: float) -> None:
        clock.now += seconds

    for gap in gaps:
        clock.now += gap
        with limiter.request(time.monotonic() + 1e9, sleep):
            starts.append(clock.now)
    for first in starts:
        assert sum(first <= start < first + 63 - 1e-3 for start in starts) <= rate


def test_a_burst_of_a_fifth_starts_at_once(tmp_path):
    clock = Clock()
    limiter = Limiter(tmp_path, max_in_flight=1, rate_per_minute=200, clock=clock)
    waits = []
    for _ in range(41):
        with limiter.request(time.monotonic() + 60, waits.append):
            pass
    assert waits[:40] == [0.0] * 40
    assert waits[40] == pytest.approx(63 / 161)


def test_a_clock_set_back_adds_no_waiting(tmp_path):
    clock = Clock()
    limiter = Limiter(tmp_path, max_in_flight=1, rate_per_minute=200, clock=clock)
    waits = []
    with limiter.request(in_five_seconds(), waits.append):
        clock.now -= 3600
    with limiter.request(in_five_seconds(), waits.append):
        pass
    assert waits == [0.0, 0.0]


def test_a_pause_holds_for_every_limiter_of_the_folder(tmp_path):
    clock = Clock()
    limiter = Limiter(tmp_path, max_in_flight=2, rate_per_minute=200, clock=clock)
    other = Limiter(tmp_path, max_in_flight=2, rate_per_minute=200, clock=clock)
    limiter.pause(4)
    waits = []
    with other.request(in_five_seconds(), waits.append):
        pass
    assert waits == [4.0]
    with pytest.raises(DeadlinePassed), other.request(time.monotonic() + 3, waits.append):
        pass


def test_threads_share_the_slots(tmp_path):
    limiter = Limiter(tmp_path, max_in_flight=2, rate_per_minute=100_000)
    inside = 0
    most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with limiter.request(in_five_seconds(), time.sleep):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 2


HOLD = """
import sys, time
from pathlib import Path
from wiki_trends.wikimedia.limiter import Limiter
with Limiter(Path(sys.argv[1]), max_in_flight=1, rate_per_minute=1000).request(time.monotonic() + 5, time.sleep):
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_a_slot_of_another_process_is_respected_and_comes_free_when_it_is_killed(tmp_path):
    limiter = Limiter(tmp_path, max_in_flight=1, rate_per_minute=1000)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        with pytest.raises(DeadlinePassed), limiter.request(time.monotonic() + 0.05, time.sleep):
            pass
        process.kill()
        process.wait()
        with limiter.request(in_five_seconds(), time.sleep):
            pass


def test_a_folder_that_cannot_hold_locks_is_a_setting_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingError, match=r"WIKI_TRENDS_STATE.*Name a folder that can be written"):
        Limiter(tmp_path / "file" / "limits", max_in_flight=1, rate_per_minute=1)


def _fifo(path):
    os.mkfifo(path)


def _full_disk(path):
    path.symlink_to("/dev/full")


@pytest.mark.parametrize("arrange", [Path.mkdir, _fifo, _full_disk])
def test_a_state_file_that_cannot_be_used_is_an_error_of_the_setting(tmp_path, arrange):
    limiter = Limiter(tmp_path, max_in_flight=1, rate_per_minute=60)
    arrange(tmp_path / "bucket")

    def request():
        with limiter.request(time.monotonic() + 5, lambda _: None):
            pass

    for use in (request, limiter.slow_down, lambda: limiter.pause(1)):
        with pytest.raises(SettingError, match="WIKI_TRENDS_STATE"):
            use()
