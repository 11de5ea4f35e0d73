"""The main job and its parts: check a window, backfill what is due, check again, analyse, publish.

What the command line, the documented scripts and the demo have in common. Nothing here prints: it tells a `Console`,
and returns values. Which errors a caller can meet stands in `wiki_trends.errors` and `smart_orchestrator.errors`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.backfill import Backfill, Limits, Outcome, backfill, fetch
from smart_orchestrator.completeness import Completeness, Policy, check
from smart_orchestrator.errors import WindowError
from smart_orchestrator.local_runs import LocalRuns
from smart_orchestrator.partition import Look
from smart_orchestrator.plan import Action, make_plan
from smart_orchestrator.volume import with_volume
from smart_orchestrator.window import Window, parse_day, today_utc
from wiki_trends.errors import SettingError
from wiki_trends.layers import layers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from smart_orchestrator.console import Console, Line
    from smart_orchestrator.plan import Plan
    from smart_orchestrator.runs import PipelineRuns, Run
    from wiki_trends.analytics.analyze import Analysis
    from wiki_trends.settings import Settings
    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.wikimedia import WikimediaClient

# Before the first run is started, Wikimedia has to answer within this many seconds.
REACHABLE_SECONDS = 5.0


def window_of(
    settings: Settings,
    *,
    as_of: str | None = None,
    start: str | None = None,
    end: str | None = None,
    days_given: bool = False,
    today: dt.date | None = None,
) -> Window:
    """The window that a user asked for: the last `settings.days` days, or those from `start` to `end`.

    Args:
        settings: gives days and lag.
        as_of: the day that counts as today, `YYYY-MM-DD`; default `today`.
        start: first day of an explicit window.
        end: last day of it, included.
        days_given: whether the user named a number of days, which an explicit window forbids.
        today: the present UTC day; default the clock's.

    Raises:
        WindowError: they make no window.
    """
    today = today or today_utc()
    as_of_day = today if as_of is None else parse_day(as_of, "as_of")
    if as_of_day > today:
        raise WindowError(
            "as_of", as_of_day, f"is after today, {today} in UTC", "Give today or an earlier day."
        )
    if start is None and end is None:
        return Window.of_days(settings.days, as_of_day, settings.lag)
    if start is None or end is None:
        name, value, absent = ("end", end, "start") if start is None else ("start", start, "end")
        raise WindowError(name, value, f"was given without --{absent}", "Give both --start and --end.")
    if days_given:
        raise WindowError(
            "days", settings.days, "was given beside --start and --end", "Give one or the other."
        )
    return Window.between(parse_day(start, "start"), parse_day(end, "end"), as_of_day, settings.lag)


@dataclass(frozen=True, slots=True)
class Closely:
    """How closely a check looks, and when it calls the window ready: the options of `check`."""

    policy: Policy = field(default_factory=Policy)
    deep: bool = False
    shallow: bool = False
    strays: bool | None = None
    volume: bool = False
    strict: bool = False


def checker(settings: Settings, window: Window, closely: Closely | None = None) -> Callable[[], Completeness]:
    """A function that looks at the window in the diamond layer, each time it is called."""
    closely = closely or Closely()
    dataset = layers(settings).diamond

    runs = local_runs(settings)
    young = timedelta(seconds=settings.writing_seconds)

    def checked() -> Completeness:
        look = Look(deep=closely.deep, shallow=closely.shallow, young=young, memory=runs.ledger)
        found = check(dataset, window, look=look, policy=closely.policy, strays=closely.strays)
        if found.missing:
            latest = runs.latest(list(found.missing))
            found = found.being_written([day for day, run in latest.items() if run.in_flight])
        if closely.volume or closely.strict:
            found = with_volume(dataset, found, look=look, strict=closely.strict)
        return found

    return checked


def local_runs(settings: Settings, *, force: bool = False, client: _OneClient | None = None) -> LocalRuns:
    """What starts and follows the pipeline's runs of this machine."""
    client = client or _OneClient(settings)

    def pipeline(day: dt.date) -> None:
        from wiki_trends.pipeline import run_day

        run_day(day, settings, client=client.get())

    return LocalRuns(layers(settings).diamond, pipeline, Path(settings.state), force=force)


