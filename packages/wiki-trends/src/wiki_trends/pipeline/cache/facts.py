"""Converts facts about pages to rows of a frame and back, and drops rows that another program may have damaged.

A row has the requested title, the time of the response (Unix seconds), and a column for each fact. The categories are one text
with one category in each line. No category contains a line break, because titles in MediaWiki have none. The categories are not
a list, because a damaged Parquet file can hold a list that does not fit into memory.
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
# The fields of `PageFacts`, in the order of the class.
FACT_COLUMNS = (
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
# A segment must have these columns. The other columns may be missing, because an older version wrote segments without them.
REQUIRED_COLUMNS = (REQUESTED, ANSWERED_AT, "title")

# JSON can hold a lone surrogate, but UTF-8 cannot encode one.
_SURROGATE = re.compile("[\ud800-\udfff]")


def frame_schema() -> dict[str, pl.DataType]:
    """Return the names and types of the columns of a frame of facts."""
    import polars as pl

    types: dict[str, pl.DataType] = {name: pl.String() for name in (REQUESTED, *FACT_COLUMNS)}
    types |= {name: pl.Float64() for name in (ANSWERED_AT, "latitude", "longitude")}
    types |= {name: pl.Int64() for name in ("namespace", "lastrevid")}
    return types | {name: pl.Boolean() for name in ("missing", "redirected", "disambiguation")}


def to_frame(entries: Iterable[tuple[str, float, PageFacts]]) -> pl.DataFrame:
    """Convert (requested title, time of the response, facts) to the rows of a frame."""
    import polars as pl

    rows = [
        {
            REQUESTED: replace_surrogates(requested),
            ANSWERED_AT: answered_at,
            **{name: _to_cell(getattr(facts, name)) for name in FACT_COLUMNS},
        }
        for requested, answered_at, facts in entries
    ]
    return pl.DataFrame(rows, schema=frame_schema(), orient="row")


def from_frame(frame: pl.DataFrame) -> dict[str, PageFacts]:
    """Return the facts by requested title. If a title has several rows, the last row counts."""
    facts_by_title: dict[str, PageFacts] = {}
    categories_index = FACT_COLUMNS.index(CATEGORIES)
    for requested, *values in frame.select(REQUESTED, *FACT_COLUMNS).iter_rows():
        categories = values[categories_index]
        values[categories_index] = tuple(categories.split("\n")) if categories else ()
        facts_by_title[requested] = PageFacts(*values)
    return facts_by_title


def redirect_targets(frame: pl.DataFrame) -> dict[str, str]:
    """Return the target of each requested title that redirects to a page, with underscores. The last row of a title counts."""
    import polars as pl

    newest = frame.select(REQUESTED, "title", "redirected", "missing").unique(
        REQUESTED, keep="last", maintain_order=True
    )
    redirects = newest.filter(pl.col("redirected"), ~pl.col("missing"))
    target = pl.col("title").str.replace_all(" ", "_", literal=True)
    return dict(redirects.select(REQUESTED, target).iter_rows())


def check_columns(schema: Mapping[str, pl.DataType]) -> None:
    """Check that a frame of facts has the required columns, and that its known columns have the expected types.

    Raises:
        ValueError: a required column is missing, or a column has another type.
    """
    for name in REQUIRED_COLUMNS:
        if name not in schema:
            message = f"the column {name} is missing"
            raise ValueError(message)
    expected = frame_schema()
    for name, dtype in schema.items():
        if name in expected and dtype != expected[name]:
            message = f"the column {name} is of type {dtype}, not {expected[name]}"
            raise ValueError(message)


def add_missing_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the missing columns with default values to a frame that `check_columns` accepts, and drop unknown columns."""
    import polars as pl

    expected = frame_schema()
    defaults = to_frame([("", 0.0, PageFacts(""))]).row(0, named=True)
    missing_columns = [
        pl.lit(defaults[name], dtype=expected[name]).alias(name) for name in expected if name not in frame
    ]
    return frame.with_columns(missing_columns).select(list(expected))


def drop_impossible(frame: pl.DataFrame, *, latest: float) -> pl.DataFrame:
    """Drop rows with values that this program cannot have written, and rows with a response after `latest`."""
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
    """Convert a document of `PageFacts.to_json` to facts; None if a value is missing, unknown or impossible."""
    if not isinstance(document, dict) or "title" not in document:
        return None
    if not all(name in _VALIDATORS and _VALIDATORS[name](value) for name, value in document.items()):
        return None
    return PageFacts.from_json(document)


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, so that UTF-8 can encode the text."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _to_cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(replace_surrogates(text) for text in value)
    return replace_surrogates(value) if isinstance(value, str) else value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and _SURROGATE.search(value) is None


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(text) for text in value)


def _is_degrees(limit: float) -> Callable[[Any], bool]:
    def is_valid(value: object) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and -limit <= value <= limit  # type: ignore[arg-type,operator]

    return is_valid


_VALIDATORS: Mapping[str, Callable[[Any], bool]] = {
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
