"""Faults of Wikimedia's services and of the settings for them: blocks, throttling, redirects, and invalid bodies."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from testing.faults import DAY, SECRET, CommandResult, Fault, Scene
from testing.scripted_server import ReceivedRequest, Reply, ScriptedServer
from testing.small_wiki import SITEINFO_QUERY, SmallWiki, listing

if TYPE_CHECKING:
    from collections.abc import Callable

KIND = "Wikimedia as it is"
FETCH = ("fetch", DAY.isoformat(), "--json")
ROWS = [("Nova", 900, 1), ("Tarn", 800, 2)]
CONTACT = "https://meta.wikimedia.org/wiki/User:Somebody"
_servers: dict[str, ScriptedServer] = {}


def served(answer: Callable[[ReceivedRequest], Reply], **settings: str) -> Callable[[Scene], None]:
    """Return a function that starts a server with these replies in place of Wikimedia, and adds settings by their short names."""

    def arrange(scene: Scene) -> None:
        server = scene.resources.enter_context(ScriptedServer(answer))
        _servers[str(scene.folder)] = server
        values = {
            "wikimedia_url": f"{server.url}/api/rest_v1",
            "mediawiki_url": f"{server.url}/{{project}}/w/api.php",
            "contact": CONTACT,
            "deadline": "3",
            "request_timeout": "2",
            "rate_per_minute": "100000",
        }
        scene.environ.update(
            {f"WIKI_TRENDS_{name.upper()}": value for name, value in (values | settings).items()}
        )

    return arrange


def always(reply: Reply, **settings: str) -> Callable[[Scene], None]:
    """Return a function that starts a server with the same reply to every request."""
    return served(lambda _asked: reply, **settings)


def a_wiki(**changes: Any) -> Callable[[Scene], None]:
    """Return a function that starts a working wiki with a list of the day and these changes."""
    return served(SmallWiki(**({"lists": {("en.wikipedia", DAY): listing(ROWS)}} | changes)))


def settings(**values: str) -> Callable[[Scene], None]:
    """Return a function that adds only settings. The addresses are Wikimedia's own, so the command must not send a request."""

    def arrange(scene: Scene) -> None:
        scene.environ.update({f"WIKI_TRENDS_{name.upper()}": value for name, value in values.items()})

    return arrange


def requests(number: int) -> Callable[[Scene, CommandResult], None]:
    """Return an assertion about the number of requests that were sent."""

    def expect(scene: Scene, _ended: CommandResult) -> None:
        assert len(_servers.pop(str(scene.folder)).requests) == number

    return expect


def with_list(body: bytes) -> Callable[[Scene], None]:
    """Return a function that starts a working wiki whose list of the day consists of these bytes."""
    return a_wiki(lists={("en.wikipedia", DAY): body})


def odd_siteinfo(text: str) -> Callable[[Scene], None]:
    """Return a function that starts a wiki whose site information has a namespace with this number, as JSON text."""
    body = json.dumps(SITEINFO_QUERY).replace('"id": 6, "alias"', f'"id": {text}, "alias"').encode()
    assert text.encode() in body
    return a_wiki(siteinfo=body)


def row(value: str) -> bytes:
    """Return the body of a list whose first row has these views, as JSON text."""
    return listing(ROWS).replace(b"900", value.encode())


def refused(
    name: str, reply: Reply, code: int, *output_patterns: str, sent: int | None = None, **more: str
) -> Fault:
    """Return a case in which Wikimedia gives the same reply to every request of `fetch`."""
    expect = None if sent is None else requests(sent)
    return Fault(
        name,
        KIND,
        always(reply, **more),
        FETCH,
        code,
        output_patterns=output_patterns,
        stores=("local",),
        expect=expect,
    )


def placeholder(name: str, contact: str) -> Fault:
    """Return a case with a placeholder as the contact, and Wikimedia's own hosts."""
    return Fault(
        f"contact-{name}",
        KIND,
        settings(contact=contact),
        FETCH,
        2,
        output_patterns=("WIKI_TRENDS_CONTACT", "your own e-mail address, the URL"),
        stores=("local",),
    )


def project(name: str, code: int, *output_patterns: str) -> Fault:
    """Return a case with a spelling of a project in `check`."""
    command = (
        "check",
        "--project",
        name,
        "--start",
        "2025-11-05",
        "--end",
        "2025-11-05",
        "--as-of",
        "2025-11-12",
        "--json",
    )
    return Fault(f"project-{name}", KIND, lambda _scene: None, command, code, output_patterns=output_patterns)


