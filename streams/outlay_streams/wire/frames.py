"""Named frames: a version byte, then for each frame its name, its lengths, a digest, and its bytes compressed.

    version u8 | ( name length u8 | name | raw length u32 | length u32 | XXH3-64 of all before and after u64 | bytes )*

Integers are little-endian. The bytes are zstd of what was framed. Lengths let a reader pass over what it does not want
without decompressing it; the digest lets no changed byte reach a decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import pyarrow as pa
from xxhash import xxh3_64_intdigest

from outlay_streams.wire.errors import WireError

VERSION = 1
MAX_RAW = 1 << 30
"""Bytes a frame may hold decompressed."""

_LENGTHS = struct.Struct("<II")
_DIGEST = struct.Struct("<Q")
_LEVEL = 1


def pack(frames: Mapping[str, pa.Buffer]) -> bytes:
    """Return the frames, in their order, as one value."""
    zstd = pa.Codec("zstd", compression_level=_LEVEL)
    parts = [bytes([VERSION])]
    for name, raw in frames.items():
        packed = zstd.compress(raw, asbytes=True)
        head = bytes([len(name)]) + name.encode("ascii") + _LENGTHS.pack(raw.size, len(packed))
        parts += [head, _DIGEST.pack(_digest(head, packed)), packed]
    return b"".join(parts)


def unpack(value: bytes, names: frozenset[str]) -> dict[str, pa.Buffer]:
    """Return the frames called `names` that the value holds, passing over all others.

    Raises `WireError` for another version, for frames cut short, and for a wanted frame whose bytes were changed.
    """
    found: dict[str, pa.Buffer] = {}
    for name, raw_size, head, digest, packed in _walk(value):
        if name not in names:
            continue
        if digest != _digest(head, packed):
            raise WireError(f"frame {name!r} does not match its digest: its bytes were changed")
        if raw_size > MAX_RAW:
            raise WireError(f"frame {name!r} claims {raw_size} bytes; at most {MAX_RAW} are read")
        try:
            found[name] = pa.Codec("zstd").decompress(packed, decompressed_size=raw_size)
        except (OSError, pa.ArrowException) as error:
            raise WireError(f"frame {name!r} cannot be decompressed: {error}") from error
    return found


def _walk(value: bytes) -> Iterator[tuple[str, int, bytes, int, memoryview]]:
    """Yield name, raw size, head, digest and packed bytes of each frame."""
    if not value:
        raise WireError("the value is empty")
    if value[0] != VERSION:
        raise WireError(f"the value is of version {value[0]}; this program reads version {VERSION}: upgrade the reader")
    view = memoryview(value)
    at = 1
    while at < len(view):
        end = at + 1 + view[at]
        start = end + _LENGTHS.size + _DIGEST.size
        if start > len(view):
            raise WireError(f"a frame is cut short at byte {at} of {len(view)}")
        raw_size, size = _LENGTHS.unpack_from(view, end)
        (digest,) = _DIGEST.unpack_from(view, end + _LENGTHS.size)
        if start + size > len(view):
            raise WireError(f"a frame of {size} bytes is cut short at byte {start} of {len(view)}")
        name = bytes(view[at + 1 : end]).decode("ascii", "backslashreplace")
        yield name, raw_size, bytes(view[at : end + _LENGTHS.size]), digest, view[start : start + size]
        at = start + size


def _digest(head: bytes, packed: bytes | memoryview) -> int:
    return xxh3_64_intdigest(packed, seed=xxh3_64_intdigest(head))
