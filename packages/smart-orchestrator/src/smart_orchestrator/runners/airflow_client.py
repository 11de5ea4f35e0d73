"""A client of Airflow 3's public REST API (`/api/v2`): sign-in, retries, paging and errors.

The client fetches a token with user and password from `POST /auth/token`, and fetches a new token when Airflow rejects the old one.
A token that the caller passes cannot be renewed. A request is retried if there is no response, or if the response is a server error
(5xx) or 429. If this Airflow has never answered, the address is probably wrong, and the retries stop after a few seconds. If it has
answered before, Airflow is probably restarting, and the retries stop after `patience` seconds. A failed request raises `RunsError`. A
refused request raises the subclass `Refused` with the status. The client is thread-safe. No message contains credentials.

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
PAGE_SIZE = 100
# The time for retries, in seconds: before the first answer of Airflow, and after it.
FIRST_PATIENCE = 5.0
PATIENCE = 120.0
# The first and the longest pause between two tries, in seconds.
FIRST_BACKOFF = 0.25
MAX_BACKOFF = 5.0
TOO_MANY_REQUESTS = 429
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 401, 403, 404, 409
# The maximum number of characters that an error quotes from Airflow's explanation.
MAX_DETAIL_LENGTH = 500

Json = dict[str, Any]


class Refused(RunsError):
    """Airflow refused the request.

    Attributes:
        status: the HTTP status, 4xx.
        detail: the explanation from Airflow.
        repeated: whether the refused request was a retry. The refusal may then be a consequence of the first request.
    """

    def __init__(self, runner: str, status: int, detail: str, fix: str, *, repeated: bool = False) -> None:
        self.status = status
        self.detail = detail
        self.repeated = repeated
        super().__init__(runner, f"{detail} (HTTP {status})", fix)


@dataclass(frozen=True, slots=True)
class AirflowOptionNames:
    """The names of the connection options, for the last sentence of an error.

    Attributes:
        url: the name of the option for the address of Airflow.
        user: the name of the option for the user.
        password: the name of the option for the password.
        token: the name of the option for the token.
        dag: the name of the option for the id of the pipeline's DAG.
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
        password: the password of the user.
        token: a JSON web token that replaces user and password.
        timeout: the time-out of one request, in seconds.
        patience: the time for retries of a request without a response, in seconds.
        option_names: the names of the options in errors.
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
        self._has_answered = False
        self._lock = threading.Lock()
        # Only https needs certificates, and loading them takes 130 ms.
        self._http = httpx2.Client(
            base_url=self.url,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            verify=self.url.startswith("https://"),
            # No connection is kept alive, because Airflow may restart between two polls. So the client need not be closed.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def __repr__(self) -> str:
        return f"AirflowApi({self.url!r})"

    def get(self, path: str, **params: Any) -> Json:
        """Get the JSON object at `/api/v2` + `path`.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: there is no response, or the server is not Airflow.
        """
        return self._json(self.request("GET", f"/api/v2{path}", params=params))

    def post(self, path: str, body: Json) -> Json:
        """Post `body` to `/api/v2` + `path`, and return the JSON object of the response.

        The request must be idempotent, because a retry may send it twice.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: there is no response, or the server is not Airflow.
        """
        return self._json(self.request("POST", f"/api/v2{path}", body=body))

    def patch(self, path: str, body: Json) -> Json:
        """Change the fields in `body` of the object at `/api/v2` + `path`, and return the changed object.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: there is no response, or the server is not Airflow.
        """
        return self._json(self.request("PATCH", f"/api/v2{path}", body=body))

    def pages(self, path: str, items: str, **params: Any) -> Iterator[Json]:
        """Yield the objects of a list from all pages at `/api/v2` + `path`. `items` is the name of the list.

        The parameter `order_by` must sort new objects last. Otherwise an object could move between pages and be missed.
        """
        offset = 0
        while True:
            page = self.get(path, **params, limit=PAGE_SIZE, offset=offset)
            objects = page.get(items) or []
            yield from objects
            offset += len(objects)
            if not objects or offset >= int(page.get("total_entries") or 0):
                return

    def request(self, method: str, path: str, **request: Json) -> httpx2.Response:
        """Send an authenticated request to `path`, which includes `/api/v2`.

        Raises:
            Refused: Airflow refuses the request.
            RunsError: there is no response.
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
        """Return the token. Fetch a new token if there is no token yet, or if the current token is `rejected`."""
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
        """Send a request, and retry it after server errors. Return the response, and whether the request was a retry."""
        with extra("airflow-client"):
            import httpx2

        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        patience = self._patience if self._has_answered else min(FIRST_PATIENCE, self._patience)
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
                    self._has_answered = True
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
            backoff = min(2 * backoff, MAX_BACKOFF)

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
            fix = f"Check the name of the DAG, and that {names.url} is the address of an Airflow 3."
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
    """Return Airflow's explanation of a refusal, on one line."""
    try:
        detail: object = response.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    if isinstance(detail, list):
        detail = "; ".join(_validation_error(item) for item in detail)
    elif isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message")
    return " ".join(str(detail or "refused").split())[:MAX_DETAIL_LENGTH].rstrip(".")


def _validation_error(item: object) -> str:
    """Format a validation error as its field and its message."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()))
    return f"{where}: {item.get('msg')}"
