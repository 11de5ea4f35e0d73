"""Parse the URL of a lake. A URL of which any part would be ignored is refused.

A plain path is taken as it is, with `~` expanded. In a URL `%` starts an escape. `?` and `#` are refused: what follows them would
be lost, so two different lakes would become one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from smart_orchestrator.errors import LakeUrlError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SCHEMES = ("file", "memory", "s3", "s3a", "gs", "az")
# What credentials in a URL are to be replaced by.
_CREDENTIALS = {
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
# `s3:bucket`, whose slashes were forgotten, would otherwise be the name of a folder.
_MISSING_SLASHES = re.compile(r"([a-z][a-z0-9+.-]+):/?(?!/)", re.IGNORECASE)
_KNOWN_SCHEMES = {*SCHEMES, "abfs", "abfss", "http", "https", "ftp"}


class LakeUrl(NamedTuple):
    """The parts of a lake's URL; a plain path has the scheme `file`."""

    scheme: str
    host: str
    path: str


def redacted_url(url: str) -> str:
    """The URL as one line, without everything that could be a user name and a password."""
    return _CONTROL.sub(" ", re.sub(r"//.*@", "//", url, flags=re.DOTALL))


def local_path(text: str) -> Path:
    """The absolute path that `text` names, with `~` expanded.

    Raises:
        LakeUrlError: it is empty, holds control characters, or names an unknown user.
    """
    if not text.strip():
        raise LakeUrlError(repr(text), "is empty")
    if _CONTROL.search(text):
        raise LakeUrlError(redacted_url(text), "holds a control character")
    try:
        # The working directory may change before the next call.
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise LakeUrlError(text, f"cannot be expanded ({error})") from None


def parse_lake_url(url: str) -> LakeUrl:
    """The parts of a URL of a lake.

    Raises:
        LakeUrlError: it is not the URL of a lake, or a part of it would be ignored.
    """
    redacted = redacted_url(url)
    if "://" not in url:
        scheme = _MISSING_SLASHES.match(url)
        if scheme and scheme[1].lower() in _KNOWN_SCHEMES:
            raise LakeUrlError(redacted, f"a URL begins with {scheme[1]}://")
        return LakeUrl("file", "", str(local_path(url)))
    if _CONTROL.search(url):
        raise LakeUrlError(redacted, "holds a control character")
    if url != url.strip():
        raise LakeUrlError(redacted, "begins or ends with a space")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise LakeUrlError(redacted, f"is not a URL ({error})") from None
    if parts.scheme not in SCHEMES:
        raise LakeUrlError(redacted, f"the scheme {parts.scheme!r} is not supported")
    # A password can hold a slash, which ends the host of the parsed URL.
    if "@" in parts.netloc or (":" in parts.netloc and "@" in url):
        variables = _CREDENTIALS.get(parts.scheme, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        raise LakeUrlError(redacted, f"holds credentials; set {variables}")
    if "?" in url or "#" in url:
        raise LakeUrlError(redacted, "has a ? or a #; write %3F or %23")
    return LakeUrl(parts.scheme, _host(redacted, parts), _path(redacted, parts))


def _host(redacted: str, parts: SplitResult) -> str:
    host = parts.netloc
    if parts.scheme == "file" and host not in ("", "localhost"):
        raise LakeUrlError(redacted, f"names the host {host}; write file:///folder")
    if parts.scheme not in ("file", "memory"):
        if not host:
            raise LakeUrlError(redacted, "names no bucket")
        if not _BUCKET.fullmatch(host) or ".." in host:
            raise LakeUrlError(redacted, f"{host!r} is not the name of a bucket")
    return host


def _path(redacted: str, parts: SplitResult) -> str:
    """The path with its escapes resolved."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", parts.path):
        raise LakeUrlError(redacted, "holds a % that does not begin an escape; write %25")
    try:
        path = unquote_to_bytes(parts.path).decode("utf-8")
    except UnicodeDecodeError:
        raise LakeUrlError(redacted, "holds escapes that are not UTF-8") from None
    if _CONTROL.search(path):
        raise LakeUrlError(redacted, "holds a control character")
    if parts.scheme == "file" and not path.strip("/"):
        raise LakeUrlError(redacted, "names no folder")
    # An object store has no parent folders: there `..` would be an ordinary name.
    names = path.strip("/").split("/") if path.strip("/") else []
    if parts.scheme != "file" and any(name in ("", ".", "..") for name in names):
        raise LakeUrlError(redacted, "holds an empty, '.' or '..' folder")
    return path
