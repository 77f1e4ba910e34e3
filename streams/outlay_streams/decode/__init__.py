"""Decoding: the bytes of any HTTP body to columns of valid usage events and an outcome for every other one. Pure."""

from outlay_streams.decode.batch import Decoded, Limits, decode
from outlay_streams.decode.compression import decompress
from outlay_streams.decode.errors import DecodeError, MalformedBody, TooLarge, UnsupportedContent

__all__ = [
    "DecodeError",
    "Decoded",
    "Limits",
    "MalformedBody",
    "TooLarge",
    "UnsupportedContent",
    "decode",
    "decompress",
]
