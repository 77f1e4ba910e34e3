r"""Filters: `FIELD:VALUE[,VALUE...]`, and with a leading `-` everything else.

`team:search,ads` keeps two teams, `-env:dev` drops one environment, `tags.feature:chat` asks a tag,
`team:unallocated` finds what nobody owns, `region:` (no value) what has no region. Filters are joined by AND.
A `\` before `,`, `:` or `\` makes it part of a name or value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outlay_api.queries.fields import Field, parse_field, split_list
from outlay_api.queries.statement import Binder, InvalidQuery
from outlay_schemas.dimensions import UNALLOCATED

MAX_VALUES = 1000
MAX_FILTERS = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """A field is (or, negated, is not) one of some values."""

    field: Field
    values: tuple[str, ...]
    negated: bool = False

    @property
    def needs_tag(self) -> bool:
        """Whether only entries that carry the tag can pass."""
        return self.field.tag is not None and (UNALLOCATED in self.values) is self.negated

    def condition(self, bind: Binder, *, slot: str, column: str | None = None) -> str:
        """Return the SQL condition; `column` replaces the field's own expression."""
        return bind.any_of(column or self.field.column(bind, slot=slot), self.values, negated=self.negated)


def parse_filter(text: str, *, parameter: str = "filter") -> Filter:
    """Return the filter that `text` writes, or raise `InvalidQuery`."""
    negated = text.startswith("-")
    parts = split_list(text.removeprefix("-"), ":", times=1)
    if len(parts) == 1:
        raise InvalidQuery(parameter, f"{text!r} has no ':'; write FIELD:VALUE, for example team:search or -env:dev")
    values = tuple(dict.fromkeys(split_list(parts[1])))
    if len(values) > MAX_VALUES:
        raise InvalidQuery(parameter, f"{parts[0]!r} has {len(values)} values; at most {MAX_VALUES} fit one filter")
    return Filter(parse_field(parts[0], parameter=parameter), values, negated)


def parse_filters(texts: Iterable[str], *, parameter: str = "filter") -> tuple[Filter, ...]:
    """Return the filters of a repeatable parameter, in an order that does not depend on how they were sent."""
    filters = {parse_filter(text, parameter=parameter) for text in texts}
    if len(filters) > MAX_FILTERS:
        raise InvalidQuery(parameter, f"{len(filters)} filters; at most {MAX_FILTERS} fit one query")
    return tuple(sorted(filters, key=lambda each: (each.field.name, each.negated, each.values)))
