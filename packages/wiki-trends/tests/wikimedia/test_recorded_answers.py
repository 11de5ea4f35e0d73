"""Every recorded answer goes through the judge of answers and the parser of its kind, and none is left over."""

from __future__ import annotations

import bz2
import datetime as dt
import json
import re
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from testing.recorded import RECORDED, needs_recorded
from wiki_trends.errors import RequestRejected, SettingError
from wiki_trends.pipeline.dump.reader import read_dump
from wiki_trends.pipeline.lists.top_list import parse_top_list
from wiki_trends.wikimedia.answers import judge
from wiki_trends.wikimedia.pages import Pages
from wiki_trends.wikimedia.siteinfo import parse_siteinfo

pytestmark = needs_recorded

EXCHANGES = sorted(RECORDED.glob("recorded/*/*.json"))
FIXTURES = sorted(RECORDED.glob("app_fixtures/*/*.json"))
DUMPS = sorted(path for path in RECORDED.glob("pageview_complete/*/*") if path.is_file())
HOURLY = sorted(RECORDED.glob("hourly/*"))
# What the client asks a wiki for; answers to other questions only have to be told from errors.
ABOUT_PAGES = ("pages", "normalized", "redirects")
RECORD = re.compile(rb"^(\S+) (.+?)(?: (?:null|\d+))? (desktop|mobile-web|mobile-app) (\d+) (?:[A-X]\d+)+$")
END = re.compile(rb" (?:desktop|mobile-web|mobile-app) \d+ (?:[A-X]\d+)+$")
DAY_OF_SAMPLES = dt.date(2021, 1, 2)


def ids(paths):
    return [path.relative_to(RECORDED).as_posix() for path in paths]


def judged(path, body, status=200, headers=None):
    """The answer as the client gets it, or None when it is an error that no retry mends."""
    raw = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    try:
        return judge(path.name, status, headers or {}, raw.encode(), has_contact=True)
    except RequestRejected:
        return None


def read(path, answer):
    """What the client's parser makes of it; the kind of parser it was."""
    query = answer.get("query", {}) if isinstance(answer, dict) else {}
    if isinstance(answer, dict) and "items" in answer:
        item = answer["items"][0]
        day = dt.date(int(item["year"]), int(item["month"]), int(item["day"]))
        body = json.dumps(answer).encode()
        project = item["project"].removesuffix(".org")
        rows = parse_top_list(body, project=project, access=item["access"], day=day)
        assert [row.views for row in rows] == [article["views"] for article in item["articles"]]
        return "list"
    if "namespaces" in query and "general" in query:
        assert parse_siteinfo(answer, url=path.name).main_page
        return "siteinfo"
    if isinstance(query, dict) and any(key in query for key in ABOUT_PAGES):
        pages = Pages(path.name)
        following = pages.add(answer)
        # Every key of a continuation is sent back.
        sent_back = {key: str(value) for key, value in answer.get("continue", {}).items()}
        assert (following or {}).items() >= sent_back.items()
        return "pages"
    return "other"


@pytest.mark.parametrize("path", EXCHANGES, ids=ids(EXCHANGES))
def test_an_exchange_is_understood(path):
    exchange = json.loads(path.read_text(encoding="utf-8"))
    response = exchange["response"]
    headers = {name.lower(): value for name, value in response["headers"].items()}
    answer = judged(path, response["body"], response["status"], headers)
    refused = isinstance(response["body"], dict) and "error" in response["body"]
    assert (answer is None) == refused
    if answer is not None:
        kind = read(path, answer)
        asked = parse_qs(urlsplit(exchange["request"]["url"]).query)
        if "titles" in asked and asked.get("action", ["query"]) == ["query"]:
            assert kind == "pages"


@pytest.mark.parametrize("path", FIXTURES, ids=ids(FIXTURES))
def test_a_body_without_its_request_is_understood(path):
    body = json.loads(path.read_text(encoding="utf-8"))
    answer = judged(path, body)
    assert (answer is None) == (isinstance(body, dict) and ("error" in body or "errors" in body))
    if answer is not None:
        read(path, answer)


def test_each_kind_of_answer_is_among_them():
    kinds = Counter()
    for path in EXCHANGES:
        response = json.loads(path.read_text(encoding="utf-8"))["response"]
        answer = judged(path, response["body"], response["status"])
        kinds["error" if answer is None else read(path, answer)] += 1
    assert kinds["list"] == 10
    assert kinds["siteinfo"] >= 16
    assert kinds["pages"] >= 40
    assert kinds["error"] >= 1


def whole_records(path):
    """By a plain loop: views by project and title, of lines that are a record after the end of one."""
    data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
    views: dict[str, Counter[str]] = {}
    ended = True
    for line in data.removesuffix(b"\n").split(b"\n"):
        found = RECORD.match(line)
        if found and ended:
            wiki, title, _, total = found.groups()
            text = title.decode("utf-8", errors="replace").replace(" ", "_")
            views.setdefault(wiki.decode("utf-8", errors="replace"), Counter())[text] += int(total)
        ended = END.search(line) is not None
    return views


@pytest.mark.parametrize("path", DUMPS, ids=ids(DUMPS))
def test_a_dump_gives_what_a_plain_loop_counts(path):
    in_name = re.search(r"(\d{4})(\d{2})(\d{2})", path.name)
    day = dt.date(*map(int, in_name.groups())) if in_name else DAY_OF_SAMPLES
    if path.name.startswith("monthly"):
        with pytest.raises(SettingError, match="monthly"):
            read_dump([path], project="aa.wikibooks", day=day)
        return
    expected = whole_records(path)
    if not expected:
        with pytest.raises(SettingError, match="holds no line of"):
            read_dump([path], project="en.wikipedia", day=day)
    for project, pages in expected.items():
        found = read_dump([path], project=project, day=day).lists["all-access"]
        assert {row.title: row.views for row in found} == dict(+pages), project


@pytest.mark.parametrize("path", HOURLY, ids=ids(HOURLY))
def test_an_hourly_file_is_no_dump_of_a_day(path):
    with pytest.raises(SettingError, match=r"not a pageview_complete file|is not of"):
        read_dump([path], project="en.wikipedia", day=DAY_OF_SAMPLES)


def test_no_recorded_file_is_left_over():
    known = {*EXCHANGES, *FIXTURES, *DUMPS, *HOURLY, RECORDED / "README.md"}
    # The rankings of others, read by the bench and the docs' page, are no answers.
    others = [path for path in RECORDED.rglob("*") if path.is_file() and path not in known]
    assert {path.relative_to(RECORDED).parts[0] for path in others} <= {"top_lists"}
