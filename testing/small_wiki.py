"""Replies of a synthetic Wikimedia with a few pages, for a `ScriptedServer`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from testing.scripted_server import ReceivedRequest, Reply
from wiki_trends.config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.date(2025, 11, 5)
SITEINFO_QUERY = {
    "query": {
        "general": {"mainpage": "Main Page"},
        "namespaces": {
            "-1": {"id": -1, "name": "Special", "canonical": "Special"},
            "0": {"id": 0, "name": ""},
            "4": {"id": 4, "name": "Wikipedia", "canonical": "Project"},
            "6": {"id": 6, "name": "File", "canonical": "File"},
        },
        "namespacealiases": [{"id": 6, "alias": "Image"}],
    }
}
# The body of the API's response for a day that has not been published.
NOT_LOADED = {"detail": "The date(s) you used are valid, but we do not have data", "type": "about:blank"}


def listing(
    rows: list[tuple[str, int, int]],
    day: dt.date = DAY,
    project: str = "en.wikipedia",
    access: str = "all-access",
) -> bytes:
    """Return the body of the API's response for rows of title, views and rank."""
    articles = [{"article": title, "views": views, "rank": rank} for title, views, rank in rows]
    item = {
        "project": project,
        "access": access,
        "year": f"{day:%Y}",
        "month": f"{day:%m}",
        "day": f"{day:%d}",
    }
    return json.dumps({"items": [item | {"articles": articles}]}, ensure_ascii=False).encode()


@dataclass
class SmallWiki:
    """The content of the wiki. Titles contain spaces, not underscores.

    Attributes:
        lists: the body of the list of all access methods, by project and day.
        lists_by_access: the body of the list of one access method, by access method and day.
        pages: additional keys of a page in the response of the Action API, by title.
        redirects: the target of each redirect, by title.
        missing: the titles that the wiki does not have.
        siteinfo: the response to a siteinfo query.
        broken_titles: the titles, as requested, for which the Action API returns an error.
    """

    lists: dict[tuple[str, dt.date], bytes] = field(default_factory=dict)
    lists_by_access: dict[tuple[str, dt.date], bytes] = field(default_factory=dict)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    siteinfo: dict[str, Any] = field(default_factory=lambda: SITEINFO_QUERY)
    broken_titles: set[str] = field(default_factory=set)

    def __call__(self, request: ReceivedRequest) -> Reply:
        if "/top/" in request.path:
            project, access, *day = request.path.partition("/top/")[2].split("/")
            bodies, name = (self.lists, project) if access == "all-access" else (self.lists_by_access, access)
            body = bodies.get((name, dt.date(*map(int, day))))
            return Reply(NOT_LOADED, status=404) if body is None else Reply(body, headers={"ETag": '"e1"'})
        if request.params.get("meta") == "siteinfo":
            return Reply(self.siteinfo)
        return self._pages(request.params["titles"].split("|"))

    def _pages(self, titles: list[str]) -> Reply:
        if self.broken_titles & set(titles):
            return Reply({"error": {"code": "broken", "info": "on order"}})
        normalized = {title: title.replace("_", " ") for title in titles}
        followed_redirects = {
            title: self.redirects[title] for title in normalized.values() if title in self.redirects
        }
        resolved = dict.fromkeys(self.redirects.get(title, title) for title in normalized.values())
        return Reply(
            {
                "batchcomplete": True,
                "query": {
                    "normalized": [
                        {"fromencoded": False, "from": k, "to": v} for k, v in normalized.items() if k != v
                    ],
                    "redirects": [{"from": k, "to": v} for k, v in followed_redirects.items()],
                    "pages": [self._page(title) for title in resolved],
                },
            }
        )

    def _page(self, title: str) -> dict[str, Any]:
        if title in self.missing:
            return {"ns": 0, "title": title, "missing": True}
        return {"pageid": 1, "ns": 0, "title": title} | self.pages.get(title, {})


def settings_for(url: str, folder: Path | str, **others: Any) -> Settings:
    """Return settings with the wiki at `url`, and with the lake and the state in `folder`."""
    values = {"rate_per_minute": 1_000_000, "deadline": 10.0, "request_timeout": 5.0}
    return Settings(
        lake=f"{folder}/lake/{{layer}}",
        state=f"{folder}/state",
        wikimedia_url=f"{url}/api/rest_v1",
        mediawiki_url=f"{url}/{{project}}/w/api.php",
        **(values | others),
    )


def categories(*names: str) -> list[dict[str, Any]]:
    """Return categories as the Action API returns them."""
    return [{"ns": 14, "title": f"Category:{name}"} for name in names]
