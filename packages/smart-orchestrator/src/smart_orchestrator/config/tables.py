"""Read typed values from one table of the configuration file.

Most methods read the value of a key and check the type of the value. An invalid value raises `ConfigError` with the file, the key
and the fix, and with the value unless it may be a secret. `reject_unknown_keys` then rejects every key that was not read, such as a misspelt option.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.bounds import MAX_COUNT, MAX_SECONDS, integer_problem, seconds_problem
from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smart_orchestrator.model.grain import Grain, Key

_MAX_TEXT_LENGTH = 4096
# The default of a key that must be in the table.
_REQUIRED: Any = object()


class ConfigTable:
    """One table of the file.

    Attributes:
        path: the path of the file.
        prefix: the name of the table, such as `datasets.orders`; empty for the top level of the file.
    """

    def __init__(self, path: str, prefix: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self.prefix = prefix
        self._values = values
        self._read_keys: list[str] = []

    def error(self, key: str, problem: str, fix: str) -> ConfigError:
        """Return an error about one key of the table."""
        return ConfigError(self.path, f"{self.prefix}.{key}" if self.prefix else key, problem, fix)

    def reject_unknown_keys(self) -> None:
        """Reject keys that no method has read.

        Raises:
            ConfigError: the table has such a key.
        """
        for key in self._values:
            if key not in self._read_keys:
                fix = suggestion(key, self._read_keys) or f"The options are {', '.join(self._read_keys)}."
                raise self.error(one_line(key, 80), "is not an option", fix)

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """Read a text, which must not be empty."""
        value = self._read_value(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"{_quote(value)} is not a text", f'Write {key} = "…".')
        # A default may be empty.
        if key in self._values and not value.strip():
            raise self.error(key, f"{_quote(value)} is empty", f"Give a text, or leave {key} out.")
        if len(value) > _MAX_TEXT_LENGTH or not value.replace("\n", " ").isprintable():
            raise self.error(key, "is too long or holds a control character", "Correct it.")
        return value

    def optional_text(self, key: str) -> str | None:
        """Read a text; None when the key is not in the table."""
        return self.text(key) if self.has(key) else None

    def url(self, key: str) -> str:
        """Read a URL or a path. The value can contain a password, so no message contains the value."""
        value = self._read_value(key, _REQUIRED)
        if not isinstance(value, str) or not value.strip():
            raise self.error(
                key, "is not a folder or URL", f'Write {key} = "s3://bucket/prefix", or a folder.'
            )
        return value

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        """Read a text that must be one of `choices`."""
        value = self.text(key, default)
        if value not in choices:
            fix = suggestion(value, choices) or "Correct it."
            raise self.error(key, f"{_quote(value)} is not one of {', '.join(choices)}", fix)
        return value

    def texts(self, key: str, default: Sequence[str] = _REQUIRED) -> list[str]:
        """Read a list of texts."""
        values = self._read_value(key, default)
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise self.error(key, f"{_quote(values)} is not a list of texts", f'Write {key} = ["…", "…"].')
        if any("\0" in value for value in values):
            raise self.error(key, "holds a NUL character", "Remove it.")
        return list(values)

    def number(self, key: str, default: float = _REQUIRED) -> float:
        """Read a finite number."""
        value = self._read_value(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.error(key, f"{_quote(value)} is not a number", f"Write {key} = 1, for example.")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """Read a finite number; None when the key is not in the table."""
        return self.number(key) if self.has(key) else None

    def optional_seconds(self, key: str, *, zero: bool = False) -> float | None:
        """Read a number of seconds above 0, or of at least 0 with `zero`; None when the key is not in the table."""
        if not self.has(key):
            return None
        value = self.number(key)
        if problem := seconds_problem(value, zero=zero):
            fix = f"Give {'0' if zero else 'more than 0'} to {MAX_SECONDS} seconds."
            raise self.error(key, f"{_quote(self._values[key])} {problem}", fix)
        return value

    def integer(self, key: str, default: int = _REQUIRED, *, low: int = 0, high: int = MAX_COUNT) -> int:
        """Read an integer of at least `low` and at most `high`."""
        value = self._read_value(key, default)
        if problem := integer_problem(value, low, high):
            fix = f"Write {high} or less." if "more" in problem else f"Write {key} = {low}, for example."
            raise self.error(key, f"{_quote(value)} {problem}", fix)
        return int(value)

    def optional_integer(self, key: str, *, low: int = 0, high: int = MAX_COUNT) -> int | None:
        """Read an integer of at least `low` and at most `high`; None when the key is not in the table."""
        return self.integer(key, low=low, high=high) if self.has(key) else None

    def integers(self, key: str) -> tuple[int, ...]:
        """Read a list of integers from 1 on; empty when the key is not in the table."""
        values = self._read_value(key, [])
        if not isinstance(values, list) or any(integer_problem(value, 1) for value in values):
            raise self.error(
                key, f"{_quote(values)} is not a list of integers from 1 on", f"Write {key} = [1, 7]."
            )
        return tuple(values)

    def optional_choice(self, key: str, choices: Sequence[str]) -> str | None:
        """Read a text that must be one of `choices`; None when the key is not in the table."""
        return self.choice(key, "", choices) if self.has(key) else None

    def optional_boolean(self, key: str) -> bool | None:
        """Read `true` or `false`; None when the key is not in the table."""
        if not self.has(key):
            return None
        value = self._read_value(key, _REQUIRED)
        if not isinstance(value, bool):
            raise self.error(key, f"{_quote(value)} is not true or false", f"Write {key} = true, or false.")
        return value

    def key(self, key: str, grain: Grain) -> Key | None:
        """Read a partition key of a grain; None when the key is not in the table."""
        if not self.has(key):
            return None
        value = self._read_value(key, _REQUIRED)
        # Without quotes, TOML reads a day as a date.
        text = (
            value.isoformat() if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else value
        )
        try:
            return grain.parse(text)
        except (ValueError, TypeError):
            raise self.error(key, f"{_quote(value)} is not {grain.description}", "Correct it.") from None

    def tables(self, key: str) -> dict[str, ConfigTable]:
        """Read the subtables of the table `key`, by name."""
        values = self._read_value(key, {})
        if not isinstance(values, dict):
            raise self.error(key, f"{_quote(values)} is not a table", f"Write [{key}.NAME].")
        for name, value in values.items():
            if not isinstance(value, dict):
                raise self.error(f"{key}.{name}", f"{_quote(value)} is not a table", f"Write [{key}.NAME].")
        return {name: ConfigTable(self.path, f"{key}.{name}", value) for name, value in values.items()}

    def optional_table(self, key: str) -> ConfigTable | None:
        """Read the table `key`; None when the key is not in the table."""
        if not self.has(key):
            return None
        value = self._read_value(key, _REQUIRED)
        if not isinstance(value, dict):
            raise self.error(key, f"{_quote(value)} is not a table", f"Write {key} = {{ … }}.")
        return ConfigTable(self.path, f"{self.prefix}.{key}", value)

    def list_of_tables(self, key: str) -> list[ConfigTable]:
        """Read a list of tables."""
        values = self._read_value(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(
                key, f"{_quote(values)} is not a list of tables", f'Write {key} = [{{ name = "…" }}].'
            )
        return [
            ConfigTable(self.path, f"{self.prefix}.{key}[{position}]", value)
            for position, value in enumerate(values)
        ]

    def text_table(self, key: str) -> dict[str, str]:
        """Read a table of texts. The values can be secrets, so no message contains a value."""
        values = self._read_value(key, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise self.error(key, "is not a table of texts", f'Write {key} = {{ NAME = "…" }}.')
        return dict(values)

    def equals(self, key: str, value: str) -> bool:
        """Return whether the table has a key with this value."""
        return self.has(key) and bool(self._values[key] == value)

    def has(self, key: str) -> bool:
        """Return whether the table has a key, and record that the key was read."""
        self._read_keys.append(key)
        return key in self._values

    def _read_value(self, key: str, default: Any) -> Any:
        """Return the value of a key or the default, and record that the key was read."""
        self._read_keys.append(key)
        if key in self._values:
            return self._values[key]
        if default is _REQUIRED:
            raise self.error(key, "is missing", f"Add {key} to [{self.prefix}].")
        return default


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a question such as `Did you mean orders?` with the most similar of `names`; empty when none is similar."""
    matches = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {matches[0]}?" if matches else ""


def unknown_name_error(path: str, key: str, name: str, names: Iterable[str]) -> ConfigError:
    """Return the error for a name that the file does not define; the fix suggests the closest defined name."""
    defined = list(names)
    fix = suggestion(name, defined) or f"Defined names: {', '.join(defined) or 'none'}."
    return ConfigError(path, key, f"{name!r} is not defined in the file", fix)


def _quote(value: object) -> str:
    return one_line(repr(value), 80)
