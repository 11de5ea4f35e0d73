"""Check the `AWS_*` variables, proxies and certificates before a store sees them.

The store panics on some of them and reports others as a network problem. Each is checked here, and the error names the variable.
No message holds the value of a secret.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from smart_orchestrator.errors import LakeSettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Settings that a store can use.

    Attributes:
        endpoint: URL of the server; empty for AWS itself.
        region: the region of the bucket.
        key_id: id of the static key; empty when the machine's role supplies the credentials.
        secret: the secret of the static key.
        token: the session token of the static key, or empty.
    """

    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str


def aws_settings(lake: str, environ: Mapping[str, str]) -> AwsSettings:
    """The settings for the lake at the URL `lake`.

    Raises:
        LakeSettingError: a variable cannot be used.
    """
    endpoint_name, endpoint = _first_set(environ, _ENDPOINTS)
    if endpoint:
        check_http_url(lake, endpoint_name, endpoint)
    region_name, region = _first_set(environ, _REGIONS)
    if region and not _REGION.fullmatch(region):
        raise LakeSettingError(
            lake, region_name, "is not the name of a region", f"Give one such as {REGION}."
        )
    values = [environ.get(name, "") for name in _KEYS]
    for name, value in zip(_KEYS, values, strict=True):
        if not re.fullmatch(r"[\x21-\x7e]*", value):
            problem = "holds a line break, a space or another character that no key has"
            raise LakeSettingError(lake, name, problem, "Correct it.")
    key_id, secret, token = values
    # The store reads these variables itself, and takes an empty one for a key.
    empty = next((name for name in _KEYS[:2] if os.environ.get(name) == "" and not key_id + secret), None)
    if empty:
        raise LakeSettingError(lake, empty, "is empty, so there are no credentials", "Set it, or unset it.")
    if bool(key_id) != bool(secret):
        present, missing = _KEYS[:2] if key_id else _KEYS[1::-1]
        raise LakeSettingError(lake, missing, f"is not set, and {present} is", "Set both, or neither.")
    return AwsSettings(endpoint, region or REGION, key_id, secret, token)


def check_network(lake: str, endpoint: str, environ: Mapping[str, str] | None = None) -> None:
    """Check the proxy for `endpoint` (empty for AWS) and the certificates that the environment names.

    Raises:
        LakeSettingError: a variable cannot be used.
    """
    environ = os.environ if environ is None else environ
    scheme = urlsplit(endpoint).scheme or "https"
    host = urlsplit(endpoint).hostname or "amazonaws.com"
    if not _bypasses_proxy(host, environ):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
            value = environ.get(name, "")
            if value:
                # A proxy without a scheme is an HTTP proxy.
                check_http_url(lake, name, value if "://" in value else f"http://{value}", proxy=True)
    for name, exists, kind in (
        ("SSL_CERT_FILE", os.path.isfile, "file"),
        ("SSL_CERT_DIR", os.path.isdir, "folder"),
    ):
        path = environ.get(name, "")
        if path and not exists(path):
            raise LakeSettingError(
                lake, name, f"names a {kind} that does not exist ({path})", "Correct or unset it."
            )

    bundle = environ.get("SSL_CERT_FILE", "")
    if bundle and b"-----BEGIN" not in _read_certificates(lake, bundle):
        problem = f"names a file without certificates ({bundle})"
        raise LakeSettingError(lake, "SSL_CERT_FILE", problem, "Correct or unset it.")


def _read_certificates(lake: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        problem = f"names a file that cannot be read ({path}: {error.strerror})"
        raise LakeSettingError(lake, "SSL_CERT_FILE", problem, "Correct or unset it.") from None


def check_http_url(lake: str, name: str, url: str, *, proxy: bool = False) -> None:
    """Refuse a URL other than `http://host:port` or `https://host:port`; an endpoint must not hold credentials.

    Raises:
        LakeSettingError: the variable `name` cannot be used.
    """
    problem = _http_problem(url, proxy=proxy)
    if problem:
        fix = (
            "Give a URL such as http://proxy.example:3128."
            if proxy
            else "Give a URL such as https://host:9000."
        )
        raise LakeSettingError(lake, name, problem, fix)


def _http_problem(url: str, *, proxy: bool) -> str:
    if re.search(r"[\x00-\x20\x7f]", url):
        return "holds a space or a control character"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL, or its port is not one from 1 to 65535"
    if parts.scheme not in ("http", "https"):
        return f"is not of the scheme http or https ({parts.scheme or 'none'})"
    if "@" in parts.netloc and not proxy:
        return "holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if port == 0:
        return "is not a URL, or its port is not one from 1 to 65535"
    if "?" in url or "#" in url:
        return "holds a ? or #"
    return "" if _is_host(parts.hostname or "") else "names no host that can exist"


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return True


def _bypasses_proxy(host: str, environ: Mapping[str, str]) -> bool:
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return bool(excluded) and bool(proxy_bypass_environment(host, {"no": excluded}))


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """Name and value of the first variable that is set; the last name and an empty text when none is."""
    return next(((name, environ[name]) for name in names if environ.get(name)), (names[-1], ""))
