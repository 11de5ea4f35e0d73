"""Check the standard environment variables that HTTP and object-store clients read.

The checks come from `smart_orchestrator.store`. This module translates their errors into `SettingError`.
"""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.store.variables import VariableError, check_proxy_and_certificate_variables, is_host
from wiki_trends.config.urls import ascii_host, redact_url_value
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET_WORDS = ("KEY", "SECRET", "TOKEN")


def check_lake_variables(lake: str, environ: Mapping[str, str]) -> None:
    """Check the environment variables that the object store of a lake reads; `lake` is the URL of the lake.

    Raises:
        SettingError: a variable has an invalid value.
    """
    scheme = urlsplit(lake).scheme
    # Each of these functions raises an error for an invalid variable. Its result is not used: the lake reads the variables again later.
    with _translate_variable_errors(environ):
        if scheme in ("s3", "s3a"):
            from smart_orchestrator.store.aws import read_aws_settings

            read_aws_settings(environ)
        elif scheme == "gs":
            from smart_orchestrator.store.google import read_google_settings

            read_google_settings(environ)
        elif scheme == "az":
            from smart_orchestrator.store.azure import read_azure_settings

            read_azure_settings(environ)


def check_network_variables(environ: Mapping[str, str]) -> None:
    """Check the environment variables that name proxies and certificates.

    Raises:
        SettingError: a variable has an invalid value.
    """
    # httpx supports SOCKS proxies only if the package `socksio` is installed.
    socks_schemes = ("socks4", "socks5", "socks5h") if importlib.util.find_spec("socksio") else ()
    with _translate_variable_errors(environ):
        check_proxy_and_certificate_variables(environ, proxy_schemes=("http", "https", *socks_schemes))
        for name in ("NO_PROXY", "no_proxy"):
            problem = _find_hosts_problem(environ.get(name, ""))
            if problem:
                fix = "Give host names separated by commas, or unset the variable."
                raise VariableError(name, f"is not a list of hosts ({problem})", fix)


def _find_hosts_problem(text: str) -> str:
    """Return why a text is not a list of hosts, separated by commas; empty for a valid list."""
    if not text.isprintable():
        return "it has a character that is not printable"
    for item in text.split(","):
        try:
            parts = urlsplit(f"http://{item.strip()}")
            _ = parts.port  # Raises `ValueError` for an invalid port.
        except ValueError as error:
            return str(error)
        # `.example.org`, `*.example.org` and `*` match several hosts.
        host = (parts.hostname or "").removeprefix("*").removeprefix(".")
        if host and not is_host(ascii_host(host)):
            return f"{parts.hostname!r} is not a host name"
    return ""


@contextmanager
def _translate_variable_errors(environ: Mapping[str, str]) -> Iterator[None]:
    """Translate a `VariableError` into a `SettingError`, whose value contains no credentials."""
    try:
        yield
    except VariableError as error:
        is_secret = any(word in error.name for word in _SECRET_WORDS)
        value = "(secret)" if is_secret else redact_url_value(environ.get(error.name, ""))
        raise SettingError(
            name=error.name, value=value, origin=error.name, problem=error.problem, fix=error.fix
        ) from None
