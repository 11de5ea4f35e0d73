"""The settings about freshness, restatements, messages and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from smart_orchestrator.model.bounds import MAX_RECHECK_DAYS
from smart_orchestrator.model.event import ALL_EVENTS, NOTIFY_ON
from wiki_trends.config.parsers import any_text, choice, integers, local_path, matching
from wiki_trends.config.setting_field import setting_field


def deadline(text: str) -> str:
    """Parse the deadline of a day, such as `06:00 UTC, 4 days`; an empty text stands for no deadline."""
    if text:
        from smart_orchestrator.model.freshness import parse_objective

        parse_objective(text)  # Called for its error only: the setting keeps the text.
    return text


def required_days(text: str) -> str:
    """Parse how many of the newest days must be available, such as `6 of 7`."""
    from smart_orchestrator.model.freshness import parse_complete

    return parse_complete(text)


def events(text: str) -> str:
    """Parse the names of events, separated by spaces."""
    for name in text.split():
        if name not in ALL_EVENTS:
            msg = f"names {name!r}, which is not one of {', '.join(ALL_EVENTS)}"
            raise ValueError(msg)
    return text


def metrics_path(text: str) -> str:
    """Parse the path of a file of metrics, whose name must end in `.prom`; an empty text stands for no file."""
    matching(r"|.*\.prom", "the name of a .prom file, which node_exporter requires")(text)
    return local_path(text) if text else text


# The class `Settings`, which has these fields too, defines equality and the representation.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SignalSettings:
    """The settings about freshness, restatements, messages and metrics."""

    fresh: str = setting_field(
        "",
        deadline,
        "When a day must be in the lake: a time, a time zone, and the number of days after the day. Without it, no day is late.",
        example="06:00 UTC, 4 days",
    )
    complete: str = setting_field(
        "7 of 7",
        required_days,
        "How many of the newest days whose deadline has passed must be in the lake.",
        example="6 of 7",
    )
    recheck: str = setting_field(
        "",
        integers(1, MAX_RECHECK_DAYS),
        "The numbers of days after a day's list landed at which it is requested again, to find out whether Wikimedia has changed it. "
        "Without a number, no list is requested again.",
        example="1 2 7 30",
    )
    messages: str = setting_field(
        "",
        any_text,
        "Addresses of messages, as Apprise URLs separated by spaces. Secret.",
        example="slack://… mailto://…",
        secret=True,
    )
    messages_on: str = setting_field(
        " ".join(ALL_EVENTS),
        events,
        "The events that messages report, separated by spaces.",
        example="late recovered",
    )
    orchestrator_notify_on: str = setting_field(
        "always",
        choice(*NOTIFY_ON),
        "The runs of the orchestrator's DAG that a message reports: `failure` for those that fail, `change` for those that fail or change "
        "something, `always` for all.",
        example="change",
    )
    metrics_file: str = setting_field(
        "",
        metrics_path,
        "File to which `run` and `check --late` write metrics, for the textfile collector of node_exporter.",
        example="/var/lib/node_exporter/wiki-trends.prom",
    )
    metrics_token: str = setting_field(
        "",
        matching(r"|[\x21-\x7e]{16,}", "a token of 16 or more visible ASCII characters"),
        "Token with which Prometheus reads `/metrics` of the dashboard, and nothing else. Secret.",
        example="a-secret-for-prometheus",
        secret=True,
    )

    @property
    def recheck_days(self) -> tuple[int, ...]:
        """The numbers in `recheck`."""
        return tuple(map(int, self.recheck.split()))
