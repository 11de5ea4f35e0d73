"""Parse the URL of a lake, and reject URLs with parts that would be ignored.

A text without `://` is a local path, in which only `~` is expanded. In a URL, `%` starts an escape. A URL must not contain `?` or `#`,
because parsers drop the text after these characters, and two different URLs would then name the same lake.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from smart_orchestrator.errors import LakeUrlError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SCHEMES = ("file", "memory", "s3", "s3a", "gs", "az")
# The variables for the credentials, by scheme. A URL must not contain credentials.
_CREDENTIAL_VARIABLES = {
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_CONTROL_CHARACTER = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_BUCKET_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}"
# A parameter of a URL. In a text, the URL and its parameters end at a space.
_PARAMETER = r"(?<=[?&#])[^?&#]+"
_PARAMETER_IN_TEXT = r"(?<=[?&#])[^?&#\s]+"
# The start of a parameter whose name suggests a secret. Some databases separate parameters by semicolons, so such a parameter can
# also stand in the middle of a match of `_PARAMETER`.
_SENSITIVE_NAME = r"(?i)(pass|pwd|secret|token|sig|key|cred|auth|sas)[^=]*="
# `s3:bucket`, without the slashes, would otherwise be read as the name of a folder.
_MISSING_SLASHES = r"([A-Za-z][A-Za-z0-9+.-]+):/?(?!/)"
_KNOWN_SCHEMES = {*SCHEMES, "abfs", "abfss", "http", "https", "ftp"}


class LakeUrl(NamedTuple):
    """The parts of a lake's URL; a plain path has the scheme `file`."""

    scheme: str
    host: str
    path: str


def redacted_url(url: str) -> str:
    """Return the URL as one line, without any text that could be a user name, a password or another secret."""
    # A password can contain any character, so everything up to the last `@` is removed.
    text = re.sub(r"//.*@", "//", url, flags=re.DOTALL) if "@" in url else url
    if any(separator in text for separator in "?&#"):
        text = re.sub(_PARAMETER, _redacted_parameter, text)
    return text if text.isprintable() else re.sub(_CONTROL_CHARACTER, " ", text)


def _has_control_character(text: str) -> bool:
    return not text.isprintable() and re.search(_CONTROL_CHARACTER, text) is not None


def redact_parameters(text: str) -> str:
    """Redact the secrets among the parameters, such as `?password=…`, of the URLs in a text."""
    return re.sub(_PARAMETER_IN_TEXT, _redacted_parameter, text)


def _redacted_parameter(match: re.Match[str]) -> str:
    parameter = match[0]
    is_secret = re.search(_SENSITIVE_NAME, unquote(parameter)) is not None
    return f"{parameter.partition('=')[0]}=***" if is_secret else parameter


def local_path(text: str) -> Path:
    """Return the absolute path that `text` names, with `~` expanded.

    Raises:
        LakeUrlError: `text` is empty, contains control characters, or names an unknown user.
    """
    if not text.strip():
        raise LakeUrlError(repr(text), "is empty")
    if _has_control_character(text):
        raise LakeUrlError(redacted_url(text), "holds a control character")
    try:
        # The path is absolute, because the working directory may change later.
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise LakeUrlError(text, f"cannot be expanded ({error})") from None


def parse_lake_url(url: str) -> LakeUrl:
    """Parse the URL of a lake.

    Raises:
        LakeUrlError: `url` is not the URL of a lake, or a part of `url` would be ignored.
    """
    redacted = redacted_url(url)
    if "://" not in url:
        match = re.match(_MISSING_SLASHES, url) if ":" in url else None
        if match and match[1].lower() in _KNOWN_SCHEMES:
            raise LakeUrlError(redacted, f"a URL begins with {match[1]}://")
        return LakeUrl("file", "", str(local_path(url)))
    if _has_control_character(url):
        raise LakeUrlError(redacted, "holds a control character")
    if url != url.strip():
        raise LakeUrlError(redacted, "begins or ends with a space")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise LakeUrlError(redacted, f"is not a URL ({error})") from None
    if parts.scheme not in SCHEMES:
        raise LakeUrlError(redacted, f"the scheme {parts.scheme!r} is not supported")
    # If a password contains a slash, the parser ends the host there. So `@` is also searched in the complete URL.
    if "@" in parts.netloc or (":" in parts.netloc and "@" in url):
        variables = _CREDENTIAL_VARIABLES.get(parts.scheme, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        raise LakeUrlError(redacted, f"holds credentials; set {variables}")
    if "?" in url or "#" in url:
        raise LakeUrlError(redacted, "has a ? or a #; write %3F or %23")
    return LakeUrl(parts.scheme, _host(redacted, parts), _path(redacted, parts))


def _host(redacted: str, parts: SplitResult) -> str:
    """Return the host of a URL after checking it; `redacted` is the URL for messages."""
    host = parts.netloc
    if parts.scheme == "file" and host not in ("", "localhost"):
        raise LakeUrlError(redacted, f"names the host {host}; write file:///folder")
    if parts.scheme not in ("file", "memory"):
        if not host:
            raise LakeUrlError(redacted, "names no bucket")
        if not re.fullmatch(_BUCKET_NAME, host) or ".." in host:
            raise LakeUrlError(redacted, f"{host!r} is not the name of a bucket")
    return host


def _path(redacted: str, parts: SplitResult) -> str:
    """Return the path of a URL with its escapes decoded."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", parts.path):
        raise LakeUrlError(redacted, "holds a % that does not begin an escape; write %25")
    try:
        path = unquote_to_bytes(parts.path).decode("utf-8")
    except UnicodeDecodeError:
        raise LakeUrlError(redacted, "holds escapes that are not UTF-8") from None
    if _has_control_character(path):
        raise LakeUrlError(redacted, "holds a control character")
    if parts.scheme == "file" and not path.strip("/"):
        raise LakeUrlError(redacted, "names no folder")
    # For an object store, `..` is an ordinary name and not the parent folder.
    names = path.strip("/").split("/") if path.strip("/") else []
    if parts.scheme != "file" and any(name in ("", ".", "..") for name in names):
        raise LakeUrlError(redacted, "holds an empty, '.' or '..' folder")
    return path
