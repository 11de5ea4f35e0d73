"""The limits hold for all processes of a machine together."""

from __future__ import annotations

import subprocess
import sys

from testing.scripted_server import ReceivedRequest, Reply, ScriptedServer

ASK = """
import sys
from wiki_trends.config.settings import Settings
from wiki_trends.wikimedia import WikimediaClient
url, state, name = sys.argv[1:]
settings = Settings(mediawiki_url=url, wikimedia_url=url, state=state, max_in_flight=3, rate_per_minute=1_000_000)
with WikimediaClient(settings) as client:
    client.pages("en.wikipedia", [f"{name} {number}" for number in range(600)])
"""


def test_three_processes_together_have_three_requests_in_flight(tmp_path):
    def answer(request: ReceivedRequest) -> Reply:
        server.ended.wait(0.005)
        return Reply(
            {"query": {"pages": [{"title": title} for title in request.params["titles"].split("|")]}}
        )

    with ScriptedServer(answer) as server:
        processes = [
            subprocess.Popen([sys.executable, "-c", ASK, server.url, str(tmp_path), name])
            for name in ("a", "b", "c")
        ]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(server.requests) == 36
    assert 2 <= server.peak_in_flight <= 3
