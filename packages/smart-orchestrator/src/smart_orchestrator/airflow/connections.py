"""Read Airflow connections and convert them to clients, URLs and environment variables.

The functions read connections of secrets backends too. They work in a task and in a thread of the triggerer. Error messages
and logs contain no credentials.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseHook, Variable, conf
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from smart_orchestrator.airflow.postgres_uri import postgres_uri
from smart_orchestrator.errors import RunsError
from smart_orchestrator.runners.airflow_client import AirflowApi, AirflowOptionNames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection


def connection(conn_id: str) -> Connection | None:
    """Return the connection with this id, or None if it does not exist."""
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None


def airflow_api(conn_id: str, *, patience: float = 30.0) -> AirflowApi:
    """Return a client of Airflow's own REST API.

    The connection holds the host and the port, and either the login and the password or a `token` in its extra.

    Args:
        conn_id: the id of the connection.
        patience: the number of seconds for which the client retries a request without an answer.

    Raises:
        RunsError: the connection does not exist, or its host is missing or not an address.
    """
    conn = connection(conn_id)
    if conn is None or not conn.host:
        problem = "does not exist" if conn is None else "has no host"
        fix = f"Add it: airflow connections add {conn_id} --conn-uri 'http://USER:PASSWORD@HOST:8080'."
        raise RunsError(f"Connection {conn_id}", problem, fix)
    try:
        url = _base_url(conn, conn.host)
    except ValueError as error:
        fix = "Set its host to a name, an IP address or a URL such as http://HOST:8080."
        raise RunsError(f"Connection {conn_id}", f"has a host that is not an address: {error}", fix) from None
    # httpx2 logs each request at INFO, which would bury the report in the task's log.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    token = str(conn.extra_dejson.get("token", ""))
    if token:
        mask_secret(token)
    names = AirflowOptionNames(
        url=f"the host of the connection {conn_id}",
        user=f"the login of the connection {conn_id}",
        password="its password",  # noqa: S106 - a name, not a secret
        token=f"`token` in the extra of the connection {conn_id}",
        dag="the id of the pipeline's Dag in the orchestrator",
    )
    return AirflowApi(
        url,
        user=conn.login or "",
        password=conn.password or "",
        token=token,
        patience=patience,
        option_names=names,
    )


def _base_url(conn: Connection, host: str) -> str:
    """Return the URL of an HTTP connection; raise ValueError if the host is not an address."""
    if "://" not in host:
        name, slash, path = host.partition("/")
        if name.count(":") > 1 and not name.startswith("["):
            # Airflow removes the brackets of an IPv6 address when it reads the URI of a connection.
            name = f"[{name}]"
        # An HTTP connection of Airflow has the scheme in its field `schema`.
        scheme = conn.schema if conn.schema in ("http", "https") else _scheme(conn)
        host = f"{scheme}://{name}{slash}{path}"
    parts = urlsplit(host)
    if conn.port and parts.port is None:
        parts = parts._replace(netloc=f"{parts.netloc}:{conn.port}")
    return parts.geturl()


def _scheme(conn: Connection) -> str:
    return "https" if conn.conn_type == "https" or conn.extra_dejson.get("scheme") == "https" else "http"


def ui_url() -> str | None:
    """Return the URL of this Airflow's UI, or None if the configuration does not set it."""
    return conf.get("api", "base_url", fallback=None) or None


def aws_environment(conn_id: str) -> dict[str, str]:
    """Convert an `aws` connection to `AWS_*` environment variables.

    The login and the password are the keys. The extra holds the region, the endpoint and the session token. If the connection
    does not exist, the function returns no variables, and those of the environment apply.
    """
    conn = connection(conn_id)
    if conn is None:
        return {}
    extra = conn.extra_dejson
    variables: Mapping[str, object] = {
        "AWS_ACCESS_KEY_ID": conn.login or extra.get("aws_access_key_id"),
        "AWS_SECRET_ACCESS_KEY": conn.password or extra.get("aws_secret_access_key"),
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"),
        "AWS_REGION": extra.get("region_name"),
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
    }
    return {name: str(value) for name, value in variables.items() if value}


def postgres_url(conn_id: str) -> str | None:
    """Convert a `postgres` connection to a libpq URL; return None if the connection does not exist."""
    conn = connection(conn_id)
    if conn is None:
        return None
    url = postgres_uri(conn.host, conn.port, conn.login, conn.password, conn.schema, conn.extra_dejson)
    mask_secret(url)
    if conn.password:
        # Airflow masks the plain password only; the URL contains its encoded form.
        mask_secret(quote(conn.password, safe=""))
    return url


def notification_urls(name: str) -> list[str]:
    """Return the Apprise URLs of the connection `name`, or else of the variable `name`.

    In the connection, the URLs are in the password or, if it is empty, in the field `url` of the extra.
    """
    conn = connection(name)
    text = "" if conn is None else conn.password or str(conn.extra_dejson.get("url", ""))
    if not text:
        text = Variable.get(name, default="") or ""
    urls = text.replace(",", " ").split()
    for url in urls:
        mask_secret(url)
    return urls
