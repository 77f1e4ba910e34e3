"""The formats a table of rows can be answered in, and how a request chooses one.

JSON, NDJSON and CSV write money and other decimals as plain decimal strings and times as RFC 3339; Parquet and Arrow
keep decimals and timestamps. Everything but JSON is written batch by batch, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import pyarrow as pa
from fastapi import Response
from fastapi.responses import StreamingResponse

from outlay_api.http.encoders import Encoder, write_arrow, write_csv, write_json, write_ndjson, write_parquet
from outlay_api.http.problems import Problem

FormatName: TypeAlias = Literal["json", "csv", "ndjson", "parquet", "arrow"]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name, media type, and how rows are written; JSON is one document around its rows."""

    name: FormatName
    media_type: str
    encode: Encoder | None = None

    @property
    def content_type(self) -> str:
        """What the answer's `Content-Type` says."""
        return "text/csv; charset=utf-8; header=present" if self.name == "csv" else self.media_type


FORMATS = {
    each.name: each
    for each in (
        Format("json", JSON),
        Format("csv", "text/csv", write_csv),
        Format("ndjson", "application/x-ndjson", write_ndjson),
        Format("parquet", "application/vnd.apache.parquet", write_parquet),
        Format("arrow", "application/vnd.apache.arrow.stream", write_arrow),
    )
}
_ALIASES = {"application/jsonl": "ndjson", "application/ndjson": "ndjson", "application/csv": "csv"}

RESPONSES: dict[int | str, dict[str, Any]] = {
    406: {"description": "None of the formats in `Accept` is offered."},
}


def media_examples() -> dict[str, Any]:
    """Return the OpenAPI `content` of every format but JSON."""
    return {
        each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in FORMATS.values() if each.encode
    }


def negotiate(accept: str | None, override: FormatName | None = None) -> Format:
    """Return the format a request wants: `format=` first, then the best of `Accept`, JSON where anything will do.

    Raises a 406 problem that lists what there is.
    """
    if override is not None:
        return FORMATS[override]
    for media_range in _preferred(accept or "*/*"):
        for each in FORMATS.values():
            if media_range in (each.media_type, "*/*", f"{each.media_type.partition('/')[0]}/*"):
                return each
        if media_range in _ALIASES:
            return FORMATS[_ALIASES[media_range]]  # type: ignore[index]
    offered = ", ".join(each.media_type for each in FORMATS.values())
    raise Problem(406, "not-acceptable", f"nothing of {accept!r} is offered; accept one of {offered}")


def _preferred(accept: str) -> list[str]:
    """Return the media ranges of an `Accept` header, best first, without those refused by q=0."""
    weighed = []
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        weighed.append((_quality(weight), media_range))
    weighed.sort(key=lambda pair: -pair[0])
    return [media_range for quality, media_range in weighed if quality > 0]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def answer(
    chosen: Format,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    name: str,
    spreadsheet: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return rows as a file in any format but JSON, called `name` with the format's ending.

    The first batch is read before the answer starts, so that a failing query is still answered as a problem.
    `spreadsheet` makes CSV safe to open in one: cells that look like formulas get a leading apostrophe.
    """
    if chosen.encode is None:
        raise ValueError("JSON is a document; use document()")
    encode = partial(write_csv, spreadsheet=True) if spreadsheet and chosen.name == "csv" else chosen.encode
    read = iter(batches)
    first = next(read, None)
    written = encode(schema, chain([] if first is None else [first], read))
    disposition = f"attachment; filename*=UTF-8''{quote(f'{name}.{chosen.name}')}"
    told = {"Content-Disposition": disposition, "Vary": "Accept", **(headers or {})}
    return StreamingResponse(written, media_type=chosen.content_type, headers=told)


def document(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON document; decimals in it are written as plain decimal strings, times as RFC 3339."""
    return Response(write_json(body), media_type=JSON, headers={"Vary": "Accept", **(headers or {})})


__all__ = ["FORMATS", "RESPONSES", "Format", "FormatName", "answer", "document", "media_examples", "negotiate"]
