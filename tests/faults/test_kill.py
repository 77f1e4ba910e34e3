"""kill -9 at any moment: nothing acknowledged is lost, nothing is counted twice, rollups agree with the ledger."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.writing import Batches, Writer
from tests.support.events import event
from tests.support.flat_rules import PER_TOKEN, UNPRICED_MODEL

KILLS = 12
BATCHES = 400
LONGEST = 0.25
"""The longest a process lives after the answer it is killed behind, in seconds."""


def batches(dice: random.Random) -> dict[int, list[dict[str, Any]]]:
    """Return batches of every size, over two months, with repeats of events of other batches."""
    made: dict[int, list[dict[str, Any]]] = {}
    for number in range(BATCHES):
        size = dice.choice([1, 1, 3, 20, 150])
        events = [_event(number, place, dice) for place in range(size)]
        if number and dice.random() < 0.3:
            events.append(dice.choice(made[dice.randrange(number)]))
        made[number] = events
    return made


def _event(number: int, place: int, dice: random.Random) -> dict[str, Any]:
    return event(
        id=f"{number}-{place}",
        source=dice.choice(["api", "sdk"]),
        time=f"2026-{dice.choice(['03', '04'])}-{dice.randint(1, 28):02d}T{dice.randint(0, 23):02d}:30:00Z",
        model=dice.choice(["gpt-5-mini", "gpt-5", UNPRICED_MODEL]),
        team=dice.choice(["search", "ads", ...]),
        tags={"tier": dice.choice("ab")},
        quantities={"input_tokens": dice.randint(0, 1000), "images": 1},
    )


def distinct(sent: Batches) -> list[dict[str, Any]]:
    return list({(one["source"], one["id"]): one for batch in sent.values() for one in batch}.values())


@pytest.mark.fault
@pytest.mark.timeout(900)
def test_killed_at_random_moments_every_acknowledged_event_is_counted_once(tmp_path: Path) -> None:
    dice = random.Random(20260504)
    every = batches(dice)
    waiting = dict(every)
    for _ in range(KILLS):
        behind = dice.choice([0, 1, 2, 5, 15])
        with Writer(tmp_path) as writer:
            if behind:
                writer.send(waiting)
            for count, answer in enumerate(writer.answers()):
                assert "error" not in answer, answer
                waiting.pop(answer.get("n", -1), None)
                if count == behind:
                    writer.kill_within(dice.uniform(0, LONGEST))
    assert waiting, "every batch was acknowledged before the last kill; send more of them"
    with Writer.ready(tmp_path) as writer:
        assert all("outcomes" in answer for answer in writer.published(waiting).values())
        report = writer.report()
    expected = distinct(every)
    priced = [one["quantities"]["input_tokens"] for one in expected if one["model"] != UNPRICED_MODEL]
    assert report["differences"] == []
    counts = {name: report[name] for name in ("entries", "ids", "identities", "counted", "cells")}
    assert counts == dict.fromkeys(counts, len(expected))
    assert report["unpriced"] == len(expected) - len(priced)
    assert Decimal(report["amount"]) == sum(priced) * PER_TOKEN


@pytest.mark.fault
def test_a_second_process_is_told_who_writes(tmp_path: Path) -> None:
    with Writer.ready(tmp_path):
        with Writer(tmp_path) as second:
            answer = second.read()
        assert answer is not None
        assert answer["error"] == "DataDirectoryInUse"
        assert "stop it" in answer["message"]
