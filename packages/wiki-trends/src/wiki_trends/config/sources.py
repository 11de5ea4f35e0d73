"""Read the texts of settings from the file `wiki-trends.toml` and the environment, and record the origin of each text."""

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
# The values of these settings are e-mail addresses or texts, not URLs.
_TEXT_SETTINGS = ("contact", "suspect_keep", "airflow_user")


class Value(NamedTuple):
    """The text of a setting, and its origin: a flag, a variable, or a key in a file."""

    text: str
    origin: str


def env_name(name: str) -> str:
    """Return the environment variable of a setting: `WIKI_TRENDS_LAKE` for `lake`."""
    return PREFIX + name.upper()


def read_environment(environ: Mapping[str, str], names: Sequence[str]) -> dict[str, Value]:
    """Read the settings in the environment, by name.

    Raises:
        SettingError: a variable has the prefix `WIKI_TRENDS_`, but is not a setting.
    """
    values: dict[str, Value] = {}
    for key, text in environ.items():
        if key.startswith(PREFIX) and key != f"{PREFIX}CONFIG":
            name = key.removeprefix(PREFIX).lower()
            _require_known(name, names, spelling=key, origin="the environment", name_of=env_name)
            values[name] = Value(text, key)
    return values


def read_settings_file(environ: Mapping[str, str], folder: Path, names: Sequence[str]) -> dict[str, Value]:
    """Read the settings from the file that `WIKI_TRENDS_CONFIG` names, or else from `wiki-trends.toml` in `folder`.

    Raises:
        SettingError: the file that `WIKI_TRENDS_CONFIG` names does not exist, or the content of the file is invalid.
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
    """Return the value of a setting for messages, without secrets."""
    if any(word in name for word in _SECRET_WORDS):
        return "(secret)"
    return redacted(text) if name in _TEXT_SETTINGS else redacted_value(text)


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
    """Raise an error that suggests the closest name unless `name` is a setting; `name_of` is its form at this origin."""
    if name_of(name) in {name_of(item) for item in names}:
        return
    import difflib

    similar = difflib.get_close_matches(spelling, [name_of(item) for item in names], n=1, cutoff=0.5)
    fix = f"Did you mean {similar[0]}?" if similar else "`wiki-trends doctor --settings` lists the settings."
    raise SettingError(name=name, value=spelling, origin=origin, problem="is not a setting", fix=fix)
