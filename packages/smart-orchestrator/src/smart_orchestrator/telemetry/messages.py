"""Send messages through Apprise (Slack, mail, webhooks and other services), and build their texts.

All messages of this package are sent here. The addresses contain secrets, so no log and no error contains more than the
scheme of an address.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from smart_orchestrator.extras import extra
from smart_orchestrator.model.event import Event
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.signal import Message

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from smart_orchestrator.adapters.data_inspection import Memory
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.freshness import FreshnessReport, PartitionFreshness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.signal import Channel
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.telemetry.incidents import Changes, IncidentStore

logger = logging.getLogger(__name__)

# The largest number of partitions that a message lists. For the remaining ones, the message has only their number.
MAX_LISTED = 10
# The number of announced windows that are stored for each dataset.
MAX_WINDOWS = 100
# The kind of the message about an event, as Apprise names it. All other events are a `success`.
_KINDS = {Event.LATE: "failure", Event.RESTATED: "warning"}


def deliver(urls: Sequence[str], title: str, text: str, kind: str = "success") -> list[str]:
    """Send a message once to each address, and return the failures.

    An address that fails does not stop the others.

    Args:
        urls: the addresses, as URLs of Apprise.
        title: the title of the message.
        text: the body of the message.
        kind: `info`, `success`, `warning` or `failure`; many services show it as a colour.

    Returns:
        One text for each address that did not accept the message: its position and its scheme.
    """
    if not urls:
        return []
    with extra("messages"):
        import apprise

    failures = []
    for position, url in enumerate(urls, 1):
        notifier = apprise.Apprise()
        service = _scheme(url)
        try:
            accepted = notifier.add(url) and notifier.notify(
                body=text, title=title, notify_type=apprise.NotifyType(kind)
            )
        except Exception as error:  # noqa: BLE001 - the plugins of Apprise raise many errors, whose texts can contain the address
            accepted, service = False, f"{service}, {type(error).__name__}"
        if not accepted:
            failures.append(f"address {position} of {len(urls)} ({service})")
    return failures


def load_services(urls: Sequence[str]) -> None:
    """Import Apprise and the services of these addresses, which takes seconds on a busy machine, so that the next `deliver` sends at once."""
    with extra("messages"):
        import apprise

    # `deliver` reports an address that is wrong.
    with suppress(Exception):
        apprise.Apprise().add(list(urls))


def _scheme(url: str) -> str:
    """Return the scheme of an address, which names the service and is not a secret."""
    scheme, separator, _ = url.partition("://")
    return scheme if separator and scheme.isalnum() else "not a URL"


def publish(message: Message, channels: Iterable[Channel]) -> bool:
    """Send a message to the channels that receive its event. Log a warning for each address that fails.

    Returns:
        Whether the message is delivered: at least one address accepted it, or no channel receives the event.
    """
    receivers = [channel for channel in channels if channel.receives(message.event, message.dataset)]
    delivered = not receivers
    for channel in receivers:
        kind = _KINDS.get(message.event, "success")
        failures = deliver(channel.urls, message.title, message.text, kind)
        delivered = delivered or len(failures) < len(channel.urls)
        for failure in failures:
            logger.warning(
                "%s: the service of %s did not accept the message %r. Correct the address.",
                channel.name,
                failure,
                message.title,
            )
    return delivered


def announce_incidents(
    report: FreshnessReport, store: IncidentStore, channels: Sequence[Channel]
) -> list[Message]:
    """Store a report, and send up to three messages: about restated partitions, about incidents that began, and about incidents that ended.

    A message about incidents that no address accepts is sent again after the next check.

    Returns:
        The messages.

    Raises:
        RunsError: the store cannot be used.
    """
    from smart_orchestrator.telemetry.incidents import Changes

    # The update claims the messages that are due. A message that no address accepts is released, so that the next check sends it.
    changes = store.update(report)
    messages = announce_restated(report.dataset, report.restated, store, channels)
    for message, claimed in (
        (late_message(report, changes), Changes(began=changes.began)),
        (recovered_message(report, changes), Changes(ended=changes.ended)),
    ):
        if message is None:
            continue
        messages.append(message)
        if not publish(message, channels):
            store.release(report.dataset, claimed)
    return messages


def announce_restated(
    dataset: str, restated: Sequence[Partition], store: IncidentStore, channels: Sequence[Channel]
) -> list[Message]:
    """Send one message about the restated partitions whose change was not announced before.

    A message that no address accepts is sent again after the next check.

    Returns:
        The message; empty if all partitions were announced before.

    Raises:
        RunsError: the store cannot be used.
    """
    claimed = store.claim_restated(dataset, restated)
    if not claimed:
        return []
    message = restated_message(dataset, [f"{key_text(p.day)}: {p.reason}" for p in claimed])
    if not publish(message, channels):
        store.release_restated(dataset, claimed)
    return [message]


def announce_ready(completeness: Completeness, memory: Memory, channels: Sequence[Channel]) -> None:
    """Send a message if a window is ready, once for each window. `memory` stores the last windows that were announced."""
    key, window = f"ready:{completeness.dataset}", str(completeness.window)
    announced = (memory.recall(key) or "").splitlines()
    if not completeness.ready or window in announced:
        return
    if publish(ready_message(completeness), channels):
        memory.remember(key, "\n".join([*announced, window][-MAX_WINDOWS:]))


def late_message(report: FreshnessReport, changes: Changes) -> Message | None:
    """Return the message about the incidents that began; None if none began."""
    if not changes.began:
        return None
    title = f"{report.dataset}: {_subject(changes.began)} late"
    lines = [f"{key_text(p.key)} was due {_time(p.deadline)}: {p.reason}" for p in changes.began]
    return Message(Event.LATE, report.dataset, title, _listed(lines))


def recovered_message(report: FreshnessReport, changes: Changes) -> Message | None:
    """Return the message about the incidents that ended; None if none ended."""
    if not changes.ended:
        return None
    title = f"{report.dataset}: {_subject(changes.ended)} recovered"
    return Message(Event.RECOVERED, report.dataset, title, _listed(map(_recovery_line, changes.ended)))


def _recovery_line(partition: PartitionFreshness) -> str:
    due = f"it was due {_time(partition.deadline)}"
    if partition.excused:
        return f"{key_text(partition.key)} is no longer expected; {due}: {partition.reason}"
    since = f" since {_time(partition.available_since)}" if partition.available_since else ""
    return f"{key_text(partition.key)} is available{since}; {due}"


def ready_message(completeness: Completeness) -> Message:
    """Return the message about a window that has become ready."""
    text = f"The window {completeness.window} is ready: coverage {completeness.coverage_pct:.1f} %"
    return Message(Event.READY, completeness.dataset, f"{completeness.dataset}: window ready", text)


def published_message(dataset: str, window: Window, consumer: str) -> Message:
    """Return the message about a window whose results a consumer has published."""
    return Message(
        Event.PUBLISHED, dataset, f"{dataset}: {consumer} published", f"The window {window} is published."
    )


def restated_message(dataset: str, changes: Sequence[str]) -> Message:
    """Return the message about partitions that the upstream changed; `changes` has one line for each of them."""
    number = f"{len(changes)} partition" + ("s" if len(changes) != 1 else "")
    return Message(Event.RESTATED, dataset, f"{dataset}: {number} restated", _listed(changes))


def _subject(partitions: Sequence[PartitionFreshness]) -> str:
    """Return the key of a single partition, or the number of several, for a title."""
    if len(partitions) == 1:
        return key_text(partitions[0].key)
    return f"{len(partitions)} partitions"


def _time(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _listed(lines: Iterable[str]) -> str:
    """Join the first lines, and append the number of the remaining ones."""
    lines = list(lines)
    more = [f"and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return "\n".join([*lines[:MAX_LISTED], *more])
