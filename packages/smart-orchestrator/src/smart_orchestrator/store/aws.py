"""Read the `AWS_*` variables of a lake on S3.

Each variable is checked before the store sees it, because the store panics on some values and reports others as a network problem.
No message holds the value of a secret.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.store.variables import VariableError, check_endpoint, refuse_empty, require_visible

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_METADATA = "AWS_METADATA_ENDPOINT"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Settings that a store can use.

    Attributes:
        endpoint: URL of the server; empty for AWS itself.
        region: the region of the bucket; empty when no variable names it.
        key_id: id of the static key; empty without one.
        secret: the secret of the static key.
        token: the session token of the static key, or empty.
        profile: the profile in AWS's own files that supplies the credentials; empty with a static key or without a profile.
        profile_variable: the variable that names the profile.
    """

    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str
    profile: str
    profile_variable: str


def aws_settings(environ: Mapping[str, str]) -> AwsSettings:
    """The settings in the `AWS_*` variables.

    Raises:
        VariableError: a variable cannot be used.
    """
    endpoint_variable, endpoint = _first_set(environ, _ENDPOINTS)
    if endpoint:
        check_endpoint(endpoint_variable, endpoint, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    refuse_empty(_ENDPOINTS)
    preferred = os.environ.get(_ENDPOINTS[0], endpoint)
    if preferred != endpoint:
        problem = "of this process names another server than the lake's endpoint, and obstore prefers it"
        raise VariableError(_ENDPOINTS[0], problem, "Unset it.")
    if environ.get(_METADATA):
        check_endpoint(_METADATA, environ[_METADATA], "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    region_variable, region = _first_set(environ, _REGIONS)
    if region and not _REGION.fullmatch(region):
        raise VariableError(region_variable, "is not the name of a region", f"Give one such as {REGION}.")
    key_id, secret, token = _static_key(environ)
    profile_variable, profile = _first_set(environ, _PROFILES)
    return AwsSettings(endpoint, region, key_id, secret, token, "" if key_id else profile, profile_variable)


def _static_key(environ: Mapping[str, str]) -> tuple[str, str, str]:
    """Id, secret and session token; all empty without a static key."""
    values = [environ.get(name, "") for name in _KEYS]
    for name, value in zip(_KEYS, values, strict=True):
        require_visible(name, value)
    key_id, secret, token = values
    # The store reads these variables itself, and uses an empty one as a key.
    empty = next((name for name in _KEYS[:2] if os.environ.get(name) == "" and not key_id + secret), None)
    if empty:
        raise VariableError(empty, "is empty, so there are no credentials", "Set it, or unset it.")
    if bool(key_id) != bool(secret):
        present, missing = _KEYS[:2] if key_id else _KEYS[1::-1]
        raise VariableError(missing, f"is not set, and {present} is", "Set both, or neither.")
    return key_id, secret, token


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """Name and value of the first variable that is set; the last name and an empty text when none is."""
    return next(((name, environ[name]) for name in names if environ.get(name)), (names[-1], ""))
