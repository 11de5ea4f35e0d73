"""The client of Wikimedia's APIs. All requests to Wikimedia are sent by this package."""

from wiki_trends.wikimedia.client import RawAnswer, WikimediaClient
from wiki_trends.wikimedia.pages import PageFacts
from wiki_trends.wikimedia.siteinfo import SiteInfo

__all__ = ["PageFacts", "RawAnswer", "SiteInfo", "WikimediaClient"]
