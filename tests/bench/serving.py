"""A real `outlay serve` on a free port, as users start it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers."""

    url: str
    pid: int
    ready_after: float
    """Seconds from the start of the process until it was ready."""

    def memory_mib(self, field: str = "VmRSS") -> float:
        """Return resident memory now, or with `VmHWM` the most there ever was."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))

    def processor_seconds(self) -> float:
        """Return the processor time used so far, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serve(data: Path, log: Path) -> Iterator[Served]:
    """Serve `data` while the context is open, then stop gracefully; what the server says goes to `log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "OUTLAY_HTTP__PORT": str(port), "OUTLAY_LOG__LEVEL": "warning"}
    command = [str(Path(sys.executable).parent / "outlay"), "serve", "--data", str(data)]
    began = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        _wait(url, process, log)
        yield Served(url, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"outlay serve exited {process.returncode}: {log.read_text(encoding='utf-8')[-2000:]}")
