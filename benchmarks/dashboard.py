"""Measure the dashboard under load: `python -m benchmarks.dashboard [--seconds N] [--json]` (`make bench-web`).

The benchmark publishes a year of data, starts `wiki-trends serve`, and requests the overview as a browser does (with gzip):

1. at a fixed rate, while another process publishes the year repeatedly;
2. at the same rate with a matching ETag (status 304);
3. at increasing rates, until the 99th percentile of the latency exceeds the limit.

Finally, it measures the first paint of the overview in Chromium. The server, the publisher and the load generator share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.dashboard_data import AS_OF, DAYS, fill, publish, settings_in
from benchmarks.machine import machine
from benchmarks.open_loop import Connections, Load, open_loop
from benchmarks.timing import BenchmarkFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wiki_trends.config.settings import Settings

REQUESTS_PER_SECOND, LIMIT_P99_S, LIMIT_PAINT_S = 100.0, 0.1, 0.5
_BROWSER_HEADERS = "Accept: text/html\r\nAccept-Encoding: gzip\r\n"
# A program with two arguments: the folder of the data, and the number of publishes.
_PUBLISHER_PROGRAM = """
import sys
from pathlib import Path
from benchmarks.dashboard_data import publish, settings_in
for number in range(int(sys.argv[2])):
    publish(settings_in(Path(sys.argv[1])))
    print('published', flush=True)
