"""Tables as Arrow streams: repeated text goes as a dictionary, and a reader takes the columns it knows.

Columns added by a later writer are passed over; one that is missing, or of another type, is refused.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from outlay_streams.wire.errors import WireError

_DISTINCT = frozenset({"id", "user", "request_id", "trace_id", "event"})
"""Text that hardly repeats, for which a dictionary would only cost."""


def write(table: pa.Table) -> pa.Buffer:
    """Return the table as one Arrow stream, uncompressed."""
    whole = table.combine_chunks()
    columns = [_packed(column, field) for column, field in zip(whole.columns, whole.schema, strict=True)]
    packed = pa.Table.from_arrays(columns, names=table.column_names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, packed.schema) as stream:
        stream.write_table(packed)
    return sink.getvalue()


def read(raw: pa.Buffer, schema: pa.Schema, *, name: str) -> pa.Table:
    """Return the columns of `schema` from an Arrow stream; raise `WireError` if one is missing or of another type."""
    try:
        table = pa.ipc.open_stream(raw).read_all()
    except (OSError, pa.ArrowException) as error:
        raise WireError(f"{name} is no Arrow stream: {error}") from error
    return pa.Table.from_arrays([_column(table, field, name) for field in schema], schema=schema)


def _packed(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if not pa.types.is_string(field.type) or field.name in _DISTINCT or not len(column):
        return column
    coded = pc.dictionary_encode(column).chunk(0)
    for narrow in (pa.uint8(), pa.uint16()):
        if len(coded.dictionary) <= 1 << narrow.bit_width:
            return pa.DictionaryArray.from_arrays(coded.indices.cast(narrow), coded.dictionary)
    return coded


def _column(table: pa.Table, field: pa.Field, name: str) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        raise WireError(f"{name} has no column {field.name!r}: it was written by an older version than this one reads")
    column = table.column(field.name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if kind != field.type:
        raise WireError(f"{name}.{field.name} is {kind}, not {field.type}")
    if not field.nullable and column.null_count:
        raise WireError(f"{name}.{field.name} has nulls, and may have none")
    return column.cast(field.type)
