"""The server over real connections: pageviews, log, keep-alive, compression, faults, and stopping."""

from __future__ import annotations

import datetime as dt
import gzip
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import quote, urlsplit

import pytest

from wiki_trends.errors import SettingError
from wiki_trends.sample import SampleOptions, SampleServer

TOP = "/api/rest_v1/metrics/pageviews/top"
DAY = "2025/11/05"
LIST = f"{TOP}/en.wikipedia/all-access/{DAY}"
TODAY = dt.date(2025, 11, 12)


def connect(server):
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)


def ask(server, path, *, method="GET", body=None, headers=None):
    connection = connect(server)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def logged(server):
    """Method, path, status and fault of the first line of the log."""
    return " ".join(server.exchanges[0].line().split(" ")[1:5])


@pytest.fixture(scope="module")
def server():
    with SampleServer(SampleOptions(today=TODAY, broken=(dt.date(2025, 11, 3),))) as running:
        yield running


def test_a_list_has_the_form_of_the_api(server):
    status, headers, body = ask(server, f"{TOP}/en.wikipedia.org/desktop/{DAY}")
    (item,) = json.loads(body)["items"]
    assert status == 200
    assert headers["ETag"]
    assert int(headers["Content-Length"]) == len(body)
    assert [item[key] for key in ("project", "access", "year", "month", "day")] == [
        "en.wikipedia", "desktop", "2025", "11", "05",
    ]  # fmt: skip
    assert item["articles"][0].keys() == {"article", "views", "rank"}
    assert len(item["articles"]) == 1000


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/xx.wikipedia/all-access/2025/11/05", 404, "we either do not have data"),
        ("/en.wikipedia/all-access/2015/06/30", 404, "we either do not have data"),
        ("/en.wikipedia/all-access/2024/03/31", 404, "we either do not have data"),
        ("/en.wikipedia/all-access/2025/11/12", 404, "we either do not have data"),
        ("/en.wikipedia/all-access/2025/02/30", 400, "invalid date"),
        ("/en.wikipedia/all-access/2025/1x/30", 400, "invalid date"),
        ("/en.wikipedia/all/2025/11/05", 400, "access should be"),
        ("/en.wikipedia/all-access/2025/11", 404, "invalid route"),
        ("/en.wikipedia/all-access/2025/11/03", 500, "internal server error"),
    ],
)
def test_errors_have_the_body_of_the_api(server, path, status, detail):
    answered, headers, body = ask(server, TOP + path)
    error = json.loads(body)
    assert (answered, error["status"]) == (status, status)
    assert headers["Content-Type"] == "application/problem+json"
    assert detail in error["detail"]
    assert error["method"] == "get"
    assert error["type"] == "about:blank"
    assert error["uri"] == f"/metrics/pageviews/top{path}"


def test_the_newest_day_follows_today_and_the_lag(server):
    assert ask(server, f"{TOP}/en.wikipedia/all-access/2025/11/11")[0] == 200
    with SampleServer(SampleOptions(today=TODAY, publication_lag=3)) as later:
        assert ask(later, f"{TOP}/en.wikipedia/all-access/2025/11/10")[0] == 404
        assert ask(later, f"{TOP}/en.wikipedia/all-access/2025/11/09")[0] == 200


