"""The runners of the pipeline: in this process or in Airflow, depending on the settings."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from wiki_trends.config.environment import check_network_variables
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import env_name
from wiki_trends.errors import SettingError, WikimediaUnreachable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from smart_orchestrator.backfilling.state import Limits
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.airflow import AirflowRunner
    from smart_orchestrator.runners.base import Runner
    from smart_orchestrator.runners.local import LocalRunner
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.run import Fetch
    from wiki_trends.wikimedia import WikimediaClient

# The seconds within which Wikimedia must answer the request that `check_wikimedia` sends before the first run.
PREFLIGHT_SECONDS = 5.0
AIRFLOW_RUNNER = "airflow"
# With Airflow, the DAG limits how many runs there are at the same time, so 64 is only an upper bound. Airflow itself retries failed tasks, so
# one attempt is enough.
_AIRFLOW_JOBS, _AIRFLOW_ATTEMPTS = 64, 1


def local_runner(
    settings: Settings,
    *,
    force: bool = False,
    client: LazyClient | None = None,
    fetch: Fetch | None = None,
    on_step: Callable[[dt.date, str], None] | None = None,
) -> LocalRunner:
    """Return a runner that runs the pipeline in this process.

    `fetch` replaces the first step of the pipeline, which requests the list of the day from the API. Before each step, `on_step` gets the
    day and the text of the step, from the thread of the run.
    """
    from smart_orchestrator.runners.local import LocalRunner

    client = client or LazyClient(settings)

    def run_pipeline(day: dt.date) -> None:
        from wiki_trends.pipeline import fetch_top_pages, run_day

        with client.in_use() as wikimedia:
            day_step = None if on_step is None else partial(on_step, day)
            run_day(day, settings, client=wikimedia, fetch=fetch or fetch_top_pages, on_step=day_step)

    return LocalRunner(
        layers(settings).diamond,
        run_pipeline,
        Path(settings.state),
        force=force,
        folder_option=env_name("state"),
    )


class LazyClient:
    """One client of Wikimedia for all runs of this process, created on first use.

    Leaving the context closes the client. If runs still use the client at that time, the last of these runs closes it. `on_request`
    is called for each request, from the thread that sends it.
    """

    def __init__(self, settings: Settings, on_request: Callable[[], None] | None = None) -> None:
        self._settings = settings
        self._on_request = on_request
        self._lock = threading.Lock()
        self._client: WikimediaClient | None = None
        self._use_count = 0
        self._is_exited = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_exited = True
            client_to_close = self._take_client_to_close()
        if client_to_close is not None:
            client_to_close.close()

    @contextmanager
    def in_use(self) -> Iterator[WikimediaClient]:
        """Yield the shared client, which stays open at least until the block ends."""
        from wiki_trends.wikimedia import WikimediaClient

        with self._lock:
            if self._client is None:
                check_network_variables(os.environ)
                self._client = WikimediaClient(self._settings, self._on_request)
            client = self._client
            self._use_count += 1
        try:
            yield client
        finally:
            with self._lock:
                self._use_count -= 1
                client_to_close = self._take_client_to_close()
            if client_to_close is not None:
                client_to_close.close()

    def _take_client_to_close(self) -> WikimediaClient | None:
        """Return the client if the context has been left and no run uses the client; otherwise None."""
        if not self._is_exited or self._use_count:
            return None
        client, self._client = self._client, None
        return client


def airflow_runner(settings: Settings, *, force: bool = False) -> AirflowRunner:
    """Return a runner that starts the pipeline in Airflow. This function sends no request.

    Raises:
        SettingError: neither a user with a password nor a token is set.
    """
    if not settings.airflow_token and not (settings.airflow_user and settings.airflow_password):
        raise SettingError(
            name="airflow_user",
            value=settings.airflow_user,
            origin="WIKI_TRENDS_AIRFLOW_USER",
            problem="is not a user with a password, and no token is set",
            fix="Set WIKI_TRENDS_AIRFLOW_USER and WIKI_TRENDS_AIRFLOW_PASSWORD, or WIKI_TRENDS_AIRFLOW_TOKEN.",
        )
    check_network_variables(os.environ)
    from smart_orchestrator.runners.airflow import AirflowRunner
    from smart_orchestrator.runners.airflow_client import AirflowApi, AirflowOptionNames

    api = AirflowApi(
        settings.airflow_url,
        user=settings.airflow_user,
        password=settings.airflow_password,
        token=settings.airflow_token,
        option_names=AirflowOptionNames(
            *(env_name(f"airflow_{name}") for name in ("url", "user", "password", "token", "dag"))
        ),
    )
    return AirflowRunner(
        layers(settings).diamond,
        api,
        settings.airflow_dag,
        lag=settings.max_lag,
        poll_seconds=settings.airflow_poll,
        force=force,
    )


def runner_for_polling(settings: Settings) -> Runner:
    """Return the runner that `WIKI_TRENDS_RUNNER` names, for polling runs."""
    return airflow_runner(settings) if settings.runner == AIRFLOW_RUNNER else local_runner(settings)


def runner_for_starting(
    settings: Settings,
    *,
    force: bool = False,
    client: LazyClient | None = None,
    fetch: Fetch | None = None,
    on_step: Callable[[dt.date, str], None] | None = None,
) -> Runner:
    """Return the runner that `WIKI_TRENDS_RUNNER` names, for starting runs.

    Before the first run, the runner checks that Wikimedia or Airflow answers.

    Raises:
        SettingError: `fetch` is set, and the runner is Airflow, which cannot run the function `fetch`.
    """
    if settings.runner != AIRFLOW_RUNNER:
        runner = local_runner(settings, force=force, client=client, fetch=fetch, on_step=on_step)
        return PreflightRunner(runner, partial(check_wikimedia, settings))
    if fetch is not None:
        raise SettingError(
            name="runner",
            value=settings.runner,
            origin="WIKI_TRENDS_RUNNER",
            problem="cannot be used with --refresh or --from-dump, which run in this process",
            fix="Set WIKI_TRENDS_RUNNER to local for this command.",
        )
    return airflow_runner(settings, force=force)


def limits_of(settings: Settings, timeout: float | None = None) -> Limits:
    """Return the limits of a backfill. A limit that is not set has the default of the runner. `timeout` is in seconds."""
    from smart_orchestrator.backfilling.state import Limits

    defaults = (
        Limits(jobs=_AIRFLOW_JOBS, attempts=_AIRFLOW_ATTEMPTS)
        if settings.runner == AIRFLOW_RUNNER
        else Limits()
    )
    return Limits(
        settings.jobs or defaults.jobs, settings.attempts or defaults.attempts, timeout or defaults.timeout
    )


def check_wikimedia(settings: Settings) -> None:
    """Send one small request to Wikimedia, so that a missing network causes one error instead of an error in each run.

    Also check that the wiki of the project exists, and that the files in `categories_file` and `deny` can be used.

    Raises:
        WikimediaUnreachable: Wikimedia does not answer.
        ContactMissing: the request would go to Wikimedia, and no contact is set.
        SettingError: a file of extra phrases or titles cannot be used, or the project does not exist.
    """
    from wiki_trends.config.projects import canonical_project
    from wiki_trends.wikimedia import WikimediaClient
    from wiki_trends.wikimedia.client import action_url

    # Each check raises the error that a run would raise later. The phrases, titles and site information are not used here.
    check_network_variables(os.environ)
    language = canonical_project(settings.project).partition(".")[0]
    if settings.categories_file:
        from wiki_trends.pipeline.rules.rules import Rules

        Rules.load(language, settings.categories_file)
    if settings.deny:
        from wiki_trends.pipeline.lists.deny_list import denied_titles

        denied_titles(settings, language)
    quick_settings = replace(settings, deadline=min(settings.deadline, PREFLIGHT_SECONDS))
    with WikimediaClient(quick_settings) as client:
        try:
            client.site_info(settings.project)
        except WikimediaUnreachable:
            # If the API's host resolves and the host of the wiki does not, the project does not exist.
            wiki_url = action_url(settings, settings.project)
            if _resolves(wiki_url) or not _resolves(settings.wikimedia_url):
                raise
            raise SettingError(
                name="project",
                value=settings.project,
                origin="WIKI_TRENDS_PROJECT",
                problem=f"is not a project with a wiki: {urlsplit(wiki_url).hostname} does not exist",
                fix="Give a project such as en.wikipedia or fr.wikipedia.",
            ) from None


def _resolves(url: str) -> bool:
    import socket

    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except OSError:
        return False


class PreflightRunner:
    """A runner that calls `preflight` once, before it starts the first run."""

    def __init__(self, runner: Runner, preflight: Callable[[], None]) -> None:
        self._runner = runner
        self._preflight: Callable[[], None] | None = preflight
        self.poll_seconds = runner.poll_seconds
        self.in_process = runner.in_process
        self.capacity = runner.capacity
        self.latest = runner.latest
        self.poll = runner.poll
        self.wait = runner.wait

    def start(self, day: dt.date) -> Run:
        """Start a run with the wrapped runner. Before the first run, call `preflight`; its exception prevents the start."""
        if self._preflight is not None:
            self._preflight()
            self._preflight = None
        return self._runner.start(day)
