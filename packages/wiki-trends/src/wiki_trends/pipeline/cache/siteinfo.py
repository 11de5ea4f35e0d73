"""Namespaces and main page of a wiki, cached in the lake for a week."""

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
    """A wiki's namespaces and main page: from the lake, or from the wiki when the lake's are older than a week."""
    site = cached_site_info(project, lake)
    if site is None:
        site = client.site_info(project)
        store_site_info(project, lake, site)
    return site


def cached_site_info(project: str, lake: Lake) -> SiteInfo | None:
    """The cached answer of a wiki; None when there is none, or it is older than a week."""
    try:
        document = json.loads(lake.get(_key(project))[0])
        if dt.datetime.now(tz=dt.UTC) - dt.datetime.fromisoformat(document["fetched_at"]) < SITEINFO_AGE:
            return SiteInfo.from_json(document["siteinfo"])
    except (ObjectMissing, ValueError, KeyError, TypeError, AttributeError):
        pass  # Not cached, or written by another version: the wiki is asked.
    return None


def store_site_info(project: str, lake: Lake, site: SiteInfo) -> None:
    """Cache a wiki's answer in the lake."""
    document = {"fetched_at": dt.datetime.now(tz=dt.UTC).isoformat(), "siteinfo": site.to_json()}
    lake.put(_key(project), json.dumps(document, ensure_ascii=False).encode())


def _key(project: str) -> str:
    return f"_cache/{project}/siteinfo.json"
