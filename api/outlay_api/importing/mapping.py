"""Which column of a file is which field of the event, and what is the same for every row.

A field is a name of the usage event, `quantities.UNIT` or `tags.KEY`; the frequent units may drop their prefix.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum, auto

from outlay_api.importing.errors import MappingError
from outlay_schemas.units import FREQUENT, UNIT_NAME
from outlay_schemas.usage import UsageEvent

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A JSON number (RFC 8259, section 6)."""


class Kind(Enum):
    """How the text of a cell becomes JSON."""

    TEXT = auto()
    NUMBER = auto()
    WHOLE = auto()
    BOOLEAN = auto()
    TIME = auto()
    MAP = auto()
    """Many values by name: all tags, or all quantities."""


_KINDS: Mapping[str, Kind] = {
    "time": Kind.TIME,
    "estimated": Kind.BOOLEAN,
    "latency_ms": Kind.WHOLE,
    "ttft_ms": Kind.WHOLE,
    "amount": Kind.NUMBER,
    "provider_cost": Kind.NUMBER,
}
_NESTED: Mapping[str, Kind] = {"quantities": Kind.NUMBER, "tags": Kind.TEXT}
_PLAIN = tuple(name for name in UsageEvent.model_fields if name not in _NESTED)


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """A place in the event: `group` is empty, `quantities` or `tags`; without a name it is the whole group."""

    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Field:
        """Read a field as people write it; raise `MappingError` with the nearest name when there is none."""
        found = cls.known(text)
        if found is None:
            near = difflib.get_close_matches(
                text, [*_PLAIN, *(f"quantities.{unit}" for unit in FREQUENT)], n=1, cutoff=0.6
            )
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else "fields are " + ", ".join(_PLAIN) + ", quantities.UNIT and tags.KEY"
            )
            raise MappingError(f"{text!r} is not a field of a usage event; {hint}")
        return found

    @classmethod
    def known(cls, text: str) -> Field | None:
        """Return the field of that name, or None."""
        group, dot, name = text.partition(".")
        if dot and group == "quantities" and UNIT_NAME.fullmatch(name):
            return cls(group, name)
        if dot and group == "tags" and name:
            return cls(group, name)
        if text in _NESTED:
            return cls(text, "")
        if text in FREQUENT:
            return cls("quantities", text)
        return cls("", text) if text in _PLAIN else None

    @property
    def kind(self) -> Kind:
        """How its text becomes JSON."""
        if not self.group:
            return _KINDS.get(self.name, Kind.TEXT)
        return _NESTED[self.group] if self.name else Kind.MAP

    def __str__(self) -> str:
        return ".".join(filter(None, (self.group, self.name)))


ID = Field("", "id")
TIME = Field("", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Columns by field, and JSON by field: `constants` win over a column, `defaults` are for rows that say nothing."""

    columns: Mapping[Field, str]
    constants: Mapping[Field, str]
    defaults: Mapping[Field, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, maps: Iterable[str], sets: Iterable[str]) -> FieldMap:
        """Read `--map field=column` and `--set field=value` options."""
        columns = {Field.parse(field): column for field, column in map(_pair, maps)}
        constants = {
            field: _constant(field, value) for field, value in ((Field.parse(f), v) for f, v in map(_pair, sets))
        }
        return cls(columns={f: c for f, c in columns.items() if f not in constants}, constants=constants)

    def default(self, field: Field, value: str) -> FieldMap:
        """Return the mapping with a value for rows that say nothing of the field."""
        return replace(self, defaults={**self.defaults, field: _constant(field, value)})

    def over(self, names: Iterable[str]) -> FieldMap:
        """Return the mapping completed by the columns that carry a field's own name."""
        mapped = set(self.columns.values())
        own = {
            field: name
            for name in names
            if (field := Field.known(name)) and field not in self.constants and (field.name or name not in mapped)
        }
        columns = {**own, **self.columns}
        unsaid = {field: value for field, value in self.defaults.items() if field not in columns}
        return replace(self, columns=columns, constants={**unsaid, **self.constants})

    def named(self, group: str) -> set[str]:
        """Return the names of a group that have a column or a value of their own."""
        return {each.name for each in (*self.columns, *self.constants) if each.group == group and each.name}

    def check(self, names: Iterable[str], file: str) -> None:
        """Raise `MappingError` when a column is missing from `names`, or a required field from the mapping."""
        present = list(names)
        for wanted, column in self.columns.items():
            if column not in present:
                listed = ", ".join(present[:20])
                raise MappingError(f"{file} has no column {column!r} (for {wanted}); its columns are {listed}")
        missing = [name for name in ("time", "provider", "model") if not self._has(Field("", name))]
        if missing:
            ways = " ".join(f"--map {name}=COLUMN or --set {name}=VALUE" for name in missing[:1])
            raise MappingError(f"nothing says what {' and '.join(missing)} is in {file}; add for example {ways}")

    def _has(self, field: Field) -> bool:
        return field in self.columns or field in self.constants


def _pair(option: str) -> tuple[str, str]:
    field, equals, value = option.partition("=")
    if not (field and equals and value):
        raise MappingError(
            f"{option!r} is not of the form field=value; write for example team=search or time=TIMESTAMP"
        )
    return field.strip(), value


def _constant(field: Field, value: str) -> str:
    match field.kind:
        case Kind.NUMBER:
            if not NUMBER.fullmatch(value):
                raise MappingError(f"{field} is a number; {value!r} is not one")
            return json.dumps(format(Decimal(value), "f"))
        case Kind.WHOLE:
            if not NUMBER.fullmatch(value) or Decimal(value) % 1:
                raise MappingError(f"{field} is a whole number; {value!r} is not one")
            return str(int(Decimal(value)))
        case Kind.BOOLEAN:
            if value.lower() not in {"true", "false"}:
                raise MappingError(f"{field} is true or false, not {value!r}")
            return value.lower()
        case Kind.MAP:
            raise MappingError(f"{field} is set by name: write {field}.NAME={value}")
        case _:
            return json.dumps(value, ensure_ascii=False)