class _OneClient:
    """One client of Wikimedia for all days of this process, made when the first of them asks for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: WikimediaClient | None = None

    def get(self) -> WikimediaClient:
        from wiki_trends.wikimedia import WikimediaClient

        with self._lock:
            if self._client is None:
                self._client = WikimediaClient(self._settings)
            return self._client

    def close_after(self, outcome: Outcome) -> None:
        """Close it, unless runs that were not waited for are still using it: closing would wait for them."""
        if self._client is not None and not outcome.abandoned:
            self._client.close()


def runs_of(settings: Settings, *, force: bool = False, client: _OneClient | None = None) -> PipelineRuns:
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
    return local_runs(settings, force=force, client=client)


def plan_of(settings: Settings, look: Callable[[], Completeness]) -> Plan:
    """What a backfill of the window would do now."""
    found = look()
    return make_plan(found, runs_of(settings).latest(list(found.missing)))


def fill(settings: Settings, look: Callable[[], Completeness], limits: Limits, console: Console) -> Backfill:
    """Check the window and backfill what is due.

    Raises:
        WikimediaUnreachable: something is due, and Wikimedia does not answer.
        ContactMissing: something is due, and live use needs a contact.
    """
    client = _OneClient(settings)
    runs = _Reaching(runs_of(settings, client=client), partial(reach, settings))
    done = backfill(layers(settings).diamond, look, runs, limits=limits, console=console)
    client.close_after(done.outcome)
    return done


def fetch_days(settings: Settings, days: Sequence[dt.date], limits: Limits, console: Console) -> Outcome:
    """Run the pipeline for these days, whatever the lake holds for them."""
    client = _OneClient(settings)
    runs = _Reaching(runs_of(settings, force=True, client=client), partial(reach, settings))
    outcome = fetch(layers(settings).diamond, days, runs, limits=limits, console=console)
    client.close_after(outcome)
    return outcome


def reach(settings: Settings) -> None:
    """Ask Wikimedia for one small thing, so that a missing network is told at once and not once a day and attempt.

    Raises:
        WikimediaUnreachable: no answer.
        ContactMissing: live use needs a contact.
    """
    from wiki_trends.wikimedia import WikimediaClient

    quick = replace(settings, deadline=min(settings.deadline, REACHABLE_SECONDS))
    with WikimediaClient(quick) as client:
        client.site_info(settings.project)


class _Reaching:
    """Runs whose source is asked for an answer before the first of them is started."""

    def __init__(self, runs: PipelineRuns, reach: Callable[[], None]) -> None:
        self._runs = runs
        self._reach: Callable[[], None] | None = reach
        self.poll_seconds = runs.poll_seconds
        self.latest = runs.latest
        self.look = runs.look
        self.wait = runs.wait

    def start(self, day: dt.date) -> Run:
        if self._reach is not None:
            self._reach()
            self._reach = None
        return self._runs.start(day)


@dataclass(frozen=True, slots=True)
class MainJob:
    """What one `run` did.

    Attributes:
        filled: the window before and after, and the runs.
        analysis: what was published; None when the window is not ready, or nothing has changed.
        unchanged: what was published before was made of the same partitions, so it stands.
        seconds: of each phase.
    """

    filled: Backfill
    analysis: Analysis | None
    unchanged: RunRecord | None
    seconds: dict[str, float]

    @property
    def published(self) -> RunRecord | None:
        """The published run that this window's tables are of; None when it is not ready."""
        return self.analysis.run if self.analysis is not None else self.unchanged

    def to_json(self) -> dict[str, object]:
        """The document that `run --json` prints."""
        after = self.filled.completeness
        return {
            "window": after.to_json()["window"],
            "as_of": after.window.as_of.isoformat(),
            "coverage_pct": after.coverage_pct,
            "ready": after.ready,
            **self.filled.outcome.to_json(),
            "completeness": after.to_json(),
            "unchanged": self.unchanged is not None,
            "rows": dict(self.published.rows) if self.published else {},
            "fingerprints": dict(self.published.fingerprints) if self.published else {},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def run(settings: Settings, window: Window, closely: Closely, limits: Limits, console: Console) -> MainJob:
    """The main job: check, backfill what is due, check again, analyse and publish when the window is ready."""
    clock = _Phases()
    look = checker(settings, window, closely)
    filled = fill(settings, clock.timed("check", look), limits, console)
    clock.rest("backfill")
    analysis = unchanged = None
    if filled.completeness.ready:
        unchanged = same_as_published(settings, filled.completeness)
        if unchanged is None:
            analysis = analyze(settings, filled.completeness)
        clock.rest("analyze")
    return MainJob(filled, analysis, unchanged, clock.seconds)


def last_published(settings: Settings) -> RunRecord | None:
    """The run whose tables the warehouse holds; None when nothing is published yet.

    Raises:
        WarehouseError: it cannot be read.
    """
    from wiki_trends.errors import NothingPublished
    from wiki_trends.warehouse import open_warehouse

    try:
        with open_warehouse(settings.warehouse).reading() as reader:
            return reader.last_run()
    except NothingPublished:
        return None


def same_as_published(settings: Settings, completeness: Completeness) -> RunRecord | None:
    """The published run, if it was made of the same partitions, for the same window, by the same version."""
    from wiki_trends.analytics.analyze import recorded

    last = last_published(settings)
    now = recorded(layers(settings).diamond, completeness)
    if last is None or last.made_of() != now.made_of():
        return None
    return last


def changed_since_publish(settings: Settings) -> tuple[RunRecord, dict[str, str]] | None:
    """What has become of the days that the published tables were made of.

    Returns:
        The published run, and for each ISO day that is no longer the same the reason; None when nothing is published.

    Raises:
        WarehouseError, LakeError: they cannot be read.
    """
    last = last_published(settings)
    dataset = layers(settings).diamond
    if last is None:
        return None
    if last.dataset != dataset.name:
        raise SettingError(
            name="project",
            value=settings.project,
            origin="--project",
            problem=f"is not what was published: the tables are of {last.dataset}",
            fix="Name that project, or publish this one first.",
        )
    window = Window.between(last.window_start, last.window_end, last.as_of, last.lag_days)
    found = {p.day.isoformat(): p for p in check(dataset, window, look=Look(shallow=True), strays=False).days}
    changed = {
        day: "other data than were used"
        if found[day].available
        else f"{found[day].code}: {found[day].reason}"
        for day, fingerprint in last.fingerprints.items()
        if found[day].fingerprint != fingerprint
    }
    return last, changed


def analyze(settings: Settings, completeness: Completeness) -> Analysis:
    """Compute and publish the tables of a checked window.

    Raises:
        WindowNotReady: it is not ready under its policy.
        WarehouseError: the tables cannot be published.
    """
    from wiki_trends.analytics.analyze import analyze as compute
    from wiki_trends.warehouse import open_warehouse

    return compute(layers(settings).diamond, completeness, open_warehouse(settings.warehouse))


class _Phases:
    """Seconds of each phase, measured end to end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()
        self._inside = 0.0

    def timed(self, name: str, function: Callable[[], Completeness]) -> Callable[[], Completeness]:
        """`function`, whose calls add up under `name` and are left out of the phase around them."""

        def call() -> Completeness:
            began = time.monotonic()
            try:
                return function()
            finally:
                spent = time.monotonic() - began
                self._inside += spent
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return call

    def rest(self, name: str) -> None:
        """Everything since the last phase, less what was timed inside, was `name`."""
        now = time.monotonic()
        self.seconds[name] = now - self._last - self._inside
        self._last, self._inside = now, 0.0


def days_of(texts: Sequence[str], today: dt.date | None = None) -> list[dt.date]:
    """The days named on the command line, each of which Wikimedia could have.

    Raises:
        WindowError: one is not a day, lies before the first day of the pageviews API, or is not over yet.
    """
    today = today or today_utc()
    days = [parse_day(text, "DAY") for text in texts]
    for day in days:
        if day < FIRST_DAY:
            raise WindowError(
                "DAY", day, f"is before {FIRST_DAY}, the first that Wikimedia has", "Give a later day."
            )
        if day >= today:
            raise WindowError("DAY", day, f"is not over yet: today is {today} in UTC", "Give an earlier day.")
    return days


FIRST_DAY = parse_day("2015-07-01")


def due_days(plan: Plan) -> list[dt.date]:
    """The days of a plan for which runs would be started or followed."""
    return sorted((*plan.days(Action.START), *plan.days(Action.FOLLOW)))


def analysis_json(done: Analysis) -> dict[str, object]:
    """The document that `analyze --json` prints."""
    return {
        "window": {"start": done.window.start.isoformat(), "end": done.window.last.isoformat()},
        "days": [day.isoformat() for day in done.days],
        "coverage_pct": done.run.coverage_pct,
        "fingerprints": dict(done.fingerprints),
        "rows": dict(done.rows),
        "seconds": round(done.seconds, 3),
    }


def told(job: MainJob) -> list[Line]:
    """What a `run` says at its end, before the report."""
    after = job.filled.completeness
    outcome = job.filled.outcome
    lines: list[Line] = []
    if outcome.started or outcome.followed or outcome.failed:
        text = f"backfill: {len(outcome.filled)} filled, {len(outcome.failed)} failed; runs started "
        text += f"{len(outcome.started)}, followed {len(outcome.followed)}"
        lines.append((text, ""))
    lines += [(f"still in flight: {day} ({why})", "warn") for day, why in outcome.abandoned]
    lines.append((f"coverage {after.coverage_pct:.1f} %", "good" if after.whole else "bad"))
    if job.published is not None:
        rows = ", ".join(f"{table} {count:,}" for table, count in job.published.rows.items())
        before = "published before, and nothing has changed since" if job.unchanged else "published"
        lines.append((f"{before}: {rows} rows", ""))
    else:
        lines.append(
            ("the window is not ready, so no analytics were run; what was published before still is", "bad")
        )
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in job.seconds.items())
    lines.append((spent, "dim"))
    return lines
