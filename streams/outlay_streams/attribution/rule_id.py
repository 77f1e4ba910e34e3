"""The text that says what attributed an entry: `key:k1=project,rule:crawler=team+env,tree=department+business_unit`.

Parts stand in order of precedence: at most one `key:<id>`, then `rule:<id>` in catalog order, then `tree`, then
`default`; each names, after `=`, the dimensions whose final value it gave. Dimensions that no part names are as the
event said them, or `unallocated`. Empty text: nothing but the event. With the catalog at the entry's version this
explains the whole attribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

Giver: TypeAlias = Literal["key", "rule", "tree", "default"]

_WITH_ID = ("key", "rule")
_WITHOUT_ID = ("tree", "default")


@dataclass(frozen=True, slots=True)
class Part:
    """One giver and the dimensions it gave; `id` is empty for `tree` and `default`."""

    by: Giver
    id: str
    dimensions: tuple[str, ...]

    def __str__(self) -> str:
        name = f"{self.by}:{self.id}" if self.id else self.by
        return f"{name}={'+'.join(self.dimensions)}"


def format_rule_id(parts: Iterable[Part]) -> str:
    """Write parts as a `rule_id`."""
    return ",".join(map(str, parts))


def parse_rule_id(text: str) -> tuple[Part, ...]:
    """Read a `rule_id`; raise `ValueError` for text that is none."""
    return tuple(_part(part) for part in text.split(",")) if text else ()


def _part(text: str) -> Part:
    name, _, dimensions = text.rpartition("=")
    by, colon, document_id = name.partition(":")
    if not dimensions or not (by in _WITH_ID and document_id if colon else by in _WITHOUT_ID):
        raise ValueError(
            f"{text!r} is no part of a rule id; expected for example 'rule:crawler=team' or 'tree=department'"
        )
    return Part(cast("Giver", by), document_id, tuple(dimensions.split("+")))
