"""The options that several commands share, and the settings, windows and check options made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from smart_orchestrator.model.window import Window
    from wiki_trends.config.settings import Settings
    from wiki_trends.jobs.main import CheckOptions

Days = Annotated[
    str | None,
    typer.Option(help="The last N days that the source has; default WIKI_TRENDS_DAYS, 5.", metavar="N"),
]
AsOf = Annotated[
    str | None,
    typer.Option(help="The UTC day that counts as today, YYYY-MM-DD; default today.", metavar="DAY"),
]
Start = Annotated[str | None, typer.Option(help="First day of an explicit window.", metavar="DAY")]
End = Annotated[str | None, typer.Option(help="Last day of an explicit window, included.", metavar="DAY")]
Lag = Annotated[
    str | None, typer.Option(help="Days until the source has a day; default WIKI_TRENDS_LAG, 3.", metavar="N")
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
    typer.Option(help="Most runs to start for one day; default WIKI_TRENDS_ATTEMPTS, 3.", metavar="N"),
]
Timeout = Annotated[float, typer.Option(help="Seconds after which waiting ends.", metavar="S", min=0.1)]
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
AllowLag = Annotated[bool, typer.Option("--allow-lag", help="Days within the lag may be missing.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read every row and check it against the contract.")]
Shallow = Annotated[bool, typer.Option("--shallow", help="Do not read days that have no recorded row count.")]
Strays = Annotated[bool, typer.Option("--strays", help="Search all names of the lake for strays.")]
Volume = Annotated[
    bool, typer.Option("--volume", help="Compare rows and views with the same weekday of the last 8 weeks.")
]
Strict = Annotated[bool, typer.Option("--strict", help="A day of unusual volume is invalid.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more to stderr.")]

DEFAULT_TIMEOUT = 7200.0


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """The four options that give a window."""

    days: str | None = None
    as_of: str | None = None
    start: str | None = None
    end: str | None = None

    def window(self, settings: Settings) -> Window:
        """The window that the options name.

        Raises:
            WindowError: they exclude each other, or a value cannot be used.
        """
        from wiki_trends.config.window_options import window_of

        return window_of(
            settings, as_of=self.as_of, start=self.start, end=self.end, days_given=self.days is not None
        )


def settings_of(window: WindowOptions | None = None, **flags: str | None) -> Settings:
    """Settings from flags, environment and file."""
    from wiki_trends.config.settings import load

    return load({**flags, "days": window.days if window else None})


def check_options(
    *,
    min_coverage: float = 100.0,
    min_days: int = 1,
    allow_lag: bool = False,
    deep: bool = False,
    shallow: bool = False,
    strays: bool = False,
    volume: bool = False,
    strict: bool = False,
) -> CheckOptions:
    """The check options of a command."""
    from smart_orchestrator.adapters.manifest import Depth
    from smart_orchestrator.model.completeness import Policy
    from wiki_trends.jobs.main import CheckOptions

    policy = Policy(min_coverage, min_days, allow_lag, strict)
    depth = Depth.ROWS if deep else Depth.METADATA if shallow else Depth.AS_NEEDED
    return CheckOptions(policy, depth, strays=strays or None, volume=volume)
