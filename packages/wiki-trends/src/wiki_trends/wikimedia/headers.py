"""The headers of every request to Wikimedia."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# A header can have only these characters, so other characters of a contact are percent-encoded.
_PRINTABLE_ASCII = "".join(map(chr, range(32, 127)))


def request_headers(settings: Settings, library: str) -> dict[str, str]:
    """Return the request headers. By Wikimedia's policy, the User-Agent names the client, the contact and the library."""
    contact = f" ({quote(settings.contact, safe=_PRINTABLE_ASCII)})" if settings.contact else ""
    headers = {
        "User-Agent": f"wiki-trends/{version('wiki-trends')}{contact} httpx2/{library}",
        "Accept": "application/json",
    }
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    return headers
