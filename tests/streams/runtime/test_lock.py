"""One process writes to a data directory, and each taking of the right has a number of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outlay_streams.runtime.lock import FILE, DataDirectoryError, DataDirectoryInUse, WriterLock

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from outlay_streams.runtime.lock import WriterLock
lock = WriterLock(Path(sys.argv[1]), now=datetime(2026, 5, 4, 12, tzinfo=UTC))
print(lock.generation, flush=True)
sys.stdin.read()
"""


def test_the_directory_is_made_and_the_holder_named(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    with WriterLock(data, now=NOW), pytest.raises(DataDirectoryInUse, match=rf"process {os.getpid()}; stop it.*--data"):
        WriterLock(data, now=NOW)


def test_releasing_gives_the_right_back(tmp_path: Path) -> None:
    first = WriterLock(tmp_path, now=NOW)
    first.release()
    first.release()
    with WriterLock(tmp_path, now=NOW) as second:
        assert second.generation > first.generation


def test_the_generation_rises_whatever_the_clock_says(tmp_path: Path) -> None:
    found = []
    for shift in (0, 0, -86_400, 3600, 0):
        with WriterLock(tmp_path, now=NOW + timedelta(seconds=shift)) as lock:
            found.append(lock.generation)
    assert found == sorted(set(found))
    assert found[0] == int(NOW.timestamp())
    assert found[-1] < 2**32


def test_a_removed_or_spoilt_file_does_not_bring_an_old_generation_back(tmp_path: Path) -> None:
    with WriterLock(tmp_path, now=NOW) as lock:
        last = lock.generation
    for spoil in (
        lambda file: file.unlink(),
        lambda file: file.write_text("\x00nonsense"),
        lambda file: file.write_text(""),
    ):
        spoil(tmp_path / FILE)
        with WriterLock(tmp_path, now=NOW + timedelta(minutes=1)) as lock:
            assert lock.generation > last


def test_the_right_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        held = int(holder.stdout.readline())
        with pytest.raises(DataDirectoryInUse, match=f"process {holder.pid};"):
            WriterLock(tmp_path, now=NOW)
        holder.kill()
        holder.wait()
    with WriterLock(tmp_path, now=NOW) as lock:
        assert lock.generation == held + 1


def test_an_unusable_directory_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match=r"cannot be written to: .*; fix that or pass another --data"):
        WriterLock(tmp_path / "file", now=NOW)
