"""Read the texts of settings from the file `wiki-trends.toml` and the environment, and record the origin of each text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.config.urls import redact_credentials, redact_url_value
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PREFIX = "WIKI_TRENDS_"
FILE_NAME = "wiki-trends.toml"

_SECRET_WORDS = ("warehouse", "token", "password", "secret")
# The settings whose values may contain `@` without being a URL with credentials.
_TEXT_SETTINGS = ("contact", "suspect_keep", "airflow_user")
# The settings that can be a list in the file.
_LIST_SETTINGS = ("recheck",)


class SettingText(NamedTuple):
    """The text of a setting, and its origin: a flag, a variable, or a key in a file."""

    text: str
    origin: str


def env_name(name: str) -> str:
    """Return the environment variable of a setting: `WIKI_TRENDS_LAKE` for `lake`."""
    return PREFIX + name.upper()


def read_environment(environ: Mapping[str, str], names: Sequence[str]) -> dict[str, SettingText]:
    """Read the settings from the environment variables, by the name of the setting. `names` are the names of all settings.

    Raises:
        SettingError: a variable has the prefix `WIKI_TRENDS_`, but is not a setting.
    """
    values: dict[str, SettingText] = {}
    for key, text in environ.items():
        if key.startswith(PREFIX) and key != f"{PREFIX}CONFIG":
            name = key.removeprefix(PREFIX).lower()
            _require_setting_name(name, names, spelling=key, origin="the environment", to_spelling=env_name)
            values[name] = SettingText(text, key)
    return values


def read_settings_file(
    environ: Mapping[str, str], folder: Path, names: Sequence[str]
) -> dict[str, SettingText]:
    """Read the settings from the file that `WIKI_TRENDS_CONFIG` names, or else from `wiki-trends.toml` in `folder`.

    `names` are the names of all settings. Without a file, the result is empty.

    Raises:
        SettingError: the file that `WIKI_TRENDS_CONFIG` names does not exist, the file is not valid TOML, or a key is not a
            setting.
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
    values: dict[str, SettingText] = {}
    for name, value in _read_toml(path).items():
        _require_setting_name(name, names, spelling=name, origin=str(path), to_spelling=str)
        if name in _LIST_SETTINGS and isinstance(value, list):
            value = " ".join(map(str, value))
        if isinstance(value, (dict, list, bool)):
            raise SettingError(
                name=name,
                value=safe_value(name, str(value)),
                origin=f"{path}: {name}",
                problem="is not a text or a number",
                fix="Give one value.",
            )
        values[name] = SettingText(str(value), f"{path}: {name}")
    return values


def safe_value(name: str, text: str) -> str:
    """Return the text of a setting as messages may show it: without secrets and credentials."""
    if any(word in name for word in _SECRET_WORDS):
        return "(secret)"
    return redact_credentials(text) if name in _TEXT_SETTINGS else redact_url_value(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_toml(path: Path) -> dict[str, object]:
    from smart_orchestrator.foreign import TomlError, read_toml

    try:
        return read_toml(path)
    except TomlError as error:
        problem = f"cannot be used: {error}"
    raise SettingError(
        name="config", value=path.name, origin=str(path), problem=problem, fix="Correct the file."
    )


def _require_setting_name(
    name: str, names: Sequence[str], *, spelling: str, origin: str, to_spelling: Callable[[str], str]
) -> None:
    """Raise a `SettingError` unless `name` is the name of a setting; the error suggests the most similar name.

    Args:
        name: the name to check.
        names: the names of all settings.
        spelling: the name as it is written at its origin.
        origin: the file or the environment that contains the name.
        to_spelling: a function that returns the spelling of a setting at this origin.
    """
    if to_spelling(name) in {to_spelling(known_name) for known_name in names}:
        return
    import difflib

    similar = difflib.get_close_matches(
        spelling, [to_spelling(known_name) for known_name in names], n=1, cutoff=0.5
    )
    fix = f"Did you mean {similar[0]}?" if similar else "`wiki-trends doctor --settings` lists the settings."
    raise SettingError(name=name, value=spelling, origin=origin, problem="is not a setting", fix=fix)
