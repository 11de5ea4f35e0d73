"""What Airflow's connections say, in the forms that the layer takes. Airflow's secrets backends are asked as for any other.

Works in a task and in a thread of the triggerer. No credentials in any text.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

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
    """The connection, or None where there is none of that name."""
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None


def airflow_api(conn_id: str, *, patience: float = 30.0) -> AirflowApi:
    """Airflow's own REST API as the connection names it: host, port, login and password, or `token` in its extra.

    Raises:
        RunsError: there is no such connection, or no host in it.
    """
    found = connection(conn_id)
    if found is None or not found.host:
        problem = "does not exist" if found is None else "names no host"
        fix = f"Make it: airflow connections add {conn_id} --conn-uri 'http://USER:PASSWORD@HOST:8080'."
        raise RunsError(f"Connection {conn_id}", problem, fix)
    url = found.host
    if "://" not in url:
        scheme = found.schema if found.schema in ("http", "https") else _scheme(found)
        url = f"{scheme}://{url}"
    if found.port and not url.rpartition(":")[2].isdigit():
        url = f"{url}:{found.port}"
    # A line a request would hide the report.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    token = str(found.extra_dejson.get("token", ""))
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
        user=found.login or "",
        password=found.password or "",
        token=token,
        patience=patience,
        option_names=names,
    )


def _scheme(found: Connection) -> str:
    return "https" if found.conn_type == "https" or found.extra_dejson.get("scheme") == "https" else "http"


def ui_url() -> str | None:
    """Where people find this Airflow; None where its configuration does not say."""
    return conf.get("api", "base_url", fallback=None) or None


def aws_environment(conn_id: str) -> dict[str, str]:
    """The `AWS_*` variables of an `aws` connection: login, password, and in its extra region, endpoint and session token.

    Empty where there is no such connection: the environment's own stand then.
    """
    found = connection(conn_id)
    if found is None:
        return {}
    extra = found.extra_dejson
    named: Mapping[str, object] = {
        "AWS_ACCESS_KEY_ID": found.login or extra.get("aws_access_key_id"),
        "AWS_SECRET_ACCESS_KEY": found.password or extra.get("aws_secret_access_key"),
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"),
        "AWS_REGION": extra.get("region_name"),
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
    }
    return {name: str(value) for name, value in named.items() if value}


def postgres_url(conn_id: str) -> str | None:
    """The URL of a `postgres` connection, for drivers; None where there is no such connection."""
    found = connection(conn_id)
    if found is None:
        return None
    url = postgres_uri(found.host, found.port, found.login, found.password, found.schema, found.extra_dejson)
    mask_secret(url)
    if found.password:
        # Encoded it is another text than the one that Airflow masks.
        mask_secret(quote(found.password, safe=""))
    return url


def notification_urls(name: str) -> list[str]:
    """The Apprise URLs of a connection (its password, else `url` in its extra), else of the variable of that name."""
    found = connection(name)
    text = "" if found is None else found.password or str(found.extra_dejson.get("url", ""))
    if not text:
        text = Variable.get(name, default="") or ""
    urls = text.replace(",", " ").split()
    for url in urls:
        mask_secret(url)
    return urls
