"""Read the `GOOGLE_*` variables of a lake on Google Cloud Storage, each checked before the store sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.store.variables import VariableError, check_endpoint, refuse_empty, require_visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILES = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")
_TOKEN = "GOOGLE_BEARER_TOKEN"  # noqa: S105 - the name of a variable
_OTHERS = ("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BASE_URL", _TOKEN, "GOOGLE_SKIP_SIGNATURE")
# The kinds of credential files that the store reads itself; google-auth reads the others.
_READ_BY_STORE = ("service_account", "authorized_user")


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """Settings that a store can use.

    Attributes:
        endpoint: URL of another server than Google's, or empty.
        config: the variables for the store.
        file_kind: kind of a credentials file that only google-auth can read, such as `external_account`; else empty.
        has_credentials: the variables name credentials.
    """

    endpoint: str
    config: tuple[tuple[str, str], ...]
    file_kind: str
    has_credentials: bool


def google_settings(environ: Mapping[str, str]) -> GoogleSettings:
    """The settings in the `GOOGLE_*` variables.

    Raises:
        VariableError: a variable cannot be used.
    """
    refuse_empty((*_FILES[1:], *_OTHERS))
    config = {name: environ[name] for name in (*_FILES, *_OTHERS) if environ.get(name)}
    require_visible(_TOKEN, config.get(_TOKEN, ""))
    endpoint = config.get("GOOGLE_BASE_URL", "")
    if endpoint:
        check_endpoint("GOOGLE_BASE_URL", endpoint, _FILES[0])
    file_kind = ""
    for name in _FILES:
        kind = _credentials_kind(name, config[name]) if name in config else ""
        if kind and kind not in _READ_BY_STORE:
            file_kind = kind
            del config[name]
    has_credentials = bool(config.keys() - {"GOOGLE_BASE_URL"})
    return GoogleSettings(endpoint, tuple(config.items()), file_kind, has_credentials)


def _credentials_kind(name: str, path: str) -> str:
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise VariableError(
            name, f"names a file that cannot be read ({error.strerror})", "Correct it."
        ) from None
    except (ValueError, RecursionError):
        document = None
    kind = document.get("type", "service_account") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        raise VariableError(
            name, "names a file that does not hold credentials of Google in JSON", "Correct it."
        )
    return kind
