"""Parse the URLs of settings, and redact credentials in texts.

Only the URLs of the warehouse and of proxies may contain credentials. `parse_without_credentials` rejects any other URL with a
user name, a password or a secret in the query, so that credentials never reach a message, a log or a document.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from smart_orchestrator.store.variables import is_host

_CREDENTIAL_PARAMETER = (
    r"(?i)([?&;\s][^=&;?\s]*(?:passw|pwd|passfile|token|secret|signature|credential|api_?key|access_?key)[^=&;\s]*=)"
    r"[^&;\s'\"]*"
)
# The user and the password in a URL. Where a URL was parsed as a path, only one slash of `://` is left. The placeholder
# `USER:PASSWORD@HOST`, which some messages show as an example, is not redacted.
_USER_INFO = r"(?<=:/)(/?+)(?!USER:PASSWORD@HOST)[^\s'\"]*@"

_NOT_PRINTABLE = "has a character that is not printable"


def redact_credentials(text: str) -> str:
    """Return a text in which `(secret)` replaces the user information and the secret parameters of each URL."""
    without_users = re.sub(_USER_INFO, r"\1(secret)@", text) if "@" in text else text
    return re.sub(_CREDENTIAL_PARAMETER, r"\1(secret)", without_users) if "=" in text else without_users


def redact_url_value(text: str) -> str:
    """Return the value of a URL setting, in which `(secret)` replaces everything that could be a credential.

    The value may be a malformed URL, so everything between the scheme and the last `@` could be a credential.
    """
    scheme, separator, _ = text.rpartition("@")[0].partition("://")
    prefix = f"{scheme}://(secret)@" if separator else "(secret)@"
    return redact_credentials(prefix + text.rpartition("@")[2] if "@" in text else text)


class Url(NamedTuple):
    """The parts of an absolute URL with a host. The text of a `Url` contains no credentials."""

    scheme: str
    host: str
    port: int | None
    path: str
    has_credentials: bool

    def __str__(self) -> str:
        """Return the URL without credentials, query and fragment."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    @classmethod
    def parse(cls, text: str) -> Url:
        """Parse an absolute URL.

        Raises:
            ValueError: `text` is not a URL with a host; the message is the reason.
        """
        require_printable(text)
        if re.search(r"\s", text):
            msg = "has a space"
            raise ValueError(msg)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            msg = f"is not a URL ({error})"
            raise ValueError(msg) from None
        host = parts.hostname or ""
        if not is_host(ascii_host(host)):
            msg = "is not a URL with a host name"
            raise ValueError(msg)
        if parts.netloc.endswith(":") or port == 0:
            msg = "is not a URL with a usable port"
            raise ValueError(msg)
        has_credentials = bool(parts.username or parts.password) or redact_credentials(text) != text
        return cls(parts.scheme, host, port, parts.path, has_credentials)


def ascii_host(host: str) -> str:
    """Return the ASCII form of a host name, which DNS uses (IDNA); empty for an invalid host name."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host.lower()).decode("ascii")
    except idna.IDNAError:
        return ""


def require_printable(text: str) -> None:
    """Reject a text with characters that are not printable, such as NUL.

    Raises:
        ValueError: the text contains such a character.
    """
    if not text.isprintable():
        raise ValueError(_NOT_PRINTABLE)


def parse_without_credentials(text: str) -> Url:
    """Parse a URL that must not contain credentials.

    Raises:
        ValueError: the URL contains credentials, or is not a URL with a host.
    """
    url = Url.parse(text)
    if url.has_credentials or "@" in text.partition("://")[2].partition("/")[0]:
        msg = "is a URL with a user, a password or a secret in it, which is not supported here"
        raise ValueError(msg)
    return url
