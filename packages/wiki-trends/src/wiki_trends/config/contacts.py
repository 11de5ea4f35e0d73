"""Check the contact in the User-Agent: an e-mail address, a URL or a user page through which Wikimedia can reach the user.

Wikimedia's policy requires a real contact. Both a missing contact and a placeholder such as `you@example.org` violate it.
Source: https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy
"""

from __future__ import annotations

import ipaddress
import re

_EMAIL_ADDRESS = re.compile(r"[^\s@<>/:,;]+@([^\s@<>/:,;]+)")
_URL = re.compile(r"https?://(?:[^\s/@?#]*@)?([^\s/@?#:]+)", re.IGNORECASE)

# A URL without its scheme, such as `example.net/me`.
_URL_WITHOUT_SCHEME = re.compile(r"\b([\w-]+(?:\.[\w-]+)+)/\S+", re.IGNORECASE)
_USER_PAGE = re.compile(r"\bUser(?:[ _]talk)?:\s*[^\s:/]", re.IGNORECASE)
# Top-level domains for documentation and local use. Most are reserved by RFC 2606, RFC 6761 and RFC 6762, and `internal` by
# ICANN; `lan` and `localdomain` are only common usage.
_RESERVED_TOP_LEVEL_DOMAINS = (
    "example",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "test",
)


def find_contact_problem(contact: str) -> str | None:
    """Return why a contact is invalid; None for a valid contact.

    The text is the rest of a sentence that begins with the contact.
    """
    hosts = [match.group(1) for match in _EMAIL_ADDRESS.finditer(contact)]
    hosts += [match.group(1) for match in _URL.finditer(contact)]
    # Without the URLs that were just found, so that a path such as `/example.net/me` does not count as another host.
    hosts += [match.group(1) for match in _URL_WITHOUT_SCHEME.finditer(_URL.sub("", contact))]
    placeholders = [host for host in hosts if _is_placeholder(host)]
    if placeholders:
        return f"is a placeholder ({placeholders[0]})"
    if any("." in host.strip(".") for host in hosts) or _USER_PAGE.search(contact):
        return None
    return "is neither an e-mail address nor a URL nor a user page"


def _is_public_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _is_placeholder(host: str) -> bool:
    """Return whether a host is reserved for documentation or local use."""
    labels = host.casefold().strip(".").split(".")
    if labels[-1] in _RESERVED_TOP_LEVEL_DOMAINS or labels[-2:] == ["home", "arpa"]:  # RFC 8375
        return True
    if labels[-1].isdigit():  # Only an IPv4 address ends in a number.
        return not _is_public_address(host)
    # `example.org`, `example.co.uk`, `www.example.com`.
    return "example" in labels[-3:]
