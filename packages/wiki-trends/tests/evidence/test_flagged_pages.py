"""The text of the evidence says that the share of desktops of a page was unusual."""

import polars as pl

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from testing.window_data import TYPES, day_number, diamond_in, ranked, window_of
from wiki_trends.analytics.analyze import analyze
from wiki_trends.evidence.collect import Collected
from wiki_trends.evidence.model import Finding
from wiki_trends.evidence.table import evidence_table
from wiki_trends.queries.evidence import read_evidence, read_why
from wiki_trends.warehouse import open_warehouse


def no_explanations(_scores, dataset, first, last):
    findings = [Finding(page, last) for page in ("Flagged", "Other")]
    return evidence_table(findings, Collected(), dataset, first, last)


def test_a_flagged_page_is_named_as_one_beside_its_evidence(tmp_path):
    dataset = diamond_in(tmp_path)
    for offset in range(2):
        frame = pl.DataFrame(ranked({"Flagged": 900 * (offset + 1), "Other": 300}), schema=TYPES)
        suspect = [{"page": "Flagged", "views": 900 * (offset + 1)}]
        write_frame(dataset, day_number(offset), frame, measured={"suspect": suspect})
    warehouse = open_warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")
    run = analyze(dataset, check(dataset, window_of(2)), warehouse, evidence=no_explanations).run
    assert (run.flagged, run.left_out) == (("Flagged",), ())
    with warehouse.reading() as reader:
        why = read_why(reader, reader.last_run(), ["Flagged", "Other"])
        (piece,) = read_evidence(reader, reader.last_run(), "Flagged")
    warning = "an unusual share of its views came from desktops, which can be automated traffic"
    assert warning in why["Flagged"]["text"]
    assert piece["text"] == why["Flagged"]["text"]
    assert warning not in why["Other"]["text"]
