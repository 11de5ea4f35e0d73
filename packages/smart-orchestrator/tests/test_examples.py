"""The sessions of the documentation: every command runs, and prints what is shown below it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from testing.documented_sessions import EXAMPLES, copy_of, play, run

ROOT = EXAMPLES.parent
HIVE = EXAMPLES / "hive_parquet"
HOURLY = EXAMPLES / "hourly_logs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "example"),
    [
        (HIVE / "README.md", HIVE),
        (HOURLY / "README.md", HOURLY),
        (ROOT / "docs" / "any-lake.md", HIVE),
        (Path(__file__).parents[1] / "README.md", HIVE),
    ],
    ids=["hive", "hourly", "docs", "readme"],
)
def test_a_documented_session_prints_what_it_shows(page, example, tmp_path):
    folder = copy_of(example, tmp_path / "example")
    run(["python", "make_lake.py"], folder).check_returncode()
    play(page, folder)


@pytest.mark.slow
def test_the_session_of_the_example_with_postgresql(tmp_path, postgres_url):
    parts = urlsplit(postgres_url)
    variables = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": unquote(parts.password),
        "PGDATABASE": parts.path[1:],
    }
    play(EXAMPLES / "postgres" / "README.md", copy_of(EXAMPLES / "postgres", tmp_path / "example"), variables)


def test_the_index_lists_every_example():
    folders = sorted(path.parent.name for path in EXAMPLES.glob("*/smart-orchestrator.toml"))
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\| \[(\w+)\]\(\1/README\.md\)", index) == folders


def test_the_configuration_of_the_page_can_be_read():
    from smart_orchestrator.config.loading import parse_config

    page = (ROOT / "docs" / "any-lake.md").read_text(encoding="utf-8")
    text, *_ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    config = parse_config(text.encode(), Path("smart-orchestrator.toml"))
    assert list(config.datasets) == ["customers", "orders"]
    assert config.consumers["revenue"].command[0] == "dbt"
