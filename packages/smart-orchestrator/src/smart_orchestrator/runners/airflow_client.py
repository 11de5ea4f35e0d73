"""A client of Airflow 3's public REST API (`/api/v2`): sign-in, retries, paging and errors.

The client fetches a token with user and password from `POST /auth/token`, and fetches a new one when Airflow rejects it. A
token that the caller passes cannot be renewed. A request without an answer or with a server error (5xx) is retried: for a
few seconds if this Airflow has never answered, because the address is then most likely wrong; otherwise for `patience`
seconds, because Airflow is then most likely restarting. A failed request raises `RunsError`; one that Airflow refuses
raises its subclass `Refused`, which has the status. Safe for concurrent threads. No text contains credentials.

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

# Airflow limits the page size to `[api] maximum_page_limit`, 100 by default.
PAGE = 100
# Seconds of retries for an address that has never answered.
FIRST_PATIENCE = 5.0
PATIENCE = 120.0
FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 5.0
TOO_MANY_REQUESTS = 429
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409
# Characters of Airflow's explanation that an error quotes.
LONGEST_DETAIL = 500

Json = dict[str, Any]


class Refused(RunsError):
    """Airflow answered, and refused the request.

    Attributes:
        status: the HTTP status, 4xx.
        detail: Airflow's explanation.
        repeated: whether the request was a retry, so that the refusal may be caused by the effect of an earlier try.
    """

    def __init__(self, runner: str, status: int, detail: str, fix: str, *, repeated: bool = False) -> None:
        self.status = status
        self.detail = detail
        self.repeated = repeated
        super().__init__(runner, f"{detail} (HTTP {status})", fix)


@dataclass(frozen=True, slots=True)
class AirflowOptionNames:
    """The names of the connection options as the caller's users know them, for the last sentence of an error.

    Attributes:
        url: the address of Airflow.
        user: the user who signs in.
        password: the password of that user.
        token: the token that replaces user and password.
        dag: the id of the pipeline's DAG.
    """

    url: str = "the URL"
    user: str = "the user"
    password: str = "the password"  # noqa: S105 - a name, not a secret
    token: str = "the token"  # noqa: S105 - a name, not a secret
    dag: str = "the Dag id"


class AirflowApi:
    """A client of one Airflow.

    Args:
        url: the base address, such as `http://localhost:8080`, without `/api/v2`.
        user: the user who signs in.
        password: the password of that user.
        token: a JSON web token that replaces user and password.
        timeout: seconds for one request.
        patience: seconds for which a request without an answer is retried.
        option_names: the names of these options in errors.
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
        self._fixed_token = token
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._answered = False
        self._lock = threading.Lock()
        # Loading the certificates takes 130 ms and is only needed for https.
        self._http = httpx2.Client(
            base_url=self.url,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            verify=self.url.startswith("https://"),
            # The api-server may restart between two polls; without kept-alive connections the client needs no close.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def __repr__(self) -> str:
        return f"AirflowApi({self.url!r})"

    def get(self, path: str, **params: Any) -> Json:
        """Return the JSON object at `/api/v2` + `path`.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: no answer, or one that is not Airflow's.
        """
        return self._json(self.request("GET", f"/api/v2{path}", params=params))

    def post(self, path: str, body: Json) -> Json:
        """Return the JSON object that a POST to `/api/v2` + `path` returns. A retry may send it twice, so it must be idempotent.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: no answer, or one that is not Airflow's.
        """
        return self._json(self.request("POST", f"/api/v2{path}", body=body))

    def pages(self, path: str, items: str, **params: Any) -> Iterator[Json]:
        """Yield each object of the list `items` at `/api/v2` + `path`, from all pages.

        `order_by` must be a field in which new objects come last; otherwise a page could miss an object.
        """
        offset = 0
        while True:
            page = self.get(path, **params, limit=PAGE, offset=offset)
            objects = page.get(items) or []
            yield from objects
            offset += len(objects)
            if not objects or offset >= int(page.get("total_entries") or 0):
                return

    def request(self, method: str, path: str, **request: Json) -> httpx2.Response:
        """Send an authenticated request to `path`, which includes `/api/v2`.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: no answer.
        """
        token = self._current_token()
        response, repeated = self._send_with_retries(method, path, token, **request)
        if response.status_code == UNAUTHORIZED and not self._fixed_token:
            response, repeated = self._send_with_retries(
                method, path, self._current_token(rejected=token), **request
            )
        if response.status_code >= 400:
            raise self._refused(response, repeated=repeated)
        return response

    def _current_token(self, rejected: str | None = None) -> str:
        """Return the token; a new one is fetched if there is none or the present one is `rejected`."""
        with self._lock:
            if self._token and self._token != rejected:
                return self._token
            if not self._user:
                names = self.option_names
                fix = f"Set {names.user} and {names.password}, or {names.token}."
                raise RunsError(self.name, "no user and no token were given", fix)
            self._token = self._sign_in()
            return self._token

    def _sign_in(self) -> str:
        credentials = {"username": self._user, "password": self._password}
        response, _ = self._send_with_retries("POST", "/auth/token", "", body=credentials)
        if response.status_code in (400, UNAUTHORIZED, FORBIDDEN, 422):
            raise Refused(
                self.name,
                response.status_code,
                f"user {self._user} cannot sign in",
                f"Correct {self.option_names.user} and {self.option_names.password}.",
            )
        token = self._json(response).get("access_token") if response.status_code < 400 else None
        if not isinstance(token, str) or not token:
            raise self._not_airflow(response.status_code)
        return token

    def _send_with_retries(
        self, method: str, path: str, token: str, params: Json | None = None, body: Json | None = None
    ) -> tuple[httpx2.Response, bool]:
        """Send a request and retry it while the server is at fault; return the response and whether it was a retry."""
        with extra("airflow-client"):
            import httpx2

        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        patience = self._patience if self._answered else min(FIRST_PATIENCE, self._patience)
        deadline = time.monotonic() + patience
        backoff = FIRST_BACKOFF
        repeated = False
        while True:
            try:
                response = self._http.request(method, path, params=params, json=body, headers=headers)
            except httpx2.HTTPError as error:
                problem = f"does not answer ({type(error).__name__})"
            else:
                if response.status_code < 500 and response.status_code != TOO_MANY_REQUESTS:
                    self._answered = True
                    return response, repeated
                problem = f"answers {method} {path} with HTTP {response.status_code}"
            if time.monotonic() + backoff > deadline:
                raise RunsUnreachable(
                    self.name,
                    f"{problem}, for {patience:g} s",
                    f"Check {self.option_names.url}, and that Airflow's api-server is running.",
                )
            time.sleep(backoff)
            repeated = True
            backoff = min(2 * backoff, LONGEST_BACKOFF)

    def _json(self, response: httpx2.Response) -> Json:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self._not_airflow(response.status_code)
        return document

    def _refused(self, response: httpx2.Response, *, repeated: bool) -> Refused:
        fix, names = "Correct the request.", self.option_names
        if response.status_code == UNAUTHORIZED:
            fix = (
                f"Replace {names.token}, or set {names.user} and {names.password}."
                if self._fixed_token
                else "Sign in again."
            )
        elif response.status_code == FORBIDDEN:
            fix = "Give the user the rights to see and start runs of this DAG."
        elif response.status_code == NOT_FOUND:
            fix = f"Check its name, and that {names.url} is the address of an Airflow 3."
        return Refused(self.name, response.status_code, _detail(response), fix, repeated=repeated)

    def _not_airflow(self, status: int) -> RunsError:
        return RunsError(
            self.name,
            f"the server at this address is not Airflow 3 (HTTP {status})",
            f"Set {self.option_names.url} to the address of Airflow's UI, for example http://localhost:8080.",
        )


def segment(text: str) -> str:
    """Percent-encode a text as one segment of a URL path."""
    return quote(text, safe="")


def _without_credentials(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _detail(response: httpx2.Response) -> str:
    """Airflow's explanation of a refusal, on one line."""
    try:
        detail: object = response.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    if isinstance(detail, list):
        detail = "; ".join(_validation_error(item) for item in detail)
    elif isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message")
    return " ".join(str(detail or "refused").split())[:LONGEST_DETAIL].rstrip(".")


def _validation_error(item: object) -> str:
    """Return one validation error: its field and its message."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()))
    return f"{where}: {item.get('msg')}"
