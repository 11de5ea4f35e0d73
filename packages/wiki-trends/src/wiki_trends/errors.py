"""The exceptions of the product. The fields of an exception hold the facts of the failure.

    WikiTrendsError
    ├── SettingError            a setting or an option has a value that cannot be used
    │   └── ContactMissing      live use of Wikimedia's APIs needs a contact
    ├── WikimediaError          Wikimedia's response does not have the requested data
    │   ├── DayNotPublished     the list of a day does not exist (yet)
    │   ├── RequestRejected     Wikimedia rejected a request, and a retry cannot help
    │   │   ├── ClientBlocked   a 403 without `Retry-After`: Wikimedia blocks this client
    │   │   └── TokenRejected   a 401: the access token is not valid or missing
    │   └── ContractBroken      a response or a layer does not have the expected form
    ├── WikimediaUnreachable    no usable response came before the deadline
    ├── PageNotListed           a page is in none of the lists that were read
    ├── ExportFailed            the target of an export cannot be written
    ├── WindowNotReady          analytics were requested for a window that is not ready
    ├── EngineError             the analytics engine is missing, or fails
    │   └── TableFailed         the engine failed while it read a table
    └── WarehouseError          the tables cannot be read or published
        ├── WarehouseUrlError   the URL of the warehouse cannot be used
        ├── NothingPublished    no window has been published yet
        └── NewerPublished      the published window ends later, and the caller asked to keep it

The message of an exception is made from its fields. The message says what happened to which object, and ends with the fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.errors import NotPublished, SourceRefused, SourceUnreachable
from smart_orchestrator.expected_error import INCOMPLETE, UNREACHABLE, USAGE, ExpectedError

if TYPE_CHECKING:
    from datetime import date


class WikiTrendsError(ExpectedError):
    """Base of every error that `wiki_trends` raises on purpose."""


class SettingError(WikiTrendsError):
    """A setting has a value that cannot be used.

    Attributes:
        name: the name of the setting in `Settings`.
        value: the value that the user gave.
        origin: the option or the variable with the value, for example `--days` or `WIKI_TRENDS_DAYS`.
        problem: the reason that the value cannot be used.
        fix: a sentence that says what to do.
    """

    transient = False
    exit_code = USAGE

    def __init__(self, *, name: str, value: object, origin: str, problem: str, fix: str) -> None:
        self.name = name
        self.value = value
        self.origin = origin
        self.problem = problem
        self.fix = fix
        super().__init__(f"{origin}: {value!r} {problem}. {fix}")


class ContactMissing(SettingError):
    """The User-Agent for Wikimedia's APIs needs a contact, and the setting is empty or has a placeholder."""

    def __init__(self, *, contact: str = "", problem: str = "is not a contact") -> None:
        super().__init__(
            name="contact",
            value=contact,
            origin="WIKI_TRENDS_CONTACT",
            problem=(
                f"{problem}; Wikimedia requires a real one in the User-Agent of every client "
                "(other clients get 10 requests a minute, or a permanent 403)"
            ),
            fix=(
                "Set WIKI_TRENDS_CONTACT (or --contact) to your own e-mail address, the URL of a page about you or "
                "your project, or your user page (https://meta.wikimedia.org/wiki/User:…)."
            ),
        )


class WikimediaError(WikiTrendsError):
    """Wikimedia's response does not have the requested data."""


class DayNotPublished(WikimediaError, NotPublished):
    """The list of a day does not exist. Wikimedia publishes the list later, or never.

    Attributes:
        day: the requested UTC day.
        project: the Wikimedia project, for example `en.wikipedia`.
        url: the URL of the request that got status 404.
    """

    def __init__(self, *, day: date, project: str, url: str) -> None:
        self.project = project
        self.url = url
        NotPublished.__init__(self, day, f"{project} has no list for {day} (404 from {url})")


class RequestRejected(WikimediaError, SourceRefused):
    """Wikimedia rejected a request, and a retry cannot help.

    Attributes:
        url: the requested URL.
        status: the HTTP status of the response.
        detail: the shortened text of the response.
    """

    exit_code = USAGE

    def __init__(self, *, url: str, status: int, detail: str) -> None:
        self.url = url
        self.status = status
        self.detail = detail
        # Subclasses set their own fields first, because their `_message` reads them.
        super().__init__(self._message())

    def _message(self) -> str:
        return (
            f"Wikimedia refused {self.url} with status {self.status}: {self.detail.rstrip('.')}. "
            "Check project, access and contact."
        )


