"""Logs: one JSON object a line, and never a secret in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from outlay_infra.logging import configure
from outlay_infra.settings import LogSettings

KEY = "out_live_abcdef0123456789abcdef0123456789abcdef0123456789ab"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure(LogSettings(), written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_is_json_with_the_request_id(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("outlay.test").info("happened", count=3)
    line = json.loads(stream.getvalue())
    assert {
        "event": "happened",
        "count": 3,
        "level": "info",
        "logger": "outlay.test",
        "request_id": "r-1",
    }.items() <= line.items()
    assert line["timestamp"].endswith("Z")


def test_lines_of_libraries_have_the_same_shape(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("Started on %s", "port")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("Started on port", "warning", "uvicorn.error")


@pytest.mark.parametrize("layout", ["json", "console"])
def test_secrets_are_masked_wherever_they_stand(stream: io.StringIO, layout: Literal["json", "console"]) -> None:
    configure(LogSettings(format=layout), stream)
    log = structlog.get_logger("outlay.test")
    log.info("sent", text=f"key {KEY}", authorization=f"Bearer {KEY}", url="clickhouse://u:hunter2@db", secret="x" * 9)
    try:
        int(KEY)
    except ValueError:
        log.exception("failed")
    written = stream.getvalue()
    assert "out_live_abcdef***" in written
    for secret in (KEY, KEY[20:], "hunter2", "xxxxxxxxx"):
        assert secret not in written


@pytest.mark.parametrize("layout", ["json", "console"])
def test_a_traceback_shows_no_local_variables(stream: io.StringIO, layout: Literal["json", "console"]) -> None:
    def fail(secret: str) -> None:
        raise ValueError(f"{len(secret)} characters are too many")

    configure(LogSettings(format=layout), stream)
    try:
        fail("".join(reversed("2retnuh")))  # lines of code are shown, so that none may have it
    except ValueError:
        structlog.get_logger("outlay.test").exception("failed")
    assert "Traceback" in stream.getvalue()
    assert "7 characters are too many" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_debug_is_silent_by_default(stream: io.StringIO) -> None:
    structlog.get_logger("outlay.test").debug("quiet")
    assert stream.getvalue() == ""


def test_people_can_have_plain_lines(stream: io.StringIO) -> None:
    configure(LogSettings(format="console"), stream)
    structlog.get_logger("outlay.test").info("happened")
    assert "happened" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
