"""What a wiki says of itself, kept in the lake for a week: the wiki is asked when the lake does not know it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ObjectMissing
from wiki_trends.wikimedia.siteinfo import SiteInfo

if TYPE_CHECKING:
    from smart_orchestrator.store.base import Lake
    from wiki_trends.wikimedia import WikimediaClient

SITEINFO_AGE = dt.timedelta(days=7)


def site_info(project: str, lake: Lake, client: WikimediaClient) -> SiteInfo:
    """A wiki's namespaces and main page, from the lake when it has them younger than a week."""
    site = known_site(project, lake)
    if site is None:
        site = client.site_info(project)
        keep_site(project, lake, site)
    return site


def known_site(project: str, lake: Lake) -> SiteInfo | None:
    """What the lake knows, if it is younger than a week."""
    try:
        known = json.loads(lake.get(_key(project))[0])
        if dt.datetime.now(tz=dt.UTC) - dt.datetime.fromisoformat(known["fetched_at"]) < SITEINFO_AGE:
            return SiteInfo.from_json(known["siteinfo"])
    except (ObjectMissing, ValueError, KeyError, TypeError, AttributeError):
        pass  # Not there, or written by another version: the wiki is asked.
    return None


def keep_site(project: str, lake: Lake, site: SiteInfo) -> None:
    """Put what the wiki answered just now into the lake."""
    document = {"fetched_at": dt.datetime.now(tz=dt.UTC).isoformat(), "siteinfo": site.to_json()}
    lake.put(_key(project), json.dumps(document, ensure_ascii=False).encode())


def _key(project: str) -> str:
    return f"_cache/{project}/siteinfo.json"
