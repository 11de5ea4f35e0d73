"""Parse the texts of settings: each parser returns the value of a text, or raises `ValueError`.

The message of the error is the rest of a sentence that begins with the value, for example "is not between 1 and 64".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeUrlError
from smart_orchestrator.store.urls import parse_lake_url
from wiki_trends.config.urls import redacted, require_printable, without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable


def integer(low: int, high: int) -> Callable[[str], int]:
    """An integer from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            msg = "is not a whole number"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low} and {high}"
            raise ValueError(msg)
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds from `low` to `high`."""
    return _number(low, high, "number of seconds", " seconds")


def fraction(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""
    return _number(low, high, "number", "")


def _number(low: float, high: float, kind: str, unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            msg = f"is not a {kind}"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low:g} and {high:g}{unit}"
            raise ValueError(msg)
        return value

    return parse


def choice(*choices: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            msg = f"is not one of {', '.join(choices)}"
            raise ValueError(msg)
        return text

    return parse


def matching(pattern: str, meaning: str) -> Callable[[str], str]:
    """A text that matches a regular expression from its first to its last character."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            msg = f"is not {meaning}"
            raise ValueError(msg)
        return text

    return parse


def lake_template(text: str) -> str:
    """A URL template or a folder with `{layer}` in it; `~` at the start of a folder is the home folder."""
    matching(r"\S.*\{layer\}.*", "a URL template with {layer} in it")(text)
    require_printable(text)
    try:
        parts = parse_lake_url(text.replace("{layer}", "bronze"))
    except LakeUrlError as error:
        msg = f"is not the URL of a lake: {error.problem}"
        raise ValueError(msg) from None
    return _expanded(text) if parts.scheme == "file" and "://" not in text else text


def warehouse_url(text: str) -> str:
    """`duckdb:///FILE`, where `~` at the start of FILE is the home folder, or the URL of a PostgreSQL database."""
    matching(r"(duckdb:///|postgresql://).+", "duckdb:///FILE or postgresql://…")(text)
    require_printable(text)
    scheme, _, rest = text.partition("://")
    if scheme == "duckdb":
        return f"duckdb:///{_expanded(rest[1:])}"
    return text


def http_url(text: str) -> str:
    """An http(s) URL without credentials; `{project}` stands for a name."""
    matching(r"https?://.+", "an http(s) URL")(text)
    without_credentials(text.replace("{project}", "project"))
    if "?" in text or "#" in text:
        msg = "has a ? or a #, which a base address cannot have"
        raise ValueError(msg)
    return text


def engine(text: str) -> str:
    """The name of an analytics engine, or the URL of a Spark master without credentials."""
    matching(r"duckdb|spark|spark://\S+|local(\[\S+\])?", "duckdb, spark, spark://HOST:PORT or local[N]")(
        text
    )
    if "://" in text:
        # Several masters are separated by commas.
        for master in text.partition("://")[2].split(","):
            without_credentials(f"spark://{master}")
    return text


def local_path(text: str) -> str:
    """A path of a file or folder; `~` at the start is the home folder."""
    require_printable(text)
    return _expanded(text)


def contact(text: str) -> str:
    """A contact for the User-Agent, which every server is sent: one line without parentheses and without a password."""
    matching(r"[^\r\n()]{0,255}", "one line without parentheses, of at most 255 characters")(text)
    if redacted(text) != text:
        msg = "holds a user or a password, which would be sent with every request"
        raise ValueError(msg)
    return text


def any_text(text: str) -> str:
    """One line of printable text."""
    require_printable(text)
    return text


def _expanded(path: str) -> str:
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        msg = "begins with ~ and the name of a user who has no home folder"
        raise ValueError(msg) from None
