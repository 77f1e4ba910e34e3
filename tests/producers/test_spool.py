"""The spool: what is on disk is whole, is bounded, and is sent by exactly one process at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from outlay._spool import SEGMENT_BYTES, Spool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool"


def lines(spool: Spool) -> list[bytes]:
    """Take everything there is."""
    found: list[bytes] = []
    while True:
        with spool.oldest() as segment:
            if segment is None:
                return found
            found += segment.lines


def test_gives_back_what_was_written_in_order(folder: Path) -> None:
    spool = Spool(folder, 1 << 20)
    assert spool.append(b'{"n":1}\n{"n":2}')
    assert spool.append(b'{"n":3}')
    assert lines(spool) == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
    assert spool.size() == 0


def test_is_for_its_owner_alone(folder: Path) -> None:
    Spool(folder, 1 << 20).append(b"{}")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_keeps_within_its_size_whoever_wrote(folder: Path) -> None:
    one, other = Spool(folder, 100), Spool(folder, 100)
    assert one.append(b'{"a":"%s"}' % (b"x" * 50))
    assert not other.append(b'{"a":"%s"}' % (b"x" * 50))
    assert other.append(b'{"a":1}')
    assert one.size() == other.size() <= 100


def test_a_file_being_written_is_left_alone_until_its_process_lets_go(folder: Path) -> None:
    writer, reader = Spool(folder, 1 << 20), Spool(folder, 1 << 20)
    writer.append(b'{"n":1}')
    assert lines(reader) == []
    writer.close()
    assert lines(reader) == [b'{"n":1}']


def test_a_file_being_sent_is_left_alone(folder: Path) -> None:
    one, other = Spool(folder, 1 << 20), Spool(folder, 1 << 20)
    one.append(b'{"n":1}')
    with one.oldest() as segment:
        assert segment is not None
        assert lines(other) == []


def test_a_file_that_was_not_sent_stays(folder: Path) -> None:
    spool = Spool(folder, 1 << 20)
    spool.append(b'{"n":1}')
    with pytest.raises(ZeroDivisionError), spool.oldest():
        raise ZeroDivisionError
    assert lines(spool) == [b'{"n":1}']


def test_large_content_is_cut_into_files(folder: Path) -> None:
    spool = Spool(folder, 10 * SEGMENT_BYTES)
    body = b"\n".join([b'{"a":"%s"}' % (b"x" * 1000)] * 400)
    for _ in range(6):
        assert spool.append(body)
    assert len(list(folder.iterdir())) == 2
    assert len(lines(spool)) == 2400


def test_a_line_cut_short_by_a_crash_is_passed_over(folder: Path) -> None:
    spool = Spool(folder, 1 << 20)
    spool.append(b'{"n":1}\n{"n":2}')
    spool.close()
    (path,) = folder.iterdir()
    with path.open("ab") as file:
        file.write(b'{"n":3')
    with spool.oldest() as segment:
        assert segment is not None
        assert [json.loads(line)["n"] for line in segment.lines] == [1, 2]
        assert segment.damaged == 1


def test_bytes_that_are_no_events_cost_no_others(folder: Path) -> None:
    spool = Spool(folder, 1 << 20)
    spool.append(b'{"n":1}\n\x00\x00\xff\n[1]\n' + b"[" * 200_000 + b'\n{"n":2}')
    with spool.oldest() as segment:
        assert segment is not None
        assert (segment.lines, segment.damaged) == ([b'{"n":1}', b'{"n":2}'], 3)


def test_a_full_disk_is_no_room_and_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(folder, 1 << 20)
    spool.append(b'{"n":1}')
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) <= 8:
            raise OSError(errno.ENOSPC, "no space left")
        return write(file, data[:8])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not spool.append(b'{"n":2,"more":"x"}')
    assert spool.append(b'{"n":3}')
    assert lines(spool) == [b'{"n":1}', b'{"n":3}']


def test_a_folder_without_locks_is_no_room_and_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: int, _how: int) -> None:
        taken.append(file)
        raise OSError(errno.ENOLCK, "no locks")

    taken: list[int] = []
    spool = Spool(folder, 1 << 20)
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", flock)
        assert not spool.append(b'{"n":1}')
    assert list(folder.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(taken[0])
    assert spool.append(b'{"n":2}')
    assert lines(spool) == [b'{"n":2}']


def test_a_folder_that_cannot_be_made_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool", 1 << 20)
    assert not spool.append(b"{}")
    assert lines(spool) == []
