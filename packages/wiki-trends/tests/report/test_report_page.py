"""The HTML report in a real browser, opened from disk with the network off."""

import datetime as dt
import json
import re

import pytest

from testing.browser import PHONE, TABLET, WIDE, tab
from testing.report_windows import HOSTILE, publish, settings_in, varied_rows
from wiki_trends.report.html.document import write_report
from wiki_trends.report.text import safe

PAGES = 230


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of a complete window, with hostile titles among its pages."""
    folder = tmp_path_factory.mktemp("report")
    settings = settings_in(folder)
    days = {offset: varied_rows(offset, HOSTILE, PAGES) for offset in range(12)}
    publish(settings, days, window=5)
    target = folder / "report.html"
    write_report(target, settings, ({}, ""))
    return target


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The report of a complete window with few pages: axe takes seconds for each hundred rows, which are all alike."""
    folder = tmp_path_factory.mktemp("short")
    settings = settings_in(folder)
    publish(settings, {offset: varied_rows(offset, HOSTILE) for offset in range(12)}, window=5)
    target = folder / "report.html"
    write_report(target, settings, ({}, ""))
    return target


@pytest.fixture(scope="module")
def gapped(tmp_path_factory):
    """The report of a window with two of five days missing, which its policy allowed."""
    folder = tmp_path_factory.mktemp("gapped")
    settings = settings_in(folder)
    publish(
        settings,
        {offset: varied_rows(offset) for offset in (0, 1, 2, 3, 4, 5, 7, 8, 11)},
        window=5,
        min_coverage=60,
    )
    target = folder / "report.html"
    write_report(target, settings, ({}, ""))
    return target


@pytest.fixture
def opened(browser, written):
    with tab(browser, offline=True) as made:
        yield made.open(written)
        assert made.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_nothing_is_asked_of_anyone(browser, written, scheme):
    with tab(browser, offline=True, color_scheme=scheme) as made:
        made.open(written)
        for chart in ("chart-race", "chart-categories", "chart-places"):
            assert made.count_colours(f"#{chart}") >= 5, f"{chart} is blank"
        assert made.page.locator("#chart-race svg text", has_text="Page 17").count() >= 1
        assert made.page.locator("#chart-race .role-axis-label text", has_text="Nov").count() >= 3
        assert made.problems == []


@pytest.mark.slow
def test_without_javascript_everything_but_the_charts_is_there(browser, written):
    with tab(browser, offline=True, java_script_enabled=False) as made:
        made.page.goto(written.as_uri())
        assert made.page.locator(".findings li").count() >= 3
        assert made.page.locator("#every-page tbody tr").count() == 100
        assert made.page.locator("svg.spark").count() >= 20
        assert not made.page.locator("[data-tools-of]").is_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        pytest.param("light", WIDE, marks=pytest.mark.long),
        pytest.param("dark", WIDE),
        pytest.param("light", PHONE, marks=pytest.mark.long),
    ],
)
def test_no_serious_violation_of_accessibility(browser, short, gapped, scheme, width):
    for report in (short, gapped):
        with tab(browser, offline=True, color_scheme=scheme, width=width) as made:
            made.open(report)
            assert made.accessibility_violations() == []


@pytest.mark.slow
def test_the_page_is_never_wider_than_its_window(browser, written, gapped):
    for report in (written, gapped):
        with tab(browser, offline=True, width=WIDE) as made:
            made.open(report)
            for width in (WIDE, TABLET, PHONE, 320):
                made.page.set_viewport_size({"width": width, "height": 900})
                assert made.overflow_pixels() == 0, width


def rows_of(page):
    return page.locator("#every-page tbody tr")


def column(page, number):
    return rows_of(page).locator(f":nth-child({number})").all_inner_texts()


@pytest.mark.slow
def test_the_table_of_every_page_sorts_both_ways_and_says_so(opened):
    page = opened.page
    head = page.locator("#every-page thead th", has_text="At least")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    scores = [float(text.replace(",", "")) for text in column(page, 10) if text != "–"]
    assert scores == sorted(scores, reverse=True)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.locator("#every-page [aria-sort]").count() == 1
    first = page.locator("#every-page thead th").first
    first.locator("button").focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("aria-sort") == "ascending"


@pytest.mark.slow
def test_a_search_finds_among_all_rows_and_says_how_many(opened):
    page = opened.page
    total = PAGES + len(HOSTILE)
    assert page.locator("#every-page-status").inner_text() == f"100 of {total} rows shown"
    page.get_by_label("Search title, category or country").fill("page 22")
    assert page.locator("#every-page-status").inner_text() == "12 rows"
    assert set(column(page, 1)) == {
        "Page 22",
        "Page 122",
        *(f"Page {number}" for number in range(220, 230)),
    }
    page.get_by_label("Search title, category or country").fill("PAGE 22 politics")
    assert set(column(page, 2)) == {"Politics"}
    page.get_by_label("Search title, category or country").fill("no such page")
    assert page.locator("#every-page-status").inner_text() == "0 rows"


@pytest.mark.slow
def test_rows_come_a_hundred_at_a_time_and_by_category(opened):
    page = opened.page
    page.get_by_role("button", name="Show a hundred more").click()
    assert rows_of(page).count() == 200
    page.get_by_label("Category", exact=True).select_option("Sports")
    assert set(column(page, 2)) == {"Sports"}
    assert not page.get_by_role("button", name="Show a hundred more").is_visible()


