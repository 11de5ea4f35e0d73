"""A probe that asks Wikimedia's pageviews API whether it has the list of a day.

The probe sends one GET request without retries, within the rate limits that all processes of the machine share. The status 404 with
the API's own error means that the list is not published yet. A throttled or failed request says nothing about the list.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.upstream.probe import Answer, Presence
from smart_orchestrator.upstream.url_probe import answer_of
from wiki_trends.config.environment import check_network_variables
from wiki_trends.config.projects import canonical_project
from wiki_trends.errors import RequestRejected
from wiki_trends.wikimedia.answers import Blocked, NoData, RetryLater
from wiki_trends.wikimedia.client import top_url
from wiki_trends.wikimedia.limiter import DeadlinePassed
from wiki_trends.wikimedia.transport import Transport

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings

# How long a blocked client sends no request, because repeated requests can extend the block.
BLOCKED_VALIDITY = dt.timedelta(hours=1)


class ListProbe:
    """A `Probe` of the list of the project and the access method in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ask(self, key: dt.date, now: dt.datetime) -> Answer:
        """Request the list of a day. `now` is the current time.

        Raises:
            ContactMissing: the request would go to Wikimedia, and no contact is set.
        """
        answer, _body = request_list(self._settings, key, now)
        return answer


def request_list(settings: Settings, day: dt.date, now: dt.datetime) -> tuple[Answer, bytes]:
    """Request the list of a day, and return the answer and the body, which is empty unless the list has landed.

    Raises:
        ContactMissing: the request would go to Wikimedia, and no contact is set.
    """
    check_network_variables(os.environ)
    url = top_url(settings, canonical_project(settings.project), settings.access, day)
    transport = Transport(settings)
    try:
        return _request(transport, url, now)
    finally:
        transport.close()


def _request(transport: Transport, url: str, now: dt.datetime) -> tuple[Answer, bytes]:
    """Send one request, and return the answer that the response of the API means, and the body.

    The answer has `is_silent` if the API did not respond, blocks the client, or asked it to slow down. Then the other days are not requested
    now.
    """
    try:
        response = transport.send_raw(url, {})
    except RetryLater as failure:
        return Answer.of(Presence.UNKNOWN, now, failure.reason, url=url, is_silent=True), b""
    except DeadlinePassed:
        problem = "the rate limits allowed no request in time"
        return Answer.of(Presence.UNKNOWN, now, problem, url=url, is_silent=True), b""
    answer = answer_of(response.status, response.headers, url, now)
    try:
        transport.parse(url, response)  # Only for its errors, which say why the response is not a list.
    except NoData:
        return answer, b""
    except Blocked:
        return replace(answer, until=now + BLOCKED_VALIDITY, is_silent=True), b""
    except RequestRejected as error:
        return Answer.of(Presence.UNKNOWN, now, f"{answer.detail}: {error.detail}", url=url), b""
    except RetryLater as failure:
        if failure.throttled:
            transport.slow_down(failure.pause)
        unknown = Answer.of(Presence.UNKNOWN, now, failure.reason, url=url, is_silent=failure.throttled)
        if failure.pause is not None:
            unknown = replace(unknown, until=now + dt.timedelta(seconds=failure.pause))
        return unknown, b""
    return answer, response.body
