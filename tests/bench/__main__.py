"""`python -m tests.bench`: measure speed, memory and size; print machine, figures and ratios to the goals.

Each section runs in a process of its own, one after another: the embedded engine serves one folder a process, and
nothing a section leaves behind in memory may flatter or hurt the next. There are no thresholds; `tests/` has those.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.bench.machine import describe
from tests.bench.report import Figure, Plan, document, markdown, table
from tests.bench.sections import SECTIONS, measure


def main() -> int:
    """Run the sections asked for; return 1 when one of them broke."""
    asked = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory(prefix="outlay-bench-", dir=asked.scratch) as scratch:
        root = Path(scratch)
        machine = describe(root)
        console.print(machine)
        found: dict[str, Sequence[Figure]] = {}
        broken = []
        for name in asked.only:
            console.print(f"[bold]{name}[/bold]: {SECTIONS[name][1]} ...", end=" ")
            folder = root / name
            folder.mkdir()
            store = asked.store or root / "store"
            plan = Plan(events=asked.events, seconds=asked.seconds, folder=folder, store=store)
            started = time.perf_counter()
            with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as alone:
                running = alone.submit(measure, name, plan)
            if error := running.exception():
                broken.append(name)
                console.print("".join(traceback.format_exception(error)), style="red", markup=False)
            else:
                found[name] = running.result()
                console.print(f"{time.perf_counter() - started:.0f} s")
    console.print(table(found))
    path = asked.json or Path(".bench") / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(machine, found), indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(found), encoding="utf-8")
    console.print(f"written to {path} and .md" + (f"; broken: {', '.join(broken)}" if broken else ""))
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=_count, default=10_000_000, help="events in the store (10000000, or 100M)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long intake is sustained")
    parser.add_argument("--only", type=_names, default=list(SECTIONS), help=f"sections, of {','.join(SECTIONS)}")
    parser.add_argument("--store", type=Path, help="keep the store here and use it again in the next run")
    parser.add_argument("--scratch", type=Path, help="where the temporary folder goes; by default the system's place")
    parser.add_argument("--json", type=Path, help="where the document goes; by default .bench/<date>.json")
    return parser.parse_args()


def _count(text: str) -> int:
    scale = {"k": 1_000, "M": 1_000_000}.get(text[-1:], 1)
    return int(text.rstrip("kM").replace("_", "")) * scale


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = set(names) - set(SECTIONS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in names]


if __name__ == "__main__":
    sys.exit(main())
