from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_orchestrator.config.loading import load_config, parse_config
from smart_orchestrator.config.values import Config
from smart_orchestrator.foreign import MAX_TOML_BYTES
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.project_errors import ConfigError

ISSUE = """
[datasets.orders]
url = "s3://lake/sales"
key = "orders/dt={start:%Y-%m-%d}"
grain = "day"
adapter = "files"
format = "parquet"
lag = 1
settle = 600
min_rows = 1000
runner = "etl"
needs = ["customers"]

[datasets.customers]
url = "sales"
key = "customers/{start:%G-W%V}"
grain = "week"
timezone = "Europe/Berlin"
history_start = 2024-12-30

[runners.etl]
command = ["python", "etl.py", "--day", "{key}"]
jobs = 4
attempts = 3
timeout = 1800

[consumers.revenue]
datasets = ["orders"]
last = 7
min_coverage = 100
command = ["dbt", "build", "--select", "revenue"]
"""
MINIMAL = '[datasets.a]\nurl = "lake"\nkey = "{start:%Y-%m-%d}"\n'
HOURLY = '[datasets.logs]\nurl = "x"\nkey = "{start:%Y-%m-%d/%H}"\ngrain = "hour"\n'


def parse(text):
    return parse_config(text.encode(), Path("/project/smart-orchestrator.toml"))


def result_of(call):
    """The result of a call, or its `ConfigError`."""
    try:
        return call()
    except ConfigError as error:
        return error


def test_every_table_of_a_file():
    config = parse(ISSUE)
    assert list(config.datasets) == ["customers", "orders"]
    orders, customers = config.dataset("orders"), config.dataset("customers")
    assert (orders.lake, orders.key_format, orders.adapter) == (
        "s3://lake/sales",
        "orders/dt={start:%Y-%m-%d}",
        "files",
    )
    assert (orders.lag, orders.settle, orders.min_rows, orders.runner, orders.needs) == (
        1,
        600,
        1000,
        "etl",
        ("customers",),
    )
    assert (customers.lake, customers.grain, customers.timezone) == (
        "/project/sales",
        Grain.WEEK,
        "Europe/Berlin",
    )
    assert customers.history_start == dt.date(2024, 12, 30)
    assert config.runners["etl"].command == ("python", "etl.py", "--day", "{key}")
    assert (config.runners["etl"].jobs, config.runners["etl"].attempts, config.runners["etl"].timeout) == (
        4,
        3,
        1800,
    )
    assert [consumer.name for consumer in config.consumers_of("orders")] == ["revenue"]
    assert config.transitive_needs("orders") == ["customers"]
    assert config.state == Path("/project/.smart-orchestrator")


