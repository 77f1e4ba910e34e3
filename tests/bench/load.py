"""The load generator, a process of its own: `python -m tests.bench.load URL TEMPLATE MODE ARGUMENTS` answers in JSON.

Requests are written straight to keep-alive sockets and bodies are cut from prepared bytes, so that the generator takes
as little as it can of the cores it shares with the server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import uvloop

MARK = b"@@@@"
"""Stands in a template where an event's own id goes."""

LOST = 30.0
"""Seconds after which an acknowledged event that is not seen counts as lost."""


class Bodies:
    """Bodies of events that never repeat an id, from a template of one event a line."""

    def __init__(self, template: Path) -> None:
        lines = [line.split(MARK) for line in template.read_bytes().splitlines()]
        self._parts = itertools.cycle([(before, after) for before, after in lines])
        self._ids: Iterator[bytes] = (b"%s-%d" % (run, n) for run in [uuid4().hex.encode()] for n in itertools.count())

    def one(self) -> bytes:
        """Return one event as a JSON object."""
        before, after = next(self._parts)
        return before + next(self._ids) + after

    def batch(self, count: int) -> bytes:
        """Return `count` events as a JSON array."""
        return b"[" + b",".join([self.one() for _ in range(count)]) + b"]"


@dataclass(frozen=True, slots=True)
class Connection:
    """A keep-alive HTTP/1.1 connection, one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str

    @classmethod
    async def open(cls, url: str) -> Connection:
        """Connect to the server of `url`."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(reader, writer, parts.netloc)

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/json\r\n"
        self.writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in answer.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        return int(answer[9:12]), await self.reader.readexactly(length)


@dataclass(slots=True)
class Tally:
    """What was answered; latencies in seconds."""

    accepted: int = 0
    busy: int = 0
    latencies: list[float] = field(default_factory=list)

    def take(self, status: int, answer: bytes, began: float) -> None:
        """Count one answer; anything but success and 503 ends the run."""
        if status == 503:
            self.busy += 1
            return
        if status != 200:
            raise RuntimeError(f"the server answered {status}: {answer[:500]!r}")
        self.latencies.append(time.perf_counter() - began)
        self.accepted += json.loads(answer)["accepted"]


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Yield open connections, closed at the end."""
    opened = [await Connection.open(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.writer.close()


async def batches(url: str, bodies: Bodies, *, size: int, workers: int, seconds: float) -> dict[str, Any]:
    """Send batches from `workers` connections, each as fast as it is answered."""
    tally = Tally()
    began = time.perf_counter()

    async def work(connection: Connection) -> None:
        while time.perf_counter() - began < seconds:
            body = bodies.batch(size)
            sent = time.perf_counter()
            tally.take(*await connection.ask("POST", "/v1/events", body), sent)

    async with connections(url, workers) as opened:
        await asyncio.gather(*(work(connection) for connection in opened))
    return {"seconds": time.perf_counter() - began, "accepted": tally.accepted, "busy": tally.busy} | {
        "latencies": tally.latencies
    }


async def singles(url: str, bodies: Bodies, *, rate: float, seconds: float, workers: int) -> dict[str, Any]:
    """Send single events on a fixed schedule; latency counts from the scheduled moment, waiting included."""
    tally = Tally()
    async with connections(url, workers) as opened:
        idle: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in opened:
            idle.put_nowait(connection)
        began = time.perf_counter()

        async def send(due: float) -> None:
            connection = await idle.get()
            tally.take(*await connection.ask("POST", "/v1/events", bodies.one()), due)
            idle.put_nowait(connection)

        async with asyncio.TaskGroup() as sending:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sending.create_task(send(due))
    return {"accepted": tally.accepted, "busy": tally.busy, "latencies": tally.latencies}


async def visible(url: str, bodies: Bodies, *, probes: int, pause: float, question: str) -> dict[str, Any]:
    """Send an event, then ask `question` until its call count has grown; latency counts from the acknowledgement."""
    latencies = []
    async with connections(url, 2) as (sender, asker):

        async def calls() -> int:
            status, answer = await asker.ask("GET", question)
            if status != 200:
                raise RuntimeError(f"the server answered {status}: {answer[:500]!r}")
            return int(json.loads(answer)["totals"]["calls"])

        for _ in range(probes):
            before = await calls()
            await sender.ask("POST", "/v1/events", bodies.one())
            acknowledged = time.perf_counter()
            while await calls() <= before:
                if time.perf_counter() - acknowledged > LOST:
                    raise RuntimeError(f"an acknowledged event is not in {question} after {LOST} s")
            latencies.append(time.perf_counter() - acknowledged)
            await asyncio.sleep(pause)
    return {"latencies": latencies}


MODES: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
    "batches": batches,
    "singles": singles,
    "visible": visible,
}


def main() -> None:
    """Run one mode with its arguments as JSON."""
    url, template, mode, arguments = sys.argv[1:]
    answer = uvloop.run(MODES[mode](url, Bodies(Path(template)), **json.loads(arguments)))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
