"""What a store or a disk says when it cannot, as the errors of a lake.

A missing object and a failed condition are answers and pass through; everything else is `LakeDenied` (it answered and
refused), `LakeUrlError` or `LakeUnreachable`. No text holds credentials.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeDenied, LakeError, LakeUnreachable, LakeUrlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.exceptions import BaseError


@contextmanager
def translated(url: str, key: str) -> Iterator[None]:
    """Turn the store's failures into the four errors of a lake; a missing object stays `FileNotFoundError`."""
    from obstore import exceptions as failures

    try:
        yield
    except (failures.PreconditionError, failures.AlreadyExistsError):
        raise
    except FileNotFoundError as error:
        if _NO_BUCKET[0] in str(error):
            raise LakeDenied(url, *_NO_BUCKET[1:]) from None
        raise
    except failures.BaseError as error:
        raise _from_store(url, key, error) from None
    except OSError as error:
        raise from_os(url, key, error) from error


_NO_BUCKET = ("NoSuchBucket", "the bucket does not exist", "Create it, or correct the URL.")
_ANSWERS = (
    _NO_BUCKET,
    ("InvalidAccessKeyId", "the access key is not known there", "Check AWS_ACCESS_KEY_ID."),
    ("SignatureDoesNotMatch", "the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY."),
    ("AuthorizationHeaderMalformed", "the region is another one", "Check AWS_REGION."),
    ("PermanentRedirect", "the region is another one", "Check AWS_REGION."),
    # What obstore makes of that answer.
    ("redirect without LOCATION", "the region is another one", "Check AWS_REGION."),
    ("AccessDenied", "access was refused", "Check the credentials and their rights."),
)


def _from_store(url: str, key: str, error: BaseError) -> LakeError:
    from obstore import exceptions as failures

    text = str(error)
    for sign, problem, fix in _ANSWERS:
        if sign in text:
            return LakeDenied(url, problem, fix)
    if isinstance(error, (failures.PermissionDeniedError, failures.UnauthenticatedError)):
        problem = f"access to {key or 'it'} was refused"
        return LakeDenied(url, problem, "Check the credentials and their rights.")
    return LakeUnreachable(
        url, f"no usable answer ({first_line(error)})", "Check the endpoint and the network."
    )


def from_os(url: str, key: str, error: OSError) -> LakeError:
    """What a local disk said about `key`, as an error of the lake."""
    what = key or "the folder"
    if isinstance(error, PermissionError) or error.errno in (errno.EROFS, errno.EPERM):
        return LakeDenied(
            url, f"{what} may not be used ({error.strerror})", "Check the rights of the folder."
        )
    if isinstance(error, (NotADirectoryError, IsADirectoryError, FileExistsError)):
        return LakeUrlError(url, f"{what} is in the way ({error.strerror})")
    return LakeUnreachable(url, f"{what} cannot be used ({error.strerror or error})", "Check the disk.")


def first_line(error: Exception) -> str:
    """The first line of a store's message, without query strings: bodies may echo what was signed."""
    line = re.sub(r"\?\S+", "", str(error).splitlines()[0]).strip()
    line = re.sub(r"^Generic \S+ error: |, max_retries: \d+, retry_timeout: \S+ ", "", line)
    return line if len(line) <= 200 else line[:199] + "…"


def without_secrets(url: str) -> str:
    """A URL without what stands before the host."""
    return re.sub(r"//[^/@]*@", "//", url)
