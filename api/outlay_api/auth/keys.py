"""API keys: made once, shown once, kept as a hash, looked up in memory.

A key reads `out_live_<43 random><6 checksum>`, base 62: the checksum refuses a mistyped or truncated key without a
look-up, and lets secret scanners be sure. 256 random bits need no slow hash, so SHA-256 is what the catalog keeps.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from outlay_schemas.usage import Text

PREFIX = "out_live_"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 43
_CHECKSUM = 6
_SHOWN = 6

Scope = Literal["ingest", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("ingest", "read", "admin")


class ApiKey(BaseModel):
    """An API key as the catalog keeps it, without its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    name: Text
    """What or who uses it, for people."""
    org: str
    """The organisation its events and questions belong to."""
    scopes: tuple[Scope, ...]
    """`ingest` sends events, `read` asks, `admin` changes catalog and keys and includes the other two."""
    prefix: str
    """The first characters of the secret, to recognise it by."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    """From this instant on the key is refused; absent means never."""

    def expired(self, now: datetime) -> bool:
        """Return whether the key no longer counts at `now`."""
        return self.expires is not None and now >= self.expires


def new_secret() -> str:
    """Return a new key's secret."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return PREFIX + body + _checksum(body)


def well_formed(secret: str) -> bool:
    """Return whether `secret` can be a key at all."""
    body, checksum = secret[len(PREFIX) : -_CHECKSUM], secret[-_CHECKSUM:]
    right_shape = secret.startswith(PREFIX) and len(body) == _RANDOM and secret.isascii()
    return right_shape and hmac.compare_digest(_checksum(body), checksum)


def digest(secret: str) -> str:
    """Return what the catalog keeps of `secret`."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown(secret: str) -> str:
    """Return the part of `secret` that may be shown again."""
    return secret[: len(PREFIX) + _SHOWN]


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, place = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[place] + digits
    return digits
