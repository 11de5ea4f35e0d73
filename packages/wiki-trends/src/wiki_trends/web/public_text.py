"""Removes from texts what visitors must not see: the locations of this installation, and secrets.

Texts of the lake, of runs and of errors may name a file or a URL. The locations are known from the settings, so they are
replaced exactly: `/srv/lake/diamond/x.csv` becomes `diamond/x.csv`, and a page that is called `/r/science` stays as it is.
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

HIDDEN = "***"
_LAYERS = ("bronze", "silver", "gold", "diamond")
_SECRET_SETTINGS = ("token", "web_token", "airflow_password", "airflow_token")
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "PGPASSWORD")
# The user information of a URL, RFC 3986, section 3.2.1.
_USERINFO = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")
# Shorter values would be found in words.
_MIN_SECRET = 4


class PublicText:
    """Cleans texts for visitors of a dashboard with these settings."""

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(set(_secrets(settings)), key=len, reverse=True)
        self._names = dict(_locations(settings))
        paths = "|".join(re.escape(path) for path in sorted(self._names, key=len, reverse=True))
        # A location begins at a boundary and ends at one: `/srv/lake` is not in `/srv/lake2` or `https://x/srv/lake`.
        self._location = re.compile(rf"(?:(?:file|duckdb)://+|(?<![\w:/.-]))(?P<path>{paths})(?![\w-])")

    def clean(self, text: str) -> str:
        """The text without locations and secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _USERINFO.sub(f"{HIDDEN}@", text)
        return self._location.sub(lambda match: self._names[match["path"]], text)

    def run(self, run: Run) -> Run:
        """The run with a clean message."""
        return replace(run, message=self.clean(run.message), url=self.clean(run.url) if run.url else run.url)

    def partition(self, partition: Partition) -> Partition:
        """The partition with a clean reason."""
        return replace(partition, reason=self.clean(partition.reason))

    def step(self, step: PlanStep) -> PlanStep:
        """The step of a plan with a clean reason and run."""
        return replace(step, why=self.clean(step.why), run=self.run(step.run) if step.run else None)


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


def _locations(settings: Settings) -> Iterator[tuple[str, str]]:
    """Absolute paths of this installation, and what stands for them."""
    named: list[tuple[str | Path, str]] = [
        (sys.prefix, "(python)"),
        (Path(__file__).parents[2], "(python)"),
        (tempfile.gettempdir(), "(temporary)"),
        (Path.home(), "(home)"),
        (Path.cwd(), "."),
        (settings.state, "(state)"),
    ]
    folder = settings.lake.removeprefix("file://")
    if "://" not in folder:
        named += [(folder.replace("{layer}", layer), layer) for layer in _LAYERS]
        named.append((folder.partition("{layer}")[0].rstrip("/"), "(lake)"))
    file = settings.warehouse.removeprefix("duckdb:///")
    if "://" not in file:
        named += [(file, "(warehouse)"), (Path(file).parent, "(warehouse)")]
    for path, name in named:
        for form in {str(path), str(Path(path).absolute()), str(Path(path).resolve())}:
            if form.startswith("/") and form.strip("/"):
                yield form.rstrip("/"), name
