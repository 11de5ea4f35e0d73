"""Test the demo: it runs the complete main job without a network, in one folder, and can be repeated."""

from __future__ import annotations

import re
import socket

import pytest

HOLES = ["2025-11-05", "2025-11-06"]


def assert_whole(ran, folder):
    assert ran.code == 0, ran.err
    document = ran.json
    assert document["folder"] == str(folder)
    assert document["coverage_pct"] == 100.0
    assert [run["day"] for run in document["runs_started"]] == HOLES
    names = {"timeseries", "common", "growth", "categories", "scores", "evidence"}
    tables = {
        "wiki_diamond",
        "wiki_page_history",
        "wiki_pipeline_runs",
        *(f"wiki_trends_{name}" for name in names),
    }
    assert set(document["rows"]) == tables
    # Five steps for each of the ten days: the five days of the window and the five days before them.
    assert document["rows"]["wiki_pipeline_runs"] == 50
    assert document["rows"]["wiki_trends_categories"] > 5
    few = {"wiki_pipeline_runs", "wiki_trends_categories", "wiki_trends_evidence"}
    assert all(rows > 100 for name, rows in document["rows"].items() if name not in few)
    assert "missing 2, coverage 60.0 %" in ran.err
    assert "coverage 100.0 %" in ran.err
    assert "page history: exact views of 300 pages" in ran.err


@pytest.mark.slow
def test_the_demo_makes_the_window_whole_twice_and_stays_in_its_folder(place):
    folder = place.folder / "demo"
    for _ in range(2):
        assert_whole(place.process("demo", "--folder", str(folder), "--json"), folder)
        assert [path.name for path in place.folder.iterdir()] == ["demo"]
        log = (folder / "sample-api.log").read_text(encoding="utf-8")
        assert log.count("/top/en.wikipedia/all-access/") == 10
    days = sorted(path.name for path in (folder / "lake/diamond").iterdir() if path.name[0] not in "._")
    assert len(days) == 10
    assert days[-1] == "diamond_final_2025_11_09.csv"
    shown = place.process("report", "--warehouse", f"duckdb:///{folder}/warehouse.duckdb")
    assert shown.code == 0
    assert "Trends of 2025-11-05 .. 2025-11-09" in shown.out


@pytest.mark.slow
def test_the_demo_shows_its_report_and_what_to_try_next_and_that_works(place, monkeypatch):
    folder = place.folder / "demo"
    ran = place.process("demo", "--folder", str(folder))
    assert ran.code == 0
    for heading in ("Top growing", "Top declining", "Most volatile", "Best rank improvements", "Categories"):
        assert heading in ran.out
    port = int(re.search(r"answers at http://127\.0\.0\.1:([0-9]+);", ran.err)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert "The files of the demo" in ran.out
    assert f"cd {folder}" in ran.out
    assert "wiki-trends check --as-of 2025-11-12" in ran.out
    monkeypatch.chdir(folder)
    assert place.run("check", "--as-of", "2025-11-12").code == 0
    assert place.run("report").code == 0


def test_a_folder_that_is_not_a_demos_is_left_alone(place):
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    ran = place.process("demo", "--folder", "mine")
    assert ran.code == 2
    assert "--folder: 'mine' contains files that are not from a demo" in ran.err
    assert place.all_paths() == ["mine", "mine/thesis.txt"]


@pytest.mark.parametrize("folder", ["file", "file/folder"])
def test_a_folder_that_cannot_be_made_is_named(place, folder):
    (place.folder / "file").write_text("mine", encoding="utf-8")
    ran = place.run("demo", "--folder", folder)
    assert (ran.code, ran.out) == (2, "")
    assert f"--folder: '{folder}' cannot be written (Not a directory)" in ran.err
    assert (place.folder / "file").read_text(encoding="utf-8") == "mine"
