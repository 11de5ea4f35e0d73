"""Write the report of the published window as one HTML file, for `wiki-trends report --html`.

The file works offline: it contains its styles, scripts and data, and a Content-Security-Policy that allows no other scripts
and no requests. The numbers come from `build` and `details`. The titles that were left out, and the days that have changed
since the publish, come from the lake. When the lake cannot be read, the report says so in their place.

The functions raise `WarehouseError`, and `SettingError` or `ExportFailed` when the file cannot be written. An existing file
is then unchanged.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.errors import ExportFailed, SettingError
from wiki_trends.pipeline.rules.countries import country_names
from wiki_trends.pipeline.steps.clean_gold_layer import PLAIN_IN_LINKS
from wiki_trends.queries.output_file import is_written_into, output_stream
from wiki_trends.queries.spreadsheet import FORMULA_PATTERN
from wiki_trends.report import calendar
from wiki_trends.report.assets import REPORT_SCRIPTS, STYLES, asset
from wiki_trends.report.formats import span_text
from wiki_trends.report.html import charts
from wiki_trends.report.html.pages_table import every_page
from wiki_trends.report.html.render import environment
from wiki_trends.report.html.vega import compiled
from wiki_trends.report.left_out import REASONS, LeftOut

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


@dataclass(frozen=True, slots=True)
class LakeFacts:
    """The facts about a published window that are read from the lake.

    Attributes:
        left_out: the titles that were left out of the days of the window.
        changed: the reason for each day whose data have changed since the publish, by ISO day.
        compare_error: the reason why the days could not be compared with the lake; empty when they were compared.
    """

    left_out: LeftOut = field(default_factory=LeftOut)
    changed: Mapping[str, str] = field(default_factory=dict)
    compare_error: str = ""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The outcome of writing a report.

    Attributes:
        size: the size of the file in bytes.
        unread_parts: the parts that could not be read from the lake, with the reasons. The report itself omits the reasons,
            because a reason can name folders and hosts, and people send reports to others.
    """

    size: int
    unread_parts: tuple[str, ...]


def write_report(
    target: Path,
    settings: Settings,
    compared: tuple[Mapping[str, str], str],
    limit: int = 10,
    *,
    force: bool = False,
) -> WrittenReport:
    """Write the report of the published window to a file, completely or not at all.

    Args:
        target: the path of the file. An existing report is replaced.
        settings: the settings, which name the warehouse and the lake.
        compared: the values of the fields `changed` and `compare_error` of `LakeFacts`.
        limit: the largest number of rows in each list of the report.
        force: whether to replace an existing file that is not a report.

    Raises:
        NothingPublished: nothing was published yet.
        WarehouseError: the warehouse cannot be read.
        SettingError: the target is a folder or another file than a report, or the folder of the target does not exist.
        ExportFailed: the target cannot be written.
    """
    from wiki_trends.report.details import read_details
    from wiki_trends.report.left_out import left_out
    from wiki_trends.warehouse import open_warehouse

    refuse_target(target, force=force)
    details = read_details(open_warehouse(settings.warehouse), limit)
    changed, compare_error = compared
    lake = LakeFacts(left_out(details.run, settings), changed, compare_error)
    text = render(details, lake, dt.datetime.now(tz=dt.UTC))
    # A title can contain half of a surrogate pair, which UTF-8 cannot encode.
    data = text.encode("utf-8", "replace")
    with output_stream(target, force=True) as file:
        file.write(data)
    parts_and_errors = [
        ("not compared with the lake", compare_error),
        ("the titles that were left out are not known", lake.left_out.problem),
    ]
    return WrittenReport(len(data), tuple(f"{part}: {reason}" for part, reason in parts_and_errors if reason))


def refuse_target(target: Path, *, force: bool) -> None:
    """Raise an error for a target that cannot or must not be written, before the report is computed."""
    if target.is_dir():
        raise _target_error(
            target, "is a folder", f"Name a file in it, for example {target / 'report.html'}."
        )
    if not target.parent.is_dir():
        raise _target_error(
            target, f"is in {target.parent}, which is not a folder", "Make the folder, or name another one."
        )
    if not force and not is_written_into(target) and target.exists() and not _is_report_file(target):
        raise _target_error(
            target, "exists already and is not a report", "Name another file, or give --force to replace it."
        )


