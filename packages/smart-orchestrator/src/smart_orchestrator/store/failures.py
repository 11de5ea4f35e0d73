"""Translate the errors of a store or a disk into `LakeError`.

Errors about a missing object or a failed condition are re-raised unchanged, because callers handle them. Every other error becomes
`LakeDenied` (the lake refused the request, or has no such bucket), `LakeSettingError` (there are no credentials), `LakeUrlError` (a
path cannot be a folder or file of the lake) or `LakeUnreachable`. Error messages never contain credentials.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.errors import (
    LakeDenied,
    LakeError,
    LakeSettingError,
    LakeUnreachable,
    LakeUrlError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.exceptions import BaseError


@contextmanager
def lake_errors(url: str, key: str) -> Iterator[None]:
    """Translate errors of the store. Errors about a missing object or a failed condition stay as they are."""
    from obstore import exceptions

    try:
        yield
    except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
        raise
    except FileNotFoundError as error:
        for marker, problem, fix in (_NO_BUCKET, _NO_CONTAINER):
            if marker in str(error):
                raise LakeDenied(url, problem, fix) from None
        raise
    except exceptions.BaseError as error:
        raise _lake_error_from_store_error(url, key, error) from None
    except OSError as error:
        raise lake_error_from_os_error(url, key, error) from error
    except BaseException as error:
        # obstore panics on some environment variables that the module `variables` does not check. A panic is not an `Exception`.
        if type(error).__name__ != "PanicException":
            raise
        problem = f"the store's client failed ({first_line(error)})"
        raise LakeUnreachable(url, problem, "Check the environment variables of the store.") from None


_NO_BUCKET = ("NoSuchBucket", "the bucket does not exist", "Create it, or correct the URL.")
_NO_CONTAINER = ("ContainerNotFound", "the container does not exist", "Create it, or correct the URL.")
# Without static keys, obstore asks one of these sources for credentials: the metadata servers of machines, or a token file. An
# error that names a source means that no credentials are configured.
_CREDENTIAL_SOURCES = ("169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "Failed to read token file")
# For each scheme: the variable that the `LakeSettingError` names if a lake has no credentials, and the fix.
_AWS_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role.",
)
_CREDENTIAL_FIXES = {
    "s3": _AWS_CREDENTIALS,
    "s3a": _AWS_CREDENTIALS,
    "gs": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "Set it to a file of credentials, or sign in with `gcloud auth application-default login`, or give the machine a role.",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "Set it, or AZURE_STORAGE_SAS_TOKEN, or sign in with `az login` (extra `azure`), or give the machine a role.",
    ),
}
# A text in the error of the store, the problem, and the fix.
_REFUSALS = (
    _NO_BUCKET,
    _NO_CONTAINER,
    ("AuthenticationFailed", "the credentials are wrong", "Check AZURE_STORAGE_ACCOUNT_KEY."),
    ("InvalidAccessKeyId", "the access key is unknown", "Check AWS_ACCESS_KEY_ID."),
    ("SignatureDoesNotMatch", "the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY."),
    ("AuthorizationHeaderMalformed", "the region is wrong", "Check AWS_REGION."),
    ("PermanentRedirect", "the region is wrong", "Check AWS_REGION."),
    # obstore also reports a redirect to another region with this text.
    ("redirect without LOCATION", "the region is wrong", "Check AWS_REGION."),
    ("AccessDenied", "access was refused", "Check the credentials and their rights."),
)


def _lake_error_from_store_error(url: str, key: str, error: BaseError) -> LakeError:
    from obstore import exceptions

    text = str(error)
    if any(marker in text for marker in _CREDENTIAL_SOURCES):
        variable, fix = _CREDENTIAL_FIXES[urlsplit(url).scheme]
        return LakeSettingError(url, variable, "is not set, and this machine has no other credentials", fix)
    # obstore puts these words before the error of a provider of credentials, such as a profile of AWS or `az login`.
    _, separator, reason = text.partition(" credential provider: ")
    if separator:
        return LakeDenied(
            url, f"no credentials ({first_line(reason)})", "Sign in again, or set static credentials."
        )
    for marker, problem, fix in _REFUSALS:
        if marker in text:
            return LakeDenied(url, problem, fix)
    if isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)):
        problem = f"access to {key or 'the lake'} was refused"
        return LakeDenied(url, problem, "Check the credentials and their rights.")
    return LakeUnreachable(
        url, f"no usable answer ({first_line(error)})", "Check the endpoint and the network."
    )


def lake_error_from_os_error(url: str, key: str, error: OSError) -> LakeError:
    """Return the lake error for an error of the local disk at `key`."""
    subject = key or "the folder"
    if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.EPERM):
        return LakeDenied(
            url, f"{subject} may not be used ({error.strerror})", "Check the rights of the folder."
        )
    if isinstance(error, (NotADirectoryError, IsADirectoryError, FileExistsError)):
        return LakeUrlError(url, f"{subject} is in the way ({error.strerror})")
    if error.errno == errno.ENAMETOOLONG:
        return LakeUrlError(url, f"{subject} has a name that is too long")
    return LakeUnreachable(url, f"{subject} cannot be used ({error.strerror or error})", "Check the disk.")


def first_line(error: object) -> str:
    """Return the first line of an error message without query strings, because they may contain a signature."""
    line = re.sub(r"\?\S+", "", next(iter(str(error).splitlines()), "no message")).strip()
    # Remove the texts that obstore adds to the message of the store.
    line = re.sub(r"^Generic \S+ error: |, max_retries: \d+, retry_timeout: \S+ ", "", line)
    return line if len(line) <= 200 else line[:199] + "…"
