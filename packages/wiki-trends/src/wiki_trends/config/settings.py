"""All settings. A flag overrides the environment variable (`WIKI_TRENDS_…`), which overrides the file `wiki-trends.toml`.

This module imports no heavy libraries, so that `wiki-trends --help` and `check` start quickly. An invalid value raises
`SettingError`, which names the value, the origin of the value and the fix. An unknown name (`WIKI_TRENDS_LAEK`) also raises
`SettingError`, which suggests the most similar name of a setting.
"""

from __future__ import annotations

import os
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wiki_trends.config.parsers import (
    any_text,
    choice,
    engine,
    fraction,
    http_url,
    integer,
    integer_or_auto,
    lake_template,
    local_path,
    matching,
    seconds,
    warehouse_url,
)
from wiki_trends.config.parsers import (
    contact as parse_contact,
)
from wiki_trends.config.projects import parse_project
from wiki_trends.config.setting_field import setting_field
from wiki_trends.config.signal_settings import SignalSettings
from wiki_trends.config.sources import (
    FILE_NAME,
    PREFIX,
    SettingText,
    env_name,
    read_environment,
    read_settings_file,
    safe_value,
)
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILE_NAME", "PREFIX", "Settings", "env_name", "load"]

DEFAULT_LAG = 3
ACCESS_METHODS = ("all-access", "desktop", "mobile-web", "mobile-app")
RUNNERS = ("local", "airflow")


