"""Every setting, in one place: from flags, the environment (`WIKI_TRENDS_…`) and `wiki-trends.toml`, in that order.

Reads `os.environ` and `tomllib` only, so that `wiki-trends --help` and `check` start at once. A value that cannot be
used raises `SettingError`, which names the value, where it came from and the fix. A name that is not a setting
(`WIKI_TRENDS_LAEK`) is refused, with the nearest right one.
"""

from __future__ import annotations

import os
import re
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wiki_trends.config.projects import parse_project
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "WIKI_TRENDS_"
FILE_NAME = "wiki-trends.toml"
ACCESS_METHODS = ("all-access", "desktop", "mobile-web", "mobile-app")
ENGINES = r"duckdb|spark|spark://\S+|local(\[\S+\])?"
RUNNERS = ("local", "airflow")
LAKE_SCHEMES = ("file", "s3", "s3a", "memory")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            msg = "is not a whole number"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low} and {high}"
            raise ValueError(msg)
        return value

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            msg = "is not a number of seconds"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low:g} and {high:g} seconds"
            raise ValueError(msg)
        return value

    return parse


def _part(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            msg = "is not a number"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low:g} and {high:g}"
            raise ValueError(msg)
        return value

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            msg = f"is not one of {', '.join(choices)}"
            raise ValueError(msg)
        return text

    return parse


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            msg = f"is not {meaning}"
            raise ValueError(msg)
        return text

    return parse


def _lake(text: str) -> str:
    _matching(r"\S.*\{layer\}.*", "a URL template with {layer} in it")(text)
    scheme = text.partition("://")[0]
    if scheme != text and scheme not in LAKE_SCHEMES:
        known = ", ".join(f"{name}://" for name in LAKE_SCHEMES)
        msg = f"is of an unknown scheme; a folder, {known} can be opened"
        raise ValueError(msg)
    return text


def _text(text: str) -> str:
    return text


_HTTP = r"https?://[^\s/]+(/\S*)?"


