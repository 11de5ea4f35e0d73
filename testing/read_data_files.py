"""Use an installed wiki-trends so that it reads all its data files, and print the data files that were opened, as JSON.

The script runs outside the checkout, with the Python of the environment. The argument is the `site-packages` folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

PACKAGES = Path(sys.argv[1])
opened_files: set[str] = set()


def record_open(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = Path(arguments[0])
        if path.is_relative_to(PACKAGES) and path.suffix not in (".py", ".pyc"):
            opened_files.add(path.relative_to(PACKAGES).as_posix())


def use_product() -> None:
    from jinja2 import PackageLoader

    from wiki_trends.cli.app import run_command
    from wiki_trends.report.html.render import environment
    from wiki_trends.web.templating import PageTemplates

    # The demo and the report read the rules, those of the evidence, the deny list, the SQL, and the assets of the report.
    assert run_command(["demo", "--folder", "demo"]) == 0
    os.chdir("demo")
    assert run_command(["report", "--html", "report.html"]) == 0
    # `PageTemplates` reads the static files of the dashboard.
    PageTemplates()
    for package in ("wiki_trends.report", "wiki_trends.web"):
        loader = PackageLoader(package)
        for name in loader.list_templates():
            loader.load(environment(), name)


sys.addaudithook(record_open)
with contextlib.redirect_stdout(sys.stderr):
    use_product()
print(json.dumps(sorted(opened_files)))
