"""CloudEvents 1.0 over HTTP: structured and batch envelopes, and binary mode's `ce-*` headers, as plain usage events.

The envelope's id, source and time are the event's; `data` holds the rest; other attributes and extensions are ignored.
Attributes are read here, as the `cloudevents` package reads JSON numbers as floats and replaces invalid UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from outlay_schemas.usage import CLOUDEVENT_TYPE
from outlay_streams.decode.errors import MalformedBody
from outlay_streams.decode.json_text import Fault, JsonReader, kind_of, why

PREFIX = "application/cloudevents"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
ENVELOPE = ("id", "source", "time")
SPEC_VERSION = "1.0"

_JSON_TYPE = re.compile(r"(application|text)/([^;\s/]+\+)?json\s*(;.*)?", re.IGNORECASE)
_HEADER = "ce-"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def from_envelope(envelope: Any, reader: JsonReader) -> Any:
    """Return the usage event of a structured envelope, or the `Fault` that refuses it."""
    if not isinstance(envelope, dict):
        return envelope
    envelope = {name: value for name, value in envelope.items() if value is not None}
    data = _data(envelope, reader)
    if isinstance(data, Fault):
        return Fault(data.pointer, data.reason, _given(envelope))
    return _event(envelope, data, "/data")


def from_headers(headers: Mapping[str, str], data: Any) -> Any:
    """Return the usage event of a binary-mode request, or the `Fault` that refuses it; header names in lower case.

    Raises `MalformedBody` for a header that is not percent-encoded UTF-8.
    """
    attributes = {
        name.removeprefix(_HEADER): _decoded(name, value) for name, value in headers.items() if name.startswith(_HEADER)
    }
    return data if isinstance(data, Fault) else _event(attributes, data, "")


def _event(attributes: Mapping[str, Any], data: Any, within: str) -> Any:
    fault = _attribute_fault(attributes)
    if fault is not None:
        return Fault(*fault, _given(attributes, data))
    if not isinstance(data, dict):
        return Fault(within, f"data must be a JSON object, got {kind_of(data)}", _given(attributes))
    given = _given(attributes)
    for name, value in given.items():
        if name in data and data[name] != value:
            reason = f"data and the envelope say different things about {name}; send it in the envelope only"
            return Fault(f"{within}/{name}", reason, data | given)
    return data | given


def _attribute_fault(attributes: Mapping[str, Any]) -> tuple[str, str] | None:
    version, kind = attributes.get("specversion"), attributes.get("type")
    if version != SPEC_VERSION:
        return "/specversion", f"specversion must be {SPEC_VERSION!r}, got {str(version)[:40]!r}"
    if kind != CLOUDEVENT_TYPE:
        return "/type", f"type must be {CLOUDEVENT_TYPE!r}, got {str(kind)[:80]!r}"
    missing = next((name for name in ("id", "source") if name not in attributes), None)
    return (f"/{missing}", f"{missing} is required in a CloudEvent") if missing else None


def _data(envelope: Mapping[str, Any], reader: JsonReader) -> Any:
    media = envelope.get("datacontenttype", "application/json")
    if not isinstance(media, str) or not _JSON_TYPE.fullmatch(media):
        return Fault("/datacontenttype", f"data must be JSON, got datacontenttype {str(media)[:80]!r}")
    if "data_base64" not in envelope:
        return envelope["data"] if "data" in envelope else Fault("/data", "data is required: the rest of the event")
    if "data" in envelope:
        return Fault("/data_base64", "data and data_base64 are both set; send one")
    try:
        return reader.lone(base64.b64decode(envelope["data_base64"], validate=True).decode())
    except (TypeError, binascii.Error, UnicodeDecodeError):
        return Fault("/data_base64", "data_base64 is not base64 of UTF-8 JSON")
    except (ValueError, RecursionError) as error:
        return Fault("/data_base64", f"data_base64 does not hold JSON: {why(error)}")


def _given(attributes: Mapping[str, Any], data: Any = None) -> dict[str, Any]:
    given = {name: attributes[name] for name in ENVELOPE if name in attributes}
    return data | given if isinstance(data, dict) else given


def _decoded(name: str, value: str) -> str:
    """Decode one header value: once, quotes first; HTTP libraries hand over bytes as Latin-1."""
    quoted = _QUOTED.fullmatch(value)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    try:
        return unquote_to_bytes(plain.encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise MalformedBody(f"header {name} is not percent-encoded UTF-8") from None
