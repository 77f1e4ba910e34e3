"""What a stream was billed for: its last word where it came to that, else the least it can have been.

Chunks are told apart by their own shape, so one class follows every provider. Of contents only their presence is
looked at: each delta that holds something is at least one token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from outlay.extract._read import count, first, get, items, text
from outlay.extract._used import UNKNOWN, UNMETERED, Used, Uses
from outlay.extract.dispatch import canonical, usage

_TERMINAL = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.done", "image_generation.completed",
     "image_edit.completed", "transcript.text.done", "message-end"}
)  # fmt: skip
_TOKENS = frozenset({"text_delta", "thinking_delta", "input_json_delta"})
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens")
_MESSAGE = (
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
    "server_tool_use", "service_tier", "speed", "inference_geo", "output_tokens_details", "iterations",
)  # fmt: skip


class Stream:
    """Follows one stream, chunk by chunk."""

    def __init__(self, provider: str, model: str | None = None) -> None:
        """Say whose stream it is, and the model asked for, where chunks may not name it."""
        self._provider, self._asked = provider, model
        self._last: Any = None
        self._complete = self._finished = self._background = False
        self._message: dict[str, Any] = {}
        self._deltas = 0
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._operation: str | None = None

    def feed(self, chunk: Any) -> None:
        """Take the next chunk or event, as the provider's library yields it."""
        kind = text(chunk, "type")
        if get(chunk, "chunk", "bytes") is not None:
            self.feed(json.loads(get(chunk, "chunk", "bytes")))
        elif kind in {"message_start", "message_delta", "content_block_delta"}:
            self._follow_message(kind, chunk)
        elif kind in _TERMINAL:
            self._end(chunk)
        elif kind is not None and (kind.startswith("response.") or kind == "content-delta"):
            self._follow_response(chunk)
        elif first(chunk, "usageMetadata", "usage_metadata") is not None:
            self._last = chunk
            self._complete |= any(first(each, "finishReason", "finish_reason") for each in items(chunk, "candidates"))
        elif get(chunk, "metadata", "usage") is not None:
            self._end(chunk)
        elif get(chunk, "contentBlockDelta") is not None:
            self._deltas += 1
        elif get(chunk, "choices") is None and get(chunk, "data") is not None:
            self.feed(get(chunk, "data"))
        else:
            self._follow_chat(chunk)
        if get(chunk, "amazon-bedrock-invocationMetrics") is not None and not self._message:
            self._end(chunk)

    def usage(self) -> Uses:
        """Return what was used so far; marked as estimated, unless the stream said it was all."""
        if self._last is not None:
            found = usage(self._provider, self._last, model=self._model or self._asked)
            return found if self._complete else tuple(replace(each, estimated=True) for each in found)
        if self._message:
            return self._message_so_far()
        if self._background:
            return ()  # it goes on without its reader, and is counted under its id by whoever reads its end
        quantities = {"output_tokens": self._deltas} if self._deltas else {UNMETERED: 1}
        return (
            Used(
                provider=canonical(self._provider), model=self._model or self._asked or UNKNOWN,
                quantities=quantities, service_tier=self._tier, operation=self._operation, request_id=self._id,
                estimated=True,
            ),
        )  # fmt: skip

    def _end(self, chunk: Any) -> None:
        self._last, self._complete = chunk, True

    def _follow_chat(self, chunk: Any) -> None:
        self._note(chunk)
        choices = list(items(chunk, "choices"))
        self._operation = "chat" if choices else self._operation
        self._finished |= any(get(choice, "finish_reason") is not None for choice in choices)
        told = first(chunk, "usage") or get(chunk, "x_groq", "usage")
        if told and (self._last is None or any(count(told, name) for name in _COUNTS)):
            # Some send running totals with every chunk; the last has no choices, or comes with or after their end.
            self._last, self._complete = chunk, self._finished or not choices
        for choice in choices:
            delta = get(choice, "delta")
            said = first(delta, "content", "tool_calls", "reasoning_content", "reasoning", "refusal", "function_call")
            self._deltas += bool(said or text(choice, "text"))

    def _follow_response(self, event: Any) -> None:
        self._note(get(event, "response"))
        self._background |= get(event, "response", "background") is True
        self._operation = "responses" if get(event, "response") is not None else self._operation
        self._deltas += bool(get(event, "delta"))

    def _follow_message(self, kind: str, event: Any) -> None:
        if kind == "content_block_delta":
            self._deltas += text(event, "delta", "type") in _TOKENS
            return
        if kind == "message_start":
            self._note(get(event, "message"))
            self._message = _plain(get(event, "message", "usage"))
            return
        self._message |= _plain(get(event, "usage"))
        self._complete = True

    def _message_so_far(self) -> Uses:
        told = self._message
        if not self._complete:
            told = {**told, "output_tokens": max(count(told, "output_tokens"), self._deltas)}
        message = {"type": "message", "id": self._id, "model": self._model, "usage": told}
        found = usage(self._provider, message, model=self._asked)
        return found if self._complete else tuple(replace(each, estimated=True) for each in found)

    def _note(self, holder: Any) -> None:
        self._model = text(holder, "model") or self._model
        self._id = text(holder, "id") or self._id
        self._tier = text(holder, "service_tier") or self._tier


def _plain(told: Any) -> dict[str, Any]:
    values: Mapping[str, Any] = {name: get(told, name) for name in _MESSAGE}
    return {name: value for name, value in values.items() if value is not None}
