"""An open-loop HTTP load generator: it sends each request at its scheduled time, without waiting for earlier responses.

The latency of a request is measured from its scheduled time. If the server stalls, the latency of each request that is scheduled
during the stall includes its own waiting time (no coordinated omission). The generator keeps connections alive, and connects only to `127.0.0.1`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import ceil

_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Load:
    """The results of sending requests at a rate.

    Attributes:
        rate: the scheduled number of requests per second.
        latencies: the latency of each response, in seconds.
        statuses: the number of responses by status code.
        failed: the number of requests without a response.
        body_bytes: the total size of the response bodies.
    """

    rate: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    body_bytes: int = 0

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies. A failed request counts as an infinite latency."""
        latencies = sorted(self.latencies) + [float("inf")] * self.failed
        return latencies[max(0, ceil(len(latencies) * percent / 100) - 1)]

    def to_json(self) -> dict[str, object]:
        """Return the results as a JSON object, with latencies in milliseconds."""
        return {
            "rate": self.rate,
            "requests": len(self.latencies) + self.failed,
            "failed": self.failed,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "p50_ms": round(self.percentile(50) * 1000, 1),
            "p99_ms": round(self.percentile(99) * 1000, 1),
            "max_ms": round(self.percentile(100) * 1000, 1),
        }


class Connections:
    """A pool of keep-alive connections to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str, headers: str) -> tuple[int, bytes, bytes]:
        """Send a request, and return the status, the head and the body of the response.

        If the server has closed an idle connection, the request is sent on another connection.
        """
        while self._idle:
            reader, writer = self._idle.pop()
            try:
                return await self._request(reader, writer, path, headers)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                writer.close()
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._request(reader, writer, path, headers)

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, headers: str
    ) -> tuple[int, bytes, bytes]:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        position = lower.find(b"content-length:")
        length = int(lower[position + 15 : lower.index(b"\r\n", position)]) if position >= 0 else 0
        body = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return int(head[9:12]), head, body

    def close(self) -> None:
        """Close the idle connections."""
        for _, writer in self._idle:
            writer.close()


async def open_loop(port: int, path: str, *, rate: float, seconds: float, headers: str = "") -> Load:
    """Send `rate` requests per second for `seconds`, evenly spaced, and return the results."""
    loop = asyncio.get_running_loop()
    connections, load = Connections(port), Load(rate)
    started_at = loop.time() + 0.05

    async def send(number: int) -> None:
        due_at = started_at + number / rate
        await asyncio.sleep(due_at - loop.time())
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, _, body = await connections.get(path, headers)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            load.failed += 1
            return
        load.latencies.append(loop.time() - due_at)
        load.statuses[status] = load.statuses.get(status, 0) + 1
        load.body_bytes += len(body)

    await asyncio.gather(*(send(number) for number in range(int(rate * seconds))))
    connections.close()
    return load
