"""Provide the Jinja environment of the report and the dashboard, with its filters.

The environment escapes all values except `Markup`. Titles are untrusted: `title` replaces control characters with their
codes, `wiki_link` allows only http and https URLs, and the result of `script_json` cannot end a script element.
"""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup

from wiki_trends.queries.evidence import FLAG
from wiki_trends.report import formats
from wiki_trends.report.calendar import KINDS
from wiki_trends.report.figures import evidence_operands, score_operands
from wiki_trends.report.html.sparkline_svg import sparkline_svg
from wiki_trends.report.text import safe

if TYPE_CHECKING:
    from jinja2 import Environment

# These characters could end a script element or a JavaScript string.
_JSON_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@cache
def environment() -> Environment:
    """Return the shared environment for the templates of this package.

    A caller with other templates makes a copy with `overlay` and adds a loader to the copy.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(
        loader=PackageLoader("wiki_trends.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    jinja.filters |= {
        "day": formats.day_text,
        "table_day": formats.table_day,
        "short_day": formats.short_day,
        "moment": formats.moment,
        "iso_time": formats.iso_time,
        "iso_day": dt.date.fromisoformat,
        "whole": formats.whole,
        "percent": formats.percent,
        "change": formats.change,
        "compact": formats.compact,
        "factor": formats.factor,
        "decimals": formats.decimals,
        "title": title,
        "sentence": sentence,
        "script_json": script_json,
        "wiki_link": wiki_link,
    }
    jinja.globals |= {
        "counted": formats.counted,
        "duration": formats.duration,
        "span_text": formats.span_text,
        "flag_text": FLAG,
    }
    jinja.globals |= {"sparkline": sparkline_svg, "KINDS": KINDS}
    jinja.globals |= {"evidence_operands": evidence_operands, "score_operands": score_operands}
    return jinja


def script_json(document: object) -> Markup:
    """Write a document as JSON that is safe inside a script element."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_plain)
    for char, code in _JSON_ESCAPES.items():
        text = text.replace(char, code)
    return Markup(text)  # noqa: S704 - escaped above


def title(text: str) -> Markup:
    """Put a title into a `bdi` element, so that its text direction does not affect other text, and escape the title."""
    return Markup("<bdi>{}</bdi>").format(safe(text))


def sentence(text: str) -> str:
    """Return a text with a capital first letter. All other letters stay as they are."""
    return text[:1].upper() + text[1:]


def wiki_link(url: str | None) -> str:
    """Return the URL if it is an http or https URL, else an empty string."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in ("http", "https") and parts.netloc else ""


def _plain(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
