"""Drive the writer process: send batches, read answers, kill it, start it again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

WRITER = Path(__file__).with_name("writer.py")
Batches = Mapping[int, list[dict[str, Any]]]


class Writer:
    """A running writer process over a data directory; killed on the way out, unless it ended before."""

    def __init__(self, data: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER), str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @classmethod
    @contextmanager
    def ready(cls, data: Path) -> Iterator[Self]:
        """Start one, wait until it takes events, and end it in good order on the way out."""
        with cls(data) as writer:
            assert writer.read() == {"ready": True}
            yield writer
            writer.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def send(self, batches: Batches) -> None:
        """Send batches without waiting; a process that is gone takes none."""
        assert self._process.stdin is not None
        try:
            for number, events in batches.items():
                self._process.stdin.write(json.dumps({"n": number, "events": events}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def read(self) -> dict[str, Any] | None:
        """Return the next answer, or None once the process is gone."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield answers until the process is gone."""
        while (answer := self.read()) is not None:
            yield answer

    def published(self, batches: Batches) -> dict[int, dict[str, Any]]:
        """Send batches and return the answer to each."""
        self.send(batches)
        found = [self.read() for _ in batches]
        return {answer["n"]: answer for answer in found if answer is not None}

    def report(self) -> dict[str, Any]:
        """Return what the ledger holds and what its check finds."""
        assert self._process.stdin is not None
        self._process.stdin.write('{"report": true}\n')
        self._process.stdin.flush()
        answer = self.read()
        assert answer is not None
        return answer

    def kill_within(self, seconds: float) -> None:
        """Kill it without warning after so long, unless it ends first."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)

    def kill(self) -> None:
        """Kill it now and let go of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue

    def finish(self) -> None:
        """Send nothing more and wait for its end in good order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(120) == 0
