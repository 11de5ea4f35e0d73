"""The figures of the dashboard's pages are recomputed from the digits that the pages show."""

from __future__ import annotations

import math
import re

import pytest

from testing.dashboard import PAGE
from wiki_trends.report.figures import evidence_operands, score_operands


def figure(text):
    return float(text.replace(",", "").replace("−", "-"))


def facts(html):
    """The terms of the lists on a page, with their text."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", html, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", text) for name, text in pairs}


@pytest.mark.slow
def test_each_figure_of_the_score_is_recomputed_from_the_digits_beside_it(shared):
    rows = shared.client.get("/pages.json", params={"by": "score"}).json()["pages"]
    number = r"(−?[\d,.]+)"
    recomputed = 0
    for row in rows[:12]:
        html = shared.client.get("/page", params={"title": row["page"]}, headers=PAGE).text
        shown = facts(html)
        surprise, spread, confidence, score = map(
            figure, re.fullmatch(rf"{number} / {number} × {number} = {number}", shown["Score"]).groups()
        )
        assert f"{surprise / spread * confidence:.1f}" == f"{score:.1f}", row["page"]
        if "Evidence" in shown:
            surprise, error, evidence = map(
                figure, re.match(rf"{number} / {number} = {number} ", shown["Evidence"]).groups()
            )
            assert f"{surprise / error:.1f}" == f"{evidence:.1f}", row["page"]
            recomputed += 1
    assert recomputed > 0


@pytest.mark.slow
def test_halves_that_exceed_the_total_are_explained(shared):
    rows = shared.client.get("/pages.json", params={"by": "score"}).json()["pages"]
    explained = 0
    for row in rows[:30]:
        params = {"title": row["page"]}
        scores = shared.client.get("/page.json", params=params).json()["scores"]
        if scores["wikitrends_score"] is None:
            continue
        exceeds = scores["first_half_views"] + scores["last_half_views"] > scores["views"]
        html = shared.client.get("/page", params=params, headers=PAGE).text
        assert ("views of the last page listed" in facts(html)["Wikitrends"]) == exceeds
        explained += exceeds
    assert explained > 0


@pytest.mark.parametrize(
    ("surprise", "spread", "confidence"),
    [(5.387, 0.1832, 1.0), (0.004, 0.0004, 0.5), (-3.21, 0.155, 0.25), (12.0, 0.001, 1.0)],
)
def test_operands_have_the_digits_that_their_result_needs(surprise, spread, confidence):
    values = [figure(text) for text in score_operands(surprise, spread, confidence)]
    assert f"{values[0] / values[1] * values[2]:.1f}" == f"{surprise / spread * confidence:.1f}"
    values = [figure(text) for text in evidence_operands(surprise, spread)]
    assert f"{values[0] / values[1]:.1f}" == f"{surprise / spread:.1f}"
    assert math.isfinite(values[1])


def test_a_page_links_to_pageviews_beside_its_article(shared):
    html = shared.client.get("/page", params={"title": "Legend of Gatanor"}, headers=PAGE).text
    assert "https://pageviews.wmcloud.org/?project=en.wikipedia.org&amp;" in html
    assert "pages=Legend_of_Gatanor" in html
