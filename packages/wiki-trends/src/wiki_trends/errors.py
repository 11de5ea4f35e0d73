"""What can go wrong in the product, as exceptions that carry their facts.

    WikiTrendsError
    ├── SettingError            a setting or an option has a value that cannot be used
    │   └── ContactMissing      live use of Wikimedia's APIs without a contact
    ├── WikimediaError          Wikimedia answered, but not with the data
    │   ├── DayNotPublished     the list of that day does not exist (yet)
    │   ├── RequestRejected     our own mistake: retrying cannot help
    │   │   ├── ClientBlocked   a 403 without `Retry-After`: Wikimedia blocks this client
    │   │   └── TokenRejected   a 401: the access token is not valid
    │   └── ContractBroken      an answer or a layer does not have the promised form
    ├── WikimediaUnreachable    no answer within the deadline
    ├── PageNotListed           a page was asked for that no list that was read has
    ├── ExportFailed            the target of an export cannot be written
    ├── WindowNotReady          analytics were asked for a window that has holes
    ├── EngineError             what computes the tables is not there, or fails
    │   └── TableFailed         while a table was read from it
    └── WarehouseError          the tables cannot be read or published
        └── NothingPublished    there is no published window yet

The text of each is made from its fields: what happened, to what, and, as its last sentence, what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.errors import NotPublished, SourceRefused, SourceUnreachable

if TYPE_CHECKING:
    from datetime import date


class WikiTrendsError(Exception):
    """Base of every error that `wiki_trends` raises on purpose."""


class SettingError(WikiTrendsError):
    """A setting has a value that cannot be used.

    Attributes:
        name: the setting, as in `Settings`.
        value: what was given.
        origin: where it came from, for example `--days` or `WIKI_TRENDS_DAYS`.
        problem: what is wrong with it.
        fix: what to do instead, a sentence.
    """

    def __init__(self, *, name: str, value: object, origin: str, problem: str, fix: str) -> None:
        self.name = name
        self.value = value
        self.origin = origin
        self.problem = problem
        self.fix = fix
        super().__init__(f"{origin}: {value!r} {problem}. {fix}")


class ContactMissing(SettingError):
    """Live use of Wikimedia's APIs without a contact in the User-Agent, or with a placeholder."""

    def __init__(self, *, contact: str = "", problem: str = "is not a contact") -> None:
        super().__init__(
            name="contact",
            value=contact,
            origin="WIKI_TRENDS_CONTACT",
            problem=(
                f"{problem}, and Wikimedia asks every client to name a real one in its User-Agent "
                "(other clients get 10 requests a minute, or a permanent 403)"
            ),
            fix=(
                "Set WIKI_TRENDS_CONTACT (or --contact) to your own e-mail address, the URL of a page about you or "
                "your project, or your user page (https://meta.wikimedia.org/wiki/User:…)."
            ),
        )


class WikimediaError(WikiTrendsError):
    """Wikimedia answered, but not with the data that was asked for."""


class DayNotPublished(WikimediaError, NotPublished):
    """The list of a day does not exist: not loaded yet, or never.

    Attributes:
        day: the UTC day asked for.
        project: the Wikimedia project, for example `en.wikipedia`.
        url: the address that answered 404.
    """

    def __init__(self, *, day: date, project: str, url: str) -> None:
        self.project = project
        self.url = url
        NotPublished.__init__(self, day, f"{project} has no list for {day} (404 from {url})")


class RequestRejected(WikimediaError, SourceRefused):
    """Wikimedia refused a request for a reason that a retry cannot mend.

    Attributes:
        url: the address asked for.
        status: HTTP status of the answer.
        detail: the answer's own words, shortened.
    """

    def __init__(self, *, url: str, status: int, detail: str) -> None:
        self.url = url
        self.status = status
        self.detail = detail
        super().__init__(self._message())

    def _message(self) -> str:
        return (
            f"Wikimedia refused {self.url} with status {self.status}: {self.detail.rstrip('.')}. "
            "Check project, access and contact."
        )


class ClientBlocked(RequestRejected):
    """Wikimedia blocks this client: a 403 without `Retry-After`, after a few tries.

    Attributes:
        user_agent: the User-Agent that was sent.
        attempts: how often the request was sent.
    """

    def __init__(self, *, url: str, status: int, detail: str, user_agent: str, attempts: int) -> None:
        self.user_agent = user_agent
        self.attempts = attempts
        super().__init__(url=url, status=status, detail=detail)

    def _message(self) -> str:
        tries = "1 try" if self.attempts == 1 else f"{self.attempts} tries"
        return (
            f"Wikimedia blocks this client: {self.url} answered status {self.status} after {tries}: "
            f"{self.detail.rstrip('.') or '(no text)'}. The User-Agent sent was {self.user_agent!r}. Name a real contact in "
            "WIKI_TRENDS_CONTACT; if it does, write to bot-traffic@wikimedia.org with this message."
        )