@pytest.mark.slow
def test_the_switch_changes_the_colours_of_page_and_charts(browser, written):
    with tab(browser, offline=True, color_scheme="light") as made:
        _switch_colours(made.open(written).page)


def _switch_colours(page):

    def look():
        return page.evaluate(
            """() => [document.body, document.querySelector('#chart-race svg text')].map(
                (node, index) => getComputedStyle(node)[index ? 'fill' : 'backgroundColor'])"""
        )

    light = look()
    switch = page.get_by_role("button", name="Dark colours")
    assert switch.get_attribute("aria-pressed") == "false"
    switch.click()
    assert switch.get_attribute("aria-pressed") == "true"
    assert all(item != other for item, other in zip(light, look(), strict=True))


@pytest.mark.slow
def test_hostile_titles_are_text_wherever_they_stand(opened):
    page = opened.page
    assert page.evaluate("document.querySelectorAll('img, iframe, b, object, embed').length") == 0
    assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 6
    for title in HOSTILE:
        shown = safe(title.replace("_", " "))
        page.get_by_label("Search title, category or country").fill(shown)
        assert shown in column(page, 1), title
    text = page.locator("body").inner_text()
    assert "\u202e" not in text
    assert "<U+202E>gnp.tset" in text
    links = page.evaluate(
        "[...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))"
    )
    assert {link for link in links if not link.startswith("#")} != set()
    assert all(link.startswith(("#", "https://en.wikipedia.org/wiki/")) for link in links)


@pytest.mark.slow
def test_hostile_titles_do_nothing_in_charts_and_their_tips(browser, written):
    with tab(browser, offline=True) as made:
        made.open(written)
        plot = made.page.locator("#chart-race")
        plot.scroll_into_view_if_needed()
        for point in made.page.locator("#chart-race svg .mark-symbol path").all()[:12]:
            point.hover(force=True)
        assert made.page.locator("#chart-race .plot-tip").count() == 1
        assert made.page.evaluate("document.querySelectorAll('.plot img, .plot script').length") == 0
        assert made.problems == []


@pytest.mark.slow
def test_a_link_to_a_strange_title_leads_to_that_page(opened):
    page = opened.page
    page.get_by_label("Search title, category or country").fill("img src")
    (link,) = page.locator("#every-page tbody a").all()
    assert link.evaluate("(node) => decodeURIComponent(new URL(node.href).pathname)") == (
        '/wiki/"><img_src=x_onerror=alert(2)>'
    )


@pytest.mark.slow
def test_a_window_with_gaps_says_so_on_its_first_screen(browser, gapped):
    for width, height in ((WIDE, 900), (PHONE, 844)):
        with tab(browser, offline=True, width=width, height=height) as made:
            made.open(gapped)
            notice = made.page.get_by_role("note")
            text = " ".join(notice.inner_text().split())
            assert "This window has gaps. 3 days of 5 expected are in it, a coverage of 60.0 %" in text
            assert "the policy requires 60 %" in text
            assert "2025-11-14" in text or "14 November" in text
            assert "absent, nothing is there" in text
            box = notice.bounding_box()
            assert box["y"] + 60 < height


@pytest.mark.slow
def test_days_are_told_apart_by_shape_and_by_words(browser, gapped):
    with tab(browser, offline=True) as made:
        made.open(gapped)
        shapes = made.page.evaluate(
            "[...document.querySelectorAll('.calendar .day use')].map((use) => use.getAttribute('href'))"
        )
        assert sorted(shapes) == ["#mark-absent"] * 2 + ["#mark-complete"] * 3
        labels = made.page.locator(".calendar .day .visually-hidden").all_text_contents()
        assert "Friday 14 November 2025, absent: nothing is there" in labels


@pytest.mark.slow
def test_it_prints_on_a4_in_light_colours(browser, written, tmp_path):
    with tab(browser, offline=True, color_scheme="dark") as made:
        made.open(written)
        made.page.emulate_media(media="print")
        assert made.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not made.page.locator(".bar").is_visible()
        target = tmp_path / "report.pdf"
        made.page.pdf(path=target, prefer_css_page_size=True)
    data = target.read_bytes()
    (box,) = set(re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", data))
    assert [round(float(side)) for side in box] == [595, 842]


@pytest.mark.slow
def test_the_data_of_the_table_cannot_end_their_script(written):
    text = written.read_text(encoding="utf-8")
    (data,) = re.findall(
        r'<script type="application/json" id="every-page-data">(.*?)</script>', text, re.DOTALL
    )
    assert not set("<>&\u2028\u2029") & set(data)
    titles = {item[0] for item in json.loads(data)["rows"]}
    assert {safe(title.replace("_", " ")) for title in HOSTILE} <= titles


@pytest.mark.slow
def test_the_figures_are_those_of_the_published_tables(written):
    text = written.read_text(encoding="utf-8")
    (data,) = re.findall(r'id="every-page-data">(.*?)</script>', text, re.DOTALL)
    rows = json.loads(data)["rows"]
    import duckdb

    with duckdb.connect(str(written.parent / "w.duckdb"), read_only=True) as tables:
        sums = dict(
            tables.execute("SELECT page, sum(views) FROM wiki_trends_timeseries GROUP BY page").fetchall()
        )
        newest = tables.execute("SELECT max(date) FROM wiki_trends_timeseries").fetchall()[0][0]
    assert {item[1] or item[0].replace(" ", "_"): item[6] for item in rows} == sums
    assert newest == dt.date(2025, 11, 16)
