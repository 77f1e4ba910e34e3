"""Figures are read the way people compare them: the ratio is above 1 when the goal is reached."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.load import MARK, Bodies
from tests.bench.report import Figure, document, markdown, percentile, table

FAST = Figure(name="intake", value=30_000, unit="events/s", goal=15_000, at_least=True)
SLOW = Figure(name="p99", value=300, unit="ms", goal=150, note="8 connections")
PLAIN = Figure(name="size", value=0.5, unit="s")


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_a_value_that_happened(share: float, value: int) -> None:
    assert percentile(list(reversed(range(1, 101))), share) == value
    assert percentile([7], share) == 7


def test_a_ratio_above_one_reaches_the_goal_whichever_way_is_better() -> None:
    assert (FAST.ratio, SLOW.ratio, PLAIN.ratio) == (2.0, 0.5, None)


def test_a_run_is_shown_to_people_and_kept_for_programs() -> None:
    sections = {"intake": [FAST, SLOW], "start": [PLAIN]}
    assert "| intake | p99 | 300 ms | <= 150 | 0.50 | 8 connections |" in markdown(sections)
    assert document({"cores": 2}, sections)["sections"]["intake"][0]["ratio"] == 2.0
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table(sections))
    assert ">= 15,000" in shown.get()


def test_bodies_never_repeat_an_id(tmp_path: Path) -> None:
    template = tmp_path / "events.ndjson"
    template.write_bytes(b'{"id": "%s", "n": 1}\n{"id": "%s", "n": 2}\n' % (MARK, MARK))
    bodies = Bodies(template)
    sent = [bodies.one() for _ in range(5)] + [bodies.batch(3)]
    ids = b"".join(sent).split(b'"id": "')[1:]
    assert len(ids) == len(set(ids)) == 8
