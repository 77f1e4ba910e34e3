"""A real Apache Kafka broker as a child process: one node, free ports, no Docker.

    with Broker.launched(folder) as broker:
        ...  # broker.bootstrap

It stops, starts and is killed on the same ports and data, and dies with the process that launched it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.kafka_broker.jars import HERE, NoKafkaError, jars, java

_HEAP = "384m"
_QUICK = "-XX:TieredStopAtLevel=1"
"""Compiles less: half the processor time to start, and a slower broker once it runs."""
_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_CLUSTER = "b3V0bGF5LXRlc3RzLWthZg"
_ATTEMPTS = 3


class Broker:
    """One broker over one folder, down until `start`."""

    def __init__(self, folder: Path, *, heap: str = _HEAP, quick: bool = True) -> None:
        """Choose free ports and format the storage; raise `NoKafkaError` when Apache Kafka cannot be had.

        `quick` starts sooner and then serves more slowly: not for measurements.
        """
        self.folder = folder
        self.log = folder / "broker.log"
        self.port, controller = _free_ports(2)
        self._options = [f"-Xmx{heap}", *([_QUICK] if quick else [])]
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._properties = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            (HERE / "server.properties").read_text("utf-8")
            + f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
            + f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}\n"
            + f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            + f"log.dirs={folder / 'data'}\n"
        )
        tool("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties))

    @classmethod
    @contextmanager
    def launched(cls, folder: Path, *, heap: str = _HEAP, quick: bool = True) -> Iterator[Broker]:
        """Start a broker over `folder` while the context is open. Raises `NoKafkaError`."""
        broker = cls._started(folder, heap=heap, quick=quick)
        try:
            yield broker
        finally:
            broker.kill()

    @classmethod
    def _started(cls, folder: Path, *, heap: str, quick: bool) -> Broker:
        """Another process may take a port between its choice and its use: choose again."""
        for attempt in range(_ATTEMPTS):
            broker = cls(folder / str(attempt), heap=heap, quick=quick)
            try:
                broker.start()
            except NoKafkaError:
                broker.kill()
                if attempt == _ATTEMPTS - 1 or "already in use" not in broker.log.read_text(errors="replace"):
                    raise
            else:
                return broker
        raise AssertionError("unreachable")

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it is down."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers; raise `NoKafkaError` with the end of its log when it does not."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [java(), *self._options, *_classes(), "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = _guard(self._process.pid)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise NoKafkaError(f"the broker did not start; its log ends:\n{self._tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it in good order; its data stay."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once, as a power cut would; what it had acknowledged stays in its data."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def tool(main: str, *arguments: str, stdin: bytes = b"") -> str:
    """Run one of Kafka's own tools by its main class and return what it printed. Raises `NoKafkaError`."""
    command = [java(), "-Xmx64m", _QUICK, *_classes(), main, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=_START_SECONDS)
    if done.returncode != 0:
        raise NoKafkaError(f"{main} failed:\n{(done.stdout + done.stderr).decode(errors='replace')[-2000:]}")
    return done.stdout.decode()


def _classes() -> list[str]:
    return ["-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "-cp", f"{jars()}/*"]


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Kill `pid` when this process ends in any way: the pipe closes, and the shell's `read` returns."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -9 {pid} 2>/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


_API_VERSIONS = bytes.fromhex("0000000a0012000000000001ffff")
"""The ApiVersions request, version 0, of no client id: the first thing a broker answers (Kafka protocol guide)."""


def _answers(port: int) -> bool:
    """Return whether a broker serves requests at `port`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(8)) == 8
    except OSError:
        return False