def test_the_waivers_of_tables_are_beside_the_state_unless_they_are_named():
    table = '[datasets.t]\nurl = "postgresql://user:pass@db/shop"\nadapter = "sql"\ntable = "orders"\nkey_column = "day"\n'
    assert parse(table).waiver_urls == {"t": "/project/.smart-orchestrator/waivers/t"}
    assert parse(table + 'waivers = "s3://lake/waivers"\n').waiver_urls == {"t": "s3://lake/waivers"}
    assert parse(MINIMAL).waiver_urls == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "datasets: the file describes no dataset. Add a table [datasets.NAME]."),
        ("datasets = 3", "datasets: 3 is not a table. Write [datasets.NAME]."),
        ("[datasets]\na = 3", "datasets.a: 3 is not a table."),
        ("[datasets.a", "it is not TOML ("),
        (MINIMAL + "lagg = 3", "datasets.a.lagg: is not an option. Did you mean lag?"),
        (MINIMAL + "[consumer.x]", "consumer: is not an option. Did you mean consumers?"),
        (
            MINIMAL + 'grain = "dayly"',
            "datasets.a.grain: 'dayly' is not one of hour, day, week, month. Did you mean day?",
        ),
        (
            MINIMAL + 'lag = "three"',
            "datasets.a.lag: 'three' is not an integer from 0 on. Write lag = 0, for example.",
        ),
        (MINIMAL + "lag = -1", "datasets.a.lag: -1 is less than 0. Write lag = 0, for example."),
        (MINIMAL + "settle = nan", "datasets.a.settle: nan is not a number."),
        (MINIMAL + "min_coverage = 101", "datasets.a.min_coverage: 101.0 is not between 0 and 100 percent."),
        (MINIMAL + 'adapter = "hive"', "datasets.a.adapter: 'hive' is not one of manifest, marker, files,"),
        (MINIMAL + 'timezone = "Berlin"', "datasets.a: time zone 'Berlin' is not an IANA name"),
        (MINIMAL + 'grain = "hour"\ntimezone = "Europe/Berlin"', "datasets.a: hours are UTC"),
        (
            MINIMAL + 'history_start = "soon"',
            "datasets.a.history_start: 'soon' is not a day written as YYYY-MM-DD",
        ),
        (MINIMAL + 'needs = ["b"]', "datasets.a.needs: 'b' is not defined in the file. Defined names: a."),
        (MINIMAL + 'needs = ["a"]', "datasets: a needs a: a circular dependency. Remove one of these needs."),
        (
            MINIMAL + 'runner = "etl"',
            "datasets.a.runner: 'etl' is not defined in the file. Defined names: none.",
        ),
        (MINIMAL + "[runners.r]\ncommand = []", "runners.r.command: is empty."),
        (
            MINIMAL + '[runners.r]\ncommand = "python etl.py"',
            "runners.r.command: 'python etl.py' is not a list of texts.",
        ),
        (
            MINIMAL + '[runners.r]\ncommand = ["x"]\njobs = 0',
            "runners.r.jobs: 0 is less than 1.",
        ),
        (
            MINIMAL + '[runners.r]\ncommand = ["x"]\ntimeout = 0',
            "runners.r.timeout: 0 is not a number of seconds above 0.",
        ),
        (
            MINIMAL + '[consumers.c]\ncommand = ["x"]',
            "consumers.c.datasets: is missing. Add datasets to [consumers.c].",
        ),
        (
            MINIMAL + '[consumers.c]\ndatasets = ["b"]\ncommand = ["x"]',
            "consumers.c.datasets: 'b' is not defined in the file.",
        ),
        (
            MINIMAL + '[consumers.c]\ndatasets = ["a"]\ntimezone = "Europe/Berlin"\ncommand = ["x"]',
            "consumers.c.timezone: 'Europe/Berlin' has no effect without a grain of days, weeks or months.",
        ),
        (
            HOURLY + '[consumers.c]\ndatasets = ["logs"]\ngrain = "hour"\ntimezone = "UTC"\ncommand = ["x"]',
            "consumers.c.timezone: 'UTC' has no effect without a grain of days, weeks or months.",
        ),
        ('[datasets.a]\nkey = "{start:%Y-%m-%d}"', "datasets.a.url: is missing. Add url to [datasets.a]."),
        ('[datasets.a]\nurl = "x"', "datasets.a.key: is missing. Add key to [datasets.a]."),
        (
            '[datasets.a]\nurl = "x"\nkey = "{start:%Y-%m}"',
            "datasets.a: key format '{start:%Y-%m}' gives different days",
        ),
    ],
)
def test_an_error_names_the_file_the_key_the_value_and_the_fix(text, error):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"/project/smart-orchestrator.toml: {error}")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (
            HOURLY + '[consumers.c]\ndatasets = ["logs"]\ngrain = "day"\ntimezone = "ZONE"\ncommand = ["x"]',
            "consumers.c.timezone",
        ),
        (
            HOURLY + '[datasets.d]\nurl = "x"\nkey = "{start:%Y-%m-%d}"\ntimezone = "ZONE"\nneeds = ["logs"]',
            "datasets.d.timezone",
        ),
    ],
)
def test_local_days_of_utc_hours_need_a_zone_of_whole_hours(text, key):
    assert parse(text.replace("ZONE", "Europe/Berlin")).datasets
    with pytest.raises(
        ConfigError, match=f"{key}: 'Asia/Kolkata' has an offset from UTC that is not a whole number of hours"
    ):
        parse(text.replace("ZONE", "Asia/Kolkata"))