@dataclass(frozen=True, slots=True)
class Settings(SignalSettings):
    """The values of all settings. Entry points read them with `load`, and pass them to other functions."""

    lake: str = setting_field(
        "data/lake/{layer}",
        lake_template,
        "The lake, a URL template: `{layer}` becomes bronze, silver, gold or diamond. "
        "A folder, `file://`, `s3://`, `gs://`, `az://` or `memory://`.",
        example="s3://{layer}",
    )
    warehouse: str = setting_field(
        "duckdb:///data/warehouse.duckdb",
        warehouse_url,
        "Where the analytics tables are published: a DuckDB file, or PostgreSQL (`postgresql://USER:PASSWORD@HOST/DATABASE`).",
        example="duckdb:////srv/trends.duckdb",
        secret=True,
    )
    engine: str = setting_field(
        "duckdb",
        engine,
        "The engine that computes the tables: `duckdb` in this process, or Spark for lakes that are too large for one machine "
        "(`spark://HOST:PORT`, `local[*]`, or `spark` for the master in Spark's own settings).",
        example="spark://spark.example.org:7077",
    )
    state: str = setting_field(
        "data/state",
        local_path,
        "Folder for the state of this machine: the history of runs, locks, cached results of checks.",
        example="/var/lib/wiki-trends",
    )
    project: str = setting_field(
        "en.wikipedia",
        parse_project,
        "The Wikimedia project whose most-viewed pages are fetched.",
        example="fr.wikipedia",
    )
    access: str = setting_field(
        "all-access",
        choice(*ACCESS_METHODS),
        f"The access method whose views are counted: {', '.join(ACCESS_METHODS)}.",
        example="desktop",
    )
    contact: str = setting_field(
        "",
        parse_contact,
        "Your e-mail address, a URL or a user page, for the User-Agent. Wikimedia requires a contact: without one, or with a "
        "placeholder, no request is sent to Wikimedia.",
        example="https://meta.wikimedia.org/wiki/User:Your_name",
    )
    token: str = setting_field(
        "",
        matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "Access token of a Wikimedia account, sent as `Authorization: Bearer`. A token alone does not raise the rate limits. Secret.",
        example="eyJ0eXAi…",
        secret=True,
    )
    wikimedia_url: str = setting_field(
        "https://wikimedia.org/api/rest_v1",
        http_url,
        "Base address of the pageviews API.",
        example="http://127.0.0.1:8899/api/rest_v1",
    )
    mediawiki_url: str = setting_field(
        "https://{project}.org/w/api.php",
        http_url,
        "Address of the Action API; `{project}` becomes the project.",
        example="http://127.0.0.1:8899/{project}/w/api.php",
    )
    rate_per_minute: int = setting_field(
        0,
        integer(0, 1_000_000),
        "Maximum number of requests per minute to Wikimedia, over all processes of this machine. 0 means 200, the limit of "
        "Wikimedia for one contact, with or without a token. Machines with the same contact share this limit: give each a part.",
        example="100",
    )
    max_in_flight: int = setting_field(
        3,
        integer(1, 64),
        "Maximum number of requests to Wikimedia at the same time, over all processes of this machine.",
        example="1",
    )
    request_timeout: float = setting_field(
        30.0,
        seconds(0.1, 3600),
        "Seconds that one attempt of a request to Wikimedia may take.",
        example="10",
    )
    deadline: float = setting_field(
        600.0,
        seconds(0.1, 86_400),
        "Seconds that a request to Wikimedia may take, including all retries.",
        example="60",
    )
    cache_days: int = setting_field(
        30,
        integer(0, 3660),
        "Days for which the categories and the place of a page are cached.",
        example="7",
    )
    history: str = setting_field(
        "on",
        choice("on", "off"),
        "Whether `run` requests the exact daily views of pages that may be rising but were seldom listed before, and whether the "
        "scores use these views: `on` or `off`.",
        example="off",
    )
    suspect_low: float = setting_field(
        0.5,
        fraction(0.0, 0.5),
        "A page can be `suspect` for too few views from desktops only if their fraction is below this value; 0 switches this off.",
        example="0.05",
    )
    suspect_high: float = setting_field(
        0.5,
        fraction(0.5, 1.0),
        "A page can be `suspect` for too many views from desktops only if their fraction is above this value; 1 switches this off.",
        example="0.95",
    )
    suspect_keep: str = setting_field(
        "",
        any_text,
        "Titles that are never `suspect`, separated by `|`; `*` stands for all.",
        example="Main_Battle_Tank|Cleopatra",
    )
    deny: str = setting_field(
        "",
        local_path,
        'TOML file of more titles to leave out: `all = ["…"]` for every wiki, or `en = ["…"]` for the wikis of one language.',
        example="deny.toml",
    )
    categories_file: str = setting_field(
        "",
        local_path,
        "TOML file of more phrases for the categories; they override the built-in ones.",
        example="my-categories.toml",
    )
    days: int = setting_field(
        5,
        integer(1, 3660),
        "Number of days in the window, if the options of the command do not define the window.",
        example="7",
    )
    lag: int | Literal["auto"] = setting_field(
        DEFAULT_LAG,
        integer_or_auto(0, 366),
        "Days after which Wikimedia is expected to have published a day; the newest day of a window is this many days ago. "
        "With `auto`, a day is expected as soon as Wikimedia has its list, and after 3 days at the latest.",
        example="2",
    )
    min_rows: int = setting_field(
        1,
        integer(0, 1_000_000_000),
        "Minimum number of rows of a day. A day with fewer rows is invalid (`SHORT`).",
        example="500",
    )
    evidence: str = setting_field(
        "on",
        choice("on", "off"),
        "Whether `run` asks Wikidata and Wikipedia why pages rose, with at most 50 requests for a window, and whether the evidence "
        "is published: `on` or `off`.",
        example="off",
    )
    writing_seconds: float = setting_field(
        600.0,
        seconds(0, 86_400),
        "A day without `_SUCCESS` whose newest part is younger than this many seconds counts as being written (`STILL_WRITING`).",
        example="60",
    )
    runner: str = setting_field(
        "local",
        choice(*RUNNERS),
        "Where the pipeline runs: in this process (`local`), or in Airflow 3 (`airflow`).",
        example="local",
    )
    airflow_url: str = setting_field(
        "http://localhost:8080",
        http_url,
        "With the runner `airflow`: the address of Airflow's UI, without the path of the API.",
        example="https://airflow.example.org",
    )
    airflow_user: str = setting_field(
        "", any_text, "The user of Airflow that starts and reads runs.", example="fetcher"
    )
    airflow_password: str = setting_field(
        "", any_text, "The password of `airflow_user`. Secret.", example="correct-horse", secret=True
    )
    airflow_token: str = setting_field(
        "",
        matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "A JSON web token of Airflow, instead of user and password. Secret.",
        example="eyJ0eXAi…",
        secret=True,
    )
    airflow_dag: str = setting_field(
        "wiki_trending_pipeline",
        matching(r"[\w.~-]+", "the name of a DAG"),
        "The DAG that runs the pipeline for one day, with `target_date` in the configuration of the run.",
        example="wiki_trending_pipeline",
    )
    airflow_poll: float = setting_field(
        30.0, seconds(0.1, 3600), "Seconds between two polls of the runs in Airflow.", example="60"
    )
    orchestrator_schedule: str = setting_field(
        "0 3 * * *",
        matching(r"|\S+( \S+){4}|@\w+", "a cron expression of five fields, in UTC, or nothing"),
        "When the orchestrator's DAG runs, as cron in UTC. When empty, the DAG runs only when started by hand.",
        example="0 */6 * * *",
    )
    orchestrator_poll: float = setting_field(
        60.0,
        seconds(0.1, 3600),
        "Seconds between two polls while the orchestrator's DAG waits.",
        example="30",
    )
    orchestrator_timeout: float = setting_field(
        7200.0,
        seconds(1, 604_800),
        "Seconds after which the orchestrator's DAG stops waiting.",
        example="3600",
    )
    pipeline_schedule: str = setting_field(
        "0 2 * * *",
        matching(r"|\S+( \S+){4}|@\w+", "a cron expression of five fields, in UTC, or nothing"),
        "When the pipeline's DAG runs, as cron in UTC. When empty, the DAG runs only when started by hand.",
        example="0 2 * * *",
    )
    pipeline_runs: int = setting_field(
        4,
        integer(1, 1000),
        "Runs of the pipeline's DAG that may run at the same time in Airflow.",
        example="16",
    )
    task_retries: int = setting_field(
        2,
        integer(0, 100),
        "Maximum number of retries of a failed task of the three DAGs in Airflow.",
        example="3",
    )
    task_retry_seconds: float = setting_field(
        60.0,
        seconds(0, 86_400),
        "Seconds before the first retry of a task; the delay doubles with each retry.",
        example="300",
    )
    jobs: int | None = setting_field(
        None,
        integer(1, 64),
        "Maximum number of days that a backfill runs at the same time. Default 4; with the runner `airflow` 64, and "
        "at most twice the DAG's `max_active_runs`: one half runs, and the other half waits in Airflow's queue.",
        example="8",
    )
    attempts: int | None = setting_field(
        None,
        integer(1, 100),
        "Maximum number of runs that a backfill starts for one day. Default 3; with the runner `airflow` 1, because Airflow "
        "retries its tasks itself.",
        example="1",
    )
    lake_timeout: float = setting_field(
        5.0,
        seconds(0.1, 3600),
        "Seconds without any data after which a request to the lake fails. An unreachable lake is reported within about "
        "twice this time.",
        example="30",
    )
    lake_retries: int = setting_field(
        4, integer(0, 100), "Maximum number of retries of a failed request to the lake.", example="1"
    )
    lake_backoff: float = setting_field(
        0.1,
        seconds(0.001, 60),
        "Seconds before the first retry of a request to the lake.",
        example="0.01",
    )
    web_token: str = setting_field(
        "",
        matching(r"[\x21-\x7e]*", "a token of visible ASCII characters"),
        "Token that signs in to the dashboard, 16 characters or more. Required when other machines can reach the dashboard. Secret.",
        example="a-secret-of-your-own-making",
        secret=True,
    )

    @property
    def max_lag(self) -> int:
        """The fixed lag in days; with an automatic lag, the largest lag."""
        return DEFAULT_LAG if self.lag == "auto" else self.lag

    @property
    def requests_per_minute(self) -> int:
        """The value of `rate_per_minute`, or Wikimedia's limit (https://www.mediawiki.org/wiki/Wikimedia_APIs/Rate_limits)."""
        return self.rate_per_minute or 200


