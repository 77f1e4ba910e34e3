"""Arrow batches as the bytes of each format, exact: decimals never pass through a float."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from outlay_schemas.money import plain

Encoder: TypeAlias = Callable[[pa.Schema, Iterable[pa.RecordBatch]], Iterator[bytes]]
"""Writes batches of one schema as chunks of bytes."""

_CHUNK_ROWS = 5_000
_FORMULA = r"^[=+\-@\t\r]"


def write_csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, spreadsheet: bool = False) -> Iterator[bytes]:
    """Write CSV (RFC 4180, UTF-8) with a header. Null is empty, empty text is `""`, a map is its JSON text."""
    yield _csv(plain_columns(schema.empty_table()), header=True)
    for batch in batches:
        table = pa.Table.from_batches([batch], schema)
        frame = plain_columns(table)
        if spreadsheet:
            frame = frame.with_columns(_safe(name) for name in _free_text(schema))
        yield _csv(frame, header=False)


def write_ndjson(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Write one JSON object a line."""
    for batch in batches:
        for start in range(0, batch.num_rows, _CHUNK_ROWS):
            rows = plain_rows(pa.Table.from_batches([batch.slice(start, _CHUNK_ROWS)], schema))
            yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def write_arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Write an Arrow IPC stream."""
    yield from _drained(lambda sink: pa.ipc.new_stream(sink, schema), batches)


def write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Write Parquet, a row group a batch."""
    yield from _drained(lambda sink: pq.ParquetWriter(sink, schema, compression="zstd"), batches)


def write_json(body: Any) -> bytes:
    """Write one JSON document."""
    return orjson.dumps(body, default=_plain_value, option=orjson.OPT_PASSTHROUGH_DATETIME)


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as JSON values: decimals as text, times as RFC 3339, maps as objects."""
    frame = plain_columns(table)
    rows = frame.to_dicts()
    for name, kind in _maps(table.schema):
        for row, pairs in zip(rows, table[name].to_pylist(), strict=True):
            row[name] = {key: plain(item) if pa.types.is_decimal(kind.item_type) else item for key, item in pairs}
    return rows


def plain_columns(table: pa.Table) -> pl.DataFrame:
    """Return the table with decimals, times and maps as text."""
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_map(field.type):
            columns[field.name] = pl.Series([_json_map(pairs) for pairs in column.to_pylist()], dtype=pl.String)
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = _times(column)
        else:
            columns[field.name] = _text(pl.Series(column), field.type)
    return pl.DataFrame(columns)


def rfc3339(instant: datetime) -> str:
    """Write an aware time: `Z` for UTC, milliseconds when there are any."""
    text = instant.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _text(series: pl.Series, kind: pa.DataType) -> pl.Series:
    if pa.types.is_decimal(kind):
        return series.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return series.dt.to_string("%Y-%m-%d") if pa.types.is_date(kind) else series


def _times(column: pa.ChunkedArray) -> pl.Series:
    """Write each distinct time once, by the same zone data that cut the buckets."""
    encoded = column.combine_chunks().dictionary_encode()
    texts = [rfc3339(each) for each in encoded.dictionary.to_pylist()]
    return pl.Series(pa.array(texts, pa.string()).take(encoded.indices))


def _json_map(pairs: list[tuple[str, Any]]) -> str:
    return write_json(dict(pairs)).decode()


def _plain_value(value: Any) -> str:
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no place in an answer")


def _maps(schema: pa.Schema) -> list[tuple[str, pa.MapType]]:
    return [(field.name, field.type) for field in schema if pa.types.is_map(field.type)]


def _free_text(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type)]


def _safe(name: str) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.str.contains(_FORMULA)).then("'" + column).otherwise(column).alias(name)


def _csv(frame: pl.DataFrame, *, header: bool) -> bytes:
    return frame.write_csv(include_header=header, line_terminator="\r\n").encode()


class _Drain(io.RawIOBase):
    """Where a writer writes; what it wrote is taken and forgotten, and positions go on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def taken(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _drained(open_writer: Callable[[_Drain], Any], batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    sink = _Drain()
    with open_writer(sink) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()
