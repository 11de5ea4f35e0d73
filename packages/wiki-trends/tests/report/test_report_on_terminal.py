"""`wiki-trends report` on a real terminal and in a real pipe."""

import re

import pexpect
import pytest
from rich.cells import cell_len

from testing.report_windows import HOSTILE, publish, varied_rows
from wiki_trends.config.settings import load
from wiki_trends.report.text import safe


@pytest.fixture
def published(place):
    publish(
        load(), {offset: varied_rows(offset, HOSTILE) for offset in (0, 1, 2, 4)}, window=5, min_coverage=80
    )
    return place


def on_terminal(place, columns):
    child = place.terminal("report", "--limit", "70", columns=columns)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return child.before


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 132])
def test_the_width_of_the_terminal_is_kept(published, columns):
    text = on_terminal(published, columns)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = plain.replace("\r\n", "\n").splitlines()
    assert [line for line in lines if cell_len(line) > columns] == []
    assert "Coverage 80.0 % of 5 expected days" in plain
    assert "· 2025-11-08  absent (MISSING): nothing is there" in plain
    growing = plain.split("Top growing")[1].split("Top declining")[0]
    assert ("▁" in growing) == (columns > 60)


def test_a_pipe_gets_plain_text(published):
    ran = published.process("report", "--limit", "70")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "Top growing" in ran.out
    for title in HOSTILE:
        shown = safe(title)[:20]
        assert shown in ran.out, title
    assert not set("\u202e\u2066\u2028") & set(ran.out)