def load(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Load the settings: each from its flag, else the environment, else `wiki-trends.toml`, else the default.

    Args:
        flags: the values from the command line, by the name of the setting; `None` for an absent flag.
        environ: the environment variables; by default, `os.environ`.
        folder: the folder that may contain `wiki-trends.toml`; by default, the working directory. If the variable
            `WIKI_TRENDS_CONFIG` names another file, that file is read instead, and must exist.

    Raises:
        SettingError: a value is invalid, a name is not a setting, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    names = [setting.name for setting in fields(Settings)]
    texts = read_settings_file(environ, folder or Path.cwd(), names) | read_environment(environ, names)
    for name, flag in (flags or {}).items():
        if flag is not None:
            texts[name] = SettingText(str(flag), "--" + name.replace("_", "-"))
    values = {
        setting.name: _parse(setting, texts[setting.name])
        for setting in fields(Settings)
        if setting.name in texts
    }
    settings = Settings(**values)
    if not settings.lake.startswith(("file://", "memory://")) and "://" in settings.lake:
        from wiki_trends.config.environment import check_lake_variables, check_network_variables

        check_lake_variables(settings.lake, environ)  # Only object stores read these variables.
        check_network_variables(environ)
    return settings


def _parse(setting: Field[Any], value: SettingText) -> Any:
    """Parse the text of one setting."""
    try:
        return setting.metadata["parse"](value.text)
    except ValueError as error:
        safe_text = "(secret)" if setting.metadata["secret"] else safe_value(setting.name, value.text)
        example = setting.metadata["example"]
        raise SettingError(
            name=setting.name,
            value=safe_text,
            origin=value.origin,
            problem=str(error),
            fix=f"Give for example {example}.",
        ) from None
