"""Check the environment variables that HTTP clients read: endpoints, proxies and certificates.

HTTP clients crash on some invalid values, and report others as network problems. This module checks each value before a client is
created. The errors name the variable. Values may be secrets, so the messages contain no values except the paths of certificates.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HOST_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_CERTIFICATE_VARIABLES = (("SSL_CERT_FILE", "file"), ("SSL_CERT_DIR", "folder"))


class VariableError(ValueError):
    """The value of an environment variable is invalid.

    Attributes:
        name: the name of the variable.
        problem: the rest of a sentence that begins with the name of the variable.
        fix: the instruction for the user, a complete sentence.
    """

    def __init__(self, name: str, problem: str, fix: str) -> None:
        self.name = name
        self.problem = problem
        self.fix = fix
        super().__init__(f"{name} {problem}. {fix}")


def is_host(host: str) -> bool:
    """Return whether `host` is an IP address or a host name in ASCII."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        return len(host) <= 253 and all(re.fullmatch(_HOST_LABEL, label) for label in labels)
    return True


def http_url_problem(url: str, schemes: Sequence[str] = ("http", "https")) -> str:
    """Return why `url` is not the URL of a server, as the rest of a sentence; empty for a valid URL."""
    if re.search(r"[\x00-\x20\x7f]", url):
        return "holds a space or a control character"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL, or its port is not between 1 and 65535"
    if parts.scheme not in schemes:
        return f"is not an http(s) URL: the scheme {parts.scheme or '(none)'} is not {' or '.join(schemes)}"
    if port == 0 or parts.netloc.endswith(":"):
        return "is not a URL, or its port is not between 1 and 65535"
    if "?" in url or "#" in url:
        return "holds a ? or #"
    return "" if is_host(parts.hostname or "") else "is not a URL with a valid host name"


def reject_empty_process_variables(names: Sequence[str]) -> None:
    """Reject variables that are empty in the environment of this process, because obstore reads them there and fails on empty values.

    Raises:
        VariableError: a variable is empty.
    """
    for name in names:
        if os.environ.get(name) == "":
            raise VariableError(name, "is empty", "Set it, or unset it.")


def require_visible_ascii(name: str, value: str) -> None:
    """Check that a key or token consists of visible ASCII characters. Any other character makes the HTTP header invalid.

    Raises:
        VariableError: the value contains another character.
    """
    if not re.fullmatch(r"[\x21-\x7e]*", value):
        problem = "contains a line break, a space or another character that is not allowed in a key"
        raise VariableError(name, problem, "Set it to the key alone.")


def check_endpoint(name: str, url: str, *, credential_variables: str) -> None:
    """Check that the value of the variable `name` is the URL of a server.

    Args:
        name: the name of the variable.
        url: the value of the variable.
        credential_variables: the names of the variables that must contain the credentials instead of the URL. They are only named in
            the message.

    Raises:
        VariableError: the value is not a URL, or contains credentials.
    """
    problem = http_url_problem(url)
    if not problem and "@" in urlsplit(url).netloc:
        problem = f"holds credentials; set {credential_variables}"
    if problem:
        raise VariableError(name, problem, "Give a URL such as https://host:9000.")


def check_proxy_and_certificate_variables(
    environ: Mapping[str, str],
    endpoint: str | None = None,
    *,
    proxy_schemes: Sequence[str] = ("http", "https"),
) -> None:
    """Check the variables that name proxies and certificates. No connection is made.

    Args:
        environ: the environment variables.
        endpoint: the URL of the server. Only the proxies for this server are checked; None checks all proxies.
        proxy_schemes: the URL schemes of proxies that the HTTP client supports.

    Raises:
        VariableError: a variable has an invalid value.
    """
    for name in _proxy_variables(endpoint, environ):
        proxy = environ.get(name, "")
        # Clients treat a proxy without a scheme as an HTTP proxy.
        problem = (
            http_url_problem(proxy if "://" in proxy else f"http://{proxy}", proxy_schemes) if proxy else ""
        )
        if problem:
            raise VariableError(name, problem, "Give a URL such as http://proxy.example:3128, or unset it.")
    for name, kind in _CERTIFICATE_VARIABLES:
        paths = environ.get(name, "")
        problem = _certificates_problem(paths, kind) if paths else ""
        if problem:
            raise VariableError(name, problem, f"Name a {kind} of certificates, or unset it.")


def _proxy_variables(endpoint: str | None, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the names of the variables that can name a proxy for the endpoint, in order of precedence."""
    schemes = ["http", "https"]
    if endpoint is not None:
        # This import takes 20 ms, and most commands do not need it.
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

        parts = urlsplit(endpoint)
        excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        if excluded and proxy_bypass_environment(parts.hostname or "", {"no": excluded}):
            return ()
        schemes = [parts.scheme]
    return [
        spelling
        for scheme in (*schemes, "all")
        for spelling in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    ]


def _certificates_problem(paths: str, kind: str) -> str:
    if kind == "folder":
        missing = next((path for path in paths.split(":") if not Path(path).is_dir()), None)
        return "" if missing is None else f"names a folder that does not exist ({missing})"
    if not Path(paths).is_file():
        return f"names a file that does not exist ({paths})"
    try:
        content = Path(paths).read_bytes()
    except OSError as error:
        return f"names a file that cannot be read ({paths}: {error.strerror})"
    return "" if b"-----BEGIN" in content else f"names a file without certificates ({paths})"
