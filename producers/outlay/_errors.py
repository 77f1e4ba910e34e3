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
    """Something Outlay raised; its subclasses say what to do."""


class RefusedError(OutlayError):
    """The server refused the whole request (key, scope, size, format); correct what it names, then send again."""

    def __init__(self, status: int, title: str, detail: str, problem: Mapping[str, Any]) -> None:
        """Keep the problem (RFC 9457) beside the message."""
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.problem = problem


class UndeliveredError(OutlayError):
    """No answer came in time; send `unsent` again as it is: the ids make a repeat harmless."""

    def __init__(self, reason: str, *, result: SendResult, unsent: Sequence[Mapping[str, Any]]) -> None:
        """Keep what was acknowledged before, and what was not."""
        super().__init__(reason)
        self.result = result
        self.unsent = unsent
