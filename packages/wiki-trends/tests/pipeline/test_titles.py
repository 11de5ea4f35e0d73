from __future__ import annotations

import datetime as dt
import itertools
import urllib.parse
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import example, given, settings

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, listing, settings_for
from testing.titles import HOSTILE, TITLES
from testing.window_data import NOW
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.pipeline import run_day
from wiki_trends.warehouse import open_warehouse
from wiki_trends.wikimedia import WikimediaClient


def by_other_readers(conf, day):
    """Page, views and rank as those read the CSV who know nothing of us: DuckDB and Polars."""
    folder = Path(conf.lake.replace("{layer}", "diamond")) / f"diamond_final_{day:%Y_%m_%d}.csv"
    (part,) = folder.glob("part-*")
    with duckdb.connect() as connection:
        read = "read_csv(?, header = true, all_varchar = true, quote = '\"', escape = '\"', delim = ',', strict_mode = true)"
        rows = connection.execute(f"SELECT page, views, rank FROM {read}", [str(part)]).fetchall()
    frame = pl.read_csv(part, infer_schema=False).select("page", "views", "rank")
    return [
        [(page, int(views), int(rank)) for page, views, rank in result] for result in (rows, frame.rows())
    ]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    wiki = SmallWiki()
    with ScriptedServer(wiki) as server:
        conf = settings_for(server.url, tmp_path_factory.mktemp("titles"))
        with WikimediaClient(conf) as client:
            yield wiki, conf, client, itertools.count()


@pytest.mark.slow
def test_titles_go_from_the_api_to_csv_and_tables_and_back_unchanged(bench, tmp_path, postgres_url):
    wiki, conf, client, number = bench
    rows_by_day: dict[dt.date, list[tuple[str, int, int]]] = {}

    @settings(max_examples=40, deadline=None)
    @given(titles=TITLES)
    @example(titles=HOSTILE)
    def from_the_api_to_csv(titles):
        day = DAY + dt.timedelta(days=next(number))
        rows = [(title, 1000 - n, n + 1) for n, title in enumerate(titles)]
        wiki.lists["en.wikipedia", day] = listing(rows, day)
        run_day(day, conf, client=client)
        frame = read_frame(layers(conf).diamond, day)
        assert frame.select("page", "views", "rank").rows() == rows
        assert by_other_readers(conf, day) == [rows, rows]
        for page, link in zip(frame["page"], frame["link"], strict=True):
            assert urllib.parse.unquote(link.removeprefix("https://en.wikipedia.org/wiki/")) == page
            assert link.isascii()
            assert not set(link) & set(' "<>?#&+|\\^`{}')
        rows_by_day[day] = rows

    from_the_api_to_csv()
    diamond = layers(conf).diamond
    whole = check(
        diamond, Window.between(min(rows_by_day), max(rows_by_day), max(rows_by_day) + dt.timedelta(days=3))
    )
    for url in (f"duckdb:///{tmp_path / 'titles.duckdb'}", postgres_url):
        warehouse = open_warehouse(url)
        analyze(diamond, whole, warehouse, clock=lambda: NOW)
        with warehouse.reading() as tables:
            result = tables.rows(
                "SELECT date, page, views, rank FROM wiki_trends_timeseries ORDER BY date, rank"
            )
        in_table = [(row["date"], row["page"], row["views"], row["rank"]) for row in result]
        assert in_table == [(day, *row) for day, rows in sorted(rows_by_day.items()) for row in rows]
