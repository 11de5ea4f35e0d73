import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from testing.window_data import day_number, run_record
from wiki_trends.queries.series import Series
from wiki_trends.report import Report, render
from wiki_trends.report.formats import counted
from wiki_trends.report.model import Arrival, Category, Change, Peak, Sentence
from wiki_trends.report.text import safe


def change(page="Some page", **others):
    values = {
        "page": page,
        "page_display": page,
        "category": "Other",
        "first_date": day_number(0),
        "last_date": day_number(4),
        "first_views": 1_234_567,
        "last_views": 12_345_678,
        "views_change": 11_111_111,
        "views_change_pct": 900.0,
        "first_rank": 1000,
        "last_rank": 1,
        "rank_change": 999,
        "avg_views": 5_000_000.5,
        "max_views": 12_345_678,
        "min_views": 1_234_567,
        "volatility": 11_111_111,
    }
    return Change(**(values | others))


def report(page="Some page", *, gap=False):
    days = [day_number(offset) for offset in range(5)]
    rows = {"wiki_trends_timeseries": 4975, "wiki_trends_common": 2615, "wiki_trends_growth": 523}
    used = tuple(day for day in days if not (gap and day == days[1]))
    changes = (change(page),)
    return Report(
        run=replace(run_record(days), days_used=used, rows=rows),
        common_pages=523,
        headline=(Sentence(page, "rose."),),
        peaks=(Peak(page, page, days[2], 12_345_678, 1, 100.0, 12_345_578.0, 123_456.8, 3),),
        growing=changes,
        declining=(),
        volatile=changes,
        climbers=changes,
        categories=(Category(page, 12, 12_345_678, 75.0, 0, 5, None),),
        sustained=changes,
        series={page: Series((100, None, 12_345_678, 5, 9), (9, None, 1, 8, 8))},
    )


def test_the_report_names_window_coverage_records_and_common_pages():
    text = render(report())
    assert text.startswith(
        "Trends of 2025-11-05 .. 2025-11-09\nCoverage 100.0 % of 5 expected days, 5 days used"
    )
    assert "4,975 records, 523 pages listed on every day" in text
    assert "Missing: " not in text
    for title in (
        "Peaks",
        "Top growing",
        "Top declining",
        "Most volatile",
        "Best rank improvements",
        "Categories",
    ):
        assert re.search(rf"^{title}", text, re.MULTILINE)
    assert re.search(r"^Top declining\n  none$", text, re.MULTILINE)


def test_the_calendar_marks_days_and_says_why_they_are_missing():
    states = {
        "2025-11-06": {"state": "absent", "code": "MISSING", "reason": "nothing is there"},
    }
    made = report(gap=True)
    text = render(replace(made, run=replace(made.run, states=states)))
    assert "            Mo Tu We Th Fr Sa Su\n2025-11-03         ■  ·  ■  ■  ■\n" in text
    assert "· 2025-11-06  absent (MISSING): nothing is there\n" in text
    assert "■ complete   · absent\n" in text


def test_many_gaps_are_told_in_spells():
    made = report()
    days = [day_number(offset) for offset in range(40)]
    reason = {"state": "absent", "code": "MISSING", "reason": "nothing is there"}
    states = {day.isoformat(): reason for day in days[5:30]}
    run = replace(run_record(days), rows=made.run.rows, days_used=(*days[:5], *days[30:]), states=states)
    text = render(replace(made, run=run), width=200)
    assert "2025-11-19 and 15 days more\n" in text
    assert "· 2025-11-10 .. 2025-12-04  absent (MISSING): nothing is there\n" in text


def test_a_long_window_has_a_line_a_month():
    made = report()
    days = [day_number(offset) for offset in range(100)]
    text = render(replace(made, run=replace(run_record(days), rows=made.run.rows)))
    assert f"2025-11      {'■' * 26}\n2025-12  {'■' * 31}\n2026-01  {'■' * 31}\n" in text


def test_sparklines_are_drawn_where_titles_keep_their_room():
    assert re.search(r"^Some page  ▁·█▁▁  2025-11-07 ", render(report(), width=100), re.MULTILINE)
    narrow = render(report("A title that needs all the room there is"), width=60)
    assert "▁·█▁▁" not in narrow.split("Top growing")[1].split("Top declining")[0]


def test_new_and_returning_pages_are_told_when_there_are_any():
    arrival = Arrival("New", "New", "Other", "new", 1, day_number(4), 5, 7, 5)
    text = render(replace(report(), new=(arrival,)))
    assert re.search(r"^New in the lists\n.*\nNew +2025-11-09 +5 +7$", text, re.MULTILINE)
    assert "Back in the lists" not in text


def test_days_that_were_not_used_are_named():
    assert "Missing: 2025-11-06\n" in render(report(gap=True))


def test_a_bound_is_shown_as_a_bound_and_no_percentage_as_a_dash():
    text = render(report())
    assert "≥ 123,456.8×" in text
    assert re.search(r"^Some page +12 +12,345,678 +75.0 % +–$", text, re.MULTILINE)


def test_a_long_window_has_a_mark_for_each_day_where_there_is_room_and_says_where_not():
    made = report()
    days = [day_number(offset) for offset in range(40)]
    long = Series(tuple(range(40)), tuple(range(40)))
    run = replace(run_record(days), rows=made.run.rows)
    window = replace(made, run=run, series={"Some page": long})
    wide, narrow = render(window, width=140), render(window, width=100)
    assert [len(marks) for marks in re.findall("[▁▂▃▄▅▆▇█]{10,}", wide)] == [40] * 5
    assert "a mark" not in wide
    assert next(len(marks) for marks in re.findall("[▁▂▃▄▅▆▇█]{10,}", narrow)) == 31
    assert "1.3 days per mark" in narrow


@pytest.mark.parametrize("width", [60, 61, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width):
    text = render(report("A title that is much longer than any terminal could show it " * 4), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for figure in ("12,345,678", "+11,111,111", "+900.0 %", "≥ 123,456.8×", "1,234,567"):
        assert figure in text


def test_a_narrower_terminal_gets_sixty_columns():
    assert render(report(), width=5) == render(report(), width=60)


def test_markup_in_a_title_is_shown_as_text():
    for colour in (False, True):
        assert "[red]:boom: [/x][link=evil]" in render(report("[red]:boom: [/x][link=evil]"), colour=colour)


@pytest.mark.parametrize(
    "nasty", ["\x1b[31m", "\x07", "\r", "\n", "\x9b2J", "\u202e", "\u2066", "\u2028", "\u200f"]
)
def test_what_could_steer_a_terminal_is_shown_as_its_code(nasty):
    text = render(report(f"a{nasty}b"))
    assert nasty not in text.replace("\n", "") or nasty == "\n"
    assert f"a<U+{ord(nasty[0]):04X}>" in text


def test_letters_of_every_script_stay_as_they_are():
    title = "Été מים فيلم 東京 🙂 👩\u200d🚀 می\u200cخواهم A\u0308"
    assert safe(title) == title


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.integers(60, 140))
def test_no_title_brings_a_control_code_or_a_broader_line(title, width):
    text = render(report(title), width=width)
    assert not {char for char in text if unicodedata.category(char) in {"Cc", "Cs"}} - {"\n"}
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_no_colour_means_no_code_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in render(report())


def test_colour_changes_nothing_but_the_colours(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    coloured = render(report(), colour=True)
    assert "\x1b[" in coloured
    plain = "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()) + "\n"
    assert plain == render(report())


def test_numbers_and_things_agree():
    assert [counted(number, "day") for number in (0, 1, 1200)] == ["0 days", "1 day", "1,200 days"]
