"""Read the `AZURE_*` variables of a lake on Azure Blob Storage, and check their values before obstore reads them."""

from __future__ import annotations

import base64
import binascii
import re
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

ACCOUNT_VARIABLE = "AZURE_STORAGE_ACCOUNT_NAME"
ACCOUNT_KEY_VARIABLE = "AZURE_STORAGE_ACCOUNT_KEY"
_ENDPOINT_VARIABLE = "AZURE_STORAGE_ENDPOINT"
_SECRET_VARIABLES = (
    ACCOUNT_KEY_VARIABLE,
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
)
_TOKEN_FILE_VARIABLE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 - the name of a variable
# Each of these variables means that obstore has credentials.
_CREDENTIAL_VARIABLES = (*_SECRET_VARIABLES, _TOKEN_FILE_VARIABLE)
# The variables that obstore reads beside the credentials.
_OTHER_VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST")


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Validated settings of a store on Azure.

    Attributes:
        endpoint: the URL of the server; empty for Azure itself.
        config: the variables for obstore, each as a pair of name and value.
        has_credentials: whether the variables contain credentials.
    """

    endpoint: str
    config: tuple[tuple[str, str], ...]
    has_credentials: bool


def read_azure_settings(environ: Mapping[str, str]) -> AzureSettings:
    """Read and check the `AZURE_*` variables.

    Raises:
        VariableError: a variable has an invalid value, or the account is not set.
    """
    names = (ACCOUNT_VARIABLE, _ENDPOINT_VARIABLE, *_CREDENTIAL_VARIABLES, *_OTHER_VARIABLES)
    config = {name: environ[name] for name in names if environ.get(name)}
    if ACCOUNT_VARIABLE not in config:
        raise VariableError(ACCOUNT_VARIABLE, "is not set", "Set it to the name of the storage account.")
    if not re.fullmatch(r"[a-z0-9]{3,24}", config[ACCOUNT_VARIABLE]):
        raise VariableError(ACCOUNT_VARIABLE, "is not the name of a storage account", "Correct it.")
    endpoint = config.get(_ENDPOINT_VARIABLE, "")
    if endpoint:
        check_endpoint(_ENDPOINT_VARIABLE, endpoint, credential_variables=ACCOUNT_KEY_VARIABLE)
    reject_empty_process_variables((_ENDPOINT_VARIABLE, "AZURE_STORAGE_USE_EMULATOR"))
    for name in _SECRET_VARIABLES:
        require_visible_ascii(name, config.get(name, ""))
    if _TOKEN_FILE_VARIABLE in config and not Path(config[_TOKEN_FILE_VARIABLE]).is_file():
        raise VariableError(_TOKEN_FILE_VARIABLE, "names a file that does not exist", "Correct or unset it.")
    try:
        base64.b64decode(config.get(ACCOUNT_KEY_VARIABLE, ""), validate=True)
    except binascii.Error:
        raise VariableError(
            ACCOUNT_KEY_VARIABLE, "is not the key of a storage account (Base64)", "Correct it."
        ) from None
    has_credentials = any(name in config for name in _CREDENTIAL_VARIABLES)
    return AzureSettings(endpoint, tuple(config.items()), has_credentials)
