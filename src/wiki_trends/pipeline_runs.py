"""What starts and follows the pipeline of a day, as the settings say: runs of this machine, and who asks Wikimedia."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.local_runs import LocalRuns
from wiki_trends.errors import SettingError, WikimediaUnreachable
from wiki_trends.layers import layers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from smart_orchestrator.carrying import Outcome
    from smart_orchestrator.runs import PipelineRuns, Run
    from wiki_trends.pipeline.run import Fetch
    from wiki_trends.settings import Settings
    from wiki_trends.wikimedia import WikimediaClient

# Before the first run is started, Wikimedia has to answer within this many seconds.
REACHABLE_SECONDS = 5.0


def local_runs(
    settings: Settings, *, force: bool = False, client: OneClient | None = None, fetch: Fetch | None = None
) -> LocalRuns:
    """What starts and follows the pipeline's runs of this machine; `fetch` is its first step, default the API's."""
    client = client or OneClient(settings)

    def pipeline(day: dt.date) -> None:
        from wiki_trends.pipeline import fetch_top_pages, run_day

        run_day(day, settings, client=client.get(), fetch=fetch or fetch_top_pages)

    return LocalRuns(layers(settings).diamond, pipeline, Path(settings.state), force=force)


class OneClient:
    """One client of Wikimedia for all days of this process, made when the first of them asks for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: WikimediaClient | None = None

    def get(self) -> WikimediaClient:
        """The client, the same for every caller."""
        from wiki_trends.wikimedia import WikimediaClient

        with self._lock:
            if self._client is None:
                self._client = WikimediaClient(self._settings)
            return self._client

    def close_after(self, outcome: Outcome) -> None:
        """Close it, unless runs that were not waited for are still using it: closing would wait for them."""
        if self._client is not None and not outcome.abandoned:
            self._client.close()


def runs_of(
    settings: Settings, *, force: bool = False, client: OneClient | None = None, fetch: Fetch | None = None
) -> PipelineRuns:
    """What `WIKI_TRENDS_RUNNER` names.

    Raises:
        SettingError: this version cannot use it.
    """
    if settings.runner != "local":
        raise SettingError(
            name="runner",
            value=settings.runner,
            origin="WIKI_TRENDS_RUNNER",
            problem="is not supported by this version",
            fix="Set it to local.",
        )
    return local_runs(settings, force=force, client=client, fetch=fetch)


def reach(settings: Settings) -> None:
    """Ask Wikimedia for one small thing, so that a missing network is told at once and not once a day and attempt.

    The same goes for a file of phrases that cannot be used, and for a project that has no wiki.

    Raises:
        WikimediaUnreachable: no answer.
        ContactMissing: live use needs a contact.
        SettingError: the file of further phrases cannot be used, or there is no such project.
    """
    from wiki_trends.wikimedia import WikimediaClient

    if settings.categories_file:
        from wiki_trends.pipeline.rules import Rules

        Rules.load(settings.project.partition(".")[0], settings.categories_file)
    quick = replace(settings, deadline=min(settings.deadline, REACHABLE_SECONDS))
    with WikimediaClient(quick) as client:
        try:
            client.site_info(settings.project)
        except WikimediaUnreachable:
            # Where the network knows the API's host and not the wiki's, it is the project that does not exist.
            wiki = settings.mediawiki_url.replace("{project}", settings.project.removesuffix(".org"))
            if _has_address(wiki) or not _has_address(settings.wikimedia_url):
                raise
            raise SettingError(
                name="project",
                value=settings.project,
                origin="WIKI_TRENDS_PROJECT",
                problem=f"is no project that has a wiki: there is no {urlsplit(wiki).hostname}",
                fix="Give a project such as en.wikipedia or fr.wikipedia.",
            ) from None


def _has_address(url: str) -> bool:
    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except OSError:
        return False


class Reaching:
    """Runs whose source is asked for an answer before the first of them is started."""

    def __init__(self, runs: PipelineRuns, reach: Callable[[], None]) -> None:
        self._runs = runs
        self._reach: Callable[[], None] | None = reach
        self.poll_seconds = runs.poll_seconds
        self.in_process = runs.in_process
        self.latest = runs.latest
        self.look = runs.look
        self.wait = runs.wait

    def start(self, day: dt.date) -> Run:
        """Start a run; before the first, whatever `reach` raises is raised."""
        if self._reach is not None:
            self._reach()
            self._reach = None
        return self._runs.start(day)
