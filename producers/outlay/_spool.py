"""Events on disk while the far end is away: files of NDJSON in one folder, shared by any number of processes.

A process appends to a file of its own and holds a lock on it (flock) as long as it does; a file without a lock is
anyone's to send and to delete. A killed process lets go of its lock, so what it wrote is sent by the next one. A line
counts once its newline is on disk: what a crash cut short is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 1024 * 1024
"""Size at which a file is closed and the next begun: as much as is sent anew when a process dies while sending it."""

_SUFFIX = ".ndjson"


@dataclass(frozen=True, slots=True)
class Segment:
    """The events of one file, ready to be sent."""

    lines: list[bytes]
    damaged: int
    """Lines passed over, for they are no JSON."""


class Spool:
    """A folder of waiting events; any thread may write and one reads."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Use `folder`, made when first written to; keep all of it, whoever wrote it, within `most_bytes`."""
        self.folder = folder
        self._most = most_bytes
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._reading: int | None = None

    def append(self, body: bytes) -> bool:
        """Write lines and say whether they are safe; False, and nothing written, when there is no room for them."""
        data = body if body.endswith(b"\n") else body + b"\n"
        with self._lock:
            try:
                if self.size() + len(data) > self._most:
                    return False
                _write_whole(self._writing(), data, at=self._size)
            except OSError:
                self._finish()
                return False
            self._size += len(data)
            if self._size >= SEGMENT_BYTES:
                self._finish()
            return True

    def size(self) -> int:
        """Return the bytes waiting, of every process."""
        total = 0
        for path in self._files():
            with suppress(OSError):
                total += path.stat().st_size
        return total

    @contextmanager
    def oldest(self) -> Iterator[Segment | None]:
        """Hold the oldest file that no one else holds, None when there is none; it is deleted unless the block raises.

        The file being written is closed for it, so everything appended before can be had.
        """
        self.close()
        taken = next(self._unheld(), None)
        if taken is None:
            yield None
            return
        file, path = taken
        self._reading = file
        try:
            yield _segment(path.read_bytes())
            path.unlink(missing_ok=True)
        finally:
            self._reading = None
            os.close(file)

    def after_fork(self) -> None:
        """Let the parent's files be the parent's: closed here, still locked there."""
        self._lock = threading.Lock()
        for file in (self._file, self._reading):
            if file is not None:
                os.close(file)
        self._file = self._reading = None

    def close(self) -> None:
        """Let go of the file being written, so that any process may send it."""
        with self._lock:
            self._finish()

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == _SUFFIX)
        except OSError:
            return []

    def _writing(self) -> int:
        if self._file is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                path.rename(path.with_suffix(_SUFFIX))  # named for readers only once it is held
            except OSError:
                os.close(file)
                path.unlink(missing_ok=True)
                raise
            self._file, self._size = file, 0
        return self._file

    def _finish(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _unheld(self) -> Iterator[tuple[int, Path]]:
        for path in self._files():
            with suppress(OSError):
                file = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    free = os.fstat(file).st_nlink > 0
                except OSError:
                    free = False
                if free:
                    yield file, path
                    return
                os.close(file)


def _write_whole(file: int, data: bytes, *, at: int) -> None:
    """Write all of the data and see it on disk, or none of it."""
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        os.fdatasync(file)
    except OSError:
        os.ftruncate(file, at)
        raise


def _segment(data: bytes) -> Segment:
    *whole, cut = data.split(b"\n")
    lines = [line for line in whole if _is_json(line)]
    return Segment(lines, len(whole) - len(lines) + bool(cut))


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