def test_a_password_in_a_url_is_in_no_message():
    text = '[datasets.a]\nurl = "postgresql://user:secret@db/shop"\nadapter = "sql"\nlag = "x"'
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="the file does not exist"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="the file cannot be read"):
        load_config(tmp_path)
    (tmp_path / "large.toml").write_bytes(b"#" * (MAX_TOML_BYTES + 1))
    with pytest.raises(ConfigError, match="it has more than 4,194,304 bytes"):
        load_config(tmp_path / "large.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    for name in ("pipe.toml", "zero.toml"):
        with pytest.raises(ConfigError, match="it is not a regular file"):
            load_config(tmp_path / name)


@pytest.mark.parametrize(
    "text", [b".".join([b"a"] * 500_000) + b" = 1", b"[" + b".".join([b'"a"'] * 200_000) + b"]"]
)
def test_a_key_of_many_parts_is_refused_before_the_parser_reads_it(text):
    with pytest.raises(ConfigError, match="a key of more than 32 parts"):
        parse_config(text, Path("x.toml"))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_one_error(data):
    result = result_of(lambda: parse_config(data, Path("x.toml")))
    assert isinstance(result, Config) or str(result).startswith("x.toml: ")


@given(
    st.sampled_from(
        [
            "url",
            "key",
            "grain",
            "lag",
            "settle",
            "min_rows",
            "header",
            "needs",
            "columns",
            "history_start",
            "timezone",
        ]
    ),
    st.sampled_from(
        [
            "3",
            "-1",
            "1.5",
            "inf",
            "true",
            '"x"',
            "[]",
            "[1]",
            "{}",
            "{ a = 1 }",
            "2025-01-01",
            "07:00:00",
            '"\\u0000"',
        ]
    ),
)
def test_any_value_of_any_option_is_used_or_refused(key, value):
    options = {"url": '"lake"', "key": '"{start:%Y-%m-%d}"', key: value}
    text = "[datasets.a]\n" + "".join(f"{name} = {each}\n" for name, each in options.items())
    result = result_of(lambda: parse(text))
    assert isinstance(result, Config) or "datasets.a" in str(result)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '[datasets.".."]\nurl = "lake"\nkey = "{start:%Y-%m-%d}"\n',
            "datasets...: a dataset's name has no slash",
        ),
        (
            '[datasets."a/b"]\nurl = "lake"\nkey = "{start:%Y-%m-%d}"\n',
            "datasets.a/b: a dataset's name has no slash",
        ),
        (MINIMAL + "lag = 3661\n", "datasets.a.lag: 3661 is more than 3660. Write 3660 or less."),
        (MINIMAL + '[runners.r]\ncommand = [""]\n', "runners.r.command: is empty"),
        (MINIMAL + '[runners.r]\ncommand = ["a\\u0000"]\n', "runners.r.command: holds a NUL character"),
        (
            MINIMAL + '[runners.r]\ncommand = ["a"]\nenv = { "A=B" = "1" }\n',
            "runners.r.env: has a name or a value",
        ),
        (
            MINIMAL + '[runners.r]\ncommand = ["a"]\nenv = { A = "\\u0000" }\n',
            "runners.r.env: has a name or a value",
        ),
        (
            MINIMAL + '[consumers.c]\ndatasets = ["a"]\nlast = 3661\ncommand = ["true"]\n',
            "consumers.c.last: 3661 is more than 3660. Write 3660 or less.",
        ),
    ],
)
def test_values_that_would_fail_later_are_refused_when_the_file_is_read(text, error):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).removeprefix("/project/smart-orchestrator.toml: ").startswith(error)


