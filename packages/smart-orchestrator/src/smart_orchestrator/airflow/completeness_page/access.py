"""Identify the Airflow user of a request, and check the rights of the user to the runs of a DAG.

Airflow does not authenticate the apps that a plugin mounts. These functions call Airflow's auth manager, as Airflow's own API does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from starlette.requests import Request


async def airflow_user(request: Request) -> BaseUser:
    """Return Airflow's user of a request. A request with any `Authorization` header is identified without its cookie.

    Raises:
        fastapi.HTTPException: the request has no valid token.
    """
    from airflow.api_fastapi.core_api.security import get_user, resolve_user_from_token
    from fastapi.security import HTTPAuthorizationCredentials

    header = request.headers.get("authorization")
    if header is None:
        # `get_user` reads the token from the cookie.
        return await get_user(request, None, None)
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        # Without a token, Airflow raises its own 401.
        return await resolve_user_from_token(None)
    return await get_user(request, None, HTTPAuthorizationCredentials(scheme=scheme, credentials=token))


def is_authorized(user: BaseUser, method: Literal["GET", "POST"], dag_id: str) -> bool:
    """Return whether a user may see (`GET`) or trigger (`POST`) the runs of a DAG. This function reads Airflow's database."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from airflow.models.dag import DagModel

    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return bool(
        get_auth_manager().is_authorized_dag(
            method=method, access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )
