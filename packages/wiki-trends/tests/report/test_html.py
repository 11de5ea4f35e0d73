import datetime as dt
import json
import re
from pathlib import Path

import pytest

from testing.report_windows import HOSTILE
from wiki_trends.report import formats
from wiki_trends.report.formats import (
    change,
    compact,
    day_text,
    decimals,
    duration,
    factor,
    moment,
    percent,
    short_day,
    span_text,
    table_day,
    whole,
)
from wiki_trends.report.html.render import environment, script_json, sentence, title, wiki_link


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://en.wikipedia.org/wiki/A", "https://en.wikipedia.org/wiki/A"),
        ("http://127.0.0.1:8899/wiki/A", "http://127.0.0.1:8899/wiki/A"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        (" javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//evil.example/x", ""),
        ("/wiki/A", ""),
        ("https:", ""),
        ("http://[", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_links_go_to_the_web_or_nowhere(url, link):
    assert wiki_link(url) == link


@pytest.mark.parametrize("text", HOSTILE)
def test_a_title_is_isolated_text(text):
    shown = title(text)
    assert shown.startswith("<bdi>")
    assert shown.endswith("</bdi>")
    inside = shown[len("<bdi>") : -len("</bdi>")]
    assert not set("<>\"'\u202e\u2066\u2028") & set(inside)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_is_what_it_was_and_cannot_end_it(text):
    written = script_json({text: [text, dt.date(2025, 11, 5)]})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {text: [text, "2025-11-05"]}


def test_what_is_nothing_for_json_is_told():
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        script_json({"x": object()})


def test_templates_escape_and_miss_nothing_silently():
    from jinja2 import UndefinedError

    assert environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (45_000, "45.0 k"),
        (999_400, "999 k"),
        (999_600, "1.00 million"),
        (1_554_810, "1.55 million"),
        (-83_300_000, "−83.3 million"),
        (2.5e9, "2.50 billion"),
    ],
)
def test_large_numbers_have_three_digits(number, text):
    assert compact(number) == text


def test_a_rounded_number_has_the_sign_and_the_unit_of_its_text():
    assert [change(-0.04), change(0.0), decimals(-0.004)] == ["+0.0 %", "+0.0 %", "0.00"]
    start = dt.datetime(2025, 11, 9, tzinfo=dt.UTC)
    texts = [duration(start, start + dt.timedelta(seconds=seconds)) for seconds in (59.9, 59.96, 60.0)]
    assert texts == ["59.9 s", "1 min 0 s", "1 min 0 s"]


def test_numbers_and_days_are_for_people():
    assert [whole(1234.5), whole(None), whole(-5), change(-2.25), change(2.25), change(None)] == [
        "1,234",
        "–",
        "−5",
        "−2.2 %",
        "+2.2 %",
        "–",
    ]
    assert [decimals(-0.125), percent(-60), factor(17.71), factor(None), decimals(None)] == [
        "−0.12",
        "−60.0 %",
        "× 17.7",
        "–",
        "–",
    ]
    day = dt.date(2025, 11, 9)
    assert [day_text(day), day_text(day, weekday=True), table_day(day), short_day(day)] == [
        "9 November 2025",
        "Sunday 9 November 2025",
        "Sun 9 Nov 2025",
        "9 Nov",
    ]
    spans = [span_text(day - dt.timedelta(days=days), day) for days in (0, 4, 12, 365)]
    assert spans == [
        "9 November 2025",
        "5 to 9 November 2025",
        "28 October to 9 November 2025",
        "9 November 2024 to 9 November 2025",
    ]
    east = dt.timezone(dt.timedelta(hours=2))
    assert moment(dt.datetime(2025, 11, 12, 1, 30, tzinfo=east)) == "11 November 2025, 23:30 UTC"
    start = dt.datetime(2025, 11, 12, 3, tzinfo=dt.UTC)
    lengths = [
        duration(start, start + dt.timedelta(seconds=seconds)) for seconds in (3, 59.94, 125, 11_530, 187_300)
    ]
    assert [*lengths, duration(start, None)] == ["3.0 s", "59.9 s", "2 min 5 s", "3 h 12 min", "2 d 4 h", "–"]


def test_a_sentence_keeps_the_letters_of_names():
    assert sentence("run 1 failed: ERROR: Wikimedia") == "Run 1 failed: ERROR: Wikimedia"
    assert sentence("") == ""


def test_no_other_module_of_pages_formats_numbers_and_days():
    """The templates and the modules of report/html and web write figures only with the functions of `formats`."""
    root = Path(formats.__file__).parents[1]
    pattern = re.compile(r"strftime|:[+]?,?\.[0-9]f|:[+]?,[.}]|:%[A-Za-z]|%[.]\d?f")
    allowed = {"formats.py", "terminal.py", "lookup_text.py"}
    found = []
    for folder in ("report", "web"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".html") and path.name not in allowed:
                found += [
                    f"{path.name}: {line.strip()[:120]}"
                    for line in path.read_text().splitlines()
                    if pattern.search(line) and "<rect" not in line
                ]
    assert found == []
