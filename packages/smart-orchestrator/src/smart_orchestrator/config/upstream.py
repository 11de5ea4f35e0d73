"""The options `probe`, `lag`, `max_lag` and `recheck` of the `[datasets.NAME]` tables of the configuration file.

A probe is a table of one of three kinds. The kind follows from the option that it has: `url`, `command` or `function`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from smart_orchestrator.config.functions import parse_function_name
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.key_format import format_key
from smart_orchestrator.model.window import max_length

if TYPE_CHECKING:
    from smart_orchestrator.config.tables import ConfigTable

AUTO = "auto"
DEFAULT_MAX_LAG = 3
DEFAULT_TIMEOUT = 30.0
METHODS = ("HEAD", "GET")
_KINDS = ("url", "command", "function")
# A probe must have another URL for each key. This is checked for the keys that contain these times. Each of them differs from the first
# in one respect: the half of the day, the day, the week, the month or the year. So a URL without it gives two keys the same URL.
_SAMPLE_TIMES = (
    dt.datetime(2024, 1, 1, 0, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 2, 0, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 8, 0, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 1, 0, tzinfo=dt.UTC),
    dt.datetime(2025, 1, 1, 0, tzinfo=dt.UTC),
)


class ProbeConfig(NamedTuple):
    """The probe of an upstream: exactly one of `url`, `command` and `function` is not empty.

    Attributes:
        url: the URL that has a status 2xx when the upstream has the key, with `{start:…}` for the start of the key's span.
        method: the HTTP method, `HEAD` or `GET`.
        command: the command that ends with exit code 0 when the upstream has the key, and with 1 when it does not.
        function: the function as `module:function`, which returns whether the upstream has the key.
        timeout: the time-out of a request or a command, in seconds.
    """

    url: str = ""
    method: str = METHODS[0]
    command: tuple[str, ...] = ()
    function: str = ""
    timeout: float = DEFAULT_TIMEOUT


class UpstreamConfig(NamedTuple):
    """The upstream of a dataset.

    Attributes:
        probe: the probe.
        is_lag_automatic: whether a key is expected as soon as the probe finds it. The lag of the dataset is then the time after which
            the key is expected in any case.
    """

    probe: ProbeConfig
    is_lag_automatic: bool


def parse_grain(table: ConfigTable) -> Grain:
    """Parse the option `grain` of a `[datasets.NAME]` table."""
    return Grain(table.choice("grain", "day", [grain.value for grain in Grain]))


def parse_upstream(table: ConfigTable, grain: Grain) -> UpstreamConfig | None:
    """Parse the probe of a `[datasets.NAME]` table; None for a dataset without a probe.

    Raises:
        ConfigError: a value is invalid, or `lag = "auto"` is used without a probe.
    """
    is_lag_automatic = table.equals("lag", AUTO)
    probe_table = table.optional_table("probe")
    if probe_table is None:
        if is_lag_automatic:
            raise table.error(
                "probe",
                'is missing: lag = "auto" needs a probe that says whether a key is there',
                'Add for example probe.url = "https://example.org/{start:%Y/%m/%d}", or write lag as a number.',
            )
        return None
    kinds = [kind for kind in _KINDS if probe_table.has(kind)]
    if len(kinds) != 1:
        raise table.error(
            "probe",
            f"has {' and '.join(kinds)}" if kinds else "has none of url, command and function",
            'Give one of them, for example probe.url = "https://example.org/{start:%Y/%m/%d}".',
        )
    probe = _parse_probe(probe_table, kinds[0], grain)
    probe_table.reject_unknown_options()
    return UpstreamConfig(probe, is_lag_automatic)


def parse_lag(table: ConfigTable, grain: Grain) -> int:
    """Parse `lag`, which is a number of keys or `"auto"`. For `"auto"`, return `max_lag`, by default 3.

    Raises:
        ConfigError: the value is invalid, or `max_lag` is given with a fixed lag.
    """
    if not table.equals("lag", AUTO):
        if table.has("max_lag"):
            raise table.error(
                "max_lag", "is the outer bound of an automatic lag", 'Remove it, or write lag = "auto".'
            )
        return table.integer("lag", 1, high=max_length(grain))
    return table.integer("max_lag", DEFAULT_MAX_LAG, low=1, high=max_length(grain))


def parse_recheck(table: ConfigTable) -> tuple[int, ...]:
    """Parse `recheck`: the ages of a key in the lake, in days, at which the upstream is asked for the key's ETag again.

    Raises:
        ConfigError: a value is invalid, or the dataset has no probe that can return an ETag.
    """
    days = table.integers("recheck")
    if not days:
        return ()
    probe = table.optional_table("probe")
    if probe is None or not (probe.has("url") or probe.has("function")):
        raise table.error(
            "recheck",
            "needs a probe that returns an ETag",
            'Add for example probe.url = "https://example.org/{start:%Y/%m/%d}".',
        )
    return days


def _parse_probe(table: ConfigTable, kind: str, grain: Grain) -> ProbeConfig:
    timeout = table.optional_seconds("timeout") if kind != "function" else None
    timeout = timeout or DEFAULT_TIMEOUT
    if kind == "function":
        return ProbeConfig(function=parse_function_name(table))
    if kind == "command":
        command = tuple(table.texts("command"))
        if not command or not command[0]:
            raise table.error(
                "command", "is empty", 'Give a list of arguments, such as ["test", "-e", "in/{key}.csv"].'
            )
        return ProbeConfig(command=command, timeout=timeout)
    url = table.url("url")
    if (problem := probe_url_problem(url, grain)) is not None:
        raise table.error("url", problem, 'Write for example "https://example.org/{start:%Y/%m/%d}".')
    return ProbeConfig(url=url, method=table.choice("method", METHODS[0], METHODS), timeout=timeout)


def probe_url_problem(url: str, grain: Grain) -> str | None:
    """Return what is wrong with the URL of a probe. The text does not contain the URL, which may hold a password."""
    try:
        sample_keys = {grain.floor(moment) for moment in _SAMPLE_TIMES}
        urls = {format_key(url, key) for key in sample_keys}
        parts = urlsplit(min(urls))
    except ValueError as error:
        return f"is not the template of a URL ({error})"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not an http or https URL"
    if parts.username or parts.password:
        return "contains credentials"
    return None if len(urls) == len(sample_keys) else f"gives different {grain}s the same URL"
