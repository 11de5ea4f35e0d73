"""The domains of Wikimedia, whose rules hold for a request and whose redirects are followed."""

from __future__ import annotations

WIKIMEDIA_HOSTS = (
    "mediawiki.org",
    "wikibooks.org",
    "wikidata.org",
    "wikifunctions.org",
    "wikimedia.org",
    "wikinews.org",
    "wikipedia.org",
    "wikiquote.org",
    "wikisource.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wiktionary.org",
)


def is_wikimedia(host: str) -> bool:
    """Return whether a host belongs to Wikimedia."""
    host = host.lower().removesuffix(".")
    return any(host == name or host.endswith(f".{name}") for name in WIKIMEDIA_HOSTS)
