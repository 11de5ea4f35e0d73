"""Build the output of `status`: a mark for each partition of every dataset, and the causes of missing partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.cli.output import cause_lines, causes_document, check_document
from smart_orchestrator.cli.upstream_output import upstream_document, upstream_line
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.text.calendar import LEGEND, mark
from smart_orchestrator.text.reports import summary_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.cause import Explanation
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.text.reports import Line
    from smart_orchestrator.upstream.watch import UpstreamStatus

    Check = tuple[Completeness, Mapping[Key, Explanation]]


def status_document(
    checks: Sequence[Check], errors: Mapping[str, str], upstreams: Mapping[str, UpstreamStatus]
) -> dict[str, object]:
    """Return the document that `status --json` prints.

    Args:
        checks: the completeness of each dataset, and the causes of its missing partitions.
        errors: the error texts of the datasets that could not be checked, by the name of the dataset.
        upstreams: the status of the upstream of each dataset with a probe, by the name of the dataset.
    """
    return {
        "ready": not errors and all(completeness.ready for completeness, _ in checks),
        "errors": dict(errors),
        "datasets": {
            completeness.dataset: {
                **check_document(completeness),
                "causes": causes_document(causes),
                **upstream_document(upstreams.get(completeness.dataset)),
            }
            for completeness, causes in checks
        },
    }


def status_rows(checks: Sequence[Check], upstreams: Mapping[str, UpstreamStatus]) -> list[list[Line]]:
    """Return the rows of all datasets, and then a legend of the marks.

    The rows of a dataset are its marks (oldest partition first), its summary, its upstream if it has a probe, and the causes of its
    missing partitions.
    """
    width = max((len(completeness.dataset) for completeness, _ in checks), default=0)
    rows: list[list[Line]] = []
    for completeness, causes in checks:
        window = completeness.window
        marks: list[Line] = [mark(p, completeness.policy.state_of(p)) for p in completeness.partitions]
        window_ends = f"  {key_text(window.start)} .. {key_text(window.last)}  "
        rows.append([(f"{completeness.dataset:<{width}}", "strong"), (window_ends, "dim"), *marks])
        text, style = summary_line(completeness)
        rows.append([(f"{'':<{width}}  {text}", style)])
        if completeness.dataset in upstreams:
            rows.append([upstream_line(upstreams[completeness.dataset])])
        rows += [[line] for line in cause_lines(completeness, causes)]
    legend = [piece for mark_, style, text in LEGEND for piece in ((mark_, style), (f" {text}  ", "dim"))]
    return [*rows, legend] if rows else []
