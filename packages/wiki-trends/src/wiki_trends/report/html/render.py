"""Provide the Jinja environment of the report and the dashboard, with its filters.

All values are escaped unless they are `Markup`. Titles are untrusted: `title` shows control characters as their codes,
`wiki_link` allows only http and https URLs, and `script_json` cannot end a script element.
"""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup

from wiki_trends.report.calendar import KINDS
from wiki_trends.report.html.sparkline_svg import sparkline_svg
from wiki_trends.report.text import counted, safe

if TYPE_CHECKING:
    from jinja2 import Environment

# None of these can end a script element or a JavaScript string.
_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@cache
def environment() -> Environment:
    """The shared environment for templates of this package; a caller adds a loader to a copy made by `overlay`."""
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
        "wiki_link": wiki_link,
    }
    jinja.globals |= {"counted": counted, "sparkline": sparkline_svg, "KINDS": KINDS}
    return jinja


def script_json(document: object) -> Markup:
    """A document as JSON that is safe inside a script element."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_plain)
    for char, code in _IN_SCRIPT.items():
        text = text.replace(char, code)
    return Markup(text)  # noqa: S704 - escaped above


def title(text: str) -> Markup:
    """A title in a `bdi` element, so that its text direction affects nothing else, with control characters escaped."""
    return Markup("<bdi>{}</bdi>").format(safe(text))


def wiki_link(url: str | None) -> str:
    """The URL if it is an http or https URL, else an empty string."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in ("http", "https") and parts.netloc else ""


def day_text(day: dt.date, weekday: bool = False) -> str:
    """A day for people: `9 November 2025`, or `Sunday 9 November 2025`."""
    text = f"{day.day} {day:%B %Y}"
    return f"{day:%A} {text}" if weekday else text


def short_day(day: dt.date) -> str:
    """A day in a table: `9 Nov`."""
    return f"{day.day} {day:%b}"


def moment(at: dt.datetime) -> str:
    """A moment for people, in UTC: `12 November 2025, 03:00 UTC`."""
    at = at.astimezone(dt.UTC)
    return f"{day_text(at.date())}, {at:%H:%M} UTC"


def whole(number: float | None) -> str:
    """A number without decimals, in groups of three; a dash for None."""
    return "–" if number is None else f"{number:,.0f}"


def signed(number: float | None) -> str:
    """A number without decimals, with its sign; a dash for None."""
    return "–" if number is None else f"{number:+,.0f}".replace("-", "−")


def percent(number: float | None, digits: int = 1) -> str:
    """A percentage; a dash for None."""
    return "–" if number is None else f"{number:,.{digits}f} %"


def change(number: float | None) -> str:
    """A change in percent, with its sign; a dash for None."""
    return "–" if number is None else f"{number:+,.1f} %".replace("-", "−")


def compact(number: float | None) -> str:
    """A number with three significant digits and a unit prefix: `1.55 M`, `340 k`."""
    if number is None:
        return "–"
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * unit:
            return f"{_three_digits(number / unit)} {name}"
    return f"{number:,.0f}"


def _three_digits(number: float) -> str:
    """A number below a thousand with three significant digits."""
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
