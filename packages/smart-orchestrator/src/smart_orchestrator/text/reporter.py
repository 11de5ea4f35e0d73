"""What people see of a check, a plan and a backfill: on a terminal with colours, in a pipe or log as plain lines, or not.

The layer itself is silent; it tells a `Console` what happens. Results (`write_…`) are text for stdout, progress is
lines for stderr; which stream a console writes to is its caller's choice. Rich is imported by the terminal form only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TextIO

from smart_orchestrator.contract.rows import Code
from smart_orchestrator.model.plan import Action

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from rich.console import Console as Terminal

    from smart_orchestrator.adapters.manifest_document import Partition
    from smart_orchestrator.checking import Completeness
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run

Line = tuple[str, str]
"""A line of text and its style: `good`, `bad`, `warn`, `dim`, `strong` or nothing."""

# C0 and C1 control characters, marks and overrides of direction, and lone surrogates.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "dim": "dim", "strong": "bold", "": ""}


class Console(Protocol):
    """Is told what a backfill does. `progress` is (days done, days to do)."""

    def checked(self, completeness: Completeness) -> None:
        """The window was looked at."""
        ...

    def planned(self, plan: Plan) -> None:
        """It is known what will be done."""
        ...

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """A run was started here."""
        ...

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """A run of somebody else is followed."""
        ...

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """A day became whole."""
        ...

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """A run did not make its day whole; `again` says whether the day is tried again."""
        ...


class SilentConsole:
    """Says nothing."""

    def checked(self, completeness: Completeness) -> None:
        """Nothing."""

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Nothing."""

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Nothing."""

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Nothing."""

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Nothing."""


class LineConsole:
    """Writes lines to a stream: with colours where it is a terminal, plain elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = _terminal(stream)

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines in their styles."""
        self.write_rows([line] for line in lines)

    def write_rows(self, rows: Iterable[Sequence[Line]]) -> None:
        """Write lines made of pieces, each in its style."""
        for row in rows:
            if self._terminal is None:
                print("".join(printable(text) for text, _ in row), file=self._stream, flush=True)
            else:
                from rich.text import Text

                pieces = [(printable(text), _STYLES[style]) for text, style in row]
                self._terminal.print(Text.assemble(*pieces), soft_wrap=True)

    def checked(self, completeness: Completeness) -> None:
        """The report of the window."""
        self.write(completeness_lines(completeness))

    def planned(self, plan: Plan) -> None:
        """The plan, when there is something to do."""
        self.write(plan_lines(plan))

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """One line."""
        self.write([(f"{_counter(progress)} {run.day} started (run {run.name})", "")])

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """One line."""
        self.write(
            [(f"{_counter(progress)} {run.day} is run by another process (run {run.name}): following it", "")]
        )

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """One line."""
        seconds = ""
        if run is not None and run.started_at is not None and run.ended_at is not None:
            seconds = f" in {(run.ended_at - run.started_at).total_seconds():.1f} s"
        self.write([(f"{_counter(progress)} {partition.day} is whole: {partition.reason}{seconds}", "good")])

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """One line."""
        then = "trying again" if again else "giving it up"
        text = (
            f"{_counter(progress)} {run.day} failed (run {run.name}, {run.failure}): {run.message} -- {then}"
        )
        self.write([(text, "warn" if again else "bad")])


def _terminal(stream: TextIO) -> Terminal | None:
    if not stream.isatty():
        return None
    from rich.console import Console as Terminal

    return Terminal(file=stream, highlight=False)


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey: control characters and direction overrides."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _counter(progress: tuple[int, int]) -> str:
    done, total = progress
    return f"[{done}/{total}]"


def weekday(day: dt.date) -> str:
    """The English name of the day's weekday, whatever the locale."""
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[day.weekday()]