def test_the_views_of_an_article_are_those_of_the_lists(server):
    rows = json.loads(ask(server, LIST)[2])["items"][0]["articles"]
    for row in [rows[0], rows[40], next(row for row in rows if "/" in row["article"])]:
        title = quote(row["article"], safe="")
        path = f"/api/rest_v1/metrics/pageviews/per-article/en.wikipedia/all-access/user/{title}/daily/20251101/20251120"
        items = json.loads(ask(server, path)[2])["items"]
        assert [item["timestamp"] for item in items] == [f"202511{day:02}00" for day in range(1, 12)]
        assert items[4]["views"] == row["views"]
        assert items[4]["article"] == row["article"]


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("en.wikipedia/all-access/user/Nobody_wrote_this/daily/20251101/20251102", 404),
        ("en.wikipedia/all-access/user/Main_Page/daily/20251103/20251102", 400),
        ("en.wikipedia/all-access/user/Main_Page/daily/2025/20251102", 400),
        ("en.wikipedia/all-access/user/Main_Page/monthly/20251101/20251102", 400),
        ("en.wikipedia/all-access/people/Main_Page/daily/20251101/20251102", 400),
        ("en.wikipedia/all-access/spider/Main_Page/daily/2025110100/2025110200", 200),
    ],
)
def test_questions_for_an_article_are_checked(server, tail, status):
    assert ask(server, f"/api/rest_v1/metrics/pageviews/per-article/{tail}")[0] == status


def test_what_is_no_route_is_404_and_another_method_405(server):
    assert ask(server, "/favicon.ico")[0] == 404
    assert ask(server, LIST, method="POST", body="")[0] == 405
    assert ask(server, "/xx.wikipedia/w/api.php?action=query")[0] == 404


def test_gzip_only_for_those_who_ask(server):
    plain = ask(server, LIST)
    zipped = ask(server, LIST, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain[1]
    assert zipped[1]["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped[2]) == plain[2]
    assert len(zipped[2]) < len(plain[2]) / 2


def test_one_connection_serves_many_requests(server):
    connection = connect(server)
    for _ in range(3):
        connection.request("GET", LIST)
        sock = connection.sock
        assert connection.getresponse().read()
        assert connection.sock is sock is not None
    connection.close()


def test_the_log_has_a_line_a_request_with_query_or_form(tmp_path):
    log = tmp_path / "requests.log"
    with SampleServer(SampleOptions(today=TODAY, log=log)) as server:
        ask(server, LIST)
        ask(server, f"{TOP}/en.wikipedia/all-access/2025/11/12")
        form = "action=query&format=json&formatversion=2&titles=A%7CB c\n"
        status, _headers, body = ask(server, "/en.wikipedia/w/api.php", method="POST", body=form)
        assert "pages" in json.loads(body)["query"]
        assert status == 200
        expected = [
            ("GET", LIST, 200),
            ("GET", f"{TOP}/en.wikipedia/all-access/2025/11/12", 404),
            (
                "POST",
                "/en.wikipedia/w/api.php?action=query&format=json&formatversion=2&titles=A%7CB%20c%0A",
                200,
            ),
        ]
        assert server.requests == expected
        lines = [line.split(" ") for line in log.read_text().splitlines()]
        assert [(method, path, int(status)) for _, method, path, status, *_ in lines] == expected
        assert [(fault, flight) for *_, fault, _, flight in lines] == [("-", "1")] * 3


def test_a_form_without_a_length_is_refused(server):
    connection = connect(server)
    connection.putrequest("POST", "/en.wikipedia/w/api.php")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_the_same_seed_gives_the_same_faults():
    def statuses(seed):
        with SampleServer(SampleOptions(today=TODAY, seed=seed, faults={"429": 0.3, "500": 0.3})) as server:
            for _ in range(30):
                ask(server, LIST)
            return [status for _method, _path, status in server.requests]

    first = statuses(1)
    assert first == statuses(1) != statuses(2)
    assert set(first) == {200, 429, 500}


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("429", 429, b"Too many requests"),
        ("403", 403, b"Too many requests"),
        ("500", 500, b"{"),
        ("503", 503, b"upstream"),
    ],
)
def test_faults_of_the_server_answer_like_wikimedia(kind, status, text):
    with SampleServer(SampleOptions(faults={kind: 1.0})) as server:
        answered, headers, body = ask(server, LIST)
        assert (answered, body[: len(text)]) == (status, text)
        assert headers.get("Retry-After") == ("1" if kind in ("429", "403") else None)
        assert logged(server) == f"GET {LIST} {status} {kind}"


