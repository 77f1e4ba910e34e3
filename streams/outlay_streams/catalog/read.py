"""A catalog file to a checked `Catalog`, or the problems it has, all at once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from outlay_schemas.catalog import Catalog, Organisation
from outlay_schemas.catalog_documents import SECTIONS
from outlay_streams.catalog.check import check
from outlay_streams.catalog.problem import MOST_PROBLEMS, CatalogError, Problem, nearest, pointer
from outlay_streams.catalog.text import Text, read_text

MAX_CATALOG_BYTES = 4 * 1024 * 1024

_SECTIONS: dict[str, type[BaseModel]] = dict(SECTIONS.values())
_FIXES = {
    "timezone_aware": "write the offset too, for example 2026-07-01T00:00:00Z",
    "datetime_from_date_parsing": "write an instant with its offset, for example 2026-07-01T00:00:00Z",
    "datetime_parsing": "write an instant with its offset, for example 2026-07-01T00:00:00Z",
}
_IDS = ("id", "team", "project")


def read_catalog(content: bytes) -> Catalog:
    """Read YAML or JSON of at most 4 MiB; raise `CatalogError` when it cannot be used.

    The error carries the problems in the order of the file, the first 100 of them.
    """
    if len(content) > MAX_CATALOG_BYTES:
        raise CatalogError([Problem("", f"{len(content):,} bytes; a catalog has at most {MAX_CATALOG_BYTES:,}")])
    text = read_text(content)
    reader = _Reader(text)
    catalog = reader.read()
    found = [*reader.problems, *map(reader.in_file, check(catalog, also_declared=reader.refused))]
    problems = [*text.problems, *(Problem(fault.pointer, fault.message, text.line(fault.pointer)) for fault in found)]
    if problems:
        raise CatalogError(sorted(problems, key=lambda problem: problem.line or 0)[:MOST_PROBLEMS])
    return catalog


class _Reader:
    """Validates document by document, so that one fault hides no other."""

    def __init__(self, text: Text) -> None:
        self.problems: list[Problem] = []
        self.refused: set[tuple[str, str]] = set()
        """Section and id of documents left out: what refers to them is not to blame."""
        self._text = text
        self._positions: dict[str, list[int]] = {}

    def read(self) -> Catalog:
        """Return the catalog without the documents that are wrong."""
        content = self._text.value
        if content is None:
            return Catalog()
        if not isinstance(content, dict):
            self.problems.append(Problem("", "a catalog is a mapping with organisation, teams, projects, ..."))
            return Catalog()
        sound: dict[str, Any] = {}
        for name, value in content.items():
            if name == "organisation":
                sound[name] = self._document(Organisation, {} if value is None else value, (name,)) or Organisation()
            elif name in _SECTIONS:
                sound[name] = self._section(name, value)
            else:
                hint = nearest(name, ("organisation", *_SECTIONS))
                self.problems.append(Problem(pointer(name), f"a catalog has no section {name!r}{hint}"))
        return Catalog.model_construct(**sound)

    def _section(self, name: str, value: object) -> tuple[BaseModel, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problems.append(Problem(pointer(name), f"{name} is a list; start each item with '- id: ...'"))
            return ()
        sound: dict[int, BaseModel] = {}
        for position, item in enumerate(value):
            document = self._document(_SECTIONS[name], item, (name, position))
            if document is not None:
                sound[position] = document
            elif isinstance(item, dict):
                self.refused.add((name, str(item.get("id"))))
        self._positions[name] = list(sound)
        return tuple(sound.values())

    def in_file(self, problem: Problem) -> Problem:
        """Return a problem of the catalog read with the position its document has in the file."""
        _, section, *rest = problem.pointer.split("/")
        if not rest or section not in self._positions:
            return problem
        return Problem("/".join(["", section, str(self._positions[section][int(rest[0])]), *rest[1:]]), problem.message)

    def _document(self, model: type[BaseModel], value: object, place: tuple[str | int, ...]) -> BaseModel | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False):
                self.problems.append(_fault(fault, model, place))
            return None


def _fault(fault: Any, model: type[BaseModel], place: tuple[str | int, ...]) -> Problem:
    where = pointer(*place, *fault["loc"])
    if fault["type"] == "extra_forbidden":
        name = str(fault["loc"][-1])
        return Problem(where, f"unknown field {name!r}{nearest(name, _names(model, fault['loc'][:-1]))}")
    message = fault["msg"].removeprefix("Value error, ")
    fix = _FIXES.get(fault["type"]) if fault["type"] != "string_pattern_mismatch" else _allowed(str(fault["loc"][-1]))
    return Problem(where, f"{message[:1].lower()}{message[1:]}{f'; {fix}' if fix else ''}")


def _names(model: type[BaseModel], inside: tuple[str | int, ...]) -> list[str]:
    """Return the field names of the model at `inside`, as they are written."""
    for part in inside:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return [field.alias or name for name, field in model.model_fields.items()]


def _allowed(field: str) -> str:
    if field in _IDS:
        return "an id starts with a letter or digit; space and . _ : / @ + - may follow"
    return "a unit has lower-case letters, digits and _" if field == "[key]" else "control characters are not allowed"
