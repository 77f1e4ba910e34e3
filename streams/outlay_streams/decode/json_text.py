"""JSON as it was written: exact decimals, repeated names noticed, one value at a time with its size.

`json` from the standard library, because it keeps every digit of a number and hands over each name of an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from outlay_schemas.usage import MAX_EVENT_BYTES
from outlay_streams.decode.errors import MalformedBody, TooLarge

_SPACE = re.compile(r"[ \t\r\n]*")
LONGEST = 16 * MAX_EVENT_BYTES
"""Characters of the longest value that is built; an event past its own limit, up to this, is refused alone."""

_LARGEST_EXPONENT = 64
_UTF8_MOST = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """One event that cannot be read: where inside it, why, and what of it was readable."""

    pointer: str
    reason: str
    event: object = None


class JsonReader:
    """Reads JSON values, one at a time. Raises `ValueError` or `RecursionError` where there is no JSON."""

    __slots__ = ("_decode", "_repeated")

    def __init__(self) -> None:
        self._repeated: list[str] = []
        decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_float=_number, parse_constant=Decimal)
        self._decode = decoder.raw_decode

    def lone(self, text: str) -> Any:
        """Return the one value `text` holds, or the `Fault` that refuses it as an event."""
        value, end = self._value(_Window(text, self._decode), _skip(text, 0))
        if _skip(text, end) != len(text):
            raise ValueError(f"something follows the value at character {end}")
        return value

    def array(self, text: str, start: int, most: int) -> Iterator[Any]:
        """Yield the values of the array that opens at `start` and fills the rest of `text`; `Fault` as `lone`.

        Raises `TooLarge` past `most` values.
        """
        window = _Window(text, self._decode)
        at = _skip(text, start + 1)
        count = 0
        while count or not text.startswith("]", at):
            if count == most:
                raise TooLarge(f"the body holds more than {most} events; split it")
            value, at = self._value(window, at)
            yield value
            count += 1
            at = _skip(text, at)
            if not text.startswith(",", at):
                break
            at = _skip(text, at + 1)
        if not text.startswith("]", at):
            raise ValueError(f"expected ',' or ']' at character {at}")
        if _skip(text, at + 1) != len(text):
            raise ValueError(f"something follows the array at character {at + 1}")

    def _value(self, window: _Window, start: int) -> tuple[Any, int]:
        self._repeated.clear()
        value, end = window.decode(start)
        if self._repeated:
            name = self._repeated[0]
            value = Fault("", f"the name {name[:64]!r} appears twice in one object; send it once", value)
        elif (end - start) * _UTF8_MOST > MAX_EVENT_BYTES and _oversized(window.text[start:end]):
            value = Fault("", f"the event is larger than {MAX_EVENT_BYTES} bytes; send less in it", value)
        return value, end

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self._repeated.append(_first_repeated(pairs))
        return made


class _Window:
    """A part of a text, no longer than `LONGEST`, that moves along: a value built from it cannot take much memory."""

    __slots__ = ("_decode", "_from", "_part", "text")

    def __init__(self, text: str, decode: Callable[[str, int], tuple[Any, int]]) -> None:
        self.text = text
        self._decode = decode
        self._from = 0
        self._part = text[:LONGEST]

    def decode(self, start: int) -> tuple[Any, int]:
        """Return the value at `start` and where it ends; raise `TooLarge` if it is longer than the window."""
        while True:
            try:
                value, end = self._decode(self._part, start - self._from)
            except (ValueError, RecursionError) as error:
                if self._slide(start):
                    continue
                if isinstance(error, json.JSONDecodeError):
                    raise json.JSONDecodeError(error.msg, self.text, self._from + error.pos) from None
                raise
            if end < len(self._part) or not self._slide(start):
                return value, self._from + end

    def _slide(self, start: int) -> bool:
        """Move on to `start` unless the end of the text is in sight; return whether it moved."""
        if self._from + len(self._part) == len(self.text):
            return False
        if self._from == start:
            raise TooLarge(f"an event is larger than {LONGEST} characters; at most {MAX_EVENT_BYTES} bytes are taken")
        self._from, self._part = start, self.text[start : start + LONGEST]
        return True


def text_of(body: bytes) -> str:
    """Return the body as text, without a byte order mark; raise `MalformedBody` unless it is UTF-8."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MalformedBody("the body is UTF-16; send UTF-8")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from None


def why(error: ValueError | RecursionError) -> str:
    """Say in a few words why JSON could not be read."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} at character {error.pos}"
    return str(error) if "digits" not in str(error) else "a number has too many digits"


def kind_of(value: Any) -> str:
    """Name the JSON type of `value`, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case dict():
            return "an object"
        case _:
            return "an array" if isinstance(value, list) else "a number"


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    return next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end() if text[at : at + 1] in " \t\r\n" else at  # type: ignore[union-attr]


def _oversized(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) > MAX_EVENT_BYTES


def _number(text: str) -> Decimal:
    """Return the exact number; anything far outside what the ledger holds becomes infinite, which no field accepts."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")
    scale = number.as_tuple().exponent
    small = isinstance(scale, int) and abs(scale) <= _LARGEST_EXPONENT and number.adjusted() <= _LARGEST_EXPONENT
    return number if small else Decimal("Infinity")
