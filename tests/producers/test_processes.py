"""The SDK in processes that fork, end, are killed, or end badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outlay._settings import SdkSettings
from outlay._spool import Spool
from tests.producers.far_end import FarEnd

ROOTS = [str(Path(__file__).parents[2] / root) for root in ("schemas", "producers")]
HEAD = """
import os, signal, sys, threading, outlay
def use(model): outlay.track('openai', model, {'input_tokens': 1})
"""


def start(program: str, server: str, spool: Path, **more: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "OUTLAY_SERVER": server, "OUTLAY_SPOOL": str(spool)}
    environ["OUTLAY_EXIT_SECONDS"] = "60"  # as long as a slow machine needs
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", HEAD + program],
        env={**environ, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, server: str, spool: Path, **more: str) -> str:
    process = start(program, server, spool, **more)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out + errors


def spooled(spool: Path) -> int:
    return sum(Spool(folder, 1).size() for folder in spool.iterdir()) if spool.exists() else 0


def test_what_is_tracked_last_arrives_though_no_one_flushes(far_end: FarEnd, tmp_path: Path) -> None:
    assert run("outlay.init()\nfor n in range(100): use(f'm{n}')", far_end.url, tmp_path) == ""
    assert far_end.models == [f"m{number}" for number in range(100)]


def test_an_exception_loses_no_usage(far_end: FarEnd, tmp_path: Path) -> None:
    process = start("outlay.init()\nuse('a')\n1/0", far_end.url, tmp_path)
    assert "ZeroDivisionError" in process.communicate(timeout=120)[1]
    assert far_end.models == ["a"]


def test_the_end_is_not_held_up_by_a_far_end_that_is_away(tmp_path: Path, far_end: FarEnd) -> None:
    out = run("outlay.init()\nfor n in range(100): use(f'm{n}')", "http://127.0.0.1:9", tmp_path)
    assert "cannot be delivered" in out
    assert spooled(tmp_path) > 0


def test_what_a_killed_process_had_on_disk_arrives_once(far_end: FarEnd, tmp_path: Path) -> None:
    far_end.behaviour = lambda _events: (503, b"")
    program = "outlay.init()\nfor n in range(1000): use(f'm{n}')\nassert outlay.flush(60)\nprint('safe', flush=True)\n"
    process = start(f"{program}use('unsaid')\nsignal.pause()", far_end.url, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "safe\n"
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    far_end.behaviour = None
    run("outlay.init()\nuse('next')\nsys.stdin.close()\nassert outlay.flush(60)\n"
        "while outlay.stats().replayed < 1000: outlay.flush(60); use('again')", far_end.url, tmp_path)  # fmt: skip
    models = [model for model in far_end.models if model.startswith("m")]
    assert sorted(models) == sorted(f"m{number}" for number in range(1_000))


def test_a_kill_in_the_middle_of_sending_counts_nothing_twice(far_end: FarEnd, tmp_path: Path) -> None:
    program = "outlay.init()\nfor n in range(1000): use(f'm{n}')\nassert outlay.flush(60)\n"
    run(program, "http://127.0.0.1:9", tmp_path)
    far_end_folder = _folder_of(far_end, tmp_path)
    (only,) = tmp_path.iterdir()
    only.rename(far_end_folder)
    process: list[subprocess.Popen[str]] = []

    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        answer = far_end.take(events)
        if far_end.requests == 1:
            process[0].kill()
        return answer

    far_end.behaviour = behave
    process.append(start("outlay.init()\nsignal.pause()", far_end.url, tmp_path))
    process[0].communicate(timeout=60)
    far_end.behaviour = None
    process[0] = start("outlay.init()\nsignal.pause()", far_end.url, tmp_path)
    assert far_end.wait_for(1_000)
    process[0].kill()
    process[0].communicate(timeout=60)
    assert len(far_end.events) == 1_000
    assert max(far_end.received.values()) == 2


@pytest.mark.parametrize("ending", ["os._exit(0) if outlay.flush(60) else os._exit(1)", "sys.exit(0)"])
def test_a_forked_child_tracks_its_own_and_leaves_its_parents_to_the_parent(
    far_end: FarEnd, tmp_path: Path, ending: str
) -> None:
    program = f"""
outlay.init()
for n in range(300): use(f'parent{{n}}')
child = os.fork()
if not child:
    for n in range(300): use(f'child{{n}}')
    {ending}
assert os.waitpid(child, 0)[1] == 0
use('parent300')
"""
    run(program, far_end.url, tmp_path)
    expected = [f"parent{number}" for number in range(301)] + [f"child{number}" for number in range(300)]
    assert sorted(far_end.models) == sorted(expected)
    assert set(far_end.received.values()) == {1}


def test_a_fork_while_threads_are_at_work_blocks_neither(far_end: FarEnd, tmp_path: Path) -> None:
    program = """
outlay.init()
stop = threading.Event()
def work(name):
    n = 0
    while not stop.is_set() and n < 400:
        use(f'{name}-{n}'); n += 1
threads = [threading.Thread(target=work, args=(f't{i}',)) for i in range(4)]
for thread in threads: thread.start()
children = []
for i in range(8):
    child = os.fork()
    if not child:
        use(f'child{i}')
        os._exit(0 if outlay.flush(60) else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
stop.set()
for thread in threads: thread.join()
"""
    run(program, far_end.url, tmp_path)
    assert sum(model.startswith("child") for model in far_end.models) == 8
    assert set(far_end.received.values()) == {1}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_deliver_before_they_end(far_end: FarEnd, tmp_path: Path, method: str) -> None:
    module = tmp_path / "work_in_children.py"
    module.write_text(
        "import multiprocessing, outlay\n"
        "def work(n):\n"
        "    if multiprocessing.get_start_method() != 'fork': outlay.init()\n"
        "    outlay.track('openai', f'm{n}', {'input_tokens': 1})\n"
        "def main(method):\n"
        "    multiprocessing.set_start_method(method)\n"
        "    outlay.init()\n"
        "    children = [multiprocessing.Process(target=work, args=(n,)) for n in range(3)]\n"
        "    for child in children: child.start()\n"
        "    for child in children: child.join()\n"
    )
    program = f"sys.path.insert(0, {str(tmp_path)!r})\nimport work_in_children\nwork_in_children.main({method!r})"
    run(program, far_end.url, tmp_path / "spool")
    assert sorted(far_end.models) == ["m0", "m1", "m2"]


def test_importing_loads_nothing_heavy(tmp_path: Path) -> None:
    program = "outlay.track; outlay.scope; print(sorted({'pydantic', 'httpx', 'asyncio'} & set(sys.modules)))"
    assert run(program, "", tmp_path) == "[]\n"


def _folder_of(far_end: FarEnd, spool: Path) -> Path:
    folder = SdkSettings(server=far_end.url, spool=spool).spool_folder()
    assert folder is not None
    return folder
