"""Read the `AZURE_*` variables of a lake on Azure Blob Storage, each checked before the store sees it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.store.variables import VariableError, check_endpoint, refuse_empty, require_visible

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
ACCOUNT_KEY = "AZURE_STORAGE_ACCOUNT_KEY"
_ENDPOINT = "AZURE_STORAGE_ENDPOINT"
_SECRETS = (
    ACCOUNT_KEY,
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
)
# One of these is enough to sign requests.
_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 - the name of a variable
_CREDENTIALS = (*_SECRETS, _TOKEN_FILE)
_OTHERS = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST")


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Settings that a store can use.

    Attributes:
        endpoint: URL of another server than Azure's, or empty.
        config: the variables for the store.
        has_credentials: the variables name credentials.
    """

    endpoint: str
    config: tuple[tuple[str, str], ...]
    has_credentials: bool


def azure_settings(environ: Mapping[str, str]) -> AzureSettings:
    """The settings in the `AZURE_*` variables.

    Raises:
        VariableError: a variable cannot be used, or the account is not set.
    """
    names = (ACCOUNT, _ENDPOINT, *_CREDENTIALS, *_OTHERS)
    config = {name: environ[name] for name in names if environ.get(name)}
    if ACCOUNT not in config:
        raise VariableError(ACCOUNT, "is not set", "Set it to the name of the storage account.")
    if not re.fullmatch(r"[a-z0-9]{3,24}", config[ACCOUNT]):
        raise VariableError(ACCOUNT, "is not the name of a storage account", "Correct it.")
    endpoint = config.get(_ENDPOINT, "")
    if endpoint:
        check_endpoint(_ENDPOINT, endpoint, ACCOUNT_KEY)
    refuse_empty((_ENDPOINT, "AZURE_STORAGE_USE_EMULATOR"))
    for name in _SECRETS:
        require_visible(name, config.get(name, ""))
    if _TOKEN_FILE in config and not Path(config[_TOKEN_FILE]).is_file():
        raise VariableError(_TOKEN_FILE, "names a file that does not exist", "Correct or unset it.")
    try:
        base64.b64decode(config.get(ACCOUNT_KEY, ""), validate=True)
    except binascii.Error:
        raise VariableError(
            ACCOUNT_KEY, "is not the key of a storage account (Base64)", "Correct it."
        ) from None
    has_credentials = any(name in config for name in _CREDENTIALS)
    return AzureSettings(endpoint, tuple(config.items()), has_credentials)
