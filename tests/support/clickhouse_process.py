"""The HTTP front over an embedded engine as a process of its own, to stop, kill and start again on one port and folder.

    with ClickHouseProcess.launched(folder) as store:
        ...  # store.dsn

It dies with the process that launched it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0


class ClickHouseProcess:
    """One store over one folder, down until `start`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or _free_port()
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    @contextmanager
    def launched(cls, folder: Path, *, port: int | None = None) -> Iterator[ClickHouseProcess]:
        store = cls(folder, port=port)
        store.start()
        try:
            yield store
        finally:
            store.kill()

    @property
    def dsn(self) -> str:
        return f"clickhouse://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        if self._process is not None:
            return
        deadline = time.monotonic() + _PATIENCE
        while True:  # a killed process holds the folder until it is gone, and connections their port
            command = [sys.executable, "-m", "tests.support.clickhouse_process", str(self.folder), str(self.port)]
            process = subprocess.Popen(
                command,
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # tells of every client that is killed
                text=True,
                start_new_session=True,
            )
            assert process.stdout is not None
            if process.stdout.readline():
                self._process = process
                return
            process.kill()
            process.communicate()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the store over {self.folder} did not start")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.communicate(timeout=_PATIENCE)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main(folder: str, port: str) -> None:
    """Serve until SIGTERM, or until whoever launched this is gone."""
    from tests.support import clickhouse_front  # noqa: PLC0415 - the engine loads in this process alone

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        sys.stdin.read()  # ends when the other side is gone
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    with clickhouse_front.serve(folder, int(port)):
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