def test_an_hourly_consumer_may_have_as_many_hours_as_ten_years():
    text = (
        MINIMAL.replace("%d", "%dT%H")
        + 'grain = "hour"\n[consumers.c]\ndatasets = ["a"]\nlast = LAST\ncommand = ["true"]\n'
    )
    assert parse(text.replace("LAST", "87840")).consumers["c"].last == 87_840
    with pytest.raises(ConfigError, match="is more than 87840"):
        parse(text.replace("LAST", "87841"))


SQL = """
[datasets.t]
url = "postgresql://db/shop"
adapter = "sql"
table = "orders"
key_column = "day"
"""
RUNNER = MINIMAL + '[runners.r]\ncommand = ["true"]\n'
CONSUMER = MINIMAL + '[consumers.c]\ndatasets = ["a"]\ncommand = ["true"]\n'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (MINIMAL + 'glob = "*.csv"', "datasets.a.glob: is not an option of the adapter manifest. Remove it, or use the adapter marker or files."),
        (MINIMAL + 'table = "orders"', "datasets.a.table: is not an option of the adapter manifest. Remove it, or use the adapter sql or iceberg."),
        (SQL + "header = true", "datasets.t.header: is not an option of the adapter sql."),
        (MINIMAL + "min_files = 0", "datasets.a.min_files: 0 is less than 1. Write min_files = 1, for example."),
        (MINIMAL + "min_files = true", "datasets.a.min_files: True is not an integer from 1 on."),
        (MINIMAL + "min_rows = 1.5", "datasets.a.min_rows: 1.5 is not an integer from 0 on."),
        (MINIMAL + "min_rows = 9223372036854775808", "datasets.a.min_rows: 9223372036854775808 is more than"),
        (MINIMAL + "retries = 1001", "datasets.a.retries: 1001 is more than 1000. Write 1000 or less."),
        (MINIMAL + "timeout = 0", "datasets.a.timeout: 0 is not a number of seconds above 0. Give more than 0 to"),
        (MINIMAL + "timeout = inf", "datasets.a.timeout: inf is not a number."),
        (MINIMAL + "backoff = -1", "datasets.a.backoff: -1 is not a number of seconds above 0."),
        (MINIMAL + "settle = -0.5", "datasets.a.settle: -0.5 is not a number of seconds from 0 on."),
        (MINIMAL + "settle = 1e300", "datasets.a.settle: 1e+300 is more than 31622400 seconds, which is a year."),
        (MINIMAL + "min_partitions = 0", "datasets.a.min_partitions: 0 is less than 1."),
        (MINIMAL + "min_coverage = nan", "datasets.a.min_coverage: nan is not a number."),
        (MINIMAL + "min_coverage = -1", "datasets.a.min_coverage: -1.0 is not between 0 and 100 percent."),
        (MINIMAL + 'glob = ""', "datasets.a.glob: '' is empty. Give a text, or leave glob out."),
        (MINIMAL + 'timezone = " "', "datasets.a.timezone: ' ' is empty."),
        (MINIMAL + 'adapter = "filse"', "datasets.a.adapter: 'filse' is not one of manifest, marker, files,"),
        (MINIMAL + 'format = "parqet"', "datasets.a.format: 'parqet' is not one of csv, parquet, raw. Did you mean"),
        (MINIMAL + 'compression = "gz"', "datasets.a.compression: 'gz' is not one of infer, none, gzip, bz2, zstd."),
        (MINIMAL + "columns = [{}]", "datasets.a.columns[0].name: is missing."),
        (MINIMAL + 'columns = [{ name = "" }]', "datasets.a.columns[0].name: '' is empty."),
        (MINIMAL + 'columns = [{ name = "x", typ = "y" }]', "datasets.a.columns[0].typ: is not an option. Did you mean type?"),
        (MINIMAL + 'columns = [{ name = "x", type = "int" }]', "datasets.a.columns[0].type: 'int' is not one of string,"),
        (MINIMAL + 'columns = [{ name = "x", low = 2, high = 1 }]', "datasets.a.columns[0]: no value is between 2.0 and 1.0."),
        (MINIMAL + 'columns = [{ name = "x", low = inf }]', "datasets.a.columns[0].low: inf is not a number."),
        (MINIMAL + "state = 3", "datasets.a.state: is not an option."),
        ('state = ""\n' + MINIMAL, "state: '' is empty."),
        (MINIMAL.replace("lake", ""), "datasets.a.url: is not a folder or URL."),
        (MINIMAL.replace('"lake"', '"s3://user:hidden@lake"'), "datasets.a.url: 's3://lake': holds credentials; set AWS_"),
        (MINIMAL.replace("lake", "s4://lake"), "datasets.a.url: 's4://lake': the scheme 's4' is not supported. Use a folder,"),
        (MINIMAL.replace("lake", "s3://lake?token=hidden"), "datasets.a.url: 's3://lake?token=***': has a ? or a #"),
        (MINIMAL + 'waivers = "s3://me:hidden@lake"', "datasets.a.waivers: 's3://lake': holds credentials;"),
        (MINIMAL + 'waivers = ""', "datasets.a.waivers: is not a folder or URL."),
        (MINIMAL.replace("-%d", ""), "datasets.a: key format '{start:%Y-%m}' gives different days the same path; write {day:"),
        (MINIMAL.replace("{start:%Y-%m-%d}", "orders"), "datasets.a: key format 'orders' gives different days the same path"),
        (MINIMAL.replace("%Y-%m-%d", "%Y%-m%-d"), "datasets.a: key format '{start:%Y%-m%-d}' gives different days the same path"),
        (MINIMAL + MINIMAL.replace(".a]", ".b]"), "datasets.b: has the same partitions as datasets.a. Remove one of them,"),
        (SQL + SQL.replace(".t]", ".u]"), "datasets.u: has the same partitions as datasets.t."),
        (SQL.replace('table = "orders"', 'table = ""'), "datasets.t.table: '' is empty."),
        (RUNNER + "jobs = 1.5", "runners.r.jobs: 1.5 is not an integer from 1 on."),
        (RUNNER + "jobs = 1000001", "runners.r.jobs: 1000001 is more than 1000000."),
        (RUNNER + "attempts = -1", "runners.r.attempts: -1 is less than 1."),
        (RUNNER + "timeout = nan", "runners.r.timeout: nan is not a number."),
        (RUNNER + "timeout = 1e10", "runners.r.timeout: 10000000000.0 is more than 31622400 seconds"),
        (RUNNER + "env = 3", "runners.r.env: is not a table of texts."),
        (RUNNER + "comand = 3", "runners.r.comand: is not an option. Did you mean command?"),
        (CONSUMER + "last = 0", "consumers.c.last: 0 is less than 1."),
        (CONSUMER + 'grain = "days"', "consumers.c.grain: 'days' is not one of hour, day, week, month. Did you mean day?"),
        (CONSUMER.replace('["a"]', "[]"), "consumers.c.datasets: is empty."),
        (CONSUMER.replace('["a"]', '"a"'), "consumers.c.datasets: 'a' is not a list of texts."),
    ],
)  # fmt: skip
def test_a_degenerate_value_is_refused_with_its_place_and_the_fix(text, error):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    message = str(caught.value).removeprefix("/project/smart-orchestrator.toml: ")
    assert message.startswith(error)
    assert "hidden" not in message


def test_datasets_of_one_folder_may_differ_in_their_keys_or_grains():
    weekly = MINIMAL.replace(".a]", ".b]") + 'grain = "week"\n'
    assert list(parse(MINIMAL + weekly).datasets) == ["a", "b"]
