"""Usage records read one by one, by the reference decoder and the model itself: slow, and always right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from outlay_schemas.codec import CodecError
from outlay_schemas.usage import UsageEvent
from outlay_streams.decode.avro_framing import JSON
from outlay_streams.decode.avro_writers import Writers
from outlay_streams.decode.batch import judged
from outlay_streams.decode.errors import DecodeError
from outlay_streams.decode.json_text import Fault, JsonReader, text_of, why
from outlay_streams.decode.refusal import pointer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_VALUE = Fault("", "the record has no value; write one usage event a record")


def read(value: bytes | None, writers: Writers, *, now: int) -> UsageEvent | Fault:
    """Return the event of one record, or why it is refused; `now` in milliseconds of the epoch."""
    if value is None:
        return _NO_VALUE
    found = _json(value) if value.startswith(JSON) else _avro(value, writers)
    return judged(found, _EPOCH + timedelta(milliseconds=now))


def _avro(value: bytes, writers: Writers) -> object:
    try:
        return writers.fields(value)
    except CodecError as error:
        return Fault(_place(str(error)), str(error))


def _json(value: bytes) -> object:
    try:
        return JsonReader().lone(text_of(value))
    except DecodeError as error:
        return Fault("", str(error))
    except (ValueError, RecursionError) as error:
        return Fault("", f"the record is not valid JSON: {why(error)}")


def _place(message: str) -> str:
    """Return the pointer to the field that a codec's message begins with, if it does."""
    path = message.partition(":")[0].split(".")
    return pointer(path) if path[0] in UsageEvent.model_fields else ""