def completeness_lines(completeness: Completeness, *, most: int = 40) -> list[Line]:
    """The report of a window: its days newest first (troubles only when there are more than `most`), then the sums."""
    window = completeness.window
    days = "1 day" if len(window) == 1 else f"{len(window)} days"
    lines: list[Line] = [
        (f"{completeness.dataset}  {window}  ({days}, as of {window.as_of}, lag {window.lag})", "strong")
    ]
    shown = [p for p in reversed(completeness.days) if len(window) <= most or not p.available]
    lines += [_day_line(partition) for partition in shown[:most]]
    if len(shown) > most:
        lines.append((f"  … and {len(shown) - most} more days that are not available", "dim"))
    lines.append(summary_line(completeness))
    lines += [
        (f"stray: {name} is no day's key and does not count", "warn") for name in completeness.strays[:10]
    ]
    if len(completeness.strays) > 10:
        lines.append((f"… and {len(completeness.strays) - 10} more strays", "warn"))
    return lines


def summary_line(completeness: Completeness) -> Line:
    """The sums of a window in one line."""
    parts = [
        f"expected {len(completeness.expected)}",
        f"available {len(completeness.available)}",
        f"missing {len(completeness.missing)}",
        f"coverage {completeness.coverage_pct:.1f} %",
    ]
    if completeness.not_yet:
        parts.append(f"within the lag {len(completeness.not_yet)}")
    if completeness.waived:
        parts.append(f"waived {len(completeness.waived)}")
    return ", ".join(parts), "good" if completeness.whole else "bad"


def _day_line(partition: Partition) -> Line:
    style = "good" if partition.available else "bad"
    if partition.code in (Code.WITHIN_LAG, Code.WAIVED):
        style = "dim"
    elif partition.code is Code.UNUSUAL_VOLUME:
        style = "warn"
    why = partition.reason if partition.code is Code.OK else f"{partition.code}: {partition.reason}"
    return f"  {partition.day}  {weekday(partition.day):<9}  {partition.state:<11}  {why}", style


_MARKS = {Action.START: "+", Action.FOLLOW: ">", Action.WAIT: "~", Action.GIVE_UP: "x", Action.KEEP: " "}


def plan_lines(plan: Plan, *, every: bool = False) -> list[Line]:
    """What will be done, a line a day that is not kept (all days with `every`)."""
    steps = [step for step in plan.steps if every or step.action is not Action.KEEP]
    if not steps:
        return [("plan: nothing to do, every day is kept", "good")]
    lines: list[Line] = [("plan:", "strong")]
    lines += [(f"  {_MARKS[step.action]} {step.day}  {step.action:<7}  {step.why}", "") for step in steps]
    return lines


def date_report_lines(completeness: Completeness, total: int, fix: str) -> list[Line]:
    """The report that users of `print_date_report` know: sums, available days newest first, missing ones, the hint."""
    missing = list(reversed(completeness.missing))
    lines: list[Line] = [
        (f"Data completeness, {completeness.window} (as of {completeness.window.as_of})", "strong"),
        (f"Total files in the diamond bucket: {total}", ""),
        (f"Expected dates: {len(completeness.expected)}", ""),
        (f"Available dates: {len(completeness.available)}", ""),
        (f"Missing dates: {len(missing)}", ""),
        (f"Coverage: {completeness.coverage_pct:.1f} %", "good" if completeness.whole else "bad"),
    ]
    if completeness.available:
        lines.append(("Available:", "strong"))
        lines += [(f"  {day} ({weekday(day)})", "good") for day in reversed(completeness.available)]
    if missing:
        lines.append(("Missing:", "strong"))
        lines += [(f"  {day} ({weekday(day)}): {completeness[day].reason}", "bad") for day in missing]
        lines.append((fix, ""))
    if completeness.waived:
        lines.append(("Not expected:", "strong"))
        lines += [
            (f"  {day} ({weekday(day)}): {completeness[day].reason}", "dim")
            for day in reversed(completeness.waived)
        ]
    return lines
