"""A full or read-only disk: a clear error, nothing lost, and on it goes once the disk is well again."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.writing import Batches, Writer
from tests.support.events import event

MIB = 1024 * 1024
SIZE = 96 * MIB


class Disk:
    """A small disk of its own, in memory."""

    def __init__(self, path: Path) -> None:
        self.data = path / "data"
        self._path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave no more than so many bytes free."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (MIB, 4096, 1):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise
            ballast.truncate(ballast.tell() - leave)

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self._path)], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount command: a small disk cannot be made, so a full disk is not tested here")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", tmp_path], check=False, capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted, so a full disk is not tested here: {made.stderr.strip()}")
    try:
        yield Disk(tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def batch(number: int, size: int = 50) -> Batches:
    return {number: [event(id=f"{number}-{place}", quantities={"input_tokens": 1}) for place in range(size)]}


@pytest.mark.fault
def test_a_full_disk_fails_the_callers_and_intake_goes_on_once_there_is_room(disk: Disk) -> None:
    with Writer.ready(disk.data) as writer:
        assert writer.published(batch(1))[1]["outcomes"] == {"accepted": 50}
        disk.fill()
        for _ in range(3):
            answer = writer.published(batch(2))[2]
            assert answer["error"] == "StoreFull", answer
            assert "free space" in answer["message"]
        disk.free()
        assert writer.published(batch(2))[2]["outcomes"] == {"accepted": 50}
        assert writer.published(batch(3))[3]["outcomes"] == {"accepted": 50}
        report = writer.report()
    assert report["differences"] == []
    assert (report["entries"], report["ids"], report["counted"], report["cells"]) == (150, 150, 150, 150)


@pytest.mark.fault
def test_a_disk_that_fills_half_way_through_a_block_counts_it_once(disk: Disk) -> None:
    """The less room there is, the earlier a block is cut short; each is sent again once there is more."""
    rooms = [0, 512, 1020, 1040, 1100, 1400, 2040, 2100, 2600, 3100, 3600, 4200, 5200, 9000]
    cut_short = 0
    with Writer.ready(disk.data) as writer:
        for number, kib in enumerate(rooms):
            disk.fill(leave=kib * 1024)
            cut_short += "error" in writer.published(batch(number))[number]
            disk.free()
            (outcome,) = writer.published(batch(number))[number]["outcomes"].items()
            assert outcome in {("accepted", 50), ("duplicate", 50)}
        report = writer.report()
    assert 1 < cut_short < len(rooms)
    assert report["differences"] == []
    expected = 50 * len(rooms)
    assert (report["entries"], report["ids"], report["counted"], report["cells"]) == (expected,) * 4


@pytest.mark.fault
def test_what_was_sent_to_a_full_disk_is_counted_once_after_a_kill(disk: Disk) -> None:
    with Writer(disk.data) as killed:
        assert killed.read() == {"ready": True}
        killed.published(batch(1))
        disk.fill()
        assert "error" in killed.published(batch(2))[2]
    disk.free()
    with Writer.ready(disk.data) as writer:
        writer.published(batch(2))
        report = writer.report()
    assert report["differences"] == []
    assert (report["entries"], report["ids"], report["cells"]) == (100, 100, 100)


@pytest.mark.fault
def test_a_start_on_a_full_disk_says_so(disk: Disk) -> None:
    disk.fill()
    with Writer(disk.data) as writer:
        answer = writer.read()
    assert answer is not None
    assert answer["error"] in {"StoreFull", "DataDirectoryError"}
    assert "space" in answer["message"].lower()


@pytest.mark.fault
def test_a_start_on_a_read_only_disk_says_so_and_a_later_one_goes_on(disk: Disk) -> None:
    with Writer.ready(disk.data) as writer:
        writer.published(batch(1))
    disk.remount("ro")
    with Writer(disk.data) as writer:
        answer = writer.read()
    assert answer is not None
    assert answer["error"] == "DataDirectoryError"
    assert "Read-only file system" in answer["message"]
    disk.remount("rw")
    with Writer.ready(disk.data) as writer:
        assert writer.published(batch(1))[1]["outcomes"] == {"duplicate": 50}
