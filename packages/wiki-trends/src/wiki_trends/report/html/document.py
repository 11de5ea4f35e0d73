"""`wiki-trends report --html`: the published window as one file that opens offline and prints well.

The file carries its styles, scripts and data, and a Content-Security-Policy that lets it run nothing else and ask nobody.
All figures are those of `build` and `details`; what was left out, and what has changed since, comes from the lake and is
told as unknown when that cannot be reached.

Fails with `WarehouseError`, and with `SettingError` or `ExportFailed` when the file cannot be written; what was there
before then still is.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from wiki_trends.errors import ExportFailed, SettingError
from wiki_trends.pipeline.steps.clean_gold_layer import PLAIN_IN_LINKS
from wiki_trends.queries import export as exports
from wiki_trends.report import calendar
from wiki_trends.report.assets import CHART_SCRIPTS, STYLES, asset
from wiki_trends.report.html import charts
from wiki_trends.report.html.pages_table import every_page
from wiki_trends.report.html.render import environment
from wiki_trends.report.left_out import REASONS, LeftOut
from wiki_trends.report.text import span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wiki_trends.config.settings import Settings
    from wiki_trends.report.details import Details
    from wiki_trends.warehouse.base import RunRecord

GENERATOR = "wiki-trends"
SECTIONS = (
    ("findings", "Findings"),
    ("movers", "Movers"),
    ("race", "Rank race"),
    ("categories", "Categories"),
    ("places", "Places"),
    ("arrivals", "New and back"),
    ("left-out", "Left out"),
    ("pages", "Every page"),
    ("inputs", "Inputs"),
)
_DEFAULT_PROJECT = "en.wikipedia"


@dataclass(frozen=True, slots=True)
class FromLake:
    """What the lake says of a published window.

    Attributes:
        left_out: what its days do not hold.
        changed: days that are no longer what was used, by ISO day, with the reason.
        not_compared: why they could not be compared; empty when they could.
    """

    left_out: LeftOut = field(default_factory=LeftOut)
    changed: Mapping[str, str] = field(default_factory=dict)
    not_compared: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        size: bytes.
        unknown: what the lake could not be asked, with the reason. It is not in the file, which is made to be sent around:
            such a reason can name folders and hosts.
    """

    size: int
    unknown: tuple[str, ...]


def write_report(
    target: Path,
    settings: Settings,
    compared: tuple[Mapping[str, str], str],
    limit: int = 10,
    *,
    force: bool = False,
) -> Written:
    """Write the report of what is published into a file, wholly or not at all.

    A report that is there already is replaced; anything else only with `force`. `compared` says which published days have
    changed in the lake since, by ISO day with the reason, and why that is not known.

    Raises:
        NothingPublished, WarehouseError: there is nothing to report, or it cannot be read.
        SettingError: the target is a folder, or no report, or in a folder that is not there.
        ExportFailed: the target cannot be written.
    """
    from wiki_trends.report.details import read_details
    from wiki_trends.report.left_out import left_out
    from wiki_trends.warehouse import open_warehouse

    refuse_target(target, force=force)
    details = read_details(open_warehouse(settings.warehouse), limit)
    changed, not_compared = compared
    lake = FromLake(left_out(details.run, settings), changed, not_compared)
    text = render(details, lake, dt.datetime.now(tz=dt.UTC))
    # A title may hold half of a surrogate pair, which no file can.
    data = text.encode("utf-8", "replace")
    with exports.replaced(target, force=True) as file:
        file.write(data)
    unknown = [
        ("not compared with the lake", not_compared),
        ("what was left out is not known", lake.left_out.problem),
    ]
    return Written(len(data), tuple(f"{what}: {why}" for what, why in unknown if why))


def refuse_target(target: Path, *, force: bool) -> None:
    """Stop before anything is computed when the target cannot be meant."""
    if target.is_dir():
        raise _target_error(
            target, "is a folder", f"Name a file in it, for example {target / 'report.html'}."
        )
    if not target.parent.is_dir():
        raise _target_error(
            target, f"is in {target.parent}, which is no folder", "Make the folder, or name another one."
        )
    if target.exists() and not force and not _is_report(target):
        raise _target_error(
            target, "is there already and is no report", "Name another file, or give --force to replace it."
        )


