"""Refused events of one ledger over its API: read from `/v1/rejects`, sent again through intake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import pyarrow as pa

from outlay_api.rejected.refused import Refused
from outlay_api.rejected.selection import Selection
from outlay_schemas.outcome import ACCEPTED, Outcome, Verdict
from outlay_streams.decode.avro import Writers

_PAGE = 1_000
_EVER = ("2000-01-01", "2200-01-01")
_AT_ONCE = 8
_BODY_EVENTS = 500
_BODY_BYTES = 1024 * 1024
"""Far below what intake takes by default, for a server may take less."""


class Api(Protocol):
    """What is needed of a way to the API."""

    @property
    def http(self) -> httpx.AsyncClient:
        """The client itself."""
        ...

    async def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON answer to GET; absent parameters are None."""
        ...

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the JSON answer to any request."""
        ...


class RejectedLedger:
    """The refused events of the caller's organisation, newest first; the API's failures pass through."""

    def __init__(self, api: Api) -> None:
        self.writers = Writers()
        self._api = api

    async def read(self, chosen: Selection, /) -> AsyncIterator[Sequence[Refused]]:
        """Yield what is kept at this moment; what is refused meanwhile is newer than the first page and not seen."""
        asked = {
            "from": _EVER[0] if chosen.since is None else chosen.since.isoformat(),
            "to": _EVER[1] if chosen.until is None else chosen.until.isoformat(),
            "source": chosen.source,
            "outcome": chosen.outcome,
            "limit": _PAGE,
        }
        cursor = None
        while True:
            page = await self._api.get("/v1/rejects", **asked, cursor=cursor)
            found = [_refused(row) for row in page["data"]]
            yield [event for event in found if chosen.takes(event)]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def held(self, usage: pa.Table, /) -> Sequence[bool]:
        """Return, row by row, whether the ledger has an event of that identity."""
        free = asyncio.Semaphore(_AT_ONCE)

        async def counted(row: dict[str, str]) -> bool:
            async with free:
                path = f"/v1/events/{quote(row['id'], safe='')}"
                answer = await self._api.http.get(path, params={"source": row["source"]})
            if answer.status_code != httpx.codes.NOT_FOUND:
                answer.raise_for_status()
            return answer.is_success

        return await asyncio.gather(*map(counted, usage.select(["source", "id"]).to_pylist()))

    async def send(self, events: Sequence[Refused], usage: pa.Table, /) -> Sequence[Outcome]:  # noqa: ARG002 - intake reads the bytes
        """Send the events through intake and return what it says of each; all are durable when this returns."""
        outcomes: list[Outcome] = []
        for values in _bodies([event.value for event in events]):
            body = b"[" + b",".join(values) + b"]"
            headers = {"content-type": "application/json"}
            answer = await self._api.ask("POST", "/v1/events", content=body, headers=headers)
            told = {one["index"]: _outcome(one) for one in answer["events"]}
            outcomes += [told.get(index, ACCEPTED) for index in range(len(values))]
        return outcomes


def _bodies(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield the values in order, as many at a time as a body should hold, and one at least."""
    body: list[bytes] = []
    nbytes = 0
    for value in values:
        if body and (len(body) == _BODY_EVENTS or nbytes + len(value) > _BODY_BYTES):
            yield body
            body, nbytes = [], 0
        body.append(value)
        nbytes += len(value) + 1
    if body:
        yield body


def _outcome(told: dict[str, Any]) -> Outcome:
    return Outcome(Verdict(told["outcome"]), pointer=told.get("pointer"), reason=told.get("reason"))


def _refused(row: dict[str, Any]) -> Refused:
    return Refused(
        place="",
        org="",
        source=row["source"],
        id=row["id"] or "",
        outcome=row["outcome"],
        pointer=row["pointer"],
        reason=row["reason"],
        received=datetime.fromisoformat(row["received"]),
        origin="",
        value=row["event"].encode(),
    )
