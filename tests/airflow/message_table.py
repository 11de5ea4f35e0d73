"""The table of situations and of exactly what is sent: `python -m tests.airflow.message_table` prints it for `docs/messages.md`."""

from __future__ import annotations

# The type, the title and the text of a message.
Sent = tuple[str, str, str]

WINDOW = "Window: 2025-11-05 .. 2025-11-09"
RUN = "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
NOT_PUBLISHED = "The analytics were not run; the tables published before are unchanged."
RUN_FAILED = (
    "  2025-11-06 failed (run 2025-11-06.1, UNREACHABLE): task fetch failed: HTTP 500 -- "
    "https://airflow.example/dags/pages_pipeline/runs/2025-11-06.1"
)
KEPT = (
    "Skipped: the window 2025-11-05 .. 2025-11-09 ends before the published window, 2025-11-10 .. 2025-11-14, which is kept. "
    'To replace it, trigger a run with {"replace_newer": true}.'
)


def done(*lines: str) -> Sent:
    """The message of a run whose analytics ran on a complete window."""
    return "success", "pages: analytics done", "\n".join([WINDOW, "Coverage: 100.0 %", *lines, RUN])


def failed(*lines: str) -> Sent:
    """The message of a run without analytics."""
    return "failure", "pages: FAILED, nothing was published", "\n".join([*lines, RUN])


UNCHANGED = done()
FILLED = done("Days filled: 2025-11-06", "Days failed: none")
DAY_FAILED = failed(
    WINDOW,
    "Coverage: 80.0 %",
    "Days filled: none",
    "Days failed: 2025-11-06",
    RUN_FAILED,
    f"Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing 2025-11-06. {NOT_PUBLISHED}",
)

SITUATIONS: dict[str, list[Sent]] = {
    "a missing day was filled": [FILLED],
    'a missing day was filled, `notify_on="failure"`': [],
    'a missing day was filled, `notify_on="change"`': [FILLED],
    "nothing has changed": [UNCHANGED],
    'nothing has changed, `notify_on="failure"`': [],
    'nothing has changed, `notify_on="change"`': [],
    'a run failed, and nothing has changed in the two runs after it, `notify_on="change"`': [
        DAY_FAILED,
        (
            "success",
            "pages: analytics done",
            f"Recovered: the run night had failed\n{WINDOW}\nCoverage: 100.0 %\n{RUN}-2",
        ),
    ],
    "a day is gone when the analytics check again": [
        failed(
            WINDOW,
            "Coverage: 80.0 %",
            f"Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing 2025-11-05. {NOT_PUBLISHED}",
        ),
    ],
    "the pipeline run of a day failed": [DAY_FAILED],
    'the pipeline run of a day failed, `notify_on="failure"`': [DAY_FAILED],
    "the wait ended early, because the window cannot become complete": [
        failed(
            WINDOW,
            "Coverage: 60.0 %",
            "Days filled: none",
            "Days failed: 2025-11-06",
            RUN_FAILED,
            "  2025-11-07 is not there yet, its run 2025-11-07.1 is running: the window can no longer become ready -- "
            "https://airflow.example/dags/pages_pipeline/runs/2025-11-07.1",
            "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 60.0 %, missing 2025-11-06, 2025-11-07. "
            f"{NOT_PUBLISHED}",
        ),
    ],
    "the run has missed its deadline": [
        (
            "failure",
            "pages: not done after 2 h",
            "Run night has not succeeded yet. This message does not stop it.",
        ),
    ],
    "a parameter is wrong": [
        failed("Problem: conf: 'dayz' is not a parameter of this DAG. Did you mean days?"),
    ],
    "an old window is not published": [
        (
            "success",
            "pages: analytics skipped",
            f"{KEPT}\n{WINDOW}\nCoverage: 100.0 %\n{RUN}",
        ),
    ],
    "the analytics failed": [
        failed(
            WINDOW,
            "Coverage: 100.0 %",
            "Problem: warehouse: 'postgresql://db/pages' does not answer. Start it.",
        ),
    ],
    "a task was killed, or marked as failed": [
        failed(
            WINDOW,
            "Coverage: 100.0 %",
            "Problem: run_analytics was killed, or marked as failed. See its log.",
        ),
    ],
    "a day was restated (a channel of `wiki-trends`)": [
        (
            "warning",
            "pages: 1 partition restated",
            "2025-11-06: the upstream has other views since 2025-11-11",
        ),
    ],
    "a day is late, and later there; each judged twice": [
        (
            "failure",
            "pages: 2025-11-08 late",
            "2025-11-08 was due 2025-11-10 06:00 UTC: nothing is there",
        ),
        (
            "success",
            "pages: 2025-11-08 recovered",
            "2025-11-08 is available since 2025-11-10 09:30 UTC; it was due 2025-11-10 06:00 UTC",
        ),
    ],
    "a dry run": [],
    "one of two addresses is dead: what the other receives": [UNCHANGED],
    "a failed run was cleared, and then succeeded": [DAY_FAILED, FILLED],
}
# The situations whose text in the table differs from their key, which is the id of a test.
_TEXTS = {
    "a day was restated (a channel of `wiki-trends`)": "a day was restated, and `wiki-trends run` sent the event "
    "[`restated`](freshness-and-signals.md#messages)",
    "a day is late, and later there; each judged twice": "a day is late, and arrives later; `CheckFreshness` runs twice before it "
    "arrives, and twice after",
}


def markdown() -> str:
    """The table, one row for each message."""
    rows = ["| situation | type | title | text |", "|---|---|---|---|"]
    for situation, sent in SITUATIONS.items():
        for kind, title, text in sent or [("", "nothing is sent", "")]:
            body = "<br>".join(f"`{line}`" for line in text.splitlines())
            rows.append(f"| {_TEXTS.get(situation, situation)} | {kind} | {title} | {body} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
