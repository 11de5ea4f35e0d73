"""Keeps from visitors what they must not see: the paths of this installation, and secrets.

Messages about the lake, runs and errors may name a path of this machine. Such a message is not shown; a fixed sentence
says where to find it. The location that the message of a `LakeError` starts with is left out, and the rest is shown.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import PlanStep
    from smart_orchestrator.model.run import Run
    from wiki_trends.config.settings import Settings
    from wiki_trends.web.problems import Problem

HIDDEN = "***"
HIDDEN_IN_LOG = "The message names a path of the server, so it is only in the server's log."
HIDDEN_IN_PLAN = "The message names a path of the server; `wiki-trends plan` on the server shows it."
_LAYERS = ("bronze", "silver", "gold", "diamond")
_SECRET_SETTINGS = ("token", "web_token", "airflow_password", "airflow_token")
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "PGPASSWORD")
# The user information of a URL, RFC 3986, section 3.2.1.
_USERINFO = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")
# Shorter values would be found in words.
_MIN_SECRET = 4
# The characters before a path in a sentence; a slash between others is part of a URL, of a key or of a title.
_BEFORE_PATH = frozenset(" \t\n'\"`([{<=:,;")


class PublicText:
    """Decides which texts visitors of a dashboard with these settings may see."""

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(set(_secrets(settings)), key=len, reverse=True)
        self._locations = tuple(_locations(settings))
        self._roots = tuple(f"/{entry.name}/" for entry in Path("/").iterdir())

    def clean(self, text: str, hidden: str = HIDDEN_IN_LOG) -> str:
        """The text without secrets; `hidden` instead of a text that names a path of this machine."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = self._without_lake(_USERINFO.sub(f"{HIDDEN}@", text))
        return hidden if self._names_path(text) else text

    def problem(self, problem: Problem) -> Problem:
        """The problem with clean texts."""
        return problem.cleaned(self.clean)

    def run(self, run: Run) -> Run:
        """The run with a clean message."""
        url = self.clean(run.url, hidden="") if run.url else None
        return replace(run, message=self.clean(run.message, HIDDEN_IN_PLAN), url=url or None)

    def partition(self, partition: Partition) -> Partition:
        """The partition with a clean reason."""
        return replace(partition, reason=self.clean(partition.reason, HIDDEN_IN_PLAN))

    def step(self, step: PlanStep) -> PlanStep:
        """The step of a plan with a clean reason and run."""
        return replace(
            step, why=self.clean(step.why, HIDDEN_IN_PLAN), run=self.run(step.run) if step.run else None
        )

    def _without_lake(self, text: str) -> str:
        """A message without the location of the lake that the text of a `LakeError` starts with."""
        location, separator, message = text.removeprefix("Lake ").partition(": ")
        if not separator or not text.startswith("Lake ") or not self._names_path(location):
            return text
        return f"Lake: {message}"

    def _names_path(self, text: str) -> bool:
        """Whether the text contains a location of this installation, or another absolute path of this machine."""
        if "file:/" in text or any(location in text for location in self._locations):
            return True
        return any(_begins_word(text, root) for root in self._roots)


def _begins_word(text: str, root: str) -> bool:
    """Whether `root`, such as `/usr/`, begins a word of the text."""
    at = text.find(root)
    while at >= 0:
        if at == 0 or text[at - 1] in _BEFORE_PATH:
            return True
        at = text.find(root, at + 1)
    return False


def _secrets(settings: Settings) -> Iterator[str]:
    values = [str(getattr(settings, name, "") or "") for name in _SECRET_SETTINGS]
    values += [os.environ.get(name, "") for name in _SECRET_VARIABLES]
    for field in fields(settings):
        password = _password(getattr(settings, field.name))
        values += [password, unquote(password)]
    yield from (value for value in values if len(value) >= _MIN_SECRET)


def _password(value: Any) -> str:
    """The password of a setting that is a URL; empty if there is none."""
    try:
        return urlsplit(str(value)).password or "" if value and "://" in str(value) else ""
    except ValueError:
        return ""


def _locations(settings: Settings) -> Iterator[str]:
    """Absolute paths of this installation."""
    places: list[str | Path] = [
        sys.prefix,
        Path(__file__).parents[2],
        tempfile.gettempdir(),
        Path.home(),
        Path.cwd(),
        settings.state,
    ]
    folder = settings.lake.removeprefix("file://")
    if "://" not in folder:
        places += [folder.replace("{layer}", layer) for layer in _LAYERS]
        places.append(folder.partition("{layer}")[0])
    file = settings.warehouse.removeprefix("duckdb:///")
    if "://" not in file:
        places += [file, Path(file).parent]
    for place in places:
        for form in {str(place), str(Path(place).absolute()), str(Path(place).resolve())}:
            # The root itself would be found in every text with a slash.
            if form.startswith("/") and form.strip("/"):
                yield form.rstrip("/")
