"""What a rule can refer to: the fields of an event and its tags, and values built from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_schemas.usage import MAX_TEXT

Said: TypeAlias = Mapping[str, str | None]
"""What an event says, by field name or `tags.<name>`; None or absent when it says nothing."""

FIELDS = (
    "provider",
    "model",
    "service_tier",
    "region",
    "operation",
    "source",
    "kind",
    "category",
    "outcome",
    *ATTRIBUTION,
)
"""Fields a rule can match and a template can copy, beside tags."""

TAG = "tags."

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")


def is_known(field: str) -> bool:
    """Return whether `field` is one of an event's, or a tag."""
    return field in FIELDS or (field.startswith(TAG) and len(field) > len(TAG))


def says_nothing(field: str, value: str | None) -> bool:
    """Return whether `value` of `field` is as good as absent: empty, or a dimension sent as `unallocated`."""
    return not value or (value == UNALLOCATED and field in ATTRIBUTION)


@dataclass(frozen=True, slots=True)
class Template:
    """A value that may copy fields and tags of the event: `${tags.squad}`, `ml-${region}`."""

    text: str

    @property
    def references(self) -> tuple[str, ...]:
        """The fields and tags it copies."""
        return tuple(_REFERENCE.findall(self.text))

    @property
    def is_malformed(self) -> bool:
        """Whether a `${` is left that no `}` closes."""
        return "${" in _REFERENCE.sub("", self.text)

    def render(self, said: Said) -> str | None:
        """Return the value, or None when the event lacks a part of it or it grows past 256 characters."""
        parts = {reference: said.get(reference) for reference in self.references}
        if not all(parts.values()):
            return None
        text = _REFERENCE.sub(lambda found: parts[found[1]] or "", self.text)
        return text if len(text) <= MAX_TEXT else None
