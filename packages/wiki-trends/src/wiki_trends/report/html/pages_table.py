"""Encode the table of all pages as data for `assets/table.js`, which sorts and searches it and shows parts of it.

A row is a list without field names, because a month of lists has thousands of pages, and repeated names would be most of
the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wiki_trends.report.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.report.details import Details

_NO_LOCATION = "No specific location"


def every_page(details: Details) -> dict[str, Any]:
    """The table: `data` for the script element, and the `categories` and `presences` for its filters."""
    rows = details.every_page
    categories, countries, presences, days = (
        _distinct(rows, name) for name in ("category", "location", "presence", "peak_date")
    )
    columns = [
        {"at": 0, "head": True, "page": 1, "search": True, "class": "title"},
        {"at": 2, "names": categories, "search": True, "class": "hide-narrow"},
        {
            "at": 3,
            "names": ["–" if name == _NO_LOCATION else name for name in countries],
            "search": True,
            "class": "hide-narrow",
        },
        {"at": 4, "names": presences, "class": "hide-narrow"},
        {"at": 5, "class": "num hide-narrow"},
        {"at": 6, "class": "num"},
        {"at": 7, "names": days, "class": "hide-narrow nowrap"},
        {"at": 8, "class": "num hide-narrow"},
        {"at": 9, "class": "num"},
        {"at": 10, "digits": 1, "class": "num"},
        {"at": 11, "digits": 1, "sign": True, "unit": " %", "class": "num hide-narrow"},
    ]
    data = {
        "links": details.link_base,
        "columns": columns,
        "rows": [
            [
                safe(row["page_display"]),
                "" if row["page"] == safe(row["page_display"]).replace(" ", "_") else row["page"],
                categories.index(row["category"]),
                countries.index(row["location"]),
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


def _distinct(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(str(row[name]) for row in rows))


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
