"""Converts facts about pages to rows of a frame and back, and drops rows that another program may have damaged.

A row has the title that was requested, when it was answered (Unix seconds), and a column for each fact. The categories are one
text, a line for each: titles of MediaWiki have no line breaks, and a list in Parquet can hold more values than memory.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from wiki_trends.wikimedia.pages import PageFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import polars as pl

REQUESTED, ANSWERED_AT, CATEGORIES = "requested", "answered_at", "categories"
# The fields of `PageFacts`, in their order.
FACTS = (
    "title",
    "namespace",
    "missing",
    "redirected",
    CATEGORIES,
    "latitude",
    "longitude",
    "place_type",
    "country",
    "description",
    "wikidata_id",
    "image",
    "disambiguation",
    "lastrevid",
)
# The columns without which a file does not hold cached facts. Any other fact may be one that its writer did not know.
REQUIRED = (REQUESTED, ANSWERED_AT, "title")

# JSON can hold a lone surrogate, UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


def columns() -> dict[str, pl.DataType]:
    """The columns of a frame of facts."""
    import polars as pl

    types: dict[str, pl.DataType] = {name: pl.String() for name in (REQUESTED, *FACTS)}
    types |= {name: pl.Float64() for name in (ANSWERED_AT, "latitude", "longitude")}
    types |= {name: pl.Int64() for name in ("namespace", "lastrevid")}
    return types | {name: pl.Boolean() for name in ("missing", "redirected", "disambiguation")}


def to_frame(entries: Iterable[tuple[str, float, PageFacts]]) -> pl.DataFrame:
    """Requested titles, the times of the answers, and the facts, as a frame."""
    import polars as pl

    rows = [
        {
            REQUESTED: printable(requested),
            ANSWERED_AT: answered_at,
            **{name: _cell(getattr(facts, name)) for name in FACTS},
        }
        for requested, answered_at, facts in entries
    ]
    return pl.DataFrame(rows, schema=columns(), orient="row")


def from_frame(frame: pl.DataFrame) -> dict[str, PageFacts]:
    """The facts by requested title; the last row of a title counts."""
    result: dict[str, PageFacts] = {}
    at = FACTS.index(CATEGORIES)
    for requested, *values in frame.select(REQUESTED, *FACTS).iter_rows():
        values[at] = tuple(values[at].split("\n")) if values[at] else ()
        result[requested] = PageFacts(*values)
    return result


def complete(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of another program with exactly the columns of a frame of facts; facts that it lacks have their defaults.

    Raises:
        ValueError: a column is missing, or has another type.
    """
    import polars as pl

    for name in REQUIRED:
        if name not in frame.columns:
            message = f"the column {name} is missing"
            raise ValueError(message)
    expected = columns()
    for name, dtype in frame.schema.items():
        if name in expected and dtype != expected[name]:
            message = f"the column {name} is of type {dtype}, not {expected[name]}"
            raise ValueError(message)
    defaults = to_frame([("", 0.0, PageFacts(""))]).row(0, named=True)
    lacking = [
        pl.lit(defaults[name], dtype=expected[name]).alias(name) for name in expected if name not in frame
    ]
    return frame.with_columns(lacking).select(list(expected))


def drop_impossible(frame: pl.DataFrame, *, latest: float) -> pl.DataFrame:
    """The rows whose values this program could have written, answered at `latest` or before."""
    import polars as pl

    never_null = (
        REQUESTED,
        ANSWERED_AT,
        "title",
        "namespace",
        "missing",
        "redirected",
        CATEGORIES,
        "disambiguation",
    )
    return frame.filter(
        pl.all_horizontal(pl.col(*never_null).is_not_null()),
        pl.col(ANSWERED_AT).is_finite() & (pl.col(ANSWERED_AT) <= latest),
        pl.col("latitude").is_between(-90, 90).fill_null(value=True),
        pl.col("longitude").is_between(-180, 180).fill_null(value=True),
    )


def facts_from_json(document: object) -> PageFacts | None:
    """The facts that `PageFacts.to_json` wrote; None for a document with a missing, unknown or impossible value."""
    if not isinstance(document, dict) or "title" not in document:
        return None
    if not all(name in _VALID and _VALID[name](value) for name, value in document.items()):
        return None
    return PageFacts.from_json(document)


def printable(text: str) -> str:
    """A text that UTF-8 can encode."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(printable(text) for text in value)
    return printable(value) if isinstance(value, str) else value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and _SURROGATE.search(value) is None


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(text) for text in value)


def _is_degrees(limit: float) -> Callable[[Any], bool]:
    def valid(value: object) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value) and -limit <= value <= limit  # type: ignore[arg-type,operator]

    return valid


_VALID: Mapping[str, Callable[[Any], bool]] = {
    "title": _is_text,
    "namespace": _is_integer,
    "missing": _is_flag,
    "redirected": _is_flag,
    CATEGORIES: _is_list_of_texts,
    "latitude": _is_degrees(90.0),
    "longitude": _is_degrees(180.0),
    "place_type": _is_text,
    "country": _is_text,
    "description": _is_text,
    "wikidata_id": _is_text,
    "image": _is_text,
    "disambiguation": _is_flag,
    "lastrevid": _is_integer,
}