"""


def figures(seconds: float) -> dict[str, Any]:
    """Run all measurements, and return the figures. Each load takes `seconds`."""
    with tempfile.TemporaryDirectory(prefix="wiki-trends-bench-") as name:
        folder = Path(name)
        settings = settings_in(folder)
        _progress(f"writing and publishing {DAYS} days")
        fill(settings)
        publish(settings)
        with _running_server(settings) as port:
            results: dict[str, Any] = {
                "machine": machine(),
                "days": DAYS,
                "body_bytes": _wait_for_first_response(port),
            }
            _progress(
                f"{REQUESTS_PER_SECOND:g} requests a second for {seconds:g} s while the year is published repeatedly"
            )
            with _publishing(folder) as publisher:
                load = asyncio.run(
                    open_loop(port, "/", rate=REQUESTS_PER_SECOND, seconds=seconds, headers=_BROWSER_HEADERS)
                )
            results["while_publishing"] = {**load.to_json(), "publishes": publisher[0]}
            _progress("the same with a matching ETag")
            results["unchanged"] = asyncio.run(_measure_unchanged(port, seconds)).to_json()
            _progress("increasing rates")
            results["highest"] = _measure_highest_rate(port, min(seconds, 5.0))
            _progress("the first paint in Chromium")
            results["first_paint_s"] = _measure_first_paint(port)
    return results


@contextmanager
def _running_server(settings: Settings) -> Iterator[int]:
    """Run `wiki-trends serve` during the block, and yield its port."""
    command = [sys.executable, "-m", "wiki_trends", "serve", "--port", "0", "--as-of", AS_OF.isoformat()]
    environ = {
        "WIKI_TRENDS_LAKE": settings.lake,
        "WIKI_TRENDS_WAREHOUSE": settings.warehouse,
        "WIKI_TRENDS_STATE": settings.state,
        "WIKI_TRENDS_DAYS": str(settings.days),
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as server:
        try:
            line = server.stdout.readline().strip() if server.stdout else ""
            if not line:
                raise BenchmarkFailed(f"serve did not start: {server.stderr.read() if server.stderr else ''}")
            yield int(line.rstrip("/").rpartition(":")[2])
        finally:
            server.terminate()


@contextmanager
def _publishing(folder: Path) -> Iterator[list[int]]:
    """Publish repeatedly during the block. After the block, the yielded list contains the number of publishes."""
    command = [sys.executable, "-c", _PUBLISHER_PROGRAM, str(folder), "1000"]
    count = [0]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as publisher:
        try:
            yield count
        finally:
            publisher.terminate()
            count[0] = (publisher.stdout.read() if publisher.stdout else "").count("published")


def _wait_for_first_response(port: int) -> int:
    """Wait for the first response, and return the size of its body in bytes."""

    async def first_response() -> int:
        connections = Connections(port)
        status, _, body = await connections.get("/", _BROWSER_HEADERS)
        connections.close()
        if status != 200:
            raise BenchmarkFailed(f"the overview answers {status}")
        return len(body)

    return asyncio.run(first_response())


async def _measure_unchanged(port: int, seconds: float) -> Load:
    """Measure requests with the ETag of the current overview."""
    connections = Connections(port)
    _, head, _ = await connections.get("/", _BROWSER_HEADERS)
    connections.close()
    etag = next(line for line in head.decode().split("\r\n") if line.lower().startswith("etag:")).split(
        ":", 1
    )[1]
    return await open_loop(
        port,
        "/",
        rate=REQUESTS_PER_SECOND,
        seconds=seconds,
        headers=f"{_BROWSER_HEADERS}If-None-Match: {etag.strip()}\r\n",
    )


def _measure_highest_rate(port: int, seconds: float) -> dict[str, object]:
    """Find the highest rate within the limit: double the rate until the limit is exceeded, then bisect four times."""

    def is_within_limit(rate: float) -> bool:
        load = asyncio.run(open_loop(port, "/", rate=rate, seconds=seconds, headers=_BROWSER_HEADERS))
        time.sleep(1.0)
        return load.failed == 0 and load.percentile(99) <= LIMIT_P99_S

    low, high = REQUESTS_PER_SECOND, 2 * REQUESTS_PER_SECOND
    while is_within_limit(high) and high < 20_000:
        low, high = high, 2 * high
    for _ in range(4):
        middle = (low + high) / 2
        low, high = (middle, high) if is_within_limit(middle) else (low, middle)
    return {"rate": round(low), "seconds_each": seconds}


def _measure_first_paint(port: int, rounds: int = 7) -> float:
    """Measure the time from navigation to the first contentful paint with an empty cache; return the median in seconds."""
    from playwright.sync_api import sync_playwright

    from tools.browser import executable, flags

    first_paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    seconds: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=flags())
        for round_number in range(rounds + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/", wait_until="load")
            page.wait_for_function(f"{first_paint} !== undefined")
            if round_number:
                seconds.append(float(page.evaluate(first_paint)) / 1000)
            context.close()
        browser.close()
    return round(float(median(seconds)), 3)


def table(results: dict[str, Any]) -> str:
    """Return the figures as text."""
    host, load, unchanged = results["machine"], results["while_publishing"], results["unchanged"]
    paint, highest = results["first_paint_s"], results["highest"]
    lines = [
        f"{host['processor']}, {host['cores']} cores, load {host['load_1_min']}; Python {host['python']}",
        f"overview of {results['days']} days, {results['body_bytes']:,} bytes as sent",
        f"  while {load['publishes']} publishes ran, {_load_text(load)}; {_limit_text(load['p99_ms'] / 1000, LIMIT_P99_S)}",
        f"  unchanged (304), {_load_text(unchanged)}",
    ]
    limit = f"p99 within {LIMIT_P99_S * 1000:g} ms for {highest['seconds_each']:g} s"
    lines.append(f"  highest rate with {limit}: {highest['rate']:,} requests a second")
    lines.append(
        f"  first paint in Chromium, empty cache: {paint * 1000:.0f} ms; {_limit_text(paint, LIMIT_PAINT_S)}"
    )
    return "\n".join(lines) + "\n"


def _load_text(load: dict[str, Any]) -> str:
    responses = ", ".join(f"{count} of {status}" for status, count in load["statuses"].items())
    failed = f", {load['failed']} failed" if load["failed"] else ""
    return (
        f"{load['rate']:g} requests a second: {responses}{failed}; p50 {load['p50_ms']} ms, p99 {load['p99_ms']} ms, "
        f"max {load['max_ms']} ms"
    )


def _limit_text(value: float, limit: float) -> str:
    return f"{'within' if value <= limit else 'OVER'} the limit of {limit * 1000:g} ms"


def _progress(text: str) -> None:
    print(f"measuring {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each load")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    try:
        results = figures(arguments.seconds)
    except BenchmarkFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if arguments.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
