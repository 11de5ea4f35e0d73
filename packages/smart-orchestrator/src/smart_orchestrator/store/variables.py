"""Check the environment variables that HTTP clients read: endpoints, proxies and certificates.

HTTP clients crash on some values and report others as a network problem. Each value is checked here before a client is created,
and the error names the variable. No message holds the value of a variable, which may be a secret, except paths of certificates.
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

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_CERTIFICATES = (("SSL_CERT_FILE", "file"), ("SSL_CERT_DIR", "folder"))


class VariableError(ValueError):
    """No client can use the value of an environment variable.

    Attributes:
        name: the variable.
        problem: the rest of a sentence that begins with the name.
        fix: what to do, a sentence.
    """

    def __init__(self, name: str, problem: str, fix: str) -> None:
        self.name = name
        self.problem = problem
        self.fix = fix
        super().__init__(f"{name} {problem}. {fix}")


def is_host(host: str) -> bool:
    """Whether a text is an IP address or a host name in ASCII."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return True


def http_url_problem(url: str, schemes: Sequence[str] = ("http", "https")) -> str:
    """Why a text is not the URL of a server, as the rest of a sentence that begins with its name; empty for a URL that is."""
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


def refuse_empty(names: Sequence[str]) -> None:
    """Refuse empty variables of this process, for variables that obstore reads itself and cannot use when they are empty.

    Raises:
        VariableError: one of them is empty.
    """
    for name in names:
        if os.environ.get(name) == "":
            raise VariableError(name, "is empty", "Set it, or unset it.")


def require_visible(name: str, value: str) -> None:
    """Check that a key or token consists of visible ASCII characters; others break the header that carries it.

    Raises:
        VariableError: it has another character.
    """
    if not re.fullmatch(r"[\x21-\x7e]*", value):
        problem = "holds a line break, a space or another character that no key has"
        raise VariableError(name, problem, "Set it to the key alone.")


def check_endpoint(name: str, url: str, credentials: str) -> None:
    """Check the URL of a server in the variable `name`; `credentials` names the variables that hold its credentials.

    Raises:
        VariableError: it is not a URL, or it holds credentials.
    """
    problem = http_url_problem(url)
    if not problem and "@" in urlsplit(url).netloc:
        problem = f"holds credentials; set {credentials}"
    if problem:
        raise VariableError(name, problem, "Give a URL such as https://host:9000.")


def check_network(
    environ: Mapping[str, str],
    endpoint: str | None = None,
    *,
    proxy_schemes: Sequence[str] = ("http", "https"),
) -> None:
    """Check the proxies and the certificates that the environment names.

    Args:
        environ: holds the variables.
        endpoint: URL of the server; proxies that are not used for it are not checked. None checks all proxies.
        proxy_schemes: the schemes of proxies that the client supports.

    Raises:
        VariableError: a variable cannot be used.
    """
    for name in _proxy_variables(endpoint, environ):
        proxy = environ.get(name, "")
        # A proxy without a scheme is an HTTP proxy.
        problem = (
            http_url_problem(proxy if "://" in proxy else f"http://{proxy}", proxy_schemes) if proxy else ""
        )
        if problem:
            raise VariableError(name, problem, "Give a URL such as http://proxy.example:3128, or unset it.")
    for name, kind in _CERTIFICATES:
        paths = environ.get(name, "")
        problem = _certificates_problem(paths, kind) if paths else ""
        if problem:
            raise VariableError(name, problem, f"Name a {kind} of certificates, or unset it.")


def _proxy_variables(endpoint: str | None, environ: Mapping[str, str]) -> Sequence[str]:
    """Names of the variables that can hold a proxy for the endpoint, those with precedence first."""
    schemes = ["http", "https"]
    if endpoint is not None:
        # Its import takes 20 ms, which most commands do not need.
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
