"""Typed values of one table of the configuration file.

Every function takes a key, checks the type of its value, and raises `ConfigError` with the file, the key, the value and the fix. A
key that no function asked for is refused at the end, so that no misspelt option is ignored.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import one_line
from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.grain import Grain, Key

_LONGEST_TEXT = 4096
_REQUIRED: Any = object()


class ConfigTable:
    """One table of the file.

    Attributes:
        path: the file.
        prefix: the table's name, such as `datasets.orders`; empty for the file itself.
    """

    def __init__(self, path: str, prefix: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self.prefix = prefix
        self._values = values
        self._read: list[str] = []

    def error(self, key: str, problem: str, fix: str) -> ConfigError:
        """An error about one key of the table."""
        return ConfigError(self.path, f"{self.prefix}.{key}" if self.prefix else key, problem, fix)

    def refuse_others(self) -> None:
        """Refuse the keys that no function has read.

        Raises:
            ConfigError: the table has such a key.
        """
        for key in self._values:
            if key not in self._read:
                suggestions = difflib.get_close_matches(key, self._read, 1)
                fix = (
                    f"Did you mean {suggestions[0]}?"
                    if suggestions
                    else f"The options are {', '.join(self._read)}."
                )
                raise self.error(one_line(key, 80), "is not an option", fix)

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """A text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"{_quoted(value)} is not a text", f'Write {key} = "…".')
        if len(value) > _LONGEST_TEXT or not value.replace("\n", " ").isprintable():
            raise self.error(key, "is too long or holds a control character", "Correct it.")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None when the key is not in the table."""
        return self.text(key) if self._has(key) else None

    def url(self, key: str) -> str:
        """A URL or a path. It may hold a password, so no message contains it."""
        value = self._value(key, _REQUIRED)
        if not isinstance(value, str) or not value.strip():
            raise self.error(
                key, "is not a folder or URL", f'Write {key} = "s3://bucket/prefix", or a folder.'
            )
        return value

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        """One of several texts."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"{_quoted(value)} is not one of {', '.join(choices)}", "Correct it.")
        return value

    def texts(self, key: str, default: Sequence[str] = _REQUIRED) -> list[str]:
        """A list of texts."""
        values = self._value(key, default)
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise self.error(key, f"{_quoted(values)} is not a list of texts", f'Write {key} = ["…", "…"].')
        return list(values)

    def number(self, key: str, default: float = _REQUIRED) -> float:
        """A finite number."""
        value = self._value(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.error(key, f"{_quoted(value)} is not a number", f"Write {key} = 1, for example.")
        return float(value)

    def optional_number(self, key: str, above: float = -math.inf) -> float | None:
        """A finite number, or None when the key is not in the table."""
        if not self._has(key):
            return None
        value = self.number(key)
        if value <= above:
            raise self.error(key, f"{value:g} is not more than {above:g}", "Give a larger number.")
        return value

    def integer(self, key: str, default: int = _REQUIRED, *, low: int = 0) -> int:
        """An integer of at least `low`."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise self.error(
                key, f"{_quoted(value)} is not an integer from {low} on", f"Write {key} = {low}, for example."
            )
        return value

    def optional_integer(self, key: str) -> int | None:
        """An integer from 0 on, or None when the key is not in the table."""
        return self.integer(key) if self._has(key) else None

    def optional_boolean(self, key: str) -> bool | None:
        """`true` or `false`, or None when the key is not in the table."""
        if not self._has(key):
            return None
        value = self._value(key, _REQUIRED)
        if not isinstance(value, bool):
            raise self.error(key, f"{_quoted(value)} is not true or false", f"Write {key} = true, or false.")
        return value

    def key(self, key: str, grain: Grain) -> Key | None:
        """A partition key of a grain, or None when the key is not in the table."""
        if not self._has(key):
            return None
        value = self._value(key, _REQUIRED)
        text = (
            value.isoformat() if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else value
        )
        try:
            return grain.parse(text)
        except (ValueError, TypeError):
            raise self.error(key, f"{_quoted(value)} is not {grain.description}", "Correct it.") from None

    def tables(self, key: str) -> dict[str, ConfigTable]:
        """The tables below this one, by name."""
        values = self._value(key, {})
        if not isinstance(values, dict):
            raise self.error(key, f"{_quoted(values)} is not a table", f"Write [{key}.NAME].")
        for name, value in values.items():
            if not isinstance(value, dict):
                raise self.error(f"{key}.{name}", f"{_quoted(value)} is not a table", f"Write [{key}.NAME].")
        return {name: ConfigTable(self.path, f"{key}.{name}", value) for name, value in values.items()}

    def list_of_tables(self, key: str) -> list[ConfigTable]:
        """A list of tables."""
        values = self._value(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(
                key, f"{_quoted(values)} is not a list of tables", f'Write {key} = [{{ name = "…" }}].'
            )
        return [ConfigTable(self.path, f"{self.prefix}.{key}[{i}]", value) for i, value in enumerate(values)]

    def text_table(self, key: str) -> dict[str, str]:
        """A table of texts. No message contains its values."""
        values = self._value(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise self.error(key, "is not a table of texts", f'Write {key} = {{ NAME = "…" }}.')
        return dict(values)

    def _has(self, key: str) -> bool:
        self._read.append(key)
        return key in self._values

    def _value(self, key: str, default: Any) -> Any:
        self._read.append(key)
        if key in self._values:
            return self._values[key]
        if default is _REQUIRED:
            raise self.error(key, "is missing", f"Add {key} to [{self.prefix}].")
        return default


def _quoted(value: object) -> str:
    return one_line(repr(value), 80)