class TokenRejected(RequestRejected):
    """Wikimedia does not accept the access token: a 401."""

    def _message(self) -> str:
        return (
            f"Wikimedia does not accept the access token: {self.url} answered status {self.status}: "
            f"{self.detail.rstrip('.')}. Renew WIKI_TRENDS_TOKEN, or unset it: a token does not raise the limits by itself."
        )


class ContractBroken(WikimediaError):
    """An answer of Wikimedia, or a layer made from it, does not have the promised form.

    Attributes:
        what: the answer or the layer.
        problem: what is wrong, with the first offending value.
    """

    def __init__(self, *, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem
        super().__init__(
            f"{what} breaks its contract: {problem}. Nothing was committed; fetch the day again."
        )


class WikimediaUnreachable(WikiTrendsError, SourceUnreachable):
    """No usable answer came within the deadline.

    Attributes:
        url: the address asked for.
        attempts: how often it was tried.
        reason: the last failure.
    """

    def __init__(self, *, url: str, attempts: int, reason: str) -> None:
        self.url = url
        self.attempts = attempts
        self.reason = reason
        tries = "try" if attempts == 1 else "tries"
        super().__init__(
            f"{url.partition('?')[0]} gave no usable answer after {attempts} {tries} ({reason}). "
            "Check the network, and WIKI_TRENDS_WIKIMEDIA_URL and WIKI_TRENDS_MEDIAWIKI_URL if they are set, "
            "then run the same command again."
        )


class PageNotListed(WikiTrendsError):
    """A page was asked for that is in none of the days that were read.

    Attributes:
        title: as it was given.
        similar: up to five titles that hold it.
    """

    def __init__(self, *, title: str, similar: list[str]) -> None:
        self.title = title
        self.similar = similar
        near = f"Did you mean {', '.join(map(repr, similar))}?" if similar else "Look at `wiki-trends top`."
        super().__init__(
            f"No list that was read has {title!r}: it was outside, or is spelt otherwise. {near}"
        )


class ExportFailed(WikiTrendsError):
    """The target of an export cannot be written; what was there before still is.

    Attributes:
        target: the file.
        problem: what the system says.
    """

    def __init__(self, *, target: str, problem: str) -> None:
        self.target = target
        self.problem = problem
        super().__init__(
            f"{target} cannot be written: {problem}. Make room or correct the path, and try again."
        )


class WindowNotReady(WikiTrendsError):
    """Analytics were asked for a window that is not ready under its policy.

    Attributes:
        window: the window as people write it.
        missing: the days that are expected and not available, as ISO strings.
        coverage_pct: available / expected in percent.
    """

    def __init__(self, *, window: str, missing: list[str], coverage_pct: float) -> None:
        self.window = window
        self.missing = missing
        self.coverage_pct = coverage_pct
        listed = ", ".join(missing[:10]) + (" …" if len(missing) > 10 else "")
        why = f"missing: {listed}" if missing else "nothing in it is expected yet"
        super().__init__(
            f"The window {window} is not ready: coverage {coverage_pct:.1f} %, {why}. "
            "Run `wiki-trends run` to fill it, or `wiki-trends check` to see why."
        )


class EngineError(WikiTrendsError):
    """What computes the tables is not there, or fails. What was published before still is.

    Attributes:
        engine: its name.
        problem: what is wrong.
        fix: what to do, a sentence.
    """

    def __init__(self, *, engine: str, problem: str, fix: str) -> None:
        self.engine = engine
        self.problem = problem
        self.fix = fix
        super().__init__(f"{engine}: {problem}. {fix}")


class TableFailed(EngineError):
    """What computes the tables failed while one of them was read.

    Attributes:
        reason: all that it said.
    """

    def __init__(self, *, engine: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            engine=engine,
            problem=f"it failed ({reason.strip().partition(chr(10))[0]})",
            fix="What was published before still is. Try again; --engine names another one.",
        )


class WarehouseError(WikiTrendsError):
    """The published tables cannot be read or replaced.

    Attributes:
        warehouse: its URL without credentials.
        problem: what is wrong.
        fix: what to do, a sentence.
    """

    def __init__(self, *, warehouse: str, problem: str, fix: str) -> None:
        self.warehouse = warehouse
        self.problem = problem
        self.fix = fix
        super().__init__(f"{warehouse}: {problem}. {fix}")


class NothingPublished(WarehouseError):
    """There is no published window yet."""

    def __init__(self, *, warehouse: str) -> None:
        super().__init__(
            warehouse=warehouse,
            problem="nothing has been published yet",
            fix="Run `wiki-trends run` first.",
        )
