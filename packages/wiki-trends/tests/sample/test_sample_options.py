"""Options from texts: what is taken, and what is refused with its name, value and fix."""

from __future__ import annotations

import datetime as dt

import pytest

from wiki_trends.errors import SettingError
from wiki_trends.sample import options, parse_faults


def test_texts_become_options():
    parsed = options.parse(
        latency="50ms",
        stall="2s",
        faults=["429=0.2", "reset=0.1"],
        today="2025-11-12",
        late=["2025-11-08=2"],
        never=["2025-11-01"],
        broken=["2025-11-02"],
    )
    assert parsed.latency == 0.05
    assert parsed.stall == 2
    assert parsed.faults == {"429": 0.2, "reset": 0.1}
    assert parsed.today == dt.date(2025, 11, 12)
    assert parsed.late == {dt.date(2025, 11, 8): 2}
    assert parsed.never == (dt.date(2025, 11, 1),)
    assert parsed.broken == (dt.date(2025, 11, 2),)


def test_without_texts_one_day_was_never_published():
    assert options.parse().never == (dt.date(2024, 3, 31),)
    assert options.parse().faults == {}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"latency": "fast"}, r"--latency: 'fast' is not a time"),
        ({"latency": "-1"}, r"--latency: '-1' is not a time"),
        ({"stall": "2h"}, r"--stall: '2h' is not a time"),
        ({"faults": ["418=0.1"]}, r"--fault: '418=0.1' names no kind .*429"),
        ({"faults": ["429"]}, r"--fault: '429' has no probability"),
        ({"faults": ["429=1.5"]}, r"--fault: '429=1.5' has no probability"),
        ({"faults": ["429=nan"]}, r"--fault: '429=nan' has no probability"),
        ({"faults": ["429=0.7", "500=0.7"]}, r"more than 1 together"),
        ({"today": "2025-02-30"}, r"--today: '2025-02-30' is not a day of the calendar"),
        ({"late": ["2025-11-08"]}, r"--late: '2025-11-08' is not a day and a number of days"),
        ({"late": ["x=2"]}, r"--late: 'x' is not a day"),
        ({"never": ["x"]}, r"--never: 'x' is not a day"),
        ({"broken": ["x"]}, r"--broken-day: 'x' is not a day"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, text):
    with pytest.raises(SettingError, match=text):
        options.parse(**arguments)


def test_a_folder_to_replay_must_be_one(tmp_path):
    with pytest.raises(SettingError, match=r"--replay: .* is not a folder"):
        options.parse(replay=tmp_path / "none")


def test_the_days_of_truth_are_needed_and_in_order():
    assert options.parse_truth_window("2025-11-01", "2025-11-01") == (dt.date(2025, 11, 1),) * 2
    for start, end, text in [
        (None, "2025-11-01", "--start: '' is not given"),
        ("2025-11-02", "2025-11-01", "--end: '2025-11-01' is before the start"),
        ("2000-01-01", "2025-11-01", "more than 3660 days"),
    ]:
        with pytest.raises(SettingError, match=text):
            options.parse_truth_window(start, end)


def test_faults_of_a_probability_of_zero_or_one_are_taken():
    assert parse_faults(["429=0", "500=1"]) == {"429": 0.0, "500": 1.0}
