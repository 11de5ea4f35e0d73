"""The next command of a user, printed in full."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from smart_orchestrator.cli.app import PROGRAM, app
from smart_orchestrator.cli.next_command import lines_of_mentioned_commands, next_command


def program(*arguments):
    return replace(PROGRAM, app=app, arguments=arguments)


@pytest.mark.parametrize(
    ("given", "name", "replacements", "expected"),
    [
        (("check",), "run", {}, "run"),
        (
            ("check", "orders", "--start", "2025-11-05", "--end=2025-11-09"),
            "run",
            {},
            "run orders --start 2025-11-05 --end 2025-11-09",
        ),
        (("--debug", "check", "--deep", "--min-coverage", "80"), "run", {}, "run --min-coverage 80.0"),
        (
            ("plan", "-c", "my file.toml", "-o", "a plan.json"),
            "apply",
            {"plan_file": "a plan.json"},
            "apply 'a plan.json' --config 'my file.toml'",
        ),
        (("check", "--days", "3"), "run", {"days": None, "last": 9}, "run --last 9"),
        (("check", "--config", "$(rm -r ~).toml"), "run", {}, "run --config '$(rm -r ~).toml'"),
        (("check", "--config=-x.toml"), "run", {}, "run --config=-x.toml"),
        (("check", "--", "-orders"), "run", {}, "run -- -orders"),
        (("check", "--config", "s3://key:secret@host/x"), "run", {}, "run --config 's3://(secret)@host/x'"),
        (("no-such-command",), "run", {}, "run"),
        ((), "run", {}, "run"),
    ],
    ids=[
        "no options",
        "window",
        "shared options only",
        "another argument",
        "replaced options",
        "for the shell",
        "a value like an option",
        "an argument like an option",
        "credentials",
        "an unknown command",
        "no command",
    ],
)
def test_the_next_command_has_the_options_that_the_user_gave(given, name, replacements, expected):
    text, style = next_command(program(*given), name, **replacements)
    assert (text, style) == (f"  smart-orchestrator {expected}", "command")
    assert shlex.split(text) == ["smart-orchestrator", *shlex.split(expected)]


def test_a_text_that_names_commands_is_followed_by_them():
    text = "Run `smart-orchestrator run` first, or `smart-orchestrator check`, not `smart-orchestrator fly`."
    lines = [
        line for line, _ in lines_of_mentioned_commands(program("explain", "orders", "2025-11-05"), text)
    ]
    assert lines == ["  smart-orchestrator run orders", "  smart-orchestrator check orders"]
    again = lines_of_mentioned_commands(program("run", "--last", "3"), "Then run the same command again.")
    assert again == [("  smart-orchestrator run --last 3", "command")]
    assert lines_of_mentioned_commands(program("run"), "Correct it.") == []


def test_a_program_without_commands_repeats_its_arguments():
    script = replace(PROGRAM, name="python script.py", app=None, arguments=("--days", "7"))
    assert lines_of_mentioned_commands(script, "Run `python script.py run`, or the same command again.") == [
        ("  python script.py --days 7", "command")
    ]
