"""Encode the table of all pages for `assets/table.js`, which sorts, searches and draws the table.

Each row is a list without field names. With thousands of pages, repeated field names would be most of the file. The document describes the
columns of the table:

- `at` is the index of the column's value in a row.
- `names` is a list of texts, such as the categories. The value in a row is then an index into this list.
- `byIndex` means that the column is sorted by this index. Otherwise, it is sorted by the texts.
- `search` means that the search of the table covers the column.
- `head`, `class`, `digits`, `sign` and `unit` define how a value is drawn.

`page` is the index of the exact title in a row. The exact title is empty if it can be derived from the displayed title.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.rules.countries import country_names
from wiki_trends.report.formats import UNKNOWN, table_day
from wiki_trends.report.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.report.details import Details


def every_page(details: Details) -> dict[str, Any]:
    """Return the table as `data` for the script element, and the `categories` and `presences` for the filters of the table."""
    rows = details.every_page
    categories, locations, presences, days = (
        _distinct_values(rows, name) for name in ("category", "location", "presence", "peak_date")
    )
    # The days are in their order, so that the index sorts the column.
    days = sorted(days)
    countries = country_names()
    columns = [
        {"at": 0, "head": True, "page": 1, "search": True, "class": "title"},
        {"at": 2, "names": categories, "search": True},
        {
            "at": 3,
            "names": [name if name in countries else UNKNOWN for name in locations],
            "search": True,
        },
        {"at": 4, "names": presences},
        {"at": 5, "class": "num"},
        {"at": 6, "class": "num"},
        {
            "at": 7,
            "names": [table_day(dt.date.fromisoformat(day)) for day in days],
            "byIndex": True,
            "class": "nowrap",
        },
        {"at": 8, "class": "num"},
        {"at": 9, "class": "num"},
        {"at": 10, "digits": 1, "class": "num"},
        {"at": 11, "digits": 1, "sign": True, "unit": " %", "class": "num"},
    ]
    data = {
        "links": details.link_base,
        "columns": columns,
        "rows": [
            [
                safe(row["page_display"]),
                "" if row["page"] == safe(row["page_display"]).replace(" ", "_") else row["page"],
                categories.index(row["category"]),
                locations.index(row["location"]),
                presences.index(row["presence"]),
                row["days_listed"],
                row["views"],
                days.index(str(row["peak_date"])),
                row["peak_views"],
                row["best_rank"],
                _rounded(row["at_least"]),
                _rounded(row["views_change_pct"]),
            ]
            for row in rows
        ],
    }
    return {"data": data, "categories": sorted(categories), "presences": sorted(presences)}


def _distinct_values(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(str(row[name]) for row in rows))


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
