"""Read TOML files that a user wrote, with limits on their size and depth.

If a file cannot be used, `read_toml` raises `TomlError`, whose message is the reason in one line. Only regular files are read,
because reading a pipe or a device can block. The nesting is limited, because Python's parser is recursive, and
the number of parts of a dotted key, because the parser's time grows with the square of this number.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import MAX_DEPTH, has_too_long_toml_key, one_line

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 << 20


class TomlError(ValueError):
    """The file cannot be used. The message is the reason."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, and return its top-level table.

    Raises:
        TomlError: the file cannot be read, is not a regular file, is too large, or does not contain valid TOML.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TomlError("it is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise TomlError(one_line(error.strerror or error)) from None
    except ValueError as error:
        # The path contains a NUL character.
        raise error if isinstance(error, TomlError) else TomlError(one_line(error)) from None
    return parse_toml(data)


def parse_toml(data: bytes) -> dict[str, Any]:
    """Parse TOML in UTF-8, with or without a byte order mark.

    Raises:
        TomlError: the data are too large, not UTF-8, not TOML, or nested too deeply.
    """
    import tomllib

    if len(data) > MAX_BYTES:
        raise TomlError(f"it has more than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TomlError(
            f"it is not TOML in UTF-8 (byte {error.start + 1} is 0x{data[error.start]:02x})"
        ) from None
    if has_too_long_toml_key(text):
        raise TomlError(f"it has a key of more than {MAX_DEPTH} parts")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise _too_deep_error() from None
    except (ValueError, OverflowError) as error:
        # A number of thousands of digits raises a plain `ValueError` instead of `TOMLDecodeError`.
        raise TomlError(f"it is not TOML ({one_line(error)})") from None
    _check_depth(table)
    return table


def _check_depth(table: dict[str, Any]) -> None:
    """Raise an error if a table is nested more than `MAX_DEPTH` levels deep."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        tables = [value for value in level if isinstance(value, dict)]
        arrays = [value for value in level if isinstance(value, list)]
        level = [value for items in tables for value in items.values()]
        level += [value for items in arrays for value in items]
        if not level:
            return
    raise _too_deep_error()


def _too_deep_error() -> TomlError:
    return TomlError(f"it is nested more than {MAX_DEPTH} levels deep")
