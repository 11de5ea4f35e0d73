"""Read the `GOOGLE_*` variables of a lake on Google Cloud Storage, and check their values before obstore reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.store.variables import (
    VariableError,
    check_endpoint,
    reject_empty_process_variables,
    require_visible_ascii,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SERVICE_ACCOUNT_VARIABLES = ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH")
_FILE_VARIABLES = (CREDENTIALS_VARIABLE, *_SERVICE_ACCOUNT_VARIABLES)
_ENDPOINT_VARIABLE = "GOOGLE_BASE_URL"
_TOKEN_VARIABLE = "GOOGLE_BEARER_TOKEN"  # noqa: S105 - the name of a variable
_OTHER_VARIABLES = (
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    _ENDPOINT_VARIABLE,
    _TOKEN_VARIABLE,
    "GOOGLE_SKIP_SIGNATURE",
)
# obstore reads credential files of these kinds; google-auth reads all other kinds.
_KINDS_READ_BY_OBSTORE = ("service_account", "authorized_user")


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """Validated settings of a store on Google Cloud.

    Attributes:
        endpoint: the URL of the server; empty for Google itself.
        config: the variables for obstore, each as a pair of name and value.
        file_kind: the kind of a credentials file that only google-auth can read, such as `external_account`. Empty if there is no file,
            or if obstore can read the file.
        has_credentials: whether the variables are enough for obstore: they contain credentials that obstore can read, or they configure
            access without a signature.
    """

    endpoint: str
    config: tuple[tuple[str, str], ...]
    file_kind: str
    has_credentials: bool


def read_google_settings(environ: Mapping[str, str]) -> GoogleSettings:
    """Read and check the `GOOGLE_*` variables.

    Raises:
        VariableError: a variable has an invalid value.
    """
    # An empty `GOOGLE_APPLICATION_CREDENTIALS` is allowed: google-auth treats it as unset, and obstore does not read it if it has
    # other credentials.
    reject_empty_process_variables((*_SERVICE_ACCOUNT_VARIABLES, *_OTHER_VARIABLES))
    config = {name: environ[name] for name in (*_FILE_VARIABLES, *_OTHER_VARIABLES) if environ.get(name)}
    require_visible_ascii(_TOKEN_VARIABLE, config.get(_TOKEN_VARIABLE, ""))
    endpoint = config.get(_ENDPOINT_VARIABLE, "")
    if endpoint:
        check_endpoint(_ENDPOINT_VARIABLE, endpoint, credential_variables=CREDENTIALS_VARIABLE)
    file_kind = ""
    for name in _FILE_VARIABLES:
        kind = _read_credentials_kind(name, config[name]) if name in config else ""
        if kind and kind not in _KINDS_READ_BY_OBSTORE:
            file_kind = kind
            # obstore cannot read this file.
            del config[name]
    has_credentials = bool(config.keys() - {_ENDPOINT_VARIABLE})
    return GoogleSettings(endpoint, tuple(config.items()), file_kind, has_credentials)


def _read_credentials_kind(name: str, path: str) -> str:
    """Return the kind of the credentials in the file at `path`, which is the value of the variable `name`.

    Raises:
        VariableError: the file cannot be read, or does not contain credentials of Google.
    """
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