OTHER_DAY = listing(ROWS, dt.date(2025, 11, 4))
CASES: list[Fault] = [
    refused("block-robot-policy", Reply(b"Please respect our robot policy", status=403), 2, "blocks this client", "robot policy", "wiki-trends/", "bot-traffic@wikimedia.org", sent=3),
    refused("block-too-many-requests", Reply(b"Too many requests", status=403), 2, "blocks this client", sent=3),
    refused("block-empty-body", Reply(b"", status=403), 2, r"\(no text\)", sent=3),
    refused("block-without-contact", Reply(b"Forbidden", status=403), 2, "blocks this client", sent=1, contact=""),
    refused("throttled-for-31-years", Reply(b"", status=429, headers={"Retry-After": "999999999"}), 3, "asked to wait 999999999 s", sent=1),
    refused("throttled-beyond-the-deadline", Reply(b"", status=429, headers={"Retry-After": "700"}), 3, "asked to wait 700 s", sent=1),
    refused("unavailable-until-the-year-9999", Reply(b"", status=503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}), 3, "asked to wait", sent=1),
    refused("throttled-403-for-a-number-without-end", Reply(b"", status=403, headers={"Retry-After": "9" * 500}), 3, "asked to wait", sent=1),
    refused("retry-after-is-not-a-date", Reply(b"", status=429, headers={"Retry-After": "Mon, 99 Foo 2026 99:99:99 +9999999"}), 3, "status 429"),
    refused("token-expired", Reply({"detail": "Jwt is expired"}, status=401), 2, "WIKI_TRENDS_TOKEN", sent=1, token=SECRET),
    refused("token-unknown-to-mediawiki", Reply({"error": {"code": "mwoauth-invalid-authorization", "info": "no"}}), 2, "WIKI_TRENDS_TOKEN", sent=1, token=SECRET),
    refused("redirect-out-of-wikimedia", Reply(b"", status=302, headers={"Location": "http://evil.example/"}), 2, "302", sent=1),
    refused("body-is-a-login-page", Reply(b"<html>Log in to this network</html>"), 3, "not JSON"),
    refused("body-of-brackets", Reply(b"[" * 100_000), 3, "not JSON"),
    refused("body-is-empty", Reply(b""), 3, "not JSON"),
    refused("error-body-of-brackets", Reply(b"[" * 100_000, status=400), 2, "status 400"),
    refused("not-found-body-of-brackets", Reply(b"[" * 100_000, status=404), 2, "status 404"),
    Fault("siteinfo-infinite-number", KIND, odd_siteinfo("1e400"), FETCH, output_patterns=("site information",), stores=("local",)),
    Fault("siteinfo-number-is-a-text", KIND, odd_siteinfo('"six"'), FETCH, output_patterns=("site information",), stores=("local",)),
    Fault("list-views-beyond-64-bits", KIND, with_list(row("1" + "0" * 30)), FETCH, output_patterns=("breaks its contract",), stores=("local",)),
    Fault("list-views-infinite", KIND, with_list(row("1e400")), FETCH, output_patterns=("breaks its contract",), stores=("local",)),
    Fault("list-views-negative", KIND, with_list(row("-1")), FETCH, output_patterns=("breaks its contract",), stores=("local",)),
    Fault("list-of-brackets", KIND, with_list(b"[" * 100_000), FETCH, 3, output_patterns=("not JSON",), stores=("local",)),
    Fault("list-of-another-day", KIND, with_list(OTHER_DAY), FETCH, output_patterns=("2025-11-04",), stores=("local", "s3")),
    Fault("list-of-another-project", KIND, with_list(listing(ROWS, project="fr.wikipedia")), FETCH, output_patterns=("fr.wikipedia",), stores=("local", "s3")),
    Fault("page-in-an-infinite-namespace", KIND, a_wiki(pages={"Nova": {"ns": float("inf")}}), FETCH, output_patterns=("breaks its contract",), stores=("local",), lake_unchanged=False),
    Fault("page-in-a-namespace-of-text", KIND, a_wiki(pages={"Nova": {"ns": "x"}}), FETCH, output_patterns=("breaks its contract",), stores=("local",), lake_unchanged=False),
    Fault("live-block", KIND, always(Reply(b"Please respect our robot policy", status=403)), ("doctor", "--live", "--json"), 2, output_patterns=("robot policy",), stores=("local",), expect=requests(2)),
    placeholder("example", "you@example.org"),
    placeholder("localhost", "root@localhost"),
    placeholder("nobody", "me"),
    placeholder("missing", ""),
    project("xx.nowhere", 2, "not a Wikimedia project"),
    project("en.wikidata", 2, "one wiki"),
    project("www.wikidata", 1, "MISSING"),
    project("www.mediawiki.org", 1, "MISSING"),
]  # fmt: skip
