"""An open loop over HTTP: requests leave on their schedule, whether or not earlier ones were answered.

A request's latency counts from the moment at which it was to leave, so that a server that stalls is charged with all that
it kept waiting. Connections are kept alive and opened when none is free. Loopback only: the address is `127.0.0.1`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import ceil

_PATIENCE_S = 30.0


@dataclass(slots=True)
class Load:
    """What came of a load: the seconds of each answer, by status, and requests without one."""

    rate: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    body_bytes: int = 0

    def percentile(self, percent: float) -> float:
        """Seconds within which so many percent were answered; what failed counts as never."""
        known = sorted(self.latencies) + [float("inf")] * self.failed
        return known[max(0, ceil(len(known) * percent / 100) - 1)]

    def to_json(self) -> dict[str, object]:
        """The load as the bench prints it."""
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
    """Kept-alive connections to one server of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str, headers: str) -> tuple[int, bytes, bytes]:
        """Status, head and body of an answer. A free connection that the server has closed by now is left for another."""
        while self._free:
            reader, writer = self._free.pop()
            try:
                return await self._asked(reader, writer, path, headers)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                writer.close()
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._asked(reader, writer, path, headers)

    async def _asked(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, headers: str
    ) -> tuple[int, bytes, bytes]:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 : lower.index(b"\r\n", at)]) if at >= 0 else 0
        body = await reader.readexactly(length)
        self._free.append((reader, writer))
        return int(head[9:12]), head, body

    def close(self) -> None:
        """Close what is free."""
        for _, writer in self._free:
            writer.close()


async def open_loop(port: int, path: str, *, rate: float, seconds: float, headers: str = "") -> Load:
    """Send `rate` requests a second for so many seconds, evenly."""
    loop = asyncio.get_running_loop()
    connections, load = Connections(port), Load(rate)
    began = loop.time() + 0.05

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(due - loop.time())
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, _, body = await connections.get(path, headers)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            load.failed += 1
            return
        load.latencies.append(loop.time() - due)
        load.statuses[status] = load.statuses.get(status, 0) + 1
        load.body_bytes += len(body)

    await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))
    connections.close()
    return load
