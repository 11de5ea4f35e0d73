"""Which addresses of pages may become links: those on the hosts of the project, because a lake can hold any text."""

from __future__ import annotations

import re

_DEFAULT_PROJECT = "en.wikipedia"
# Neither user information nor a port fits: both can hide the host that a browser would ask.
_ADDRESS = re.compile(r"https?://([a-z0-9.-]+)(?:[/?#][^\x00-\x1f\x7f]*)?", re.IGNORECASE)


def page_link(link: str, project: str) -> str | None:
    """The address when it is of the web and on a host of the project, else None.

    Args:
        link: an address from the lake.
        project: for example `en.wikipedia`, with or without `.org`.
    """
    match = _ADDRESS.fullmatch(link)
    return link if match and match[1].lower() in _hosts(project) else None


def project_of_dataset(dataset: str) -> str:
    """The project in the name of a dataset: `fr.wikipedia` in `diamond of fr.wikipedia`; without one the default project."""
    return dataset.partition(" of ")[2] or _DEFAULT_PROJECT


def _hosts(project: str) -> set[str]:
    name = project.lower().removesuffix(".org").removeprefix("www.")
    language, dot, family = name.partition(".")
    if not dot:
        return {f"{name}.org", f"www.{name}.org", f"m.{name}.org"}
    return {f"{name}.org", f"{language}.m.{family}.org"}
