"""The narrowest screens: nothing sticks out beside tables and charts, all days of a week are in sight, times have readable units."""

from __future__ import annotations

import datetime as dt

import pytest

from testing.browser import tab
from testing.report_windows import publish, settings_in, varied_rows
from wiki_trends.report.formats import duration
from wiki_trends.report.html.document import write_report
from wiki_trends.web.auth.sign_in import COOKIE

pytestmark = pytest.mark.slow
PATHS = (
    "/", "/pages", "/page?title=Bremirin_Act", "/categories", "/category?name=Sports", "/completeness?days=30",
    "/day?day=2025-11-07", "/day?day=2025-10-01", "/runs", "/left-out", "/history", "/compare?title=Legend_of_Gatanor",
)  # fmt: skip
# What stands beside the text of a page. Tables and charts scroll or shrink inside themselves. A marker has no box of its own.
STICKS_OUT = """() => {
  const main = document.querySelector('main');
  const style = getComputedStyle(main);
  const left = main.getBoundingClientRect().left + parseFloat(style.paddingLeft) - 1;
  const right = main.getBoundingClientRect().right - parseFloat(style.paddingRight) + 1;
  const found = [];
  for (const node of main.querySelectorAll('*')) {
    if (node.closest('.table-wrap, svg, .plot, .visually-hidden, .mark-shapes')) continue;
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const list = getComputedStyle(node);
    const marker = list.display === 'list-item' && list.listStyleType !== 'none' && list.listStylePosition === 'outside' ? 12 : 0;
    if (box.left - marker < left || box.right > right) found.push(`${node.outerHTML.slice(0, 80)} ${box.left} to ${box.right}`);
  }
  return found;
}"""
CUT_CALENDARS = """() => [...document.querySelectorAll('.table-wrap:not(.dense):has(.calendar)')]
  .map((wrap) => wrap.scrollWidth - wrap.clientWidth)"""


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_sticks_out_of_a_page_and_no_week_is_cut(shared, browser, width):
    with tab(browser, base_url=shared.url, width=width, reduced_motion="reduce") as seen:
        cookie = shared.guard.sessions.create(9_999_999_999)
        seen.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": shared.url}])
        calendars = 0
        for path in PATHS:
            seen.page.goto(path)
            for summary in seen.page.locator("details.confirm > summary").all():
                summary.click()
            assert seen.page.evaluate(STICKS_OUT) == [], path
            cut = seen.page.evaluate(CUT_CALENDARS)
            assert set(cut) <= {0}, path
            calendars += len(cut)
        assert calendars >= 2


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_sticks_out_of_the_report_and_no_week_is_cut(tmp_path, browser, width):
    settings = settings_in(tmp_path)
    publish(settings, {offset: varied_rows(offset) for offset in range(14)}, window=10)
    write_report(tmp_path / "report.html", settings, ({}, ""))
    with tab(browser, offline=True, width=width) as seen:
        seen.open(tmp_path / "report.html")
        assert seen.page.evaluate(STICKS_OUT) == []
        assert seen.page.evaluate(CUT_CALENDARS) == [0]


@pytest.mark.parametrize("seconds", [125, 11_530, 187_300])
def test_a_run_in_flight_lasts_as_long_in_the_page_as_in_the_table_of_ended_runs(shared, browser, seconds):
    started = dt.datetime(2025, 11, 12, 1, 2, tzinfo=dt.UTC)
    now = started + dt.timedelta(seconds=seconds)
    with tab(browser, base_url=shared.url) as seen:
        seen.page.clock.set_fixed_time(now)
        seen.page.goto("/runs")
        text = seen.page.evaluate(
            """(started) => {
                const node = Object.assign(document.createElement('time'), {dateTime: started});
                node.dataset.elapsed = '';
                document.body.append(node);
                document.dispatchEvent(new Event('DOMContentLoaded'));
                return node.textContent;
            }""",
            started.isoformat(),
        )
    assert text == duration(started, now)


def test_a_time_of_this_week_is_an_age_and_an_older_one_keeps_its_date(shared, browser):
    with tab(browser, base_url=shared.url) as seen:
        seen.page.goto("/history")
        node = seen.page.locator("tbody time").first
        published = dt.datetime.fromisoformat(node.get_attribute("datetime"))
        for days, text in ((2, "2 days ago"), (6, "6 days ago"), (8, node.get_attribute("title"))):
            seen.page.clock.set_fixed_time(published + dt.timedelta(days=days))
            seen.page.reload()
            assert seen.page.locator("tbody time").first.inner_text() == text
