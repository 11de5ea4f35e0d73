"""Test how tests and screenshots find the browser, and the message if no browser is installed."""

import subprocess
import sys

import pytest

from testing import browser as tests_browser
from tests.test_house import make
from tools.browser import NoBrowser, executable, flags, main


def test_the_program_that_is_named_is_used(monkeypatch):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert executable() == sys.executable


def test_without_a_browser_it_is_said_how_to_get_one(monkeypatch, capsys):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(
        NoBrowser, match=r"CHROMIUM names 'no-such-browser', which is not a program.*make browser"
    ):
        executable()
    assert main() == 1
    assert "make browser" in capsys.readouterr().err
    with pytest.raises(pytest.fail.Exception, match="Chromium is not installed"), tests_browser.chromium():
        pass


def test_a_user_keeps_the_sandbox(monkeypatch):
    monkeypatch.setattr("tools.browser.os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in flags()


def test_a_user_without_a_browser_is_not_asked_for_a_password(monkeypatch, capsys):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tools.browser.os.geteuid", lambda: 1000)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    assert main() == 1
    assert "none of chromium, chromium-browser" in capsys.readouterr().err


def test_tests_get_the_browser_and_the_demo_needs_none():
    assert "tools.browser" in make("--dry-run", "test").stdout
    assert "tools.browser" not in make("--dry-run", "demo").stdout
