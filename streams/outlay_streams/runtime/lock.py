"""One writer a data directory: a lock that the kernel drops with its holder, and the number of this taking.

The generation rises, durably, at each taking: to the second of the clock, or one past the last where the clock lags.
It is the upper half of every block offset, so no two writers ever give one offset to different blocks, even if
somebody removes the file.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

FILE = "writer.lock"
_NAME_LENGTH = 32


class DataDirectoryError(Exception):
    """The data directory cannot be used for writing; the message says why and what to do."""


class DataDirectoryInUse(DataDirectoryError):  # noqa: N818 - reads as what happened
    """Another process writes to the data directory; stop it, talk to it over HTTP, or choose another directory."""


class WriterLock:
    """The exclusive right to write to a data directory, from construction to `release` or the end of the process.

    `identity` names this file and no copy of it, for ever: whoever else had the lock of that identity has ended.

    Raises `DataDirectoryInUse` when another process has it and `DataDirectoryError` when the directory is unusable.
    """

    def __init__(self, data_dir: Path, *, now: datetime) -> None:
        """Create the directory if need be, take the lock and the next generation; `now` aware."""
        self.path = data_dir / FILE
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unusable(data_dir, error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.generation = self._next_generation(int(now.timestamp()))
        except BlockingIOError:
            holder = self._read()[:1] or ["unknown"]
            os.close(self._file)
            raise DataDirectoryInUse(
                f"{data_dir} is written to by process {holder[0]}; stop it, use --server, or pass another --data"
            ) from None
        except OSError as error:
            os.close(self._file)
            raise _unusable(data_dir, error) from None

    def _read(self) -> list[str]:
        return os.pread(self._file, 128, 0).decode("ascii", "replace").split()

    def _next_generation(self, second: int) -> int:
        """Write process, generation and name in one piece of fixed length; survive a file cut short by a crash."""
        held = self._read()
        last = int(held[1]) if len(held) >= 2 and held[1].isdecimal() else 0
        generation = max(last + 1, second)
        name = held[2] if len(held) == 3 and len(held[2]) == _NAME_LENGTH else uuid.uuid4().hex
        os.pwrite(self._file, f"{os.getpid():<20d} {generation:<20d} {name}\n".encode(), 0)
        os.fsync(self._file)
        file = os.fstat(self._file)
        self.identity = f"{name}/{file.st_dev}/{file.st_ino}"
        return generation

    def release(self) -> None:
        """Give the right back; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _unusable(data_dir: Path, error: OSError) -> DataDirectoryError:
    return DataDirectoryError(f"{data_dir} cannot be written to: {error.strerror}; fix that or pass another --data")
