"""Which requests are billed, by method and path, and what is read of the request itself: the model, and lengths."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

_BILLED = {
    "openai": re.compile(
        r"post /(?:deployments/[^/]+/)?"
        r"(?:chat/completions|completions|responses|responses/compact|decisions|embeddings|moderations"
        r"|images/(?:generations|edits|variations)|audio/(?:transcriptions|translations|speech)"
        r"|videos|videos/(?:edits|extensions|[^/]+/remix)"
        r"|threads/runs|threads/[^/]+/runs(?:/[^/]+/submit_tool_outputs)?)"
        r"|get /(?:batches|responses|threads/[^/]+/runs)/[^/]+"
    ),
    "anthropic": re.compile(r"post /v1/(?:messages|complete)|get /v1/messages/batches/[^/]+/results"),
}
_CHAT = re.compile(r"post /(?:deployments/[^/]+/)?chat/completions")
_SPEECH = re.compile(r"post /(?:deployments/[^/]+/)?audio/speech")
RAW = "x-stainless-raw-response"


def billed(family: str, options: Any) -> bool:
    """Return whether the request is one that may cost something."""
    return _BILLED[family].fullmatch(place(options)) is not None


def place(options: Any) -> str:
    """Return method and path of a request."""
    return f"{str(options.method).lower()} {urlsplit(str(options.url)).path}"


def is_read_again(options: Any) -> bool:
    """Return whether the request reads what was asked for before, so that each use may be read several times."""
    return str(options.method).lower() == "get"


def asked(options: Any, name: str) -> Any:
    """Return a field of the request's body."""
    body = getattr(options, "json_data", None)
    return body.get(name) if isinstance(body, dict) else None


def spoken(options: Any) -> int | None:
    """Return how many characters a request has spoken; None when it is for something else."""
    text = asked(options, "input") if _SPEECH.fullmatch(place(options)) else None
    return len(text) if isinstance(text, str) else None


def ask_for_usage(options: Any) -> bool:
    """Have a chat stream end with its usage, and say whether that had to be asked for.

    The body is a new one; what the caller handed in stays as it was.
    """
    if not asked(options, "stream") or not _CHAT.fullmatch(place(options)) or _raw(options):
        return False
    told = asked(options, "stream_options")
    told = told if isinstance(told, dict) else {}
    extra = getattr(options, "extra_json", None)
    if told.get("include_usage") or (isinstance(extra, dict) and "stream_options" in extra):
        return False  # what is given as extra takes the place of the rest, so it cannot be added to from here
    options.json_data = {**options.json_data, "stream_options": {**told, "include_usage": True}}
    return True


def _raw(options: Any) -> bool:
    headers = getattr(options, "headers", None)
    return isinstance(headers, dict) and any(str(name).lower() == RAW for name in headers)
