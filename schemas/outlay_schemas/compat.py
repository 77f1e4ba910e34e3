"""Whether data written with one Avro schema can be read, exactly, with another.

The rules of Avro 1.12 "Schema Resolution", and three of our own that Avro leaves silent: a logical type with its
precision and scale never changes (a reader would move the decimal point), a namespace never changes (it carries the
version), and a named type keeps its full name or gives an alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from outlay_schemas.avro_schema import Schema

_PROMOTES = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "string": {"bytes"},
    "bytes": {"string"},
}
_NAMED = ("record", "enum", "fixed")
_LOGICAL = ("logicalType", "precision", "scale")


def unreadable(*, reader: Schema, writer: Schema) -> list[str]:
    """Return why `reader` cannot read everything `writer` writes, a line each; empty when it can."""
    return list(_Pair(_Names(reader), _Names(writer)).problems(reader, writer, ""))


def breaks(history: Sequence[Schema]) -> list[str]:
    """Return what breaks full transitive compatibility in a history of schemas, oldest first.

    Every version must read every other: old data stays readable, and old readers go on when writers move.
    """
    found = []
    for (old, older), (new, newer) in combinations(enumerate(history, start=1), 2):
        found += [f"version {new} cannot read version {old}: {line}" for line in unreadable(reader=newer, writer=older)]
        found += [f"version {old} cannot read version {new}: {line}" for line in unreadable(reader=older, writer=newer)]
    return found


class _Names:
    """The named types of one schema, by full name."""

    def __init__(self, schema: Any) -> None:
        self.types: dict[str, Schema] = {}
        self._collect(schema, "")

    def _collect(self, schema: Any, namespace: str) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch, namespace)
        elif isinstance(schema, dict):
            if schema["type"] in _NAMED:
                namespace = schema.get("namespace", namespace)
                name = schema["name"]
                self.types[name if "." in name or not namespace else f"{namespace}.{name}"] = schema
            for child in (schema.get("items"), schema.get("values"), *(f["type"] for f in schema.get("fields", ()))):
                self._collect(child, namespace)

    def resolve(self, schema: Any) -> Any:
        """Return a schema with a name replaced by what it names and a bare primitive spelt out."""
        if isinstance(schema, dict) and isinstance(schema["type"], dict | list):
            return self.resolve(schema["type"])
        if not isinstance(schema, str):
            return schema
        return self.types.get(schema) or next(
            (known for name, known in self.types.items() if name.rpartition(".")[2] == schema), {"type": schema}
        )

    def full(self, schema: Schema) -> str:
        """Return the full name of a named type."""
        return next(name for name, known in self.types.items() if known is schema)


@dataclass(frozen=True, slots=True)
class _Pair:
    reader: _Names
    writer: _Names
    open: set[tuple[int, int]] = field(default_factory=set)

    def problems(self, reader: Any, writer: Any, path: str) -> Iterator[str]:
        reader, writer = self.reader.resolve(reader), self.writer.resolve(writer)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.problems(reader, branch, path)
        elif isinstance(reader, list):
            yield from self._union(reader, writer, path)
        elif reader["type"] == writer["type"]:
            yield from self._logical(reader, writer, path)
            yield from self._same_type(reader, writer, path)
        elif writer["type"] in _PROMOTES.get(reader["type"], ()):
            yield from self._logical(reader, writer, path)
        else:
            yield f"{_at(path)}: the writer has {writer['type']}, the reader {reader['type']}"

    def _union(self, reader: list[Any], writer: Any, path: str) -> Iterator[str]:
        tried = [list(self.problems(branch, writer, path)) for branch in reader]
        if all(tried):
            same = [lines for branch, lines in zip(reader, tried, strict=True) if self._kind(branch) == writer["type"]]
            yield from same[0] if same else [f"{_at(path)}: the writer has {writer['type']}, which no branch reads"]

    def _kind(self, branch: Any) -> Any:
        return self.reader.resolve(branch)["type"]

    @staticmethod
    def _logical(reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        for key in _LOGICAL:
            before, after = writer.get(key), reader.get(key)
            if before != after:
                yield f"{_at(path)}: {key} is {before} for the writer and {after} for the reader; it may never change"
                return

    def _same_type(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        kind = reader["type"]
        if kind in _NAMED:
            yield from self._name(reader, writer, path)
        match kind:
            case "record":
                if (pair := (id(reader), id(writer))) not in self.open:
                    self.open.add(pair)
                    yield from self._fields(reader, writer, path)
            case "array":
                yield from self.problems(reader["items"], writer["items"], f"{path}[]")
            case "map":
                yield from self.problems(reader["values"], writer["values"], f"{path}{{}}")
            case "fixed" if reader["size"] != writer["size"]:
                yield f"{_at(path)}: fixed size {writer['size']} became {reader['size']}"
            case "enum":
                lost = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
                if lost and reader.get("default") not in reader["symbols"]:
                    yield f"{_at(path)}: the reader lacks the symbols {', '.join(lost)} and has no default"

    def _name(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        known, sent = self.reader.full(reader), self.writer.full(writer)
        space = known.rpartition(".")[0]
        aliases = {a if "." in a or not space else f"{space}.{a}" for a in reader.get("aliases", ())}
        if known != sent and sent not in aliases:
            yield f"{_at(path)}: the writer's {sent} is not the reader's {known} nor an alias of it"

    def _fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        sent = {item["name"]: item for item in writer["fields"]}
        for item in reader["fields"]:
            name = next((n for n in (item["name"], *item.get("aliases", ())) if n in sent), None)
            where = f"{path}.{item['name']}" if path else item["name"]
            if name is not None:
                yield from self.problems(item["type"], sent[name]["type"], where)
            elif "default" not in item:
                yield f"{where}: the writer has no such field and the reader no default"


def _at(path: str) -> str:
    return path or "the record"
