"""Send OpenLineage events through the transport that the client's own configuration names, without delaying the run.

The client reads `OPENLINEAGE_URL`, `OPENLINEAGE_CONFIG`, the variables `OPENLINEAGE__…` and the file `openlineage.yml`; see
https://openlineage.io/docs/client/python. Without a transport, nothing is sent. An event that is not accepted within the time-out is
reported once, and the process sends no more events.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.errors import MissingExtra
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openlineage.client.event_v2 import RunEvent

logger = logging.getLogger(__name__)

# The time that one event may take. A transport that fails or is slower is not used again by this process.
TIMEOUT_SECONDS = 5.0
_THREAD_NAME = "openlineage-sink"
# These loggers report every retry and every failed event, also after the time-out. The sink reports a failure once, so they are silenced in
# its thread.
_NOISY_LOGGERS = ("urllib3.connectionpool", "openlineage.client.transport.composite")


class Client(Protocol):
    """The part of the OpenLineage client that sends events."""

    def emit(self, event: RunEvent) -> object:
        """Send an event."""
        ...


class Sink:
    """Sends events one after another, until an event is not accepted within the time-out.

    Args:
        create_client: creates the client at the first event.
        namespace: the namespace of jobs.
        timeout: the number of seconds that an event may take.
    """

    def __init__(
        self,
        create_client: Callable[[], Client],
        namespace: str = "default",
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self.namespace = namespace
        self._create_client = create_client
        self._timeout = timeout
        self._client: Client | None = None
        self._lock = threading.Lock()
        self.is_down = False

    def send(self, event: RunEvent) -> None:
        """Send an event, unless an earlier one was not accepted. This method never raises, and takes at most the time-out."""
        with self._lock:
            if self.is_down:
                return
            errors: list[Exception] = []
            # A daemon thread does not delay the end of the process while it waits for the transport.
            thread = threading.Thread(target=self._emit, args=(event, errors), name=_THREAD_NAME, daemon=True)
            thread.start()
            thread.join(self._timeout)
            if not thread.is_alive() and not errors:
                return
            self.is_down = True
        # The text of the error can contain the URL of the transport with its credentials.
        problem = type(errors[0]).__name__ if errors else f"no answer within {self._timeout:g} s"
        logger.warning(
            "OpenLineage: an event was not accepted (%s), so this process sends no more of them. Check the transport of the OpenLineage client.",
            problem,
        )

    def _emit(self, event: RunEvent, errors: list[Exception]) -> None:
        try:
            if self._client is None:
                self._client = self._create_client()
            self._client.emit(event)
        except Exception as error:  # noqa: BLE001 - transports raise the errors of many libraries
            errors.append(error)


@cache
def default_sink() -> Sink | None:
    """Return the sink of this process; None if no transport is configured, or the OpenLineage client is not installed."""
    if not is_configured(os.environ):
        return None
    if find_spec("openlineage") is None:
        logger.warning("OpenLineage: %s", MissingExtra("openlineage", "openlineage"))
        return None
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).addFilter(_is_from_other_thread)
    return Sink(_create_client, os.environ.get("OPENLINEAGE_NAMESPACE") or "default")


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return whether the environment or a file configures a transport of the OpenLineage client."""
    if environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OPENLINEAGE_URL") or environ.get("OPENLINEAGE_CONFIG"):
        return True
    if any(name.startswith("OPENLINEAGE__TRANSPORT") for name in environ):
        return True
    folders = [Path.cwd(), *([Path(environ["HOME"], ".openlineage")] if environ.get("HOME") else [])]
    return any((folder / "openlineage.yml").is_file() for folder in folders)


def _create_client() -> Client:
    with extra("openlineage"):
        from openlineage.client import OpenLineageClient

    client: Client = OpenLineageClient()
    return client


def _is_from_other_thread(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD_NAME
