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

from wiki_trends.report.calendar import KINDS
from wiki_trends.report.figures import evidence_operands, score_operands
from wiki_trends.report.html.sparkline_svg import sparkline_svg
from wiki_trends.report.text import counted, safe

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
        "day": day_text,
        "short_day": short_day,
        "moment": moment,
        "title": title,
        "script_json": script_json,
        "whole": whole,
        "signed": signed,
        "percent": percent,
        "change": change,
        "compact": compact,
        "factor": factor,
        "decimals": decimals,
        "wiki_link": wiki_link,
    }
    jinja.globals |= {"counted": counted, "sparkline": sparkline_svg, "KINDS": KINDS}
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


def wiki_link(url: str | None) -> str:
    """Return the URL if it is an http or https URL, else an empty string."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in ("http", "https") and parts.netloc else ""


def day_text(day: dt.date, weekday: bool = False) -> str:
    """Format a day: `9 November 2025`, or `Sunday 9 November 2025`."""
    text = f"{day.day} {day:%B %Y}"
    return f"{day:%A} {text}" if weekday else text


def short_day(day: dt.date) -> str:
    """Format a day for a table: `9 Nov`."""
    return f"{day.day} {day:%b}"


def moment(time: dt.datetime) -> str:
    """Format a time in UTC: `12 November 2025, 03:00 UTC`."""
    time = time.astimezone(dt.UTC)
    return f"{day_text(time.date())}, {time:%H:%M} UTC"


def whole(number: float | None) -> str:
    """Format a number without decimals, with commas between thousands; a dash for None."""
    return "–" if number is None else f"{number:,.0f}"


def signed(number: float | None) -> str:
    """Format a number without decimals, with its sign; a dash for None."""
    return "–" if number is None else f"{number:+,.0f}".replace("-", "−")


def percent(number: float | None, digits: int = 1) -> str:
    """Format a percentage; a dash for None."""
    return "–" if number is None else f"{number:,.{digits}f} %"


def change(number: float | None) -> str:
    """Format a change in percent, with its sign; a dash for None."""
    return "–" if number is None else f"{number:+,.1f} %".replace("-", "−")


def factor(number: float | None, digits: int = 1) -> str:
    """Format a factor: `× 12.3`; a dash for None."""
    return "–" if number is None else f"× {number:,.{digits}f}"


def decimals(number: float, digits: int = 2, sign: bool = False) -> str:
    """Format a number with decimals, with a minus sign instead of a hyphen; `sign` writes a plus sign as well."""
    text = f"{number:+,.{digits}f}" if sign else f"{number:,.{digits}f}"
    return text.replace("-", "−")


def compact(number: float | None) -> str:
    """Format a number with three significant digits and its unit: `1.23 billion`, `1.55 million`, `340 k`; a dash for None."""
    if number is None:
        return "–"
    for unit, name in ((1e9, "billion"), (1e6, "million"), (1e3, "k")):
        if abs(number) >= 0.9995 * unit:
            return f"{_three_digits(number / unit)} {name}".replace("-", "−")
    return f"{number:,.0f}".replace("-", "−")


def _three_digits(number: float) -> str:
    """Format a number below a thousand with three significant digits."""
    return (
        f"{number:.2f}"
        if abs(number) < 9.995
        else f"{number:.1f}"
        if abs(number) < 99.95
        else f"{number:,.0f}"
    )


def _plain(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
