"""Hide secrets and the paths of this installation from visitors.

If a message names a path of this machine, visitors see a fixed sentence that says where to find the message. The text of a
`LakeError` starts with the location of the lake, so visitors see the text without the location.
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

MASK = "***"
HIDDEN_IN_LOG = "The message names a path of the server, so it is only in the server's log."
HIDDEN_IN_PLAN = "The message names a path of the server; `wiki-trends plan` on the server shows it."
_LAYERS = ("bronze", "silver", "gold", "diamond")
_SECRET_SETTINGS = ("token", "web_token", "airflow_password", "airflow_token")
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY", "PGPASSWORD")
# The user information of a URL (RFC 3986, section 3.2.1).
_USERINFO = re.compile(r"(?<=://)[^\s/?#'\"<>]*@")
# A shorter secret is not masked, because ordinary words could contain it.
_MIN_SECRET_LENGTH = 4
# A path begins at the start of the text, or after one of these characters. After any other character, a slash is part of a URL, an object
# key or a title.
_CHARACTERS_BEFORE_PATH = frozenset(" \t\n'\"`([{<=:,;")


class PublicText:
    """Removes from texts what the visitors of a dashboard must not see.

    Args:
        settings: the settings, which contain the secrets and the paths to hide.
    """

    def __init__(self, settings: Settings) -> None:
        self._secrets = sorted(set(_secrets(settings)), key=len, reverse=True)
        self._locations = tuple(_locations(settings))
        self._root_folders = tuple(f"/{entry.name}/" for entry in Path("/").iterdir())

    def clean(self, text: str, replacement: str = HIDDEN_IN_LOG) -> str:
        """Return the text without secrets, or `replacement` if the text names a path of this machine."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        text = self._without_location(_USERINFO.sub(f"{MASK}@", text))
        return replacement if self._names_path(text) else text

    def clean_problem(self, problem: Problem) -> Problem:
        """Return the problem with a cleaned message and fix."""
        return problem.cleaned(self.clean)

    def clean_run(self, run: Run) -> Run:
        """Return the run with a cleaned message and URL."""
        url = self.clean(run.url, replacement="") if run.url else None
        return replace(run, message=self.clean(run.message, HIDDEN_IN_PLAN), url=url or None)

    def clean_partition(self, partition: Partition) -> Partition:
        """Return the partition with a cleaned reason."""
        return replace(partition, reason=self.clean(partition.reason, HIDDEN_IN_PLAN))

    def clean_step(self, step: PlanStep) -> PlanStep:
        """Return the step of a plan with a cleaned reason and run."""
        return replace(
            step, why=self.clean(step.why, HIDDEN_IN_PLAN), run=self.clean_run(step.run) if step.run else None
        )

    def _without_location(self, text: str) -> str:
        """Remove the location from the start of the text of a `LakeError`; return any other text unchanged."""
        location, separator, message = text.removeprefix("Lake ").partition(": ")
        if not separator or not text.startswith("Lake ") or not self._names_path(location):
            return text
        return f"Lake: {message}"

    def _names_path(self, text: str) -> bool:
        """Return whether the text contains a path of this installation, or another absolute path of this machine."""
        if "file:/" in text or any(location in text for location in self._locations):
            return True
        return any(_begins_word(text, root) for root in self._root_folders)


def _begins_word(text: str, root: str) -> bool:
    """Return whether a word of the text begins with `root`, for example `/usr/`."""
    position = text.find(root)
    while position >= 0:
        if position == 0 or text[position - 1] in _CHARACTERS_BEFORE_PATH:
            return True
        position = text.find(root, position + 1)
    return False


def _secrets(settings: Settings) -> Iterator[str]:
    values = [str(getattr(settings, name, "") or "") for name in _SECRET_SETTINGS]
    values += [os.environ.get(name, "") for name in _SECRET_VARIABLES]
    for field in fields(settings):
        password = _password(getattr(settings, field.name))
        values += [password, unquote(password)]
    yield from (value for value in values if len(value) >= _MIN_SECRET_LENGTH)


def _password(value: Any) -> str:
    """Return the password in the value of a setting; empty if the value is not a URL with a password."""
    try:
        return urlsplit(str(value)).password or "" if value and "://" in str(value) else ""
    except ValueError:
        return ""


def _locations(settings: Settings) -> Iterator[str]:
    """Yield the absolute paths of this installation: each path as configured, made absolute, and with symlinks resolved."""
    package_folder = Path(__file__).parents[1]
    paths: list[str | Path] = [
        sys.prefix,
        package_folder.parent,
        tempfile.gettempdir(),
        Path.home(),
        Path.cwd(),
        settings.state,
    ]
    folder = settings.lake.removeprefix("file://")
    if "://" not in folder:
        paths += [folder.replace("{layer}", layer) for layer in _LAYERS]
        folder_of_all_layers, _, _ = folder.partition("{layer}")
        paths.append(folder_of_all_layers)
    file = settings.warehouse.removeprefix("duckdb:///")
    if "://" not in file:
        paths += [file, Path(file).parent]
    for path in paths:
        for spelling in {str(path), str(Path(path).absolute()), str(Path(path).resolve())}:
            # The root folder is left out, because every text with a slash would contain its path.
            if spelling.startswith("/") and spelling.strip("/"):
                yield spelling.rstrip("/")
