"""The domains of Wikimedia. Requests to them need a contact, and a redirect from one of them to another is followed."""

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
