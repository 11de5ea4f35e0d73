"""Check the contact in the User-Agent: an e-mail address, a URL or a user page through which Wikimedia can reach the user.

Wikimedia's policy requires a real contact. A placeholder such as `you@example.org` violates the policy like a missing contact.
Source: https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy
"""

from __future__ import annotations

import ipaddress
import re

_ADDRESS = re.compile(r"[^\s@<>/:,;]+@([^\s@<>/:,;]+)")
_URL = re.compile(r"https?://(?:[^\s/@?#]*@)?([^\s/@?#:]+)", re.IGNORECASE)

# A URL without its scheme, such as `example.net/me`.
_BARE_PAGE = re.compile(r"\b([\w-]+(?:\.[\w-]+)+)/\S+", re.IGNORECASE)
_USER_PAGE = re.compile(r"\bUser(?:[ _]talk)?:\s*[^\s:/]", re.IGNORECASE)
# Names that are reserved for documentation and local use: RFC 2606, RFC 6761, RFC 6762, RFC 8375, and `internal` by ICANN; `lan`
# and `localdomain` by custom.
_RESERVED_ENDINGS = ("example", "internal", "invalid", "lan", "local", "localdomain", "localhost", "test")


def find_contact_problem(contact: str) -> str | None:
    """Return why a contact is invalid, as the rest of a sentence that begins with the contact; None for a valid contact."""
    hosts = [match.group(1) for match in _ADDRESS.finditer(contact)]
    hosts += [match.group(1) for match in _URL.finditer(contact)]
    hosts += [match.group(1) for match in _BARE_PAGE.finditer(_URL.sub("", contact))]
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
    if labels[-1] in _RESERVED_ENDINGS or labels[-2:] == ["home", "arpa"]:
        return True
    if labels[-1].isdigit():
        return not _is_public_address(host)
    # `example.org`, `example.co.uk`, `www.example.com`.
    return "example" in labels[-3:]
