"""The client of Wikimedia's APIs, the only code that sends requests to them."""

from wiki_trends.wikimedia.client import RawAnswer, WikimediaClient
from wiki_trends.wikimedia.pages import PageFacts
from wiki_trends.wikimedia.siteinfo import SiteInfo

__all__ = ["PageFacts", "RawAnswer", "SiteInfo", "WikimediaClient"]
