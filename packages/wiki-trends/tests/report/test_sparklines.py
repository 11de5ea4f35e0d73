import datetime as dt
import re

import pytest

from wiki_trends.report.html.sparkline_svg import sparkline_svg
from wiki_trends.report.sparkline import dated_sparkline, fitted, sparkline


def test_a_bar_a_day_between_lowest_and_highest():
    assert sparkline([0, 7, None, 3]) == "▁█·▄"
    assert sparkline([None, None]) == "··"
    assert sparkline([]) == ""


def test_many_days_become_few_bars_of_their_highest():
    assert fitted([1, 5, 2, None, None, None, 9, 8], 4) == [5, 2, None, 9]
    assert fitted([1, None], 4) == [1, None]
    assert len(fitted(list(range(365)), 31)) == 31


def test_every_day_has_a_mark_also_days_without_a_value():
    first = dt.date(2025, 10, 1)
    views = {first: 1, dt.date(2025, 10, 3): None, dt.date(2025, 10, 4): 8}
    assert dated_sparkline(views, first, dt.date(2025, 10, 5)) == ["2025-10-01 ▁–·█– 2025-10-05"]
    long = dated_sparkline({first: 1}, first, dt.date(2025, 11, 9), days_per_line=20)
    assert long == [f"2025-10-01 ▁{'–' * 19} 2025-10-20", f"2025-10-21 {'–' * 20} 2025-11-09"]
    assert max(map(len, dated_sparkline({}, first, dt.date(2026, 10, 1)))) <= 60


def test_a_line_breaks_where_a_page_was_outside_the_list():
    drawn = str(sparkline_svg([1, 2, None, 4, 3]))
    (path,) = re.findall(r'spark-line" d="([^"]+)"', drawn)
    assert path.count("M") == 2
    assert path.count("L") == 2
    assert "NaN" not in drawn


@pytest.mark.parametrize("length", [1, 5, 31, 60])
def test_every_day_of_the_window_has_a_mark(length):
    views = [None if day % 3 == 1 else 100 + day for day in range(length)]
    drawn = str(sparkline_svg(views))
    paths = dict(re.findall(r'class="(spark-[a-z]+)" d="([^"]+)"', drawn))
    listed = sum(count is not None for count in views)
    assert paths.get("spark-out", "").count("M") == length - listed
    assert paths["spark-line"].count("M") + paths["spark-line"].count("L") == listed
    assert paths.get("spark-day", "").count("M") == (listed if length <= 31 else 0)


def test_a_lone_day_is_a_dot_and_the_highest_day_is_marked():
    drawn = str(sparkline_svg([None, 5, None]))
    assert drawn.count("spark-alone") == 1
    assert drawn.count("spark-top") == 1
    assert "circle" not in str(sparkline_svg([None, None]))


@pytest.mark.parametrize("views", [[3, 3, 3], [0, 0], [5]])
def test_equal_days_lie_in_the_middle(views):
    assert 'cy="14' in str(sparkline_svg(views))


def test_a_label_is_escaped_and_without_one_it_is_hidden():
    assert 'aria-label="&lt;b&gt;&#34;"' in str(sparkline_svg([1], label='<b>"'))
    assert 'aria-hidden="true"' in str(sparkline_svg([1]))
