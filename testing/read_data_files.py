"""Uses an installed wiki-trends in every way that reads a file of the packages, and prints which were opened, as JSON.

Run outside the checkout, with the Python of the environment and the folder of its packages as the argument.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

PACKAGES = Path(sys.argv[1])
opened: set[str] = set()


def note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = Path(arguments[0])
        if path.is_relative_to(PACKAGES) and path.suffix not in (".py", ".pyc"):
            opened.add(path.relative_to(PACKAGES).as_posix())


def use() -> None:
    from jinja2 import PackageLoader

    from wiki_trends.cli.app import run_command
    from wiki_trends.report.html.render import environment
    from wiki_trends.web.templating import PageTemplates

    # Pipeline, rules, deny list, DuckDB's SQL, and the report with its assets.
    assert run_command(["demo", "--folder", "demo"]) == 0
    os.chdir("demo")
    assert run_command(["report", "--html", "report.html"]) == 0
    # The dashboard digests its static files as it starts.
    PageTemplates()
    for package in ("wiki_trends.report", "wiki_trends.web"):
        loader = PackageLoader(package)
        for name in loader.list_templates():
            loader.load(environment(), name)


sys.addaudithook(note)
with contextlib.redirect_stdout(sys.stderr):
    use()
print(json.dumps(sorted(opened)))
