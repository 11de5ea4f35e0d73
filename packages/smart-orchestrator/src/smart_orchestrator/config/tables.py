"""Read typed values from one table of the configuration file.

Most methods read the value of an option and check the type of the value. An invalid value raises `ConfigError` with the file, the
option and the fix, and with the value unless it may be a secret. `reject_unknown_options` then rejects every option that was not
read, such as a misspelt name.
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
# The default of an option that must be in the table.
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
        self._read_options: list[str] = []

    def error(self, option: str, problem: str, fix: str) -> ConfigError:
        """Return an error about one option of the table."""
        return ConfigError(self.path, f"{self.prefix}.{option}" if self.prefix else option, problem, fix)

    def reject_unknown_options(self) -> None:
        """Reject the options that no method has read.

        Raises:
            ConfigError: the table has such an option.
        """
        for option in self._values:
            if option not in self._read_options:
                fix = (
                    suggestion(option, self._read_options)
                    or f"The options are {', '.join(self._read_options)}."
                )
                raise self.error(one_line(option, 80), "is not an option", fix)

    def text(self, option: str, default: str = _REQUIRED) -> str:
        """Read a text, which must not be empty."""
        value = self._read_value(option, default)
        if not isinstance(value, str):
            raise self.error(option, f"{_quote(value)} is not a text", f'Write {option} = "…".')
        # A default may be empty.
        if option in self._values and not value.strip():
            raise self.error(option, f"{_quote(value)} is empty", f"Give a text, or leave {option} out.")
        if len(value) > _MAX_TEXT_LENGTH or not value.replace("\n", " ").isprintable():
            raise self.error(option, "is too long or holds a control character", "Correct it.")
        return value

    def optional_text(self, option: str) -> str | None:
        """Read a text; None when the option is not in the table."""
        return self.text(option) if self.has(option) else None

    def url(self, option: str) -> str:
        """Read a URL or a path. The value can contain a password, so no message contains the value."""
        value = self._read_value(option, _REQUIRED)
        if not isinstance(value, str) or not value.strip():
            raise self.error(
                option, "is not a folder or URL", f'Write {option} = "s3://bucket/prefix", or a folder.'
            )
        return value

    def choice(self, option: str, default: str, choices: Sequence[str]) -> str:
        """Read a text that must be one of `choices`."""
        value = self.text(option, default)
        if value not in choices:
            fix = suggestion(value, choices) or "Correct it."
            raise self.error(option, f"{_quote(value)} is not one of {', '.join(choices)}", fix)
        return value

    def texts(self, option: str, default: Sequence[str] = _REQUIRED) -> list[str]:
        """Read a list of texts."""
        values = self._read_value(option, default)
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise self.error(
                option, f"{_quote(values)} is not a list of texts", f'Write {option} = ["…", "…"].'
            )
        if any("\0" in value for value in values):
            raise self.error(option, "holds a NUL character", "Remove it.")
        return list(values)

    def number(self, option: str, default: float = _REQUIRED) -> float:
        """Read a finite number."""
        value = self._read_value(option, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.error(option, f"{_quote(value)} is not a number", f"Write {option} = 1, for example.")
        return float(value)

    def optional_number(self, option: str) -> float | None:
        """Read a finite number; None when the option is not in the table."""
        return self.number(option) if self.has(option) else None

    def optional_seconds(self, option: str, *, zero: bool = False) -> float | None:
        """Read a number of seconds above 0, or of at least 0 with `zero`; None when the option is not in the table."""
        if not self.has(option):
            return None
        value = self.number(option)
        if problem := seconds_problem(value, zero=zero):
            fix = f"Give {'0' if zero else 'more than 0'} to {MAX_SECONDS} seconds."
            raise self.error(option, f"{_quote(self._values[option])} {problem}", fix)
        return value

    def integer(self, option: str, default: int = _REQUIRED, *, low: int = 0, high: int = MAX_COUNT) -> int:
        """Read an integer of at least `low` and at most `high`."""
        value = self._read_value(option, default)
        if problem := integer_problem(value, low, high):
            is_too_large = "more" in problem
            fix = f"Write {high} or less." if is_too_large else f"Write {option} = {low}, for example."
            raise self.error(option, f"{_quote(value)} {problem}", fix)
        return int(value)

    def optional_integer(self, option: str, *, low: int = 0, high: int = MAX_COUNT) -> int | None:
        """Read an integer of at least `low` and at most `high`; None when the option is not in the table."""
        return self.integer(option, low=low, high=high) if self.has(option) else None

    def integers(self, option: str) -> tuple[int, ...]:
        """Read a list of integers from 1 on; empty when the option is not in the table."""
        values = self._read_value(option, [])
        if not isinstance(values, list) or any(integer_problem(value, 1) for value in values):
            raise self.error(
                option, f"{_quote(values)} is not a list of integers from 1 on", f"Write {option} = [1, 7]."
            )
        return tuple(values)

    def optional_choice(self, option: str, choices: Sequence[str]) -> str | None:
        """Read a text that must be one of `choices`; None when the option is not in the table."""
        return self.choice(option, "", choices) if self.has(option) else None

    def optional_boolean(self, option: str) -> bool | None:
        """Read `true` or `false`; None when the option is not in the table."""
        if not self.has(option):
            return None
        value = self._read_value(option, _REQUIRED)
        if not isinstance(value, bool):
            raise self.error(
                option, f"{_quote(value)} is not true or false", f"Write {option} = true, or false."
            )
        return value

    def key(self, option: str, grain: Grain) -> Key | None:
        """Read a partition key of a grain; None when the option is not in the table."""
        if not self.has(option):
            return None
        value = self._read_value(option, _REQUIRED)
        # Without quotes, TOML reads a day as a date.
        text = (
            value.isoformat() if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else value
        )
        try:
            return grain.parse(text)
        except (ValueError, TypeError):
            raise self.error(option, f"{_quote(value)} is not {grain.description}", "Correct it.") from None

    def tables(self, option: str) -> dict[str, ConfigTable]:
        """Read the tables `[option.NAME]` of the top level, by `NAME`."""
        values = self._read_value(option, {})
        if not isinstance(values, dict):
            raise self.error(option, f"{_quote(values)} is not a table", f"Write [{option}.NAME].")
        for name, value in values.items():
            if not isinstance(value, dict):
                raise self.error(
                    f"{option}.{name}", f"{_quote(value)} is not a table", f"Write [{option}.NAME]."
                )
        return {name: ConfigTable(self.path, f"{option}.{name}", value) for name, value in values.items()}

    def optional_table(self, option: str) -> ConfigTable | None:
        """Read the table `option`; None when the option is not in the table."""
        if not self.has(option):
            return None
        value = self._read_value(option, _REQUIRED)
        if not isinstance(value, dict):
            raise self.error(option, f"{_quote(value)} is not a table", f"Write {option} = {{ … }}.")
        return ConfigTable(self.path, f"{self.prefix}.{option}", value)

    def list_of_tables(self, option: str) -> list[ConfigTable]:
        """Read a list of tables."""
        values = self._read_value(option, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(
                option, f"{_quote(values)} is not a list of tables", f'Write {option} = [{{ name = "…" }}].'
            )
        return [
            ConfigTable(self.path, f"{self.prefix}.{option}[{position}]", value)
            for position, value in enumerate(values)
        ]

    def text_table(self, option: str) -> dict[str, str]:
        """Read a table of texts. The values can be secrets, so no message contains a value."""
        values = self._read_value(option, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise self.error(option, "is not a table of texts", f'Write {option} = {{ NAME = "…" }}.')
        return dict(values)

    def equals(self, option: str, value: str) -> bool:
        """Return whether the table has an option with this value."""
        return self.has(option) and bool(self._values[option] == value)

    def has(self, option: str) -> bool:
        """Return whether the table has an option, and record that the option was read."""
        self._read_options.append(option)
        return option in self._values

    def _read_value(self, option: str, default: Any) -> Any:
        """Return the value of an option or the default, and record that the option was read."""
        self._read_options.append(option)
        if option in self._values:
            return self._values[option]
        if default is _REQUIRED:
            raise self.error(option, "is missing", f"Add {option} to [{self.prefix}].")
        return default


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return a question such as `Did you mean orders?` with the most similar of `names`; empty when none is similar."""
    matches = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {matches[0]}?" if matches else ""


def unknown_name_error(path: str, option: str, name: str, names: Iterable[str]) -> ConfigError:
    """Return the error for a name that the file does not define; the fix suggests the closest defined name."""
    defined = list(names)
    fix = suggestion(name, defined) or f"Defined names: {', '.join(defined) or 'none'}."
    return ConfigError(path, option, f"{name!r} is not defined in the file", fix)


def _quote(value: object) -> str:
    return one_line(repr(value), 80)
