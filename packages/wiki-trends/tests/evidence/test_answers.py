"""Test the answers that the lake keeps for a week."""

import datetime as dt
import json

import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.evidence import answers
from wiki_trends.evidence.answers import StoredAnswer, read_answers, write_answers

TODAY = dt.date(2025, 11, 12)
KEY = "_cache/en.wikipedia/evidence.json"


@pytest.fixture
def lake(tmp_path):
    return open_lake(str(tmp_path))


def test_answers_keep_their_day_and_expire_after_a_week(lake):
    write_answers(lake, "en.wikipedia", TODAY, {}, {"a": {"x": [1]}})
    later = TODAY + dt.timedelta(days=6)
    earlier = read_answers(lake, "en.wikipedia", later)
    assert earlier == {"a": ("2025-11-12", {"x": [1]})}
    write_answers(lake, "en.wikipedia", later, earlier, {"a": {"x": [1]}, "b": 2})
    assert set(read_answers(lake, "en.wikipedia", later)) == {"a", "b"}
    assert set(read_answers(lake, "en.wikipedia", later + dt.timedelta(days=1))) == {"b"}
    # A clock that is wrong must not keep answers for ever.
    assert read_answers(lake, "en.wikipedia", TODAY - dt.timedelta(days=1)) == {}
    assert read_answers(lake, "fr.wikipedia", later) == {}


def test_only_the_newest_answers_are_kept(lake, monkeypatch):
    monkeypatch.setattr(answers, "MAX_ANSWERS", 2)
    earlier = {"old": StoredAnswer("2025-11-10", 0)}
    write_answers(lake, "en.wikipedia", TODAY, earlier, {"old": 0, "a": 1, "b": 2})
    assert set(read_answers(lake, "en.wikipedia", TODAY)) == {"a", "b"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"{}", b'{"answers": [1]}', b'{"answers": {"a": 1}}', b'{"answers": {"a": ["x", 1]}}'],
    ids=["empty", "list", "no-answers", "answers-list", "no-day", "bad-day"],
)
def test_an_object_that_cannot_be_used_is_ignored(lake, body, caplog):
    lake.put(KEY, body)
    assert read_answers(lake, "en.wikipedia", TODAY) == {}
    assert "requested again" in caplog.text


def test_titles_that_utf8_cannot_encode_are_kept(lake):
    write_answers(lake, "en.wikipedia", TODAY, {}, {"a": "\ufffd é"})
    assert json.loads(lake.get(KEY)[0])["answers"]["a"][1] == "\ufffd é"