def _setting(
    default: Any, parse: Callable[[str], Any], text: str, *, example: str = "", secret: bool = False
) -> Any:
    return field(
        default=default,
        repr=not secret,
        metadata={"parse": parse, "text": text, "example": example, "secret": secret},
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their values. Build it at the edge with `load`, pass values inward."""

    lake: str = _setting(
        "data/lake/{layer}",
        _lake,
        "The lake, a URL template: `{layer}` becomes bronze, silver, gold or diamond. "
        "A folder, `file://`, `s3://` or `memory://`.",
        example="s3://{layer}",
    )
    warehouse: str = _setting(
        "duckdb:///data/warehouse.duckdb",
        _matching(r"(duckdb:///|postgresql://).+", "duckdb:///FILE or postgresql://…"),
        "Where the analytics tables are published: a DuckDB file, or PostgreSQL (`postgresql://USER:PASSWORD@HOST/DATABASE`).",
        example="duckdb:////srv/trends.duckdb",
        secret=True,
    )
    engine: str = _setting(
        "duckdb",
        _matching(ENGINES, "duckdb, spark, spark://HOST:PORT or local[N]"),
        "What computes the tables: duckdb in this process; or Spark for lakes beyond one machine: `spark://HOST:PORT`, "
        "`local[*]`, or `spark` for the master that Spark's own settings name.",
        example="spark://spark.example.org:7077",
    )
    state: str = _setting(
        "data/state",
        _text,
        "Folder for what this machine remembers: runs, locks, days that were read once.",
        example="/var/lib/wiki-trends",
    )
    project: str = _setting(
        "en.wikipedia",
        parse_project,
        "The Wikimedia project whose most-viewed pages are fetched.",
        example="fr.wikipedia",
    )
    access: str = _setting(
        "all-access",
        _one_of(*ACCESS_METHODS),
        f"Access method of the list: {', '.join(ACCESS_METHODS)}.",
        example="desktop",
    )
    contact: str = _setting(
        "",
        _matching(r"[^\r\n()]*", "one line without parentheses"),
        "Your e-mail address, a URL or a user page, for the User-Agent; Wikimedia asks for it. Its hosts are not contacted "
        "without one, or with a placeholder.",
        example="https://meta.wikimedia.org/wiki/User:Your_name",
    )
    token: str = _setting(
        "",
        _matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "Access token of a Wikimedia account, sent as `Authorization: Bearer`; it does not raise the limits by itself. Secret.",
        example="eyJ0eXAi…",
        secret=True,
    )
    wikimedia_url: str = _setting(
        "https://wikimedia.org/api/rest_v1",
        _matching(_HTTP, "an http(s) URL"),
        "Base address of the pageviews API.",
        example="http://127.0.0.1:8899/api/rest_v1",
    )
    mediawiki_url: str = _setting(
        "https://{project}.org/w/api.php",
        _matching(_HTTP, "an http(s) URL"),
        "Address of the Action API; `{project}` becomes the project.",
        example="http://127.0.0.1:8899/{project}/w/api.php",
    )
    rate_per_minute: int = _setting(
        0,
        _whole(0, 1_000_000),
        "Requests a minute to Wikimedia, over all processes of this machine; 0: the 200 that Wikimedia allows for one "
        "contact, with or without a token. Machines with the same contact share them: give each its part.",
        example="100",
    )
    max_in_flight: int = _setting(
        3,
        _whole(1, 64),
        "Requests to Wikimedia at the same time, over all processes of this machine.",
        example="1",
    )
    request_timeout: float = _setting(
        30.0,
        _seconds(0.1, 3600),
        "Seconds that one request to Wikimedia may take.",
        example="10",
    )
    deadline: float = _setting(
        600.0,
        _seconds(0.1, 86_400),
        "Seconds that one request to Wikimedia may take with all its retries.",
        example="60",
    )
    cache_days: int = _setting(
        30,
        _whole(0, 3660),
        "Days for which a page's categories and place are not asked again.",
        example="7",
    )
    suspect_low: float = _setting(
        0.1,
        _part(0.0, 0.5),
        "A page whose views come from desktops by less than this part is left out as `suspect`; 0 for none.",
        example="0.05",
    )
    suspect_high: float = _setting(
        0.9,
        _part(0.5, 1.0),
        "A page whose views come from desktops by more than this part is left out as `suspect`; 1 for none.",
        example="0.95",
    )
    suspect_keep: str = _setting(
        "",
        _text,
        "Titles that stay even when `suspect`, with `|` between them; `*` keeps all.",
        example="Main_Battle_Tank|Cleopatra",
    )
    deny: str = _setting(
        "",
        _text,
        'TOML file of titles that are left out besides the shipped ones: `all = ["…"]`, or a language: `en = ["…"]`.',
        example="deny.toml",
    )
    categories_file: str = _setting(
        "",
        _text,
        "A TOML file with further phrases for the categories, laid over the built-in ones.",
        example="my-categories.toml",
    )
    days: int = _setting(5, _whole(1, 3660), "Days in a window when none are given.", example="7")
    lag: int = _setting(
        3,
        _whole(0, 366),
        "Whole days between a day and the first day on which the source has it.",
        example="2",
    )
    min_rows: int = _setting(
        1,
        _whole(0, 1_000_000_000),
        "Fewer rows than this make a day invalid (`SHORT`).",
        example="500",
    )
    writing_seconds: float = _setting(
        600.0,
        _seconds(0, 86_400),
        "Parts without `_SUCCESS` that are younger than this are taken for being written (`STILL_WRITING`).",
        example="60",
    )
    runner: str = _setting(
        "local",
        _one_of(*RUNNERS),
        "What runs the pipeline: this process (local), or an Airflow 3 (airflow).",
        example="local",
    )
    airflow_url: str = _setting(
        "http://localhost:8080",
        _matching(r"https?://[^\s/@]+(/\S*)?", "an http(s) URL without user and password"),
        "With the runner airflow: the address of Airflow's UI, below which its API lies.",
        example="https://airflow.example.org",
    )
    airflow_user: str = _setting(
        "", _text, "The user in Airflow whose rights are used to start and see runs.", example="fetcher"
    )
    airflow_password: str = _setting(
        "", _text, "Password of that user. Secret.", example="correct-horse", secret=True
    )
    airflow_token: str = _setting(
        "",
        _matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "A JSON web token of Airflow, instead of user and password. Secret.",
        example="eyJ0eXAi…",
        secret=True,
    )
    airflow_dag: str = _setting(
        "wiki_trending_pipeline",
        _matching(r"[\w.~-]+", "the name of a DAG"),
        "The DAG that makes a day: it reads `target_date` from the configuration of its run.",
        example="wiki_trending_pipeline",
    )
    airflow_poll: float = _setting(
        30.0, _seconds(0.1, 3600), "Seconds between two looks at the runs in Airflow.", example="60"
    )
    orchestrator_schedule: str = _setting(
        "0 3 * * *",
        _matching(r"|\S+( \S+){4}|@\w+", "a cron expression of five fields, in UTC, or nothing"),
        "When the orchestrator's DAG runs, as cron in UTC; empty for by hand only.",
        example="0 */6 * * *",
    )
    orchestrator_poll: float = _setting(
        60.0,
        _seconds(0.1, 3600),
        "Seconds between two looks while the orchestrator's DAG waits.",
        example="30",
    )
    orchestrator_timeout: float = _setting(
        7200.0,
        _seconds(1, 604_800),
        "Seconds after which the orchestrator's DAG waits no longer.",
        example="3600",
    )
    pipeline_schedule: str = _setting(
        "0 2 * * *",
        _matching(r"|\S+( \S+){4}|@\w+", "a cron expression of five fields, in UTC, or nothing"),
        "When the pipeline's DAG runs by itself, as cron in UTC; empty for by hand only.",
        example="0 2 * * *",
    )
    pipeline_runs: int = _setting(
        4,
        _whole(1, 1000),
        "Runs of the pipeline's DAG that Airflow lets work at the same time.",
        example="16",
    )
    task_retries: int = _setting(
        2, _whole(0, 100), "How often Airflow tries a failed task of the three DAGs again.", example="3"
    )
    task_retry_seconds: float = _setting(
        60.0, _seconds(0, 86_400), "Seconds before the first of these retries; they double.", example="300"
    )
    jobs: int | None = _setting(
        None,
        _whole(1, 64),
        "Days that a backfill runs at the same time; by default 4, with the runner airflow what the DAG's "
        "`max_active_runs` allows, which is never exceeded.",
        example="8",
    )
    attempts: int | None = _setting(
        None,
        _whole(1, 100),
        "Runs that a backfill starts for one day at most; by default 3, with the runner airflow 1, since tasks "
        "of Airflow are tried again by Airflow.",
        example="1",
    )
    lake_timeout: float = _setting(
        5.0,
        _seconds(0.1, 3600),
        "Seconds without a sign of life before a request to the lake has failed; a lake that is gone is told within "
        "about twice as long.",
        example="30",
    )
    lake_retries: int = _setting(4, _whole(0, 100), "Retries of a failed request to the lake.", example="1")
    lake_backoff: float = _setting(
        0.1, _seconds(0.001, 60), "Seconds before the first retry of a request to the lake.", example="0.01"
    )
    web_token: str = _setting(
        "",
        _matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "Token that signs in to the dashboard, 16 characters or more; needed where other machines reach it. Secret.",
        example="a-secret-of-your-own-making",
        secret=True,
    )

    @property
    def requests_per_minute(self) -> int:
        """`rate_per_minute`, or what Wikimedia allows: https://www.mediawiki.org/wiki/Wikimedia_APIs/Rate_limits."""
        return self.rate_per_minute or 200


def env_name(name: str) -> str:
    """Name of a setting in the environment: `lake` is `WIKI_TRENDS_LAKE`."""
    return PREFIX + name.upper()


def load(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Settings from flags, then the environment, then `wiki-trends.toml` of `folder`, then the defaults.

    Args:
        flags: values from the command line by setting name; `None` means not given.
        environ: the environment; default `os.environ`.
        folder: where `wiki-trends.toml` is looked for; default the working directory. `WIKI_TRENDS_CONFIG` names
            another file, which then has to exist.

    Raises:
        SettingError: a value cannot be used, or a name is not a setting.
    """
    environ = os.environ if environ is None else environ
    names = [item.name for item in fields(Settings)]
    given = _from_file(environ, folder or Path.cwd(), names)
    for key, value in environ.items():
        if key.startswith(PREFIX) and key != f"{PREFIX}CONFIG":
            name = key.removeprefix(PREFIX).lower()
            _known(
                name, [env_name(n) for n in names], written=key, origin="the environment", name_of=env_name
            )
            given[name] = (value, key)
    for name, flag in (flags or {}).items():
        if flag is not None:
            given[name] = (str(flag), "--" + name.replace("_", "-"))
    values = {item.name: _parsed(item, *given[item.name]) for item in fields(Settings) if item.name in given}
    return Settings(**values)


def _from_file(environ: Mapping[str, str], folder: Path, names: list[str]) -> dict[str, tuple[str, str]]:
    named = environ.get(f"{PREFIX}CONFIG")
    path = Path(named) if named else folder / FILE_NAME
    if not path.is_file():
        if named:
            raise SettingError(
                name="config",
                value=named,
                origin=f"{PREFIX}CONFIG",
                problem="is not a file",
                fix="Name an existing file, or unset the variable.",
            )
        return {}
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(
            name="config",
            value=path.name,
            origin=str(path),
            problem=f"is not TOML ({error})",
            fix="Correct the file.",
        ) from None
    result: dict[str, tuple[str, str]] = {}
    for name, value in table.items():
        _known(name, names, written=name, origin=str(path), name_of=str)
        if isinstance(value, (dict, list, bool)):
            raise SettingError(
                name=name,
                value=value,
                origin=f"{path}: {name}",
                problem="is not a text or a number",
                fix="Give one value.",
            )
        result[name] = (str(value), f"{path}: {name}")
    return result


def _known(name: str, known: list[str], *, written: str, origin: str, name_of: Callable[[str], str]) -> None:
    if name_of(name) in known:
        return
    import difflib

    near = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    fix = f"Did you mean {near[0]}?" if near else "`wiki-trends doctor --settings` lists the settings."
    raise SettingError(name=name, value=written, origin=origin, problem="is not a setting", fix=fix)


def _parsed(item: Field[Any], value: str, origin: str) -> Any:
    try:
        return item.metadata["parse"](value)
    except ValueError as error:
        shown = "(secret)" if item.metadata["secret"] else re.sub(r"(?<=://)[^/@]*@", "(secret)@", value)
        example = item.metadata["example"]
        raise SettingError(
            name=item.name, value=shown, origin=origin, problem=str(error), fix=f"Give for example {example}."
        ) from None
