"""Read the texts of settings from the file `wiki-trends.toml` and the environment, each with its origin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.config.urls import redacted, redacted_value
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PREFIX = "WIKI_TRENDS_"
FILE_NAME = "wiki-trends.toml"

_SECRET_WORDS = ("warehouse", "token", "password", "secret")
# The values of these are e-mail addresses or texts, not URLs.
_NOT_URLS = ("contact", "suspect_keep", "airflow_user")


class Value(NamedTuple):
    """The text of a setting, and where it was set."""

    text: str
    origin: str


def env_name(name: str) -> str:
    """Name of a setting in the environment: `lake` is `WIKI_TRENDS_LAKE`."""
    return PREFIX + name.upper()


def from_environment(environ: Mapping[str, str], names: Sequence[str]) -> dict[str, Value]:
    """The values in the environment, by setting.

    Raises:
        SettingError: a variable with our prefix is not a setting.
    """
    values: dict[str, Value] = {}
    for key, text in environ.items():
        if key.startswith(PREFIX) and key != f"{PREFIX}CONFIG":
            name = key.removeprefix(PREFIX).lower()
            _require_known(name, names, spelling=key, origin="the environment", name_of=env_name)
            values[name] = Value(text, key)
    return values


def from_file(environ: Mapping[str, str], folder: Path, names: Sequence[str]) -> dict[str, Value]:
    """The values in the file that `WIKI_TRENDS_CONFIG` names, or in `wiki-trends.toml` of `folder`, by setting.

    Raises:
        SettingError: the named file does not exist, or a file cannot be used.
    """
    config = environ.get(f"{PREFIX}CONFIG")
    path = Path(config).expanduser() if config else folder / FILE_NAME
    if not _is_file(path):
        if config:
            raise SettingError(
                name="config",
                value=config,
                origin=f"{PREFIX}CONFIG",
                problem="is not a file",
                fix="Name an existing file, or unset the variable.",
            )
        return {}
    values: dict[str, Value] = {}
    for name, value in _read_toml(path).items():
        _require_known(name, names, spelling=name, origin=str(path), name_of=str)
        if isinstance(value, (dict, list, bool)):
            raise SettingError(
                name=name,
                value=safe_value(name, str(value)),
                origin=f"{path}: {name}",
                problem="is not a text or a number",
                fix="Give one value.",
            )
        values[name] = Value(str(value), f"{path}: {name}")
    return values


def safe_value(name: str, text: str) -> str:
    """The value of a setting for messages, without secrets."""
    if any(word in name for word in _SECRET_WORDS):
        return "(secret)"
    return redacted(text) if name in _NOT_URLS else redacted_value(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_toml(path: Path) -> dict[str, object]:
    from wiki_trends.config.toml_file import TomlError, read_toml

    try:
        return read_toml(path)
    except TomlError as error:
        problem = f"cannot be used: {error}"
    raise SettingError(
        name="config", value=path.name, origin=str(path), problem=problem, fix="Correct the file."
    )


def _require_known(
    name: str, names: Sequence[str], *, spelling: str, origin: str, name_of: Callable[[str], str]
) -> None:
    if name_of(name) in {name_of(item) for item in names}:
        return
    import difflib

    similar = difflib.get_close_matches(spelling, [name_of(item) for item in names], n=1, cutoff=0.5)
    fix = f"Did you mean {similar[0]}?" if similar else "`wiki-trends doctor --settings` lists the settings."
    raise SettingError(name=name, value=spelling, origin=origin, problem="is not a setting", fix=fix)
