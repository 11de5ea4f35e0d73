import io

import polars as pl
import pytest

from testing.window_data import TYPES, row
from wiki_trends.queries.spreadsheet import as_text

FORMULAS = [
    "=HYPERLINK(1)",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u200f=1",
    "\u202e=1",
    "\ufeff=1",
    "\uff1d1",
    "\uff0b1",
    "\u207a1",
]
TEXTS = ["", "plain", "'=1", "a=1", "Été", "(=1)", "1-2", "–1", "_=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_gets_an_apostrophe(text):
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize("value", [*TEXTS, None, -5, 1.5])
def test_everything_else_is_left_alone(value):
    assert as_text(value) == value


def test_an_exported_csv_holds_no_formula_and_other_formats_the_exact_titles(place):
    titles = [*FORMULAS[:4], *TEXTS[1:]]
    rows = [row(f"Page_{number}", 100, page_display=title) for number, title in enumerate(titles)]
    import datetime as dt

    from smart_orchestrator.committing.writer import write_frame
    from wiki_trends.config.layers import layers
    from wiki_trends.config.settings import load

    write_frame(layers(load()).diamond, dt.date(2025, 11, 5), pl.DataFrame(rows, schema=TYPES))
    assert place.run("analyze", "--start", "2025-11-05", "--end", "2025-11-05").code == 0
    shown = pl.read_csv(io.StringIO(place.process("export", "wiki_diamond").out), infer_schema=False)
    by_page = dict(zip(shown["page"], shown["page_display"], strict=True))
    assert [by_page[f"Page_{number}"] for number in range(len(titles))] == [
        as_text(title) for title in titles
    ]
    assert shown["views"].to_list() == ["100"] * len(titles)
    exact = pl.read_json(io.StringIO(place.process("export", "wiki_diamond", "--format", "json").out))
    assert set(exact["page_display"]) == set(titles)
    exact_csv = place.process("export", "wiki_diamond", "--format", "csv", "--exact").out
    assert set(pl.read_csv(io.StringIO(exact_csv), infer_schema=False)["page_display"]) == set(titles)