def render(details: Details, lake: FromLake, now: dt.datetime) -> str:
    """The report as HTML.

    Args:
        details: the published window in full.
        lake: what the lake says of it.
        now: the moment that the report says it was written at, with a time zone.
    """
    run = details.run
    days = calendar.of_run(run)
    scripts = [_inline("table.js"), *map(_inline, CHART_SCRIPTS)]
    early, style = _inline("theme.js"), Markup("\n".join(map(asset, STYLES)))  # noqa: S704 - ours
    project = run.dataset.partition(" of ")[2] or _DEFAULT_PROJECT
    return (
        environment()
        .get_template("report.html")
        .render(
            details=details,
            report=details.report,
            run=run,
            days=days,
            gaps=[spell for spell in days.spells if not spell.first.available],
            changed=lake.changed,
            not_compared=lake.not_compared,
            left_out=lake.left_out,
            left_out_reasons=REASONS,
            asked=_asked(run.policy),
            project=project,
            heading=_heading(project, run),
            address=lambda page: address(details.link_base, page),
            sections=SECTIONS,
            charts=drawn(details),
            race_rows=_race_rows(details),
            race_label=_race_label(details),
            category_rows=_category_rows(details),
            placed_pages=sum(place["pages"] for place in details.places),
            table=every_page(details),
            generator=GENERATOR,
            version=version("wiki-trends"),
            now=now,
            style=style,
            early_script=early,
            scripts=scripts,
            policy=content_security_policy([early, *scripts], style),
        )
    )


def drawn(details: Details) -> dict[str, dict[str, Any]]:
    """The charts of the report, as Vega."""
    made = {
        "race": charts.rank_race(details.race),
        "categories": charts.categories_over_time(details.category_days),
        **({"places": charts.places(details.places)} if details.places else {}),
    }
    return {name: charts.compiled(spec) for name, spec in made.items()}


def address(base: str, page: str) -> str:
    """The address of a page on its wiki; nothing where the wiki is not known."""
    return f"{base}{quote(page, safe=PLAIN_IN_LINKS)}" if base else ""


def content_security_policy(scripts: Sequence[str], style: str) -> str:
    """Only these scripts and this style, and nothing from anywhere."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _inline(name: str) -> Markup:
    text = asset(name)
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(f"{name} would end the script element that it stands in")
    return Markup(text)  # noqa: S704 - ours, and looked at above


def _is_report(target: Path) -> bool:
    mark = f'<meta name="generator" content="{GENERATOR}">'.encode()
    try:
        with target.open("rb") as file:
            return mark in file.read(4096) or target.stat().st_size == 0
    except OSError as error:
        raise ExportFailed(target=str(target), problem=error.strerror or str(error)) from error


def _target_error(target: Path, problem: str, fix: str) -> SettingError:
    return SettingError(name="html", value=str(target), origin="--html", problem=problem, fix=fix)


def _asked(policy: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(policy or "{}")
    return {"min_coverage": 100.0, "min_days": 1, "allow_lag": False} | found


def _site(project: str) -> str:
    """`fr.wikipedia` as people say it: Wikipedia (fr)."""
    language, _, family = project.partition(".")
    name = family.partition(".")[0].capitalize() or language
    return name if language == "en" else f"{name} ({language})"


def _heading(project: str, run: RunRecord) -> str:
    """Its dates hold together where the line breaks."""
    days = (
        span_text(run.window_start, run.window_end)
        .replace(" to ", "\n")
        .replace(" ", "\u00a0")
        .replace("\n", " to ")
    )
    return f"What {_site(project)} read, {days}"


def _race_rows(details: Details) -> list[tuple[str, list[int | None]]]:
    rows: dict[str, tuple[str, list[int | None]]] = {}
    for row in details.race:
        rows.setdefault(row["page"], (row["page_display"], []))[1].append(row["rank"])
    return list(rows.values())


def _race_label(details: Details) -> str:
    ends = [
        f"{title} {known[0]} to {known[-1]}"
        for title, ranks in _race_rows(details)
        if (known := [rank for rank in ranks if rank is not None])
    ]
    return f"Lines of rank by day, first to last: {'; '.join(ends)}." if ends else "No page to show."


def _category_rows(details: Details) -> list[tuple[str, list[int | None]]]:
    views = {(row["category"], row["date"]): row["views"] for row in details.category_days}
    names = list(dict.fromkeys(row["category"] for row in details.category_days))
    return [(name, [views.get((name, day)) for day in details.run.days_used]) for name in names]
