"""The table of situations and of exactly what is sent: `python -m tests.airflow.message_table` prints it for `docs/messages.md`."""

from __future__ import annotations

# The type, the title and the text of each message.
SITUATIONS: dict[str, list[tuple[str, str, str]]] = {
    "a missing day was filled": [
        (
            "success",
            "pages: analytics done",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Days filled: 2025-11-06\n"
                "Days failed: none\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    'a missing day was filled, `notify_on="failure"`': [],
    'a missing day was filled, `notify_on="change"`': [
        (
            "success",
            "pages: analytics done",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Days filled: 2025-11-06\n"
                "Days failed: none\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "nothing has changed": [
        (
            "success",
            "pages: analytics done",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    'nothing has changed, `notify_on="failure"`': [],
    'nothing has changed, `notify_on="change"`': [],
    "a day is gone when the analytics check again": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 80.0 %\n"
                "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing "
                "2025-11-05. The analytics were not run; the tables published before are unchanged.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "the pipeline run of a day failed": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 80.0 %\n"
                "Days filled: none\n"
                "Days failed: 2025-11-06\n"
                "  2025-11-06 failed (run 2025-11-06.1, UNREACHABLE): task fetch failed: HTTP 500 -- "
                "https://airflow.example/dags/pages_pipeline/runs/2025-11-06.1\n"
                "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing "
                "2025-11-06. The analytics were not run; the tables published before are unchanged.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    'the pipeline run of a day failed, `notify_on="failure"`': [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 80.0 %\n"
                "Days filled: none\n"
                "Days failed: 2025-11-06\n"
                "  2025-11-06 failed (run 2025-11-06.1, UNREACHABLE): task fetch failed: HTTP 500 -- "
                "https://airflow.example/dags/pages_pipeline/runs/2025-11-06.1\n"
                "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing "
                "2025-11-06. The analytics were not run; the tables published before are unchanged.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "the wait ended early, because the window cannot become complete": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 60.0 %\n"
                "Days filled: none\n"
                "Days failed: 2025-11-06\n"
                "  2025-11-06 failed (run 2025-11-06.1, UNREACHABLE): task fetch failed: HTTP 500 -- "
                "https://airflow.example/dags/pages_pipeline/runs/2025-11-06.1\n"
                "  2025-11-07 is not there yet, its run 2025-11-07.1 is running: the window can no "
                "longer become ready -- https://airflow.example/dags/pages_pipeline/runs/2025-11-07.1\n"
                "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 60.0 %, missing "
                "2025-11-06, 2025-11-07. The analytics were not run; the tables published before are "
                "unchanged.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
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
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Problem: conf: 'dayz' is not a parameter of this DAG. Did you mean days?\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "an old window is not published": [
        (
            "success",
            "pages: analytics skipped",
            (
                "Skipped: the window 2025-11-05 .. 2025-11-09 ends before the published window, "
                "2025-11-10 .. 2025-11-14, which is kept. To replace it, trigger a run with "
                '{"replace_newer": true}.\n'
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "the analytics failed": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Problem: warehouse: 'postgresql://db/pages' does not answer. Start it.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "a task was killed, or marked as failed": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Problem: run_analytics was killed, or marked as failed. See its log.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
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
    "one of two addresses is dead: what the other receives": [
        (
            "success",
            "pages: analytics done",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
    "a failed run was cleared, and then succeeded": [
        (
            "failure",
            "pages: FAILED, nothing was published",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 80.0 %\n"
                "Days filled: none\n"
                "Days failed: 2025-11-06\n"
                "  2025-11-06 failed (run 2025-11-06.1, UNREACHABLE): task fetch failed: HTTP 500 -- "
                "https://airflow.example/dags/pages_pipeline/runs/2025-11-06.1\n"
                "Problem: The window 2025-11-05 .. 2025-11-09 is not ready: coverage 80.0 %, missing "
                "2025-11-06. The analytics were not run; the tables published before are unchanged.\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
        (
            "success",
            "pages: analytics done",
            (
                "Window: 2025-11-05 .. 2025-11-09\n"
                "Coverage: 100.0 %\n"
                "Days filled: 2025-11-06\n"
                "Days failed: none\n"
                "Run: https://airflow.example/dags/pages_orchestrator/runs/night"
            ),
        ),
    ],
}


def markdown() -> str:
    """The table, one row for each message."""
    rows = ["| situation | type | title | text |", "|---|---|---|---|"]
    for situation, sent in SITUATIONS.items():
        for kind, title, text in sent or [("", "nothing is sent", "")]:
            body = "<br>".join(f"`{line}`" for line in text.splitlines())
            rows.append(f"| {situation} | {kind} | {title} | {body} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
