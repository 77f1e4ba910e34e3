"""One request until it is answered, as a conversation without I/O: clients post and pause as it says.

The generator yields `Post` and `Pause`, receives the response or the transport error of each `Post`, and returns
the response.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import httpx

from outlay._errors import RefusedError
from outlay._retry import RETRIED, Retry, asked_wait

PROBLEM = "application/problem+json"
"""Media type of a problem document (RFC 9457)."""


@dataclass(frozen=True, slots=True)
class Post:
    """Send the body and answer with the response, or with the error that prevented one."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait that many seconds."""

    seconds: float


class ExhaustedError(Exception):
    """Every attempt failed, the last as the message says; clients make it `UndeliveredError`, with the events."""

    def __init__(self, message: str, asked: float | None = None) -> None:
        """Keep the seconds the server asked for beside the message."""
        super().__init__(message)
        self.asked = asked


Reply = httpx.Response | httpx.TransportError | None


def delivery(body: bytes, retry: Retry) -> Generator[Post | Pause, Reply, httpx.Response]:
    """Try until the server answers; raise `RefusedError` when it says no and `ExhaustedError` when it never answers."""
    for attempt in range(1, retry.attempts + 1):
        reply = yield Post(body)
        if isinstance(reply, httpx.Response) and reply.status_code not in RETRIED:
            return _answered(reply)
        asked = asked_wait(reply.headers.get("retry-after")) if isinstance(reply, httpx.Response) else None
        if attempt == retry.attempts:
            raise ExhaustedError(f"{_trouble(reply)} ({attempt} attempt(s))", asked)
        yield Pause(retry.wait(attempt, asked))
    raise ExhaustedError("no attempt was allowed; set Retry(attempts=1) or more")


def _answered(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        told = response.json()
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    title = str(told.get("title") or response.reason_phrase)
    is_problem = response.headers.get("content-type", "").partition(";")[0].strip().lower() == PROBLEM
    raise RefusedError(response.status_code, title, str(told.get("detail") or ""), told if is_problem else {})


def _trouble(reply: Reply) -> str:
    if isinstance(reply, httpx.Response):
        return f"the server is not ready: {reply.status_code} {reply.reason_phrase}"
    return f"the server cannot be reached: {reply or type(reply).__name__}"
