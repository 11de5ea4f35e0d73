"""Test the checks of the documentation on a small program with faults, and on this project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pytest
import typer

from tools import docs_check, reference
from tools.commands import read_commands
from tools.markdown import read_page

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


@app.callback()
def top() -> None:
    """A tiny program."""


@app.command()
def check(
    days: Annotated[int, typer.Option("--days", "-n", help="Days in the window.", metavar="N|M")] = 5,
    color: Annotated[bool, typer.Option("--color/--no-color", help="With colours.")] = True,
) -> None:
    """Check the window.

    More about it.

    Example:
        wiki-trends check --days 7
    """


@app.command()
def fetch(
    day: Annotated[list[str], typer.Argument(help="UTC days.", metavar="DAY…")], lake: str = "x"
) -> None:
    """Get days."""


@app.command(epilog="Example: wiki-trends count --json")
def count(as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False) -> None:
    """Count days."""


COMMANDS = read_commands(app, "wiki-trends")


@pytest.fixture
def project(tmp_path: Path) -> docs_check.Facts:
    (tmp_path / "docs").mkdir()
    (tmp_path / "Makefile").write_text("X := 1\ndemo: a ## text\n\ttrue\ndocs:\n\ttrue\nTOOL:\n\ttrue\n")
    return docs_check.facts(tmp_path, COMMANDS)


def problems_of(project: docs_check.Facts, text: str) -> list[str]:
    (project.root / "README.md").write_text(text)
    return list(docs_check.page_problems(project))


def test_reference_shows_usage_arguments_options_and_the_example_as_a_console_block() -> None:
    page = reference.cli_page(COMMANDS)

    assert "- [`wiki-trends check`](#wiki-trends-check): Check the window.\n" in page
    assert "Example:\n\n```console\n$ wiki-trends check --days 7\n```\n" in page
    assert "```text\nwiki-trends check [OPTIONS]\n```" in page
    assert "Example:\n\n```console\n$ wiki-trends count --json\n```\n" in page
    assert "| `-n, --days N\\|M` | Days in the window.  [default: 5] |" in page
    assert "| `--color / --no-color` |" in page
    assert "| UTC days.  [required] |" in page


def test_reference_is_a_page_that_passes_its_own_checks(project: docs_check.Facts) -> None:
    (project.root / "docs" / "cli.md").write_text(reference.cli_page(COMMANDS))
    (project.root / "docs" / "settings.md").write_text(reference.settings_page(COMMANDS))

    assert list(docs_check.page_problems(project)) == []


def test_settings_page_names_the_flag_only_where_a_command_has_it() -> None:
    page = reference.settings_page(COMMANDS)

    assert "| `WIKI_TRENDS_LAKE` | `lake` | `--lake` | `data/lake/{layer}` |" in page
    assert "| `WIKI_TRENDS_PROJECT` | `project` |  | `en.wikipedia` |" in page


def test_stale_page_is_reported_and_a_fresh_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "fresh.md").write_text("a\n")
    (tmp_path / "stale.md").write_text("b\n")

    problems = list(
        docs_check.stale_pages(tmp_path, {"fresh.md": "a\n", "stale.md": "a\n", "absent.md": "a\n"})
    )

    assert [problem.split(":")[0] for problem in problems] == ["stale.md", "absent.md"]


def test_command_without_example_and_option_without_help_are_reported(project: docs_check.Facts) -> None:
    problems = list(docs_check.undocumented_commands(project))

    assert len(problems) == 2
    assert problems[0].startswith("wiki-trends fetch: its help has no example")
    assert problems[1].startswith("wiki-trends fetch: --lake")
    assert problems[1].endswith("has no help")


@pytest.mark.parametrize(
    "line",
    [
        "wiki-trends check",
        "wiki-trends check -n 7 --no-color  # a remark with `quotes' --bad",
        "WIKI_TRENDS_LAKE=s3://{layer} wiki-trends check --days=7 | grep --colour 2025",
        "wiki-trends --help",
        "wiki-trends check -h",
        "wiki-trends fetch 2025-11-05 --lake 'a --b'",
        "cd x && make demo CONTACT=--x && wiki-trends fetch DAY…",
        "git clone --depth 1 somewhere",
        "python -c 'print(1)'",
    ],
)
def test_line_that_can_be_typed_has_no_problem(project: docs_check.Facts, line: str) -> None:
    assert problems_of(project, f"```console\n$ {line}\n```\n") == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("wiki-trends chek", "no such command"),
        ("wiki-trends check --dayz 7", "--dayz"),
        ("wiki-trends check --lake x", "--lake"),
        ("wiki-trends fetch -n 7", "-n"),
        ("true && wiki-trends check \\\n    --dayz 7", "--dayz"),
        ("make demos", "demos"),
        ("make X", "X"),
        ("WIKI_TRENDS_LAEK=x wiki-trends check", "WIKI_TRENDS_LAEK"),
        ("python gone.py", "gone.py"),
        ("wiki-trends check 'open", "cannot be parsed"),
    ],
)
def test_line_that_cannot_be_typed_is_reported(project: docs_check.Facts, line: str, named: str) -> None:
    problems = problems_of(project, f"text\n\n```console\n$ {line}\noutput --dayz\n```\n")

    assert len(problems) == 1
    assert problems[0].startswith("README.md:4: ")
    assert named in problems[0]


def test_inline_code_and_named_settings_are_held_too(project: docs_check.Facts) -> None:
    problems = problems_of(
        project, "Type `wiki-trends chek` or `make tea`.\n\nSet WIKI_TRENDS_DAYZ, or `WIKI_TRENDS_DAYS`.\n"
    )

    assert len(problems) == 3
    assert "no setting WIKI_TRENDS_DAYZ" in problems[2]


def test_other_blocks_are_not_read_as_commands(project: docs_check.Facts) -> None:
    assert problems_of(project, "```text\n$ wiki-trends chek\n```\n\n~~~\n[a](gone.md)\n```\n~~~\n") == []


def test_links_must_lead_to_a_file_of_the_project_and_a_heading(project: docs_check.Facts) -> None:
    (project.root / "docs" / "a b.md").write_text("# One `two`, three!\n\n# One two three\n")
    text = (
        "# Here\n[1](docs/a%20b.md) [2](docs/a%20b.md#one-two-three) [3](#here) [4](docs/a%20b.md#one-two-three-1)\n"
        "[5](https://example.org/gone) `[6](gone.md)`\n"
        "[7](docs/gone.md) [8](docs/a%20b.md#four) [9](#gone) ![10](../outside.png)\n"
    )

    problems = problems_of(project, text)

    assert [problem.split(": ", 1)[0] for problem in problems] == ["README.md:4"] * 4
    assert [problem.split("link to ")[1].split(":")[0] for problem in problems] == [
        "docs/gone.md",
        "docs/a%20b.md#four",
        "#gone",
        "../outside.png",
    ]


def test_messages_in_the_sources_must_name_existing_commands(project: docs_check.Facts) -> None:
    folder = project.root / "packages" / "tiny" / "src" / "tiny"
    folder.mkdir(parents=True)
    (folder / "errors.py").write_text(
        'a = "Run `wiki-trends check --days 7`."\nb = f"Run `wiki-trends fetch {day}`."\nc = "Run `wiki-trends cure`."\n'
    )

    assert list(docs_check.message_problems(project)) == [
        "packages/tiny/src/tiny/errors.py:3: `wiki-trends cure`: no such command"
    ]


def test_continued_command_and_its_line_number() -> None:
    page = read_page("```console\n$ one \\\n  --two \\\n  three\nout\n$ four\n```\n")

    assert page.commands == [(2, "one --two three"), (6, "four")]


def test_documentation_of_this_project_is_true() -> None:
    assert docs_check.all_problems() == []
