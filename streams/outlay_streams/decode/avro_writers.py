"""The schemas that usage events on a topic were written with, found by the framing in front of each event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from outlay_schemas.avro_schema import Schema
from outlay_schemas.codec import CodecError, Resolver, UsageDecoder
from outlay_streams.decode.avro_framing import ARRAY
from outlay_streams.decode.avro_layout import Layout, layout, refuse_endless


class Writers:
    """Finds writer schemas and how to read them; keeps what it found.

    `resolve` finds a Confluent schema by its id: it raises `LookupError` for an id that the registry does not know, and
    anything else, which passes through, when the registry cannot be asked. It is asked again in every batch that has an
    unknown id. `earlier` are older published schemas that single-object events may name. One thread at a time.
    """

    def __init__(self, *, resolve: Resolver | None = None, earlier: Iterable[Schema | str] = ()) -> None:
        self._decoder = UsageDecoder(resolve=resolve, earlier=earlier)
        self._layouts: dict[bytes, Layout | None] = {}

    def layout(self, mark: bytes) -> Layout | None:
        """Return the layout of events behind the framing `mark`, None if only the reference decoder reads them.

        Raises `CodecError` where no event behind that framing can be read.
        """
        if mark not in self._layouts:
            self._layouts[mark] = self._found(mark)
        return self._layouts[mark]

    def _found(self, mark: bytes) -> Layout | None:
        if mark == ARRAY:
            raise CodecError("the record holds a JSON array; write one event a record")
        writer, _ = self._decoder.writer(mark)
        refuse_endless(writer)
        return layout(writer, mark)

    def fields(self, value: bytes) -> dict[str, Any]:
        """Return the fields of one event by the reference decoder; raise `CodecError` for bytes that hold none."""
        return self._decoder.fields(value)
