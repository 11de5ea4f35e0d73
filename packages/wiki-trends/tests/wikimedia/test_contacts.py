"""Contacts that Wikimedia accepts, and those that it classifies as placeholders."""

from __future__ import annotations

import pytest

from wiki_trends.config.contacts import find_contact_problem
from wiki_trends.config.settings import Settings, load
from wiki_trends.errors import ContactMissing, SettingError
from wiki_trends.wikimedia import WikimediaClient


@pytest.mark.parametrize(
    "contact",
    [
        "me@university.edu",
        "Jane <jane@firma.co.uk>",
        "https://github.com/me/project",
        "en.wikipedia.org/wiki/User:Me",
        "User:Me",
        "User talk:Me",
        "jürgen@müller.de",
        "https://exampleton.org/bot",
        "mailto:me@university.edu",
    ],
)
def test_a_contact_by_which_somebody_can_be_reached(contact):
    assert find_contact_problem(contact) is None


@pytest.mark.parametrize(
    "contact", ["https://me:hidden@university.edu/", "https://university.edu/?token=hidden", "x" * 256]
)
def test_a_contact_that_must_not_be_sent_is_refused_and_not_shown(contact):
    with pytest.raises(SettingError, match="WIKI_TRENDS_CONTACT") as caught:
        load(environ={"WIKI_TRENDS_CONTACT": contact})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("host", ["wikimedia.org", "wikimedia.org.", "WIKIMEDIA.ORG", "www.wikimedia.org."])
def test_every_spelling_of_a_host_of_wikimedia_needs_a_contact(tmp_path, host):
    with pytest.raises(ContactMissing):
        WikimediaClient(
            Settings(
                state=str(tmp_path), wikimedia_url=f"https://{host}/api", mediawiki_url="http://127.0.0.1:1"
            )
        )


@pytest.mark.parametrize(
    ("contact", "words"),
    [
        ("you@example.org", "placeholder"),
        ("you@EXAMPLE.com", "placeholder"),
        ("you@mail.example.co", "placeholder"),
        ("https://example.net/bot", "placeholder"),
        ("https://me:pw@example.net/bot", "placeholder"),
        ("root@localhost", "placeholder"),
        ("http://localhost:8080", "placeholder"),
        ("http://127.0.0.1/", "placeholder"),
        ("me@host.local", "placeholder"),
        ("me@site.test", "placeholder"),
        ("me@university.edu, you@example.org", "placeholder"),
        ("me", "neither"),
        ("me@host", "neither"),
        ("   ", "neither"),
        ("User:", "neither"),
        ("https://", "neither"),
        ("3.14", "neither"),
        ("me@10.0.0.1", "placeholder"),
        ("http://192.168.1.5/me", "placeholder"),
        ("http://0.0.0.0/", "placeholder"),
        ("me@host.internal", "placeholder"),
        ("me@box.lan", "placeholder"),
        ("me@host.home.arpa", "placeholder"),
        ("http://[::1]/me", "neither"),
    ],
)
def test_a_contact_by_which_nobody_can_be_reached(tmp_path, contact, words):
    assert words in str(find_contact_problem(contact))
    with pytest.raises(ContactMissing, match="your own e-mail address, the URL"):
        WikimediaClient(Settings(state=str(tmp_path), contact=contact))
    local = Settings(
        state=str(tmp_path),
        contact=contact,
        wikimedia_url="http://127.0.0.1:1",
        mediawiki_url="http://127.0.0.1:1",
    )
    WikimediaClient(local).close()
