"""Decompression with a hard limit on what comes out, so that a small body cannot become a large one."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

from outlay_streams.decode.errors import MalformedBody, TooLarge, UnsupportedContent

_GZIP = 16 + zlib.MAX_WBITS
_WINDOW_LOG = 23
"""8 MiB, the largest window HTTP allows a zstd frame (RFC 9659)."""
_MAX_FRAMES = 64
_MAX_ENCODINGS = 3


def decompress(body: bytes, *, encoding: str, limit: int) -> bytes:
    """Return `body` decoded from `encoding`, a `Content-Encoding` value: gzip, zstd, identity, or a list of those.

    Raises `TooLarge` once more than `limit` bytes come out, having held at most that much; `MalformedBody` for broken
    or cut streams; `UnsupportedContent` for other encodings.
    """
    names = [part.strip().lower() for part in encoding.split(",") if part.strip()]
    if len(names) > _MAX_ENCODINGS:
        raise UnsupportedContent(f"Content-Encoding lists {len(names)} encodings; send gzip, zstd or none")
    for name in reversed(names):
        body = _once(body, name, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _once(body: bytes, name: str, limit: int) -> bytes:
    match name:
        case "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflate(body, name, limit, lambda: zlib.decompressobj(_GZIP), zlib.error)
        case "zstd":
            decompressor, error = _zstd()
            return _inflate(body, name, limit, decompressor, error)
        case _:
            raise UnsupportedContent(f"Content-Encoding {name[:40]!r} is not read here; send gzip, zstd or none")


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - one of two homes
    else:
        from backports import zstd  # noqa: PLC0415 - only needed for zstd bodies
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError


def _inflate(body: bytes, name: str, limit: int, decompressor: Callable[[], Any], error: type[Exception]) -> bytes:
    """Return all frames of `body`, one after another; asks each for one byte more than may come out."""
    out = bytearray()
    for _ in range(_MAX_FRAMES):
        frame = decompressor()
        try:
            out += frame.decompress(body, limit + 1 - len(out))
        except error as fault:
            raise MalformedBody(f"the body is not valid {name}: {fault}") from None
        if len(out) > limit:
            raise _too_large(limit)
        if not frame.eof:
            raise MalformedBody(f"the {name} body is cut short; send it whole")
        body = frame.unused_data
        if not body:
            return bytes(out)
    raise MalformedBody(f"the {name} body has more than {_MAX_FRAMES} frames; compress the body as one")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes once decompressed; send smaller batches")
