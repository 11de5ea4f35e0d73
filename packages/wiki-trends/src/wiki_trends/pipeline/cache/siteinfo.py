"""Caches the namespaces and the main page of a wiki in the lake, for a week."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.foreign import BadDocument, one_line, parse_document, timestamp_field
from wiki_trends.wikimedia.siteinfo import SiteInfo

if TYPE_CHECKING:
    from smart_orchestrator.store.base import Lake
    from wiki_trends.wikimedia import WikimediaClient

logger = logging.getLogger(__name__)

MAX_SITEINFO_AGE = dt.timedelta(days=7)
# The clock of the machine that cached the information may be ahead by at most this time. Information from further in the future is not
# used, because it would expire too late.
_CLOCK_SKEW = dt.timedelta(days=1)


def site_info(project: str, lake: Lake, client: WikimediaClient) -> SiteInfo:
    """Return a wiki's namespaces and main page from the cache. If they are not cached, request and cache them."""
    site = cached_site_info(project, lake)
    if site is None:
        site = client.site_info(project)
        store_site_info(project, lake, site)
    return site


def cached_site_info(project: str, lake: Lake) -> SiteInfo | None:
    """Return the cached site information of a wiki; None if it is missing, older than a week, or unusable."""
    try:
        data = lake.get(_key(project))[0]
    except ObjectMissing:
        return None
    try:
        document = parse_document(data, what=_key(project))
        age = dt.datetime.now(tz=dt.UTC) - timestamp_field(document, "fetched_at", what=_key(project))
        site = _parse_site_info(document["siteinfo"])
        if age < -_CLOCK_SKEW:
            message = "it is from the future"
            raise ValueError(message)
    except (BadDocument, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = error.problem if isinstance(error, BadDocument) else one_line(repr(error))
        logger.warning(
            "%s cannot be used (%s). The site information is requested again.", _key(project), problem
        )
        return None
    return site if age < MAX_SITEINFO_AGE else None


def _parse_site_info(document: Any) -> SiteInfo:
    """Parse the site information of a cached document.

    Raises:
        KeyError: a value is missing.
        TypeError, AttributeError: a value does not have the expected type.
    """
    namespaces = document["namespaces"]
    lists_of_names = list(namespaces.values())
    all_names = [document["main_page"], *(name for names in lists_of_names for name in names)]
    are_lists = all(isinstance(names, list) for names in lists_of_names)
    if not are_lists or not all(isinstance(name, str) for name in all_names):
        message = "the names of a namespace are not a list of strings"
        raise TypeError(message)
    return SiteInfo.from_json(document)


def store_site_info(project: str, lake: Lake, site: SiteInfo) -> None:
    """Cache the site information of a wiki in the lake."""
    document = {"fetched_at": dt.datetime.now(tz=dt.UTC).isoformat(), "siteinfo": site.to_json()}
    lake.put(_key(project), json.dumps(document, ensure_ascii=False).encode())


def _key(project: str) -> str:
    return f"_cache/{project}/siteinfo.json"