class ClientBlocked(RequestRejected):
    """Wikimedia blocks this client: each of a few attempts got a 403 without `Retry-After`.

    Attributes:
        user_agent: the User-Agent that was sent.
        attempts: the number of attempts.
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
    """Wikimedia does not accept the access token, or requires one: the response has status 401.

    Attributes:
        has_token: whether the request had an access token.
    """

    def __init__(self, *, url: str, status: int, detail: str, has_token: bool = True) -> None:
        self.has_token = has_token
        super().__init__(url=url, status=status, detail=detail)

    def _message(self) -> str:
        if not self.has_token:
            return (
                f"Wikimedia requires an access token: {self.url} answered status {self.status}: "
                f"{self.detail.rstrip('.') or '(no text)'}. Set WIKI_TRENDS_TOKEN."
            )
        return (
            f"Wikimedia does not accept the access token: {self.url} answered status {self.status}: "
            f"{self.detail.rstrip('.')}. Renew WIKI_TRENDS_TOKEN, or unset it: a token does not raise the limits by itself."
        )


class ContractBroken(WikimediaError):
    """A response of Wikimedia, or a layer of the lake that was made from responses, breaks its contract.

    Attributes:
        what: the name of the response or of the layer.
        problem: the broken rule and the first value that breaks the rule.
    """

    def __init__(self, *, what: str, problem: str) -> None:
        self.what = what
        self.problem = problem
        super().__init__(
            f"{what} breaks its contract: {problem}. Nothing was committed; fetch the day again."
        )


class WikimediaUnreachable(WikiTrendsError, SourceUnreachable):
    """No usable response came before the deadline.

    Attributes:
        url: the requested URL.
        attempts: the number of attempts.
        reason: the failure of the last attempt.
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
    """A page is in none of the lists that were read.

    Attributes:
        title: the requested title.
        similar: up to five listed titles that contain the requested title.
    """

    transient = False

    def __init__(self, *, title: str, similar: list[str]) -> None:
        self.title = title
        self.similar = similar
        hint = f"Did you mean {', '.join(map(repr, similar))}?" if similar else "See `wiki-trends top`."
        super().__init__(
            f"{title!r} is in none of the lists that were read: it was outside the top, or is spelled differently. {hint}"
        )


class ExportFailed(WikiTrendsError):
    """The target of an export cannot be written; an existing file is unchanged.

    Attributes:
        target: the path of the file.
        problem: the error message of the operating system.
    """

    transient = False

    def __init__(self, *, target: str, problem: str) -> None:
        self.target = target
        self.problem = problem
        super().__init__(
            f"{target} cannot be written: {problem}. Make room or correct the path, and try again."
        )


class WindowNotReady(WikiTrendsError):
    """Analytics need a window that is ready under its policy, and the requested window is not ready.

    Attributes:
        window: the window as text.
        missing: the expected days that are not available, as ISO strings.
        coverage_pct: the percentage of the expected days that are available.
    """

    transient = False

    def __init__(self, *, window: str, missing: list[str], coverage_pct: float) -> None:
        self.window = window
        self.missing = missing
        self.coverage_pct = coverage_pct
        listed = ", ".join(missing[:10]) + (" …" if len(missing) > 10 else "")
        reason = f"missing: {listed}" if missing else "nothing in it is expected yet"
        super().__init__(
            f"The window {window} is not ready: coverage {coverage_pct:.1f} %, {reason}. "
            "Run `wiki-trends run` to fill it, or `wiki-trends check` to see why."
        )


class EngineError(WikiTrendsError):
    """The analytics engine is missing, or fails. The published tables are unchanged.

    Attributes:
        engine: the name of the engine.
        problem: the failure as text.
        fix: a sentence that says what to do.
    """

    transient = False
    exit_code = UNREACHABLE

    def __init__(self, *, engine: str, problem: str, fix: str) -> None:
        self.engine = engine
        self.problem = problem
        self.fix = fix
        super().__init__(f"{engine}: {problem}. {fix}")


class TableFailed(EngineError):
    """The analytics engine failed while it read a table.

    Attributes:
        reason: the complete message of the engine.
    """

    transient = True

    def __init__(self, *, engine: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            engine=engine,
            problem=f"it failed ({reason.strip().partition(chr(10))[0]})",
            fix="The published tables are unchanged. Try again, or use another --engine.",
        )


class WarehouseError(WikiTrendsError):
    """The published tables cannot be read or replaced.

    Attributes:
        warehouse: the URL of the warehouse, without credentials.
        problem: the failure as text.
        fix: a sentence that says what to do.
    """

    exit_code = UNREACHABLE

    def __init__(self, *, warehouse: str, problem: str, fix: str) -> None:
        self.warehouse = warehouse
        self.problem = problem
        self.fix = fix
        super().__init__(f"{warehouse}: {problem}. {fix}")


class WarehouseUrlError(WarehouseError):
    """The URL of the warehouse cannot be used."""

    transient = False
    exit_code = USAGE


class NothingPublished(WarehouseError):
    """No window has been published yet."""

    transient = False
    exit_code = INCOMPLETE

    def __init__(self, *, warehouse: str) -> None:
        super().__init__(
            warehouse=warehouse,
            problem="nothing has been published yet",
            fix="Run `wiki-trends run` first.",
        )


class NewerPublished(WarehouseError):
    """The published window ends later, and the caller asked to keep such a window. Nothing was written.

    Attributes:
        window_start: the first day of the published window.
        window_end: the last day of the published window.
    """

    transient = False
    exit_code = INCOMPLETE

    def __init__(self, *, warehouse: str, window_start: date, window_end: date) -> None:
        super().__init__(
            warehouse=warehouse,
            problem=f"the published window, {window_start} .. {window_end}, ends later",
            fix="Publish a window that ends later, or replace the newer one on purpose.",
        )
        self.window_start = window_start
        self.window_end = window_end
