"""Why a whole body could not be decoded; one bad event is an outcome instead, never one of these.

DecodeError
├── MalformedBody       not JSON, not UTF-8, not the compression it claims
├── TooLarge            more bytes or events than allowed
└── UnsupportedContent  a content type or encoding nobody here reads
"""

from __future__ import annotations


class DecodeError(Exception):
    """The body as a whole is refused, nothing of it was taken in; the message says what to change."""


class MalformedBody(DecodeError):  # noqa: N818 - reads as what happened
    """The bytes are not what their content type says; correct the sender, a retry fails again."""


class TooLarge(DecodeError):  # noqa: N818 - reads as what happened
    """The body or its number of events passes the limit; split it and send the parts."""


class UnsupportedContent(DecodeError):  # noqa: N818 - reads as what happened
    """The content type or encoding is not one of those read here; send one the message names."""
