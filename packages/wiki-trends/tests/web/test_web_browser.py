"""The dashboard in a real browser: every page in light and dark, on a phone, by keyboard, and live updates."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from testing.browser import PHONE, TABLET, WIDE, tab
from testing.dashboard import AS_OF, HOSTILE, TOKEN, serving, settings_of
from wiki_trends.sample import SampleOptions, SampleServer
from wiki_trends.web.auth.sign_in import COOKIE

PATHS = (
    "/", "/pages", "/pages?by=growth&category=Sports", "/page?title=Legend_of_Gatanor", "/categories",
    "/category?name=Sports", "/completeness", "/completeness?days=365", "/day?day=2025-11-07", "/day?day=2025-11-01",
    "/runs", "/left-out", "/history", "/compare?title=Legend_of_Gatanor&scale=logarithmic", "/sign-in",
)  # fmt: skip


SMALL = 320


@contextmanager
def visited(browser, dashboard, *, signed_in=False, **options):
    """A browser tab on a dashboard; with `signed_in` it has a session cookie."""
    with tab(browser, base_url=dashboard.url, **options) as seen:
        if signed_in:
            cookie = {
                "name": COOKIE,
                "value": dashboard.guard.sessions.create(9_999_999_999),
                "url": dashboard.url,
            }
            seen.page.context.add_cookies([{**cookie, "sameSite": "Strict"}])
        yield seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [*PATHS[:2], *(pytest.param(path, marks=pytest.mark.slow) for path in PATHS[2:])]
)
def test_every_page_is_quiet_asks_nobody_else_and_can_be_used_by_everybody(shared, browser, path):
    with visited(browser, shared, signed_in=True, reduced_motion="reduce") as seen:
        seen.page.goto(path)
        seen.page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn)"
        )
        for scheme in ("light", "dark"):
            seen.page.emulate_media(color_scheme=scheme)
            assert seen.accessibility_violations() == [], scheme
        for width in (TABLET, PHONE, SMALL):
            seen.page.set_viewport_size({"width": width, "height": 844})
            assert seen.overflow_pixels() == 0, width
        assert seen.problems == []


@pytest.mark.slow
def test_a_long_calendar_opens_at_today_and_is_one_tab_stop(shared, browser):
    days = ".calendar a.day"
    with visited(browser, shared, width=WIDE) as seen:
        seen.page.goto("/completeness?days=365")
        wrap = "document.querySelector('.dense')"
        assert seen.page.evaluate(f"{wrap}.scrollWidth - {wrap}.clientWidth") == 0
        seen.page.set_viewport_size({"width": SMALL, "height": 844})
        seen.page.reload()
        hidden = seen.page.evaluate(f"{wrap}.scrollWidth - {wrap}.clientWidth")
        assert hidden > 0
        assert abs(seen.page.evaluate(f"{wrap}.scrollLeft") - hidden) <= 1
        assert seen.page.locator(f"{days}[tabindex='0']").count() == 1
        seen.page.locator(f"{days}[tabindex='0']").focus()
        for key, day in (
            ("ArrowLeft", "2025-11-02"),
            ("ArrowUp", "2025-11-01"),
            ("ArrowDown", "2025-11-02"),
            ("ArrowRight", "2025-11-09"),
            ("ArrowRight", "2025-11-09"),
            ("Home", "2024-11-10"),
            ("End", "2025-11-09"),
        ):
            seen.page.keyboard.press(key)
            assert seen.page.evaluate("document.activeElement.href").endswith(day), key
        assert seen.page.locator(f"{days}[tabindex='0']").count() == 1


@pytest.mark.slow
def test_the_navigation_shows_where_you_are_on_a_small_screen(shared, browser):
    with visited(browser, shared) as seen:
        seen.page.set_viewport_size({"width": SMALL, "height": 844})
        for path in ("/", "/runs", "/left-out"):
            seen.page.goto(path)
            box = seen.page.locator("nav [aria-current]").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= SMALL


@pytest.mark.slow
def test_the_charts_are_drawn(shared, browser):
    with visited(browser, shared) as seen:
        for path in ("/page?title=Legend_of_Gatanor", "/category?name=Sports"):
            seen.open(path)
            assert seen.count_colours(".plot") > 3
        assert seen.problems == []


@pytest.mark.slow
def test_the_switch_to_dark_holds_over_pages(shared, browser):
    with visited(browser, shared, color_scheme="light") as seen:
        seen.page.goto("/")
        light = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        seen.page.get_by_role("button", name="Dark colours").click()
        dark = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        seen.page.goto("/runs")
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light


@pytest.mark.slow
def test_tables_are_sorted_and_searched_in_the_browser(shared, browser):
    with visited(browser, shared) as seen:
        seen.page.goto("/categories")
        seen.page.get_by_role("button", name="Pages").click()
        cells = seen.page.locator("#categories tbody tr td:nth-of-type(5)").all_inner_texts()
        numbers = [int(cell.replace(",", "")) for cell in cells]
        assert numbers == sorted(numbers, reverse=True)
        seen.page.goto("/left-out")
        rows = seen.page.locator("#left-out tbody tr")
        before = rows.count()
        seen.page.get_by_label("Search in these rows").fill("main page")
        assert 1 <= rows.count() < before
        assert "Main" in rows.first.inner_text()


@pytest.mark.slow
def test_pages_are_searched_by_the_form_and_the_result_can_be_shared(shared, browser):
    with visited(browser, shared) as seen:
        seen.page.goto("/pages")
        seen.page.get_by_label("Title").fill("legend")
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url("**/pages?q=legend*")
        link = seen.page.locator("tbody th a").first
        title = link.inner_text()
        assert "legend" in title.lower()
        link.click()
        expect(seen.page.locator("h1")).to_have_text(title)


@pytest.mark.slow
def test_the_keyboard_reaches_the_content_and_a_day(shared, browser):
    with visited(browser, shared) as seen:
        seen.page.goto("/completeness")
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.textContent") == "Skip to content"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"
        seen.page.locator("a.day").first.focus()
        seen.page.keyboard.press("Enter")
        dialog = seen.page.get_by_role("dialog")
        dialog.get_by_role("heading", level=1).wait_for()
        assert seen.accessibility_violations() == []
        seen.page.keyboard.press("Escape")
        assert not dialog.is_visible()


@pytest.mark.slow
def test_a_click_on_the_calendar_starts_a_backfill_and_the_day_turns_whole(demo_copy, browser):
    shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
    with SampleServer(SampleOptions(today=AS_OF, latency=0.02)) as wikimedia:
        settings = settings_of(
            demo_copy,
            wikimedia_url=wikimedia.wikimedia_url,
            mediawiki_url=wikimedia.mediawiki_url,
            rate_per_minute=1_000_000,
            cache_days=0,
        )
        with (
            serving(settings) as dashboard,
            visited(browser, dashboard, signed_in=True) as seen,
        ):
            page = seen.page
            page.goto("/completeness")
            day = page.locator("a.day[href*='2025-11-07']")
            assert "state-absent" in day.get_attribute("class")
            assert page.locator("[data-coverage]").inner_text() == "80.0 %"
            day.click()
            panel = page.get_by_role("dialog")
            panel.get_by_text("Start its backfill").click()
            panel.get_by_role("button", name="Yes, start it").click()
            panel.get_by_role("heading", name="Complete").wait_for(timeout=120_000)
            page.keyboard.press("Escape")
            page.locator("a.day.state-complete[href*='2025-11-07']").wait_for(timeout=120_000)
            expect(page.locator("[data-coverage]")).to_have_text("100.0 %")
            assert page.url.endswith("/completeness")
            assert seen.problems == []


@pytest.mark.slow
def test_without_scripts_a_day_is_started_with_a_confirmation_too(demo_copy, browser):
    shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
    with (
        serving(settings_of(demo_copy)) as dashboard,
        visited(browser, dashboard, signed_in=True, java_script_enabled=False) as seen,
    ):
        seen.page.goto("/completeness")
        seen.page.locator("a.day[href*='2025-11-07']").click()
        start = seen.page.get_by_role("button", name="Yes, start it")
        assert not start.is_visible()
        seen.page.get_by_text("Start its backfill").click()
        with seen.page.expect_navigation():
            start.click()
        assert seen.page.url.endswith("/day?day=2025-11-07")
        assert dashboard.client.get("/runs.json").json()["asked"][0]["day"] == "2025-11-07"


@pytest.mark.slow
def test_runs_are_followed_as_they_happen(demo_copy, browser):
    with serving(settings_of(demo_copy)) as dashboard, visited(browser, dashboard) as seen:
        shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
        seen.page.goto("/runs")
        seen.page.wait_for_timeout(500)
        assert seen.page.get_by_text("Backfills started here").count() == 0
        dashboard.client.post("/backfill", params={"day": "2025-11-07"}, headers=dashboard.bearer)
        seen.page.get_by_role("region", name="Backfills started here").get_by_text("failed").wait_for()
        assert "WIKI_TRENDS_CONTACT" in seen.page.locator("main").inner_text()


@pytest.mark.slow
def test_a_page_says_when_it_is_disconnected(demo_settings, browser):
    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        dashboard = server.enter_context(serving(demo_settings))
        seen = stack.enter_context(visited(browser, dashboard))
        seen.page.goto("/runs")
        notice = seen.page.locator("#disconnected")
        with seen.page.expect_response("**/events"):
            seen.page.reload()
        assert not notice.is_visible()
        server.close()
        notice.get_by_text("Disconnected").wait_for()


@pytest.mark.slow
def test_a_stranger_signs_in_by_the_form_and_is_brought_back(shared, browser):
    with visited(browser, shared) as seen:
        seen.page.goto("/completeness")
        seen.page.goto("/day?day=2025-11-07")
        assert seen.page.get_by_role("button", name="Yes, start it").count() == 0
        seen.page.get_by_role("link", name="Sign in").first.click()
        seen.page.get_by_label("Token").fill(TOKEN)
        seen.page.get_by_role("button", name="Sign in").click()
        seen.page.get_by_role("button", name="Sign out").wait_for()
        cookies = seen.page.context.cookies()
        assert seen.page.url.endswith("/day?day=2025-11-07")
        assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(True, "Strict")]
        assert TOKEN not in seen.page.url
        assert seen.page.evaluate("document.cookie") == ""


def shown_as_text(seen, path):
    seen.page.goto(path)
    seen.wait_until_drawn()
    assert seen.page.locator("main img, main i").count() == 0
    links = seen.page.evaluate("[...document.links].map((link) => link.protocol)")
    assert set(links) <= {"http:", "https:"}
    assert "\u202e" not in seen.page.locator("body").inner_text()
    seen.page.set_viewport_size({"width": PHONE, "height": 844})
    assert seen.overflow_pixels() == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/pages", "/categories", "/category?name=%3Ci%3Escript"])
def test_lists_of_hostile_titles_are_text(hostile, browser, path):
    with visited(browser, hostile) as seen:
        shown_as_text(seen, path)
        assert seen.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_title_is_text_on_its_page(hostile, browser, name):
    with visited(browser, hostile) as seen:
        shown_as_text(seen, f"/page?title={quote(HOSTILE[name], safe='')}")
        assert seen.problems == []
