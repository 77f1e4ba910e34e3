"""A library's fault is told once in a while, however often it comes."""

from __future__ import annotations

import logging

from outlay_streams.runtime.faust_budgets.quiet import Seldom, quieter


def record(text: str, line: int = 1) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "client.py", line, text, (), None)


def test_the_same_kind_is_told_once_and_another_kind_too() -> None:
    seldom = Seldom(1000)
    told = [record("Unable to connect to broker node 1"), record("Unable to connect to broker node 2"), record("other")]
    assert [seldom.filter(each) for each in told] == [True, False, True]
    assert seldom.filter(record("other", line=2))


def test_the_loggers_are_left_as_they_were() -> None:
    logger = logging.getLogger("aiokafka.somewhere")
    with quieter():
        assert len(logger.filters) == 1
    assert logger.filters == []
