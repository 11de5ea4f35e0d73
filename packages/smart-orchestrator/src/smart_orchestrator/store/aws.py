"""Read the `AWS_*` variables of a lake on S3.

Every value is checked before it is passed to obstore. obstore panics on some invalid values, and reports others as network
problems. Error messages never contain secrets.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.store.variables import (
    VariableError,
    check_endpoint,
    reject_empty_process_variables,
    require_visible_ascii,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_REGION = "us-east-1"
_REGION_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_S3_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_S3"
_ENDPOINT_VARIABLES = (_S3_ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_PROFILE_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_METADATA_VARIABLE = "AWS_METADATA_ENDPOINT"
_KEY_ID_VARIABLE, _SECRET_VARIABLE = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_KEY_VARIABLES = (_KEY_ID_VARIABLE, _SECRET_VARIABLE, "AWS_SESSION_TOKEN")
_STATIC_KEY = f"{_KEY_ID_VARIABLE} and {_SECRET_VARIABLE}"


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Validated settings of a store on S3.

    Attributes:
        endpoint: the URL of the server; empty for AWS itself.
        region: the region of the bucket; empty when no variable names a region.
        key_id: the id of the static key (the access key in the variables); empty when no static key is set.
        secret: the secret of the static key; empty when no static key is set.
        token: the session token of the static key; empty for a key without a session token.
        profile: the name of the profile in AWS's configuration files; empty with a static key or without a profile.
        profile_variable: the name of the variable that contains the name of the profile.
    """

    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str
    profile: str
    profile_variable: str


def read_aws_settings(environ: Mapping[str, str]) -> AwsSettings:
    """Read and check the `AWS_*` variables.

    Raises:
        VariableError: a variable has an invalid value.
    """
    endpoint_variable, endpoint = _first_set(environ, _ENDPOINT_VARIABLES)
    if endpoint:
        check_endpoint(endpoint_variable, endpoint, credential_variables=_STATIC_KEY)
    reject_empty_process_variables(_ENDPOINT_VARIABLES)
    # obstore reads this variable from the environment of the process, which can differ from `environ`.
    process_endpoint = os.environ.get(_S3_ENDPOINT_VARIABLE, endpoint)
    if process_endpoint != endpoint:
        problem = (
            "of this process names another server than the lake's endpoint, and obstore prefers the variable"
        )
        raise VariableError(_S3_ENDPOINT_VARIABLE, problem, "Unset it.")
    if environ.get(_METADATA_VARIABLE):
        metadata_endpoint = environ[_METADATA_VARIABLE]
        check_endpoint(_METADATA_VARIABLE, metadata_endpoint, credential_variables=_STATIC_KEY)
    region_variable, region = _first_set(environ, _REGION_VARIABLES)
    if region and not _REGION_NAME.fullmatch(region):
        raise VariableError(
            region_variable, "is not the name of a region", f"Give a region such as {DEFAULT_REGION}."
        )
    key_id, secret, token = _static_key(environ)
    profile_variable, profile = _first_set(environ, _PROFILE_VARIABLES)
    return AwsSettings(
        endpoint=endpoint,
        region=region,
        key_id=key_id,
        secret=secret,
        token=token,
        profile="" if key_id else profile,
        profile_variable=profile_variable,
    )


def _static_key(environ: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the id, the secret and the session token of the static key; all are empty without a static key."""
    values = [environ.get(name, "") for name in _KEY_VARIABLES]
    for name, value in zip(_KEY_VARIABLES, values, strict=True):
        require_visible_ascii(name, value)
    key_id, secret, token = values
    # obstore also reads these variables from the environment of the process, and would sign requests with an empty key.
    empty_variable = next(
        (
            name
            for name in (_KEY_ID_VARIABLE, _SECRET_VARIABLE)
            if os.environ.get(name) == "" and not key_id + secret
        ),
        None,
    )
    if empty_variable:
        raise VariableError(empty_variable, "is empty, so there are no credentials", "Set it, or unset it.")
    if bool(key_id) != bool(secret):
        present, missing = (
            (_KEY_ID_VARIABLE, _SECRET_VARIABLE) if key_id else (_SECRET_VARIABLE, _KEY_ID_VARIABLE)
        )
        raise VariableError(missing, f"is not set, but {present} is", "Set both, or neither.")
    return key_id, secret, token


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """Return the name and the value of the first variable that is set. If none is set, return the last name and an empty text."""
    return next(((name, environ[name]) for name in names if environ.get(name)), (names[-1], ""))
