"""The container set-up: pinned images, health checks, no open ports, no default passwords."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import pytest
import yaml

from tools.compose_env import main, missing_lines
from tools.containers.images import TARGETS, pinned_names
from tools.containers.nights import documented_lines

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]


def test_every_name_that_compose_requires_is_made():
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))

    assert required == {line.partition("=")[0] for line in missing_lines("")}
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) - required == {"AIRFLOW_EXECUTOR"}


def test_a_file_of_ones_own_is_kept_and_only_its_owner_reads_it(tmp_path, capsys):
    file = tmp_path / ".env"
    file.write_text("POSTGRES_PASSWORD=mine")

    assert main(file) == 0
    first = file.read_text()
    assert main(file) == 0

    assert file.read_text() == first
    assert first.startswith("POSTGRES_PASSWORD=mine\nREDIS_PASSWORD=")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "0 names added" in capsys.readouterr().out


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_checked_and_closed(name):
    service = SERVICES[name]

    assert re.search(r":\d+\.\d+", service["image"])
    assert name == "airflow-init" or service["healthcheck"]["test"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "network_mode" not in service


def test_the_image_has_the_airflow_of_the_lock():
    locked = {
        package["name"]: package["version"]
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }

    assert f"FROM apache/airflow:{locked['apache-airflow']}-" in (ROOT / "Dockerfile").read_text()
    assert SERVICES["airflow-scheduler"]["image"] == f"wiki-trends-airflow:{locked['apache-airflow']}"


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.wiki-trends"])
def test_an_image_is_made_of_files_that_are_there_and_sent_along(name):
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", (ROOT / name).read_text(), re.MULTILINE)

    for path in " ".join(copied).split():
        assert (ROOT / path).exists()
        assert any(f"!{path}".startswith(rule.rstrip("/")) for rule in sent if rule.startswith("!"))


def test_the_image_installs_every_distribution_of_the_workspace_from_its_sources():
    (installed,) = re.findall(
        r"^RUN pip install (.*?) && ", (ROOT / "Dockerfile").read_text(), re.MULTILINE | re.DOTALL
    )
    sources = {folder.parent.name for folder in ROOT.glob("packages/*/pyproject.toml")}

    assert set(re.findall(r"/tmp/packages/([\w-]+)", installed)) == sources


def test_the_image_without_airflow_is_pinned_not_root_and_installs_the_lock():
    text = (ROOT / "Dockerfile.wiki-trends").read_text()

    # A name without a tag is an earlier stage.
    assert re.findall(r"^FROM (\S+:\S+)", text, re.MULTILINE) == ["python:3.11.14-slim-bookworm"]
    assert re.search(r"\bpip install --no-cache-dir uv==[\d.]+$", text, re.MULTILINE)
    assert re.search(r"\buv sync .*--frozen .*--no-editable", text)
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]


def test_every_pinned_image_has_a_stand_in():
    assert set(pinned_names()) == set(TARGETS)


def test_the_documented_containers_are_read_only_and_published_on_this_machine_alone():
    build, *runs = documented_lines((ROOT / "README.md").read_text(), "build|run")

    assert "Dockerfile.wiki-trends" in build
    assert len(runs) == 2
    assert all(" --read-only " in line for line in runs)
    assert [re.findall(r" -p (\S+)", line) for line in runs] == [[], ["127.0.0.1:8600:8600"]]
