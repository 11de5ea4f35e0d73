"""Parse the texts of settings. Each parser returns the value of the setting, or raises `ValueError`.

The message of the `ValueError` is the rest of a sentence that begins with the text, such as "is not between 1 and 64".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smart_orchestrator.errors import LakeUrlError
from smart_orchestrator.store.urls import parse_lake_url
from wiki_trends.config.urls import parse_without_credentials, redact_credentials, require_printable

if TYPE_CHECKING:
    from collections.abc import Callable


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of integers from `low` to `high`."""

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


def integers(low: int, high: int) -> Callable[[str], str]:
    """Return a parser of integers from `low` to `high`, separated by spaces or commas.

    The parser returns a text: the integers in ascending order, without duplicates, separated by spaces.
    """
    parse_integer = integer(low, high)

    def parse(text: str) -> str:
        numbers = {parse_integer(number) for number in text.replace(",", " ").split()}
        return " ".join(map(str, sorted(numbers)))

    return parse


def integer_or_auto(low: int, high: int) -> Callable[[str], int | Literal["auto"]]:
    """Return a parser of integers from `low` to `high`, and of the text `auto`."""
    parse_integer = integer(low, high)

    def parse(text: str) -> int | Literal["auto"]:
        if text == "auto":
            return "auto"
        try:
            return parse_integer(text)
        except ValueError as error:
            msg = f"{error}, and is not auto"
            raise ValueError(msg) from None

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of a number of seconds from `low` to `high`."""
    return _number_parser(low, high, "number of seconds", " seconds")


def fraction(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of decimal numbers from `low` to `high`."""
    return _number_parser(low, high, "number", "")


def _number_parser(low: float, high: float, kind: str, unit: str) -> Callable[[str], float]:
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
    """Return a parser that accepts only the texts in `choices`."""

    def parse(text: str) -> str:
        if text not in choices:
            msg = f"is not one of {', '.join(choices)}"
            raise ValueError(msg)
        return text

    return parse


def matching(pattern: str, meaning: str) -> Callable[[str], str]:
    """Return a parser that accepts only texts that match `pattern` from the first to the last character.

    The error message contains `meaning`, which describes valid texts.
    """

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            msg = f"is not {meaning}"
            raise ValueError(msg)
        return text

    return parse


def lake_template(text: str) -> str:
    """Parse the URL template or the path of a lake, which must contain `{layer}`. A leading `~` means the home folder."""
    matching(r"\S.*\{layer\}.*", "a URL template with {layer} in it")(text)
    require_printable(text)
    try:
        parts = parse_lake_url(text.replace("{layer}", "bronze"))
    except LakeUrlError as error:
        msg = f"is not the URL of a lake: {error.problem}"
        raise ValueError(msg) from None
    return _expand_home(text) if parts.scheme == "file" and "://" not in text else text


def warehouse_url(text: str) -> str:
    """Parse `duckdb:///FILE` or the URL of a PostgreSQL database. A leading `~` in FILE means the home folder."""
    matching(r"(duckdb:///|postgresql://).+", "duckdb:///FILE or postgresql://…")(text)
    require_printable(text)
    scheme, _, rest = text.partition("://")
    if scheme == "duckdb":
        return f"duckdb:///{_expand_home(rest[1:])}"
    return text


def http_url(text: str) -> str:
    """Parse an http(s) URL without credentials. The URL may contain `{project}`."""
    matching(r"https?://.+", "an http(s) URL")(text)
    # Called for its error only: the setting keeps the text.
    parse_without_credentials(text.replace("{project}", "project"))
    if "?" in text or "#" in text:
        msg = "has a ? or a #, which is not allowed in a base address"
        raise ValueError(msg)
    return text


def engine(text: str) -> str:
    """Parse the name of an analytics engine, or the URL of a Spark master without credentials."""
    matching(r"duckdb|spark|spark://\S+|local(\[\S+\])?", "duckdb, spark, spark://HOST:PORT or local[N]")(
        text
    )
    if "://" in text:
        # The URL can name several masters, separated by commas.
        for master in text.partition("://")[2].split(","):
            parse_without_credentials(f"spark://{master}")  # Called for its error only.
    return text


def local_path(text: str) -> str:
    """Parse the path of a file or a folder. A leading `~` means the home folder."""
    require_printable(text)
    return _expand_home(text)


def contact(text: str) -> str:
    """Parse a contact for the User-Agent: one line without parentheses and without a password.

    The User-Agent is sent to every server, so the contact must not contain secrets.
    """
    matching(r"[^\r\n()]{0,255}", "one line without parentheses, of at most 255 characters")(text)
    if redact_credentials(text) != text:
        msg = "contains a user name or a password, which every request would send to the server"
        raise ValueError(msg)
    return text


def any_text(text: str) -> str:
    """Parse one line of printable text."""
    require_printable(text)
    return text


def _expand_home(path: str) -> str:
    """Replace a leading `~` in a path by the home folder."""
    if not path.startswith("~"):
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:
        msg = "begins with ~ and the name of a user who has no home folder"
        raise ValueError(msg) from None
