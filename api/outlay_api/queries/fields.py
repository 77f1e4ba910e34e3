"""What spend can be grouped and filtered by: dimensions of an entry, and tags as `tags.KEY`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outlay_api.queries.statement import Binder, InvalidQuery
from outlay_schemas.dimensions import ATTRIBUTION, FACTS, SKU, UNALLOCATED

TEXT_FACTS = ("reason", "price_id", "rule_id", "reported_provider", "reported_model", "request_id", "trace_id")
NUMBER_FACTS = ("catalog_version", "estimated")
DIMENSIONS = (*ATTRIBUTION, *SKU, *FACTS, *TEXT_FACTS, *NUMBER_FACTS)
"""Every dimension by name; numbers are compared and shown as text (`estimated` is `true` or `false`)."""

TAG_PREFIX = "tags."


@dataclass(frozen=True, slots=True)
class Field:
    """A dimension or, with `tag`, the value of that tag; an entry without the tag has the value `unallocated`."""

    name: str
    tag: str | None = None

    def column(self, bind: Binder, *, slot: str) -> str:
        """Return the expression of the field over rows `t`; `slot` names the parameter of a tag."""
        if self.tag is not None:
            key = bind(slot, "String", self.tag)
            return f"if(mapContains(t.tags, {key}), t.tags[{key}], '{UNALLOCATED}')"
        return f"toString(t.{self.name})" if self.name in NUMBER_FACTS else f"t.{self.name}"


def parse_field(text: str, *, parameter: str) -> Field:
    """Return the field called `text`, or raise `InvalidQuery` naming what exists."""
    if text.startswith(TAG_PREFIX) and len(text) > len(TAG_PREFIX):
        return Field(text, tag=text.removeprefix(TAG_PREFIX))
    if text in DIMENSIONS:
        return Field(text)
    known = ", ".join(DIMENSIONS)
    raise InvalidQuery(parameter, f"{text!r} is not a dimension; use one of {known}, or tags.KEY")


def split_list(text: str, separator: str = ",", *, times: int = -1) -> list[str]:
    r"""Split at `separator` up to `times` (-1: all), where `\` makes the next character a plain one.

    The last part keeps its escapes when `times` ended the splitting, so that it can be split again.
    """
    parts, part, escaped = [], "", False
    for position, char in enumerate(text):
        if escaped:
            part, escaped = part + char, False
        elif char == "\\":
            escaped = True
        elif char == separator:
            parts.append(part)
            part = ""
            if len(parts) == times:
                return [*parts, text[position + 1 :]]
        else:
            part += char
    return [*parts, part]


def parse_fields(values: Iterable[str], *, parameter: str) -> tuple[Field, ...]:
    """Return the fields of a repeatable, comma-separated parameter, each once, in order."""
    names = [name.strip() for value in values for name in split_list(value)]
    return tuple(dict.fromkeys(parse_field(name, parameter=parameter) for name in names if name))
