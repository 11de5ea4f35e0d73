"""`init` and `doctor`: proposals for lakes of any writer, and findings about a project."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import shutil
import subprocess
import tomllib

import polars as pl
import pytest

from smart_orchestrator.config.loading import parse_config
from smart_orchestrator.proposal import propose, to_toml
from smart_orchestrator.store.opening import open_lake

from .any_lake import COMMAND, CONFIG, WINDOW, AnyLake

NOW = dt.datetime(2025, 11, 12, tzinfo=dt.UTC)
# The weeks around a new year. Some days of the week 53 of 2020 are in 2021.
WEEKS = [(2020, 52), (2020, 53), (2021, 1), (2021, 2)]
DAYS = ["2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06"]


def write(folder, *paths, name="part-0.parquet", marker=False):
    for path in paths:
        target = folder / path
        target.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"id": range(8)}).write_parquet(target / name)
        if marker:
            (target / "_SUCCESS").touch()


def proposals(folder):
    return propose(open_lake(str(folder)), str(folder), NOW)


@pytest.mark.parametrize(
    ("paths", "key", "grain"),
    [
        ([f"orders/dt={day}" for day in DAYS], "orders/dt={start:%Y-%m-%d}", "day"),
        ([f"sales_{day.replace('-', '_')}.parquet" for day in DAYS], "sales_{start:%Y_%m_%d}.parquet", "day"),
        ([f"x/{day.replace('-', '')}" for day in DAYS], "x/{start:%Y%m%d}", "day"),
        (
            [f"y/year=2025/month=9/day={day}" for day in (9, 10, 11)],
            "y/year={start:%Y}/month={start:%-m}/day={start:%-d}",
            "day",
        ),
        ([f"z/2025/11/{day:02}" for day in (4, 5, 6)], "z/{start:%Y}/{start:%m}/{start:%d}", "day"),
        (
            [f"logs/dt=2025-11-05/hour={hour:02}" for hour in (7, 8, 9, 10)],
            "logs/dt={start:%Y-%m-%d}/hour={start:%H}",
            "hour",
        ),
        ([f"w/{day}" for day in ("2025-10-20", "2025-10-27", "2025-11-03")], "w/{start:%Y-%m-%d}", "week"),
        ([f"w/2025-W{week}" for week in (43, 44, 45)], "w/{start:%G-W%V}", "week"),
        ([f"h/2025-11-05-{hour:02}-00" for hour in (7, 8, 9)], "h/{start:%Y-%m-%d-%H}-00", "hour"),
        ([f"h/2025-11-05_{hour:02}" for hour in (7, 8, 9)], "h/{start:%Y-%m-%d_%H}", "hour"),
        ([f"h/20251105{hour:02}" for hour in (7, 8, 9)], "h/{start:%Y%m%d%H}", "hour"),
        ([f"v1.2025.11.{day:02}" for day in (4, 5, 6)], "v1.{start:%Y.%m.%d}", "day"),
        ([f"{day:02}.11.2025" for day in (4, 5, 6)], "{start:%d.%m.%Y}", "day"),
        ([f"w/{year}/W{week:02}" for year, week in WEEKS], "w/{start:%G}/W{start:%V}", "week"),
        (
            [f"w/year={year}/week={week}" for year, week in WEEKS],
            "w/year={start:%G}/week={start:%-V}",
            "week",
        ),
        ([f"j/2025/{day}" for day in ("098", "099", "100")], "j/{start:%Y}/{start:%j}", "day"),
        ([f"j/2025-{day}" for day in ("098", "099", "100")], "j/{start:%Y-%j}", "day"),
        ([f"j/2025{day}" for day in ("098", "099", "100")], "j/{start:%Y%j}", "day"),
        (
            [f"j/year=2025/doy={day}" for day in ("098", "099", "100")],
            "j/year={start:%Y}/doy={start:%j}",
            "day",
        ),
        (
            [f"j/y=2025/j=098/h={hour:02}" for hour in (21, 22, 23)],
            "j/y={start:%Y}/j={start:%j}/h={start:%H}",
            "hour",
        ),
        (
            [f"j/2025/309/{hour:02}" for hour in (21, 22, 23)],
            "j/{start:%Y}/{start:%j}/{start:%H}",
            "hour",
        ),
        ([f"m/{month}" for month in ("2025-08", "2025-09", "2025-10")], "m/{start:%Y-%m}", "month"),
        (
            [f"m/{month}-01" for month in ("2025-08", "2025-09", "2025-10")],
            "m/{start:%Y-%m-%d}",
            "month",
        ),
        (
            [f"orders/dt={day}/country={country}" for day in DAYS for country in ("de", "fr")],
            "orders/dt={start:%Y-%m-%d}",
            "day",
        ),
    ],
)
def test_key_format_and_grain_come_from_the_names(tmp_path, paths, key, grain):
    write(tmp_path, *paths)
    (proposal,) = proposals(tmp_path)
    assert (proposal.dataset.key_format, proposal.dataset.grain.value) == (key, grain)
    assert (proposal.dataset.adapter, proposal.dataset.format) == ("files", "parquet")
    assert proposal.is_sure
    assert proposal.dataset.min_rows in (4, 8)
    config = parse_config(to_toml([proposal], ["true"]).encode(), tmp_path / "x.toml")
    assert next(iter(config.datasets.values())).key_format == key


def test_a_marker_in_every_partition_means_the_adapter_marker(tmp_path):
    write(tmp_path, *(f"dt={day}" for day in DAYS), marker=True)
    (proposal,) = proposals(tmp_path)
    assert (proposal.dataset.adapter, proposal.is_sure) == ("marker", True)


def test_a_marker_in_some_partitions_is_not_sure(tmp_path):
    write(tmp_path, *(f"dt={day}" for day in DAYS[:3]), marker=True)
    write(tmp_path, f"dt={DAYS[3]}")
    (proposal,) = proposals(tmp_path)
    assert (proposal.dataset.adapter, proposal.is_sure) == ("marker", False)


def test_a_delta_table_is_judged_by_its_log(tmp_path):
    import deltalake

    rows = pl.DataFrame({"id": range(4), "day": DAYS})
    (tmp_path / "shop").mkdir()
    deltalake.write_deltalake(str(tmp_path / "shop" / "orders"), rows.to_arrow(), partition_by=["day"])
    (proposal,) = proposals(tmp_path)
    dataset = proposal.dataset
    assert (dataset.name, dataset.adapter, dataset.key_column) == ("orders", "delta", "day")
    config = parse_config(to_toml([proposal], []).encode(), tmp_path / "x.toml")
    assert config.dataset("orders").lake == f"{tmp_path}/shop/orders"


def test_a_delta_table_whose_folder_is_the_lake_is_judged_by_its_log(tmp_path):
    import deltalake

    rows = pl.DataFrame({"id": range(4), "day": DAYS})
    deltalake.write_deltalake(str(tmp_path / "orders"), rows.to_arrow(), partition_by=["day"])
    (proposal,) = proposals(tmp_path / "orders")
    dataset = proposal.dataset
    assert (dataset.name, dataset.adapter, dataset.key_column) == ("orders", "delta", "day")
    assert dataset.lake == f"{tmp_path}/orders"


@pytest.mark.parametrize("below", ["shop/events", ""])
def test_an_iceberg_table_is_never_judged_by_its_folders(tmp_path, below):
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import DayTransform
    from pyiceberg.types import NestedField, TimestampType

    location = tmp_path / "lake" / below
    times = [dt.datetime.fromisoformat(day) for day in DAYS]
    with SqlCatalog("default", uri=f"sqlite:///{tmp_path}/catalog.db") as catalog:
        catalog.create_namespace("shop")
        table = catalog.create_table(
            "shop.events",
            Schema(NestedField(1, "at", TimestampType())),
            partition_spec=PartitionSpec(PartitionField(1, 1000, DayTransform(), "at_day")),
            location=f"file://{location}",
        )
        table.append(pl.DataFrame({"at": times}).to_arrow())

    (proposal,) = proposals(tmp_path / "lake")
    assert (proposal.dataset.adapter, proposal.dataset.lake) == ("iceberg", str(location))
    assert not proposal.is_sure
    assert "give the URL of the catalog" in proposal.notes[-1]
    config = parse_config(to_toml([proposal], []).encode(), tmp_path / "x.toml")
    assert config.dataset(proposal.dataset.name).adapter == "iceberg"

    newest = table.metadata_location.removeprefix("file://")
    shutil.copy(newest, location / "metadata" / "v9.metadata.json")
    (location / "metadata" / "version-hint.text").write_text("9")
    (proposal,) = proposals(tmp_path / "lake")
    assert (proposal.dataset.adapter, proposal.is_sure) == ("iceberg", True)


def test_folders_that_do_not_fit_and_few_folders_are_not_sure(tmp_path):
    write(tmp_path, f"a/dt={DAYS[0]}", *(f"b/dt={day}" for day in [*DAYS, "2025-13-01"]))
    first, second = proposals(tmp_path)
    assert [first.dataset.name, second.dataset.name] == ["a", "b"]
    assert not first.is_sure
    assert not second.is_sure
    assert "4 of 5 folders of the sample fit the key format" in second.notes


def test_files_of_other_formats_are_raw_and_the_proposal_says_so(tmp_path):
    for day in DAYS:
        (tmp_path / day).mkdir()
        (tmp_path / day / "events.json.gz").write_bytes(b"x")
    (proposal,) = proposals(tmp_path)
    assert (proposal.dataset.format, proposal.is_sure) == ("raw", True)
    assert "the most common ending is json: format raw, so its rows are not counted" in proposal.notes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("id,name\n1,a\n2,b\n", None),
        (",id\n0,1\n", None),
        ("1,a\n2,b\n", "1"),
        ("a,2025-11-05T07:00:00Z\nb,2025-11-05T08:00:00Z\n", "2025-11-05T07:00:00Z"),
        ('"a\nb",-1.5e3,1.5\n', "1.5"),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_csv_whose_first_line_is_a_row_is_not_sure(tmp_path, text, value, compress):
    for day in DAYS:
        (tmp_path / day).mkdir()
        (tmp_path / day / "part.csv").write_bytes(compress(text.encode()))
    (proposal,) = proposals(tmp_path)
    assert proposal.is_sure == (value is None)
    hints = [note for note in proposal.notes if note.endswith("perhaps header = false, with columns")]
    expected = f"{value} in the first line of part.csv is not the name of a column"
    assert [hint.partition(": ")[0] for hint in hints] == ([expected] if value else [])


def test_a_proposal_whose_newest_partitions_cannot_be_read_is_not_sure(tmp_path):
    for day in DAYS:
        (tmp_path / day).mkdir()
        (tmp_path / day / "a.csv").write_bytes("n\u00e4me\n1\n".encode("latin-1"))
    (proposal,) = proposals(tmp_path)
    assert not proposal.is_sure
    assert f"{DAYS[0]} is invalid: a.csv cannot be read: it is not UTF-8 text (byte 0xe4)" in proposal.notes
    (tmp_path / DAYS[0] / "a.csv").write_bytes(b"name\n1\n")
    (proposal,) = proposals(tmp_path)
    assert proposal.is_sure


def test_a_lake_without_dates_has_no_proposal(tmp_path):
    write(tmp_path, "a/b", "c")
    assert proposals(tmp_path) == []


@pytest.mark.parametrize("days", [["2025-11-03"], ["2025-09-01"], ["2025-10-27", "2025-11-03"]])
def test_few_days_are_days_and_not_sure(tmp_path, days):
    write(tmp_path, *(f"dt={day}" for day in days))
    (proposal,) = proposals(tmp_path)
    assert (proposal.dataset.grain.value, proposal.is_sure) == ("day", False)


def test_names_of_foreign_objects_cannot_add_lines_to_the_file(tmp_path):
    write(tmp_path, *(f'x"\n[runners.evil]\ncommand=1/dt={day}' for day in DAYS))
    text = to_toml(proposals(tmp_path), [])
    assert set(tomllib.loads(text)) <= {"datasets"}


def test_init_check_plan_and_run_in_an_empty_folder(tmp_path):
    lake = AnyLake(tmp_path)
    (tmp_path / "smart-orchestrator.toml").unlink()
    lake.take_away("2025-11-06")
    command = CONFIG.partition('command = ["')[2].partition('"')[0] + " etl.py --day {key}"
    assert "is missing" not in lake.run("init", "lake/sales", "--command", command, code=0).stderr
    assert "exists already" in lake.run("init", "lake/sales", code=2).stderr
    assert lake.json("check", "orders", *WINDOW, code=1)["missing"] == ["2025-11-06"]
    assert lake.json("plan", "orders", *WINDOW, code=0)["due"] == ["2025-11-06"]
    assert lake.json("run", "orders", *WINDOW, code=0)["coverage_pct"] == 100.0
    assert lake.lines("started.txt") == ["2025-11-06"]


def test_a_configuration_in_another_folder_names_the_lake_in_full(tmp_path):
    lake = AnyLake(tmp_path)
    (tmp_path / "config").mkdir()
    lake.run("init", "lake/sales", "--config", "config/new.toml", code=0)
    text = (tmp_path / "config" / "new.toml").read_text()
    assert tomllib.loads(text)["datasets"]["orders"]["url"] == str(tmp_path / "lake" / "sales")
    assert lake.json("check", *WINDOW, "--config", "config/new.toml", code=0)["missing"] == []


def test_a_lake_in_the_home_folder_is_found_from_a_configuration_in_another_folder(tmp_path, monkeypatch):
    lake = AnyLake(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    lake.run("init", "~/lake/sales", "--config", "config/new.toml", code=0)
    text = (tmp_path / "config" / "new.toml").read_text()
    assert tomllib.loads(text)["datasets"]["orders"]["url"] == str(tmp_path / "lake" / "sales")


def test_init_says_what_it_cannot_do(tmp_path):
    lake = AnyLake(tmp_path)
    (tmp_path / "empty").mkdir()
    done = lake.run("init", "empty", "--config", "new.toml", code=2)
    assert "has no folder with a date in its name" in done.stderr
    done = lake.run("init", "emty", "--config", "new.toml", code=2)
    assert "emty is not a folder" in done.stderr
    assert not (tmp_path / "new.toml").exists()


def test_doctor_names_what_fails_and_the_fix(tmp_path, monkeypatch):
    lake = AnyLake(tmp_path, CONFIG.replace('"revenue.py"', '"revenue.py", "x"'))
    assert [finding["ok"] for finding in lake.json("doctor", code=0)] == [True] * 5
    text = CONFIG.replace("lake/sales", "s3://nowhere").replace(
        "min_rows", "timeout = 0.5\nretries = 0\nmin_rows"
    )
    lake = AnyLake(
        tmp_path / "other",
        text + '\n[consumers.gone]\ndatasets = ["orders"]\ncommand = ["no-such-program"]\n',
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    findings = {finding["subject"]: finding for finding in lake.json("doctor", code=3)}
    assert [name for name, finding in findings.items() if not finding["ok"]] == [
        "dataset orders",
        "consumer gone",
    ]
    assert "no-such-program is not a program that can be started" in findings["consumer gone"]["text"]


def test_the_ends_of_a_level_with_thousands_of_folders_are_found(tmp_path):
    first = dt.date(2010, 1, 1)
    days = [(first + dt.timedelta(days=number)).isoformat() for number in range(4000)]
    for day in days:
        path = tmp_path / "lake" / f"dt={day}" / "part-0.csv"
        path.parent.mkdir(parents=True)
        path.write_text("a\n1\n")
    (proposal,) = proposals(tmp_path / "lake")
    assert (proposal.first.isoformat(), proposal.last.isoformat()) == (days[0], days[-1])

    words = [*COMMAND, "init", "lake"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].endswith(f"--start {days[-3660]} --end {days[-1]}")


def test_links_to_themselves_and_to_folders_above_are_not_followed(tmp_path):
    lake = tmp_path / "lake"
    write(lake, *(f"dt={day}" for day in DAYS))
    (lake / "dt=2025-11-07").symlink_to("dt=2025-11-07")
    (lake / "here").symlink_to(".")
    (lake / "above").symlink_to("..")
    (proposal,) = proposals(lake)
    assert proposal.last.isoformat() == DAYS[-1]


def test_an_hour_in_the_findings_of_doctor_is_written_as_a_key(tmp_path):
    lake = AnyLake(tmp_path, CONFIG.replace("%Y-%m-%d", "%Y-%m-%dT%H").replace('"day"', '"hour"'))
    findings = {finding["subject"]: finding["text"] for finding in lake.json("doctor")}
    assert re.search(r"; \d{4}-\d\d-\d\dT\d\d is absent", findings["dataset orders"])