def render(details: Details, lake: LakeFacts, now: dt.datetime) -> str:
    """Render the report as HTML.

    Args:
        details: the data of the published window.
        lake: the facts from the lake.
        now: the time that the report names as its time of writing, with a time zone.
    """
    run = details.run
    window_calendar = calendar.of_run(run)
    scripts = list(map(_script_text, REPORT_SCRIPTS))
    early_script = _script_text("theme.js")
    style = Markup("\n".join(map(asset, STYLES)))  # noqa: S704 - a file of this package
    project = project_of_dataset(run.dataset)
    return (
        environment()
        .get_template("report.html")
        .render(
            details=details,
            report=details.report,
            run=run,
            window_calendar=window_calendar,
            gaps=[day_range for day_range in window_calendar.ranges if not day_range.first.available],
            changed=lake.changed,
            compare_error=lake.compare_error,
            left_out=lake.left_out,
            left_out_reasons=REASONS,
            terms=_policy_terms(run.policy),
            project=project,
            heading=_heading(project, run),
            page_url=lambda page: page_url(details.link_base, page),
            sections=SECTIONS,
            charts=vega_charts(details),
            download_names=_download_names(project, run),
            formula_pattern=FORMULA_PATTERN,
            race_rows=_race_rows(details),
            race_label=_race_label(details),
            category_rows=_category_rows(details),
            country_names=country_names(),
            placed_pages=sum(place["pages"] for place in details.places),
            table=every_page(details),
            generator=GENERATOR,
            version=version("wiki-trends"),
            now=now,
            style=style,
            early_script=early_script,
            scripts=scripts,
            policy=content_security_policy([early_script, *scripts], style),
        )
    )


def vega_charts(details: Details) -> dict[str, dict[str, Any]]:
    """Compile the charts of the report to Vega."""
    specs = {
        "race": charts.rank_race(details.race),
        "categories": charts.categories_over_time(details.category_days),
        **({"places": charts.places(details.places)} if details.places else {}),
    }
    return {name: compiled(spec) for name, spec in specs.items()}


def page_url(base: str, page: str) -> str:
    """Return the URL of a page on its wiki; empty when `base` is empty."""
    return f"{base}{quote(page, safe=PLAIN_IN_LINKS)}" if base else ""


def content_security_policy(scripts: Sequence[str], style: str) -> str:
    """Return a policy that allows only these scripts and this style, and no requests."""
    script_hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {script_hashes}; style-src {_hash(style)}; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _script_text(name: str) -> Markup:
    text = asset(name)
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError(f"{name} contains text that would end its script element")
    return Markup(text)  # noqa: S704 - a file of this package, and checked above


def _is_report_file(target: Path) -> bool:
    generator_tag = f'<meta name="generator" content="{GENERATOR}">'.encode()
    try:
        with target.open("rb") as file:
            return generator_tag in file.read(4096) or target.stat().st_size == 0
    except OSError as error:
        raise ExportFailed(target=str(target), problem=error.strerror or str(error)) from error


def _target_error(target: Path, problem: str, fix: str) -> SettingError:
    return SettingError(name="html", value=str(target), origin="--html", problem=problem, fix=fix)


def _policy_terms(policy: str) -> dict[str, Any]:
    """Return the terms of a recorded policy; a term that the record does not have gets its default."""
    terms: dict[str, Any] = json.loads(policy or "{}")
    return {"min_coverage": 100.0, "min_days": 1, "allow_lag": False} | terms


def _project_name(project: str) -> str:
    """Return the name of a project for people, such as `Wikipedia (fr)` for `fr.wikipedia`."""
    language, _, family = project.partition(".")
    name = family.partition(".")[0].capitalize() or language
    return name if language == "en" else f"{name} ({language})"


def _heading(project: str, run: RunRecord) -> str:
    """Return the heading of the report, with non-breaking spaces inside its dates."""
    dates = span_text(run.window_start, run.window_end).split(" to ")
    days = " to ".join(date.replace(" ", "\u00a0") for date in dates)
    return f"What {_project_name(project)} read, {days}"


def _download_names(project: str, run: RunRecord) -> dict[str, str]:
    """Return the names of the files with the data of each chart, without extensions: they name the wiki and the window."""
    wiki = re.sub(r"[^\w.-]+", "-", project)
    return {
        chart: f"{name}-{wiki}-{run.window_start}-{run.window_end}"
        for chart, name in (("race", "ranks"), ("categories", "categories"), ("places", "places"))
    }


def _race_rows(details: Details) -> list[tuple[str, list[int | None]]]:
    """Return the displayed title of each page in the rank race, with its ranks by day."""
    titles: dict[str, str] = {}
    ranks: dict[str, list[int | None]] = {}
    for row in details.race:
        titles[row["page"]] = row["page_display"]
        ranks.setdefault(row["page"], []).append(row["rank"])
    return [(titles[page], ranks[page]) for page in titles]


def _race_label(details: Details) -> str:
    rank_changes = [
        f"{title} {listed[0]} to {listed[-1]}"
        for title, ranks in _race_rows(details)
        if (listed := [rank for rank in ranks if rank is not None])
    ]
    return (
        f"Lines of rank by day, first to last: {'; '.join(rank_changes)}."
        if rank_changes
        else "No page to show."
    )


def _category_rows(details: Details) -> list[tuple[str, list[int | None]]]:
    """Return the name of each category, with its views on each day used; None on a day without a listed page of the category."""
    views = {(row["category"], row["date"]): row["views"] for row in details.category_days}
    names = list(dict.fromkeys(row["category"] for row in details.category_days))
    return [(name, [views.get((name, day)) for day in details.run.days_used]) for name in names]
