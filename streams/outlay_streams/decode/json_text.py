"""JSON as it was written: exact decimals, repeated names noticed, one value at a time with its size.

`json` from the standard library, because it keeps every digit of a number and hands over each name of an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from outlay_schemas.usage import MAX_EVENT_BYTES
from outlay_streams.decode.errors import MalformedBody, TooLarge

_SPACE = re.compile(r"[ \t\r\n]*")
_LARGEST_EXPONENT = 64
_UTF8_MOST = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """One event that cannot be read: where inside it, why, and what of it was readable."""

    pointer: str
    reason: str
    event: object = None


class JsonReader:
    """Reads JSON values out of a text. Raises `ValueError` or `RecursionError` where there is none."""

    __slots__ = ("_repeated", "_scan")

    def __init__(self) -> None:
        self._repeated: list[str] = []
        decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_float=_number, parse_constant=_constant)
        self._scan = decoder.raw_decode

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self._repeated.append(_first_repeated(pairs))
        return made

    def value(self, text: str, start: int) -> tuple[Any, int]:
        """Return the value at `start`, or a `Fault` if it is no acceptable event, and where it ends."""
        value, end = self._scan(text, start)
        if self._repeated:
            name = self._repeated[0]
            self._repeated.clear()
            value = Fault("", f"the name {name[:64]!r} appears twice in one object; send it once", value)
        elif (end - start) * _UTF8_MOST > MAX_EVENT_BYTES and _oversized(text, start, end):
            value = Fault("", f"the event is larger than {MAX_EVENT_BYTES} bytes; send less in it", value)
        return value, end

    def lone(self, text: str) -> Any:
        """Return the one value `text` holds."""
        value, end = self.value(text, _skip(text, 0))
        if _skip(text, end) != len(text):
            raise ValueError(f"something follows the value at character {end}")
        return value

    def array(self, text: str, start: int, most: int) -> Iterator[Any]:
        """Yield the values of the array that opens at `start` and fills the rest of `text`.

        Raises `TooLarge` past `most` values.
        """
        at = _skip(text, start + 1)
        if text.startswith("]", at):
            yield from ()
        else:
            for count in range(most + 1):
                if count == most:
                    raise TooLarge(f"the body holds more than {most} events; split it")
                value, at = self.value(text, at)
                yield value
                at = _skip(text, at)
                if not text.startswith(",", at):
                    break
                at = _skip(text, at + 1)
            if not text.startswith("]", at):
                raise ValueError(f"expected ',' or ']' at character {at}")
        if _skip(text, at + 1) != len(text):
            raise ValueError(f"something follows the array at character {at + 1}")


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


def _oversized(text: str, start: int, end: int) -> bool:
    return len(text[start:end].encode("utf-8", "surrogatepass")) > MAX_EVENT_BYTES


def _number(text: str) -> Decimal:
    """Return the exact number; anything far outside what the ledger holds becomes infinite, which no field accepts."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")
    scale = number.as_tuple().exponent
    small = isinstance(scale, int) and abs(scale) <= _LARGEST_EXPONENT and number.adjusted() <= _LARGEST_EXPONENT
    return number if small else Decimal("Infinity")


def _constant(name: str) -> Decimal:
    return Decimal(name)
