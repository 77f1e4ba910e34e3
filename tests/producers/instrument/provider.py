"""A provider on a mock transport: answers with bodies as documented, whole or as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx2

Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Provider:
    """Gives the answers in turn and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def body(self, number: int = 0) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.requests[number].content)
        return body

    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self))

    def async_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))


def whole(body: object, **headers: str) -> httpx2.Response:
    return httpx2.Response(200, json=body, headers=headers)


def events(
    chunks: Sequence[dict[str, Any]], *, named: bool = False, cut: bool = False, done: bool = True
) -> httpx2.Response:
    """Server-sent events; `cut` breaks the connection after them, `done` ends them as OpenAI does."""
    lines = [(f"event: {chunk['type']}\n" if named else "") + f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    if done and not named and not cut:
        lines.append("data: [DONE]\n\n")
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Body(lines, cut=cut))


class _Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    def __init__(self, lines: Sequence[str], *, cut: bool) -> None:
        self._lines, self._cut = lines, cut

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            yield line.encode()
        if self._cut:
            raise httpx2.ReadError("the connection broke")

    async def __aiter__(self) -> Any:
        for line in self:
            yield line
