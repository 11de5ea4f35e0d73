"""The options that several commands share, and the settings, windows and check options made from the options.

The classes of options are groups for `smart_orchestrator.cli.groups.with_groups`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from smart_orchestrator.cli import options as shared

if TYPE_CHECKING:
    from smart_orchestrator.model.window import Window
    from wiki_trends.config.settings import Settings
    from wiki_trends.jobs.main import CheckOptions

Days = Annotated[
    str | None,
    typer.Option(
        help="The last N days that Wikimedia has published; default WIKI_TRENDS_DAYS, 5.", metavar="N"
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(help="The UTC day that counts as today, YYYY-MM-DD; default today.", metavar="DAY"),
]
Start = Annotated[str | None, typer.Option(help="First day of an explicit window.", metavar="DAY")]
End = Annotated[str | None, typer.Option(help="Last day of an explicit window (inclusive).", metavar="DAY")]
Lag = Annotated[
    str | None,
    typer.Option(
        help="Days until Wikimedia publishes a day, or auto: ask Wikimedia; default WIKI_TRENDS_LAG, 3.",
        metavar="N",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(help="For example fr.wikipedia; default WIKI_TRENDS_PROJECT, en.wikipedia.", metavar="NAME"),
]
Access = Annotated[
    str | None,
    typer.Option(
        help="all-access, desktop, mobile-web or mobile-app; default WIKI_TRENDS_ACCESS, all-access.",
        metavar="METHOD",
    ),
]
LakeUrl = Annotated[
    str | None,
    typer.Option(
        help="URL template of the lake, with {layer} in it; default WIKI_TRENDS_LAKE.", metavar="URL"
    ),
]
WarehouseUrl = Annotated[
    str | None,
    typer.Option(help="Where the tables are published; default WIKI_TRENDS_WAREHOUSE.", metavar="URL"),
]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Analytics engine: duckdb, spark, spark://HOST:PORT or local[N]; default WIKI_TRENDS_ENGINE, duckdb.",
        metavar="NAME",
    ),
]
Contact = Annotated[
    str | None,
    typer.Option(help="E-mail address or URL for Wikimedia; default WIKI_TRENDS_CONTACT.", metavar="TEXT"),
]
Jobs = Annotated[
    str | None,
    typer.Option(help="Days to run at the same time; default WIKI_TRENDS_JOBS, 4.", metavar="N"),
]
Attempts = Annotated[
    str | None,
    typer.Option(help="The most runs to start for one day; default WIKI_TRENDS_ATTEMPTS, 3.", metavar="N"),
]
Timeout = shared.Timeout
MinCoverage = Annotated[
    float,
    typer.Option(
        help="Percent of the expected days that must be available for the window to be ready.",
        metavar="PCT",
        min=0,
        max=100,
    ),
]
MinDays = Annotated[
    int,
    typer.Option(
        help="Number of days that must be available for the window to be ready.", metavar="N", min=1
    ),
]
Deep = shared.Deep
AllowLag = Annotated[bool, typer.Option("--allow-lag", help="Days within the lag may be missing.")]
Shallow = Annotated[bool, typer.Option("--shallow", help="Do not read days that have no recorded row count.")]
Strays = Annotated[
    bool, typer.Option("--strays", help="Search the whole lake for names that are not the key of a day.")
]
Volume = Annotated[
    bool, typer.Option("--volume", help="Compare rows and views with the same weekday of the last 8 weeks.")
]
Strict = Annotated[bool, typer.Option("--strict", help="A day of unusual volume is invalid.")]
OlderThan = shared.OlderThan
DryRun = shared.DryRun
AsJson = shared.AsJson
NoHistory = Annotated[
    bool,
    typer.Option(
        "--no-history", help="Neither request nor use the exact views of pages; WIKI_TRENDS_HISTORY=off."
    ),
]
NoEvidence = Annotated[
    bool,
    typer.Option(
        "--no-evidence", help="Neither ask why pages rose nor publish the evidence; WIKI_TRENDS_EVIDENCE=off."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more to stderr.")]
DEFAULT_AGE = shared.DEFAULT_AGE
DEFAULT_TIMEOUT_SECONDS = shared.DEFAULT_TIMEOUT_SECONDS


class WindowOptions(NamedTuple):
    """The options that define a window."""

    days: Days = None
    as_of: AsOf = None
    start: Start = None
    end: End = None
    lag: Lag = None

    def window(self, settings: Settings) -> Window:
        """Return the window that the options define.

        Raises:
            WindowError: the options exclude each other, or a value is invalid.
        """
        from functools import partial

        from wiki_trends.config.window_options import window_of
        from wiki_trends.jobs.upstream import lag_at

        return window_of(
            settings,
            as_of=self.as_of,
            start=self.start,
            end=self.end,
            days_given=self.days is not None,
            lag_at=partial(lag_at, settings),
        )


class LakeOptions(NamedTuple):
    """The options that select the lake, and the project and access method within the lake."""

    project: Project = None
    access: Access = None
    lake: LakeUrl = None


class RunOptions(NamedTuple):
    """The options that limit the runs of a command."""

    jobs: Jobs = None
    attempts: Attempts = None
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS


class PolicyOptions(NamedTuple):
    """The options that define when a window counts as ready."""

    min_coverage: MinCoverage = 100.0
    min_days: MinDays = 1
    allow_lag: AllowLag = False


Group = WindowOptions | LakeOptions | RunOptions | PolicyOptions


def settings_of(*groups: Group, **flags: str | None) -> Settings:
    """Load the settings from option groups and other flags, the environment, and the settings file. None means that a flag was not given."""
    from wiki_trends.config.settings import Settings, load

    setting_names = {field.name for field in fields(Settings)}
    values = {
        name: value for group in groups for name, value in group._asdict().items() if name in setting_names
    }
    return load(values | flags)


def build_check_options(
    policy: PolicyOptions,
    *,
    deep: bool = False,
    shallow: bool = False,
    strays: bool = False,
    volume: bool = False,
    strict: bool = False,
) -> CheckOptions:
    """Build the `CheckOptions` of a command."""
    from smart_orchestrator.adapters.manifest import Depth
    from smart_orchestrator.model.completeness import Policy
    from wiki_trends.jobs.main import CheckOptions

    readiness_policy = Policy(policy.min_coverage, policy.min_days, policy.allow_lag, strict)
    depth = Depth.ROWS if deep else Depth.METADATA if shallow else Depth.AS_NEEDED
    # None, and not False: without --strays, strays are still listed if that costs no request.
    return CheckOptions(readiness_policy, depth, strays=strays or None, volume=volume)
