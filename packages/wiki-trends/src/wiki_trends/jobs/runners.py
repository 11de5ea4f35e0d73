"""What starts and follows the pipeline of a day, as the settings say: runs of this process or of Airflow."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.backfilling.state import Limits
from smart_orchestrator.runners.local import LocalRunner
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError, WikimediaUnreachable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from smart_orchestrator.backfilling.state import Outcome
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.airflow import AirflowRunner
    from smart_orchestrator.runners.base import Runner
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.run import Fetch
    from wiki_trends.wikimedia import WikimediaClient

# Before the first run is started, Wikimedia has to answer within this many seconds.
REACHABLE_SECONDS = 5.0
AIRFLOW = "airflow"
# The pipeline's own concurrency is the bound there, and its tasks are tried again by Airflow.
IN_AIRFLOW = Limits(jobs=64, attempts=1)


def local_runs(
    settings: Settings, *, force: bool = False, client: LazyClient | None = None, fetch: Fetch | None = None
) -> LocalRunner:
    """What starts and follows the pipeline's runs of this machine; `fetch` is its first step, default the API's."""
    client = client or LazyClient(settings)

    def pipeline(day: dt.date) -> None:
        from wiki_trends.pipeline import fetch_top_pages, run_day

        run_day(day, settings, client=client.get(), fetch=fetch or fetch_top_pages)

    return LocalRunner(layers(settings).diamond, pipeline, Path(settings.state), force=force)


class LazyClient:
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


def airflow_runs(settings: Settings, *, force: bool = False) -> AirflowRunner:
    """What starts and follows the pipeline's runs in Airflow. Asks nothing yet.

    Raises:
        SettingError: neither a user with a password nor a token is set.
    """
    if not settings.airflow_token and not (settings.airflow_user and settings.airflow_password):
        raise SettingError(
            name="airflow_user",
            value=settings.airflow_user,
            origin="WIKI_TRENDS_AIRFLOW_USER",
            problem="is no user with a password, and there is no token",
            fix="Set WIKI_TRENDS_AIRFLOW_USER and WIKI_TRENDS_AIRFLOW_PASSWORD, or WIKI_TRENDS_AIRFLOW_TOKEN.",
        )
    from smart_orchestrator.runners.airflow import AirflowRunner
    from smart_orchestrator.runners.airflow_client import AirflowApi

    api = AirflowApi(
        settings.airflow_url,
        user=settings.airflow_user,
        password=settings.airflow_password,
        token=settings.airflow_token,
    )
    return AirflowRunner(
        layers(settings).diamond,
        api,
        settings.airflow_dag,
        lag=settings.lag,
        poll_seconds=settings.airflow_poll,
        force=force,
    )


def runs_of(settings: Settings) -> Runner:
    """The runs as `WIKI_TRENDS_RUNNER` says, to look at them."""
    return airflow_runs(settings) if settings.runner == AIRFLOW else local_runs(settings)


def runs_to_start(
    settings: Settings, *, force: bool = False, client: LazyClient | None = None, fetch: Fetch | None = None
) -> Runner:
    """The same, to start some; before the first it is sure that there is a source, or a pipeline in Airflow.

    Raises:
        SettingError: a first step of the pipeline was given, which cannot be handed over to Airflow.
    """
    if settings.runner != AIRFLOW:
        runs = local_runs(settings, force=force, client=client, fetch=fetch)
        return PreflightRunner(runs, partial(reach, settings))
    if fetch is not None:
        raise SettingError(
            name="runner",
            value=settings.runner,
            origin="WIKI_TRENDS_RUNNER",
            problem="cannot be used with --refresh or --from-dump, which run in this process",
            fix="Set it to local for this command.",
        )
    return airflow_runs(settings, force=force)


def limits_of(settings: Settings, timeout: float | None = None) -> Limits:
    """How much a backfill may do, as the settings or the runner's defaults say; `timeout` in seconds."""
    usual = IN_AIRFLOW if settings.runner == AIRFLOW else Limits()
    return Limits(settings.jobs or usual.jobs, settings.attempts or usual.attempts, timeout or usual.timeout)


def reach(settings: Settings) -> None:
    """Ask Wikimedia for one small thing, so that a missing network is told at once and not once a day and attempt.

    The same goes for files of the settings that cannot be used, and for a project that has no wiki.

    Raises:
        WikimediaUnreachable: no answer.
        ContactMissing: live use needs a contact.
        SettingError: a file of further phrases or titles cannot be used, or there is no such project.
    """
    from wiki_trends.config.projects import canonical_project
    from wiki_trends.wikimedia import WikimediaClient
    from wiki_trends.wikimedia.client import action_url

    language = canonical_project(settings.project).partition(".")[0]
    if settings.categories_file:
        from wiki_trends.pipeline.rules.rules import Rules

        Rules.load(language, settings.categories_file)
    if settings.deny:
        from wiki_trends.pipeline.lists.deny_list import denied_titles

        denied_titles(settings, language)
    quick = replace(settings, deadline=min(settings.deadline, REACHABLE_SECONDS))
    with WikimediaClient(quick) as client:
        try:
            client.site_info(settings.project)
        except WikimediaUnreachable:
            # Where the network knows the API's host and not the wiki's, it is the project that does not exist.
            wiki = action_url(settings, settings.project)
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


class PreflightRunner:
    """Runs whose source is asked for an answer before the first of them is started."""

    def __init__(self, runs: Runner, reach: Callable[[], None]) -> None:
        self._runs = runs
        self._reach: Callable[[], None] | None = reach
        self.poll_seconds = runs.poll_seconds
        self.in_process = runs.in_process
        self.capacity = runs.capacity
        self.latest = runs.latest
        self.poll = runs.poll
        self.wait = runs.wait

    def start(self, day: dt.date) -> Run:
        """Start a run; before the first, whatever `reach` raises is raised."""
        if self._reach is not None:
            self._reach()
            self._reach = None
        return self._runs.start(day)