@pytest.mark.parametrize("kind", ["maxlag", "ratelimited"])
def test_faults_of_the_action_api_are_200_and_leave_the_lists_alone(kind):
    with SampleServer(SampleOptions(today=TODAY, faults={kind: 1.0})) as server:
        status, headers, body = ask(server, "/en.wikipedia/w/api.php?action=query")
        assert (status, json.loads(body)["error"]["code"]) == (200, kind)
        assert headers.get("Retry-After") == ("1" if kind == "maxlag" else None)
        assert ask(server, LIST)[0] == 200


def test_a_reset_is_a_reset():
    with SampleServer(SampleOptions(faults={"reset": 1.0})) as server:
        with pytest.raises(ConnectionResetError) as caught:
            ask(server, LIST)
        assert not isinstance(caught.value, http.client.RemoteDisconnected)
        assert logged(server) == f"GET {LIST} 0 reset"


def test_a_truncated_body_is_shorter_than_its_length():
    with SampleServer(SampleOptions(today=TODAY, faults={"truncate": 1.0})) as server:
        with pytest.raises(http.client.IncompleteRead):
            ask(server, LIST)
        assert server.requests == [("GET", LIST, 200)]


def test_a_held_connection_ends_after_the_stall_without_an_answer():
    with SampleServer(SampleOptions(faults={"timeout": 1.0}, stall=0.05)) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(server, LIST)
        assert logged(server) == f"GET {LIST} 0 timeout"


def test_a_held_connection_ends_when_its_client_hangs_up():
    with SampleServer(SampleOptions(faults={"timeout": 1.0}, stall=600)) as server:
        stalled = connect(server)
        stalled.request("GET", LIST)
        stalled.close()
        began = time.monotonic()
        while not server.exchanges:
            assert time.monotonic() - began < 60
        assert (server.exchanges[0].fault, server.exchanges[0].status) == ("timeout", 0)


def test_stopping_waits_neither_for_held_nor_for_idle_connections():
    server = SampleServer(SampleOptions(faults={"timeout": 1.0}, stall=600))
    server.start()
    idle, stalled = connect(server), connect(server)
    idle.connect()
    stalled.request("GET", LIST)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 60
    with pytest.raises(OSError):
        stalled.getresponse()
    idle.close()
    stalled.close()


def test_latency_holds_each_answer_and_requests_in_flight_are_counted():
    with SampleServer(SampleOptions(today=TODAY, latency=0.1)) as server:
        began = time.monotonic()
        threads = [threading.Thread(target=ask, args=(server, LIST)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began >= 0.1
        assert server.most_in_flight >= 2
        assert all(item.ended - item.began >= 0.1 for item in server.exchanges)


def test_a_port_that_is_taken_is_refused(server):
    port = urlsplit(server.url).port
    with pytest.raises(SettingError, match=f"--port: '127.0.0.1:{port}' cannot be listened on"):
        SampleServer(SampleOptions(port=port))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_process_it_prints_its_address_logs_to_stderr_and_ends_cleanly(number):
    program = "from wiki_trends import sample; sample.serve(sample.SampleOptions())"
    # A shell may have started the tests with SIGINT ignored, which children inherit.
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        address = process.stdout.readline().strip()
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
        connection.request("GET", f"{TOP}/it.wikipedia/mobile-web/{DAY}")
        assert connection.getresponse().status == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        connection.close()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert out == ""
    line = rf"\d{{4}}-\d\d-\d\dT[\d:]{{8}}\.\d{{3}}Z GET {TOP}/it.wikipedia/mobile-web/{DAY} 200 - \d+ms 1\n"
    assert re.fullmatch(line, err)


def test_it_starts_without_heavy_imports():
    program = "import sys, wiki_trends.sample; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    for name in ("numpy", "polars", "pyarrow", "duckdb", "ibis", "typer", "rich", "httpx2"):
        assert f"'{name}'" not in printed
