"""What can go wrong when events are sent.

OutlayError
├── RefusedError      the server understood the request and said no
└── UndeliveredError  nothing answered, or nothing but "busy", until the retries were used up
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay._result import SendResult


class OutlayError(Exception):
    """Something Outlay raised; its subclasses say what to do.

    `result` is what was acknowledged before, and `unsent` the events that were not, each with its id: send those again,
    for an event that was given an id and is sent without it counts twice.
    """

    def __init__(self, message: str) -> None:
        """Start with nothing acknowledged and nothing left."""
        super().__init__(message)
        self.result = SendResult()
        self.unsent: Sequence[Mapping[str, Any]] = ()


class RefusedError(OutlayError):
    """The server refused a whole request (key, scope, size, format); correct what it names, then send `unsent`."""

    def __init__(self, status: int, title: str, detail: str, problem: Mapping[str, Any]) -> None:
        """Keep the problem (RFC 9457) beside the message; it is empty when the answer was none."""
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.problem = problem


class UndeliveredError(OutlayError):
    """No answer came in time; send `unsent` again as it is: the ids make a repeat harmless.

    `retry_after` is how many seconds the server asked to be left alone; None when it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """Keep what the server asked for beside the message."""
        super().__init__(message)
        self.retry_after = retry_after
