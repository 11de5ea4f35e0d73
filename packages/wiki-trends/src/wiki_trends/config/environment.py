"""Check the standard environment variables that HTTP and S3 clients read, and refuse values that make those clients crash.

Raises `SettingError` with the name of the variable, before any client is created.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wiki_trends.config.urls import Url, ascii_host, redacted_value, require_printable, without_credentials
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SOCKS = ("socks4", "socks5", "socks5h")


def check_s3_variables(environ: Mapping[str, str]) -> None:
    """Check the `AWS_*` variables of a lake on S3."""
    for name in _ENDPOINTS:
        _check(environ, name, _endpoint, "Give for example http://127.0.0.1:9000.")
    for name in _KEYS:
        _check(environ, name, _key, "Set it to the key alone, without spaces and line breaks.", secret=True)
    for name in _REGIONS:
        _check(environ, name, _region, "Give for example eu-central-1.")


def check_network_variables(environ: Mapping[str, str]) -> None:
    """Check the proxies and the certificates of HTTP clients."""
    for name in _PROXIES:
        for spelling in (name, name.lower()):
            _check(environ, spelling, _proxy, "Give for example http://proxy.example.org:3128, or unset it.")
    for spelling in ("NO_PROXY", "no_proxy"):
        _check(environ, spelling, _hosts, "Give host names with commas between them, or unset it.")
    _check(environ, "SSL_CERT_FILE", _file, "Name a file of certificates, or unset it.")
    _check(environ, "SSL_CERT_DIR", _folder, "Name a folder of certificates, or unset it.")


def _check(
    environ: Mapping[str, str], name: str, check: Callable[[str], None], fix: str, *, secret: bool = False
) -> None:
    text = environ.get(name, "")
    if not text:
        return
    try:
        check(text)
    except ValueError as error:
        value = "(secret)" if secret else redacted_value(text)
        raise SettingError(name=name, value=value, origin=name, problem=str(error), fix=fix) from None


def _endpoint(text: str) -> None:
    if not text.startswith(("http://", "https://")):
        msg = "is not an http(s) URL"
        raise ValueError(msg)
    without_credentials(text)


def _key(text: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        msg = "has a character that is not visible ASCII"
        raise ValueError(msg)


def _region(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        msg = "is not the name of a region"
        raise ValueError(msg)


def _proxy(text: str) -> None:
    url = Url.parse(text if "://" in text else f"http://{text}")
    schemes = ("http", "https", *(_SOCKS if importlib.util.find_spec("socksio") else ()))
    if url.scheme not in schemes:
        msg = f"is a proxy of the scheme {url.scheme}, which is not supported; {' and '.join(schemes)} are"
        raise ValueError(msg)


def _hosts(text: str) -> None:
    require_printable(text)
    for host in text.split(","):
        try:
            parts = urlsplit(f"http://{host.strip()}")
            _ = parts.port
        except ValueError as error:
            msg = f"is not a list of hosts ({error})"
            raise ValueError(msg) from None
        if parts.hostname and not ascii_host(parts.hostname):
            msg = f"is not a list of hosts ({parts.hostname!r} is not a host name)"
            raise ValueError(msg)


def _file(text: str) -> None:
    require_printable(text)
    if not Path(text).is_file():
        msg = "is not a file"
        raise ValueError(msg)


def _folder(text: str) -> None:
    require_printable(text)
    if not all(Path(folder).is_dir() for folder in text.split(":")):
        msg = "is not a folder"
        raise ValueError(msg)
