"""Cursors stand still, and fit one question only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from outlay_api.queries.calendar import Window
from outlay_api.queries.positions import Cursor, read_cursor
from outlay_api.queries.statement import InvalidQuery

CURSOR = Cursor(
    Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)),
    datetime(2026, 11, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    ("call-é/1", "api"),
)
QUESTION = ["acme", "entries", None, ["team:search"]]


def test_a_cursor_is_read_back() -> None:
    assert read_cursor(CURSOR.text(QUESTION), QUESTION) == CURSOR


@pytest.mark.parametrize(
    "other", [["other", *QUESTION[1:]], [*QUESTION[:3], []], [*QUESTION[:2], "2026-11-01", QUESTION[3]]]
)
def test_a_cursor_of_another_question_is_refused(other: list[object]) -> None:
    with pytest.raises(InvalidQuery, match="cursor: it belongs to other filters"):
        read_cursor(CURSOR.text(QUESTION), other)


@pytest.mark.parametrize(
    "text", ["", "x", "é", "AAAA", CURSOR.text(QUESTION)[:-4], "A" * 400, CURSOR.text(QUESTION) + "A"]
)
def test_a_damaged_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="cursor"):
        read_cursor(text, QUESTION)
