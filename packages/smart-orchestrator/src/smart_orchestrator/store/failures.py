"""Translate the errors of a store or a disk into `LakeError`.

A missing object and a failed condition are not failures, so these two errors pass through. Everything else becomes `LakeDenied`
(the lake answered and refused), `LakeUrlError` or `LakeUnreachable`. No message holds credentials.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    """Translate the store's errors; a missing object stays `FileNotFoundError`."""
    from obstore import exceptions

    try:
        yield
    except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
        raise
    except FileNotFoundError as error:
        if _NO_BUCKET[0] in str(error):
            raise LakeDenied(url, *_NO_BUCKET[1:]) from None
        raise
    except exceptions.BaseError as error:
        raise _store_failure(url, key, error) from None
    except OSError as error:
        raise os_failure(url, key, error) from error


_NO_BUCKET = ("NoSuchBucket", "the bucket does not exist", "Create it, or correct the URL.")
# Without static keys obstore asks the machine's metadata service or reads a token; an error that names one of these
# means that there are no credentials.
_CREDENTIAL_SOURCES = ("169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "Failed to read token file")
_REFUSALS = (
    _NO_BUCKET,
    ("InvalidAccessKeyId", "the access key is unknown", "Check AWS_ACCESS_KEY_ID."),
    ("SignatureDoesNotMatch", "the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY."),
    ("AuthorizationHeaderMalformed", "the region is wrong", "Check AWS_REGION."),
    ("PermanentRedirect", "the region is wrong", "Check AWS_REGION."),
    # obstore's text for the same answer.
    ("redirect without LOCATION", "the region is wrong", "Check AWS_REGION."),
    ("AccessDenied", "access was refused", "Check the credentials and their rights."),
)


def _store_failure(url: str, key: str, error: BaseError) -> LakeError:
    from obstore import exceptions

    text = str(error)
    if any(marker in text for marker in _CREDENTIAL_SOURCES):
        return LakeSettingError(
            url,
            "AWS_ACCESS_KEY_ID",
            "is not set, and this machine has no other credentials",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role.",
        )
    for marker, problem, fix in _REFUSALS:
        if marker in text:
            return LakeDenied(url, problem, fix)
    if isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)):
        problem = f"access to {key or 'it'} was refused"
        return LakeDenied(url, problem, "Check the credentials and their rights.")
    return LakeUnreachable(
        url, f"no usable answer ({first_line(error)})", "Check the endpoint and the network."
    )


def os_failure(url: str, key: str, error: OSError) -> LakeError:
    """The lake error for an error of the local disk at `key`."""
    subject = key or "the folder"
    if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.EPERM):
        return LakeDenied(
            url, f"{subject} may not be used ({error.strerror})", "Check the rights of the folder."
        )
    if isinstance(error, (NotADirectoryError, IsADirectoryError, FileExistsError)):
        return LakeUrlError(url, f"{subject} is in the way ({error.strerror})")
    return LakeUnreachable(url, f"{subject} cannot be used ({error.strerror or error})", "Check the disk.")


def first_line(error: Exception) -> str:
    """The first line of a store's message without query strings, which may hold a signature."""
    line = re.sub(r"\?\S+", "", str(error).splitlines()[0]).strip()
    line = re.sub(r"^Generic \S+ error: |, max_retries: \d+, retry_timeout: \S+ ", "", line)
    return line if len(line) <= 200 else line[:199] + "…"
