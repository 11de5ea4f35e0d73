"""Airflow 3's public REST API (`/api/v2`): signing in, retries, paging, and every error as one of ours.

A token is fetched with user and password from `POST /auth/token` and fetched anew when Airflow does not take it any more;
a token that was given cannot be. No answer and server errors (5xx) are tried again: for a few seconds as long as this
Airflow has never answered, since then the address is most likely wrong, and for `patience` seconds afterwards, since then it
is being restarted. Whatever is not an answer raises `RunsError`; a request that Airflow refuses raises `Refused`, which is
one, with the status. Safe between threads. No credentials in any text.

Source: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from smart_orchestrator.errors import OptionError, RunsError, RunsUnreachable
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

# Airflow cuts longer pages to `[api] maximum_page_limit`, 100 by default.
PAGE = 100
# Nobody waits longer for an address that has never answered.
FIRST_PATIENCE = 5.0
PATIENCE = 120.0
FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 5.0
TOO_MANY_REQUESTS = 429
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409
# An answer is some runs or tasks; a log of a task may be long.
LONGEST_DETAIL = 500

Json = dict[str, Any]


class Refused(RunsError):
    """Airflow answered, and refused the request.

    Attributes:
        status: the HTTP status, 4xx.
        detail: what Airflow says about it.
        repeated: whether it was sent before without an answer, so that this may be about what it did then.
    """

    def __init__(self, runner: str, status: int, detail: str, fix: str, *, repeated: bool = False) -> None:
        self.status = status
        self.detail = detail
        self.repeated = repeated
        super().__init__(runner, f"{detail} (HTTP {status})", fix)


@dataclass(frozen=True, slots=True)
class AirflowOptionNames:
    """How the caller's users call the options of an Airflow, for the last sentence of an error.

    Attributes:
        url: its address.
        user: whose rights are used.
        password: of that user.
        token: to use instead of user and password.
        dag: the id of the pipeline's Dag.
    """

    url: str = "the URL"
    user: str = "the user"
    password: str = "the password"  # noqa: S105 - a name, not a secret
    token: str = "the token"  # noqa: S105 - a name, not a secret
    dag: str = "the Dag id"


class AirflowApi:
    """Requests to one Airflow.

    Args:
        url: its base address, such as `http://localhost:8080`; the part below which `/api/v2` lies.
        user: whose rights are used.
        password: of that user.
        token: a JSON web token to use instead of user and password.
        timeout: seconds for one request.
        patience: seconds for which a request is tried again when there is no answer.
        option_names: how errors call these options.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        token: str = "",
        timeout: float = 30.0,
        patience: float = PATIENCE,
        option_names: AirflowOptionNames | None = None,
    ) -> None:
        with extra("airflow-client"):
            import httpx2

        if not timeout > 0:
            raise OptionError("timeout", timeout, "is not more than 0 seconds", "Give for example 30.")
        if not patience >= 0:
            raise OptionError("patience", patience, "is negative", "Give 0 or more seconds.")
        self.url = _without_credentials(url)
        self.name = f"Airflow at {self.url}"
        self.option_names = option_names or AirflowOptionNames()
        self._user = user
        self._password = password
        self._given = token
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._answered = False
        self._lock = threading.Lock()
        # Loading the certificates takes 130 ms, and is of no use where nothing is https.
        self._http = httpx2.Client(
            base_url=self.url,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            verify=self.url.startswith("https://"),
            # Between two looks an api-server may be restarted; and with nothing kept open there is nothing to close.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def __repr__(self) -> str:
        return f"AirflowApi({self.url!r})"

    def get(self, path: str, **params: Any) -> Json:
        """The JSON object at `/api/v2` + `path`.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: no answer, or one that is not Airflow's.
        """
        return self._json(self._signed("GET", f"/api/v2{path}", params=params))

    def post(self, path: str, body: Json) -> Json:
        """What a POST to `/api/v2` + `path` brought. It may arrive twice: let it be something that is done once.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: no answer, or one that is not Airflow's.
        """
        return self._json(self._signed("POST", f"/api/v2{path}", body=body))

    def pages(self, path: str, items: str, **params: Any) -> Iterator[Json]:
        """Each object of the list `items` at `/api/v2` + `path`, however many pages it takes.

        `order_by` should be something that new objects do not change.
        """
        seen = 0
        while True:
            page = self.get(path, **params, limit=PAGE, offset=seen)
            found = page.get(items) or []
            yield from found
            seen += len(found)
            if not found or seen >= int(page.get("total_entries") or 0):
                return

    def _signed(self, method: str, path: str, **sent: Json) -> httpx2.Response:
        token = self._current_token()
        answer, repeated = self._patiently(method, path, token, **sent)
        if answer.status_code == UNAUTHORIZED and not self._given:
            answer, repeated = self._patiently(method, path, self._current_token(not_this=token), **sent)
        if answer.status_code >= 400:
            raise self._refused(answer, repeated=repeated)
        return answer

    def _current_token(self, not_this: str | None = None) -> str:
        """The token; fetched when there is none, or it is the one that was refused."""
        with self._lock:
            if self._token and self._token != not_this:
                return self._token
            if not self._user:
                names = self.option_names
                fix = f"Set {names.user} and {names.password}, or {names.token}."
                raise RunsError(self.name, "no user and no token were given", fix)
            self._token = self._sign_in()
            return self._token

    def _sign_in(self) -> str:
        credentials = {"username": self._user, "password": self._password}
        answer, _ = self._patiently("POST", "/auth/token", "", body=credentials)
        if answer.status_code in (400, UNAUTHORIZED, FORBIDDEN, 422):
            raise Refused(
                self.name,
                answer.status_code,
                f"user {self._user} was not let in",
                f"Correct {self.option_names.user} and {self.option_names.password}.",
            )
        token = self._json(answer).get("access_token") if answer.status_code < 400 else None
        if not isinstance(token, str) or not token:
            raise self._no_airflow(answer.status_code)
        return token

    def _patiently(
        self, method: str, path: str, token: str, params: Json | None = None, body: Json | None = None
    ) -> tuple[httpx2.Response, bool]:
        """The answer, and whether the request was sent before: it is repeated while that is the server's fault."""
        with extra("airflow-client"):
            import httpx2

        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        patience = self._patience if self._answered else min(FIRST_PATIENCE, self._patience)
        deadline = time.monotonic() + patience
        backoff = FIRST_BACKOFF
        repeated = False
        while True:
            try:
                answer = self._http.request(method, path, params=params, json=body, headers=headers)
            except httpx2.HTTPError as error:
                problem = f"does not answer ({type(error).__name__})"
            else:
                if answer.status_code < 500 and answer.status_code != TOO_MANY_REQUESTS:
                    self._answered = True
                    return answer, repeated
                problem = f"answers {method} {path} with HTTP {answer.status_code}"
            if time.monotonic() + backoff > deadline:
                raise RunsUnreachable(
                    self.name,
                    f"{problem}, for {patience:g} s",
                    f"Check {self.option_names.url}, and that Airflow's api-server is running.",
                )
            time.sleep(backoff)
            repeated = True
            backoff = min(2 * backoff, LONGEST_BACKOFF)

    def _json(self, answer: httpx2.Response) -> Json:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._no_airflow(answer.status_code)
        return found

    def _refused(self, answer: httpx2.Response, *, repeated: bool) -> Refused:
        fix, names = "Correct the request.", self.option_names
        if answer.status_code == UNAUTHORIZED:
            fix = (
                f"Replace {names.token}, or set {names.user} and {names.password}."
                if self._given
                else "Sign in again."
            )
        elif answer.status_code == FORBIDDEN:
            fix = "Give the user the rights to see and start runs of this DAG."
        elif answer.status_code == NOT_FOUND:
            fix = f"Check its name, and that {names.url} is the address of an Airflow 3."
        return Refused(self.name, answer.status_code, _detail(answer), fix, repeated=repeated)

    def _no_airflow(self, status: int) -> RunsError:
        return RunsError(
            self.name,
            f"what answers there is not Airflow 3 (HTTP {status})",
            f"Set {self.option_names.url} to the address of Airflow's UI, for example http://localhost:8080.",
        )


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _without_credentials(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _detail(answer: httpx2.Response) -> str:
    """What Airflow says about a refusal, as one line."""
    try:
        detail: object = answer.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    if isinstance(detail, list):
        detail = "; ".join(_invalid(item) for item in detail)
    elif isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message")
    return " ".join(str(detail or "refused").split())[:LONGEST_DETAIL].rstrip(".")


def _invalid(item: object) -> str:
    """One complaint of a validation: where, and what."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()))
    return f"{where}: {item.get('msg')}"
