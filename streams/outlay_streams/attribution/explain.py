"""Why an event is attributed as it is: for each dimension who gave its value, with the document that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from outlay_schemas.catalog import App, Catalog, KeyOwner, Organisation, Project, Rule, Team
from outlay_schemas.catalog_diff import Body, body
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.attribution.fields import Said, says_nothing
from outlay_streams.attribution.resolver import Resolver
from outlay_streams.attribution.rule_id import Giver, Part, parse_rule_id
from outlay_streams.attribution.timeline import Register, first_millisecond

Source: TypeAlias = Giver | Literal["event", "nobody"]
_Document: TypeAlias = App | KeyOwner | Organisation | Project | Rule | Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one dimension got its value."""

    dimension: str
    value: str
    by: Source
    kind: str = ""
    """Kind of the document that gave it: `rule`, `key`, `app`, `project`, `team` or `organisation`; else empty."""
    id: str = ""
    """The document's id."""
    document: Body | None = None
    """The document at the entry's catalog version; None for the event, or when that version does not hold it."""

    @property
    def text(self) -> str:
        """One line for a reader."""
        match self.by:
            case "event":
                return f"{self.dimension} is {self.value}: the event says so"
            case "nobody":
                return f"{self.dimension} is {self.value}: nothing says"
            case "default":
                return f"{self.dimension} is {self.value}: the organisation's default"
            case _:
                return f"{self.dimension} is {self.value}: given by {self.kind or self.by} {self.id}".rstrip()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The attribution of one event, a step for each dimension, widest first."""

    rule_id: str
    steps: tuple[Step, ...]


def explain(catalog: Catalog, said: Said, at: datetime) -> Explanation:
    """Resolve what an event says (fields and `tags.<name>`) at its time, and explain the result."""
    resolver = Resolver(catalog)
    heard = {field: None if says_nothing(field, value) else value for field, value in said.items()}
    when = _millisecond(at)
    given = resolver.resolve(heard, when, resolver.applying(heard, when))
    resolved = {name: given[name].value if name in given else heard.get(name) or UNALLOCATED for name in ATTRIBUTION}
    return explain_entry(catalog, resolved, rule_id=resolver.rule_id(given), at=at)


def explain_entry(catalog: Catalog, resolved: Mapping[str, str], *, rule_id: str, at: datetime) -> Explanation:
    """Explain a ledger entry from its attribution columns, its `rule_id`, its time, and the catalog at its version.

    Raises `ValueError` when `rule_id` cannot be read.
    """
    library = _Library(catalog, _millisecond(at))
    givers = {dimension: part for part in parse_rule_id(rule_id) for dimension in part.dimensions}
    return Explanation(rule_id, tuple(_step(name, resolved, givers.get(name), library) for name in ATTRIBUTION))


def _step(dimension: str, resolved: Mapping[str, str], part: Part | None, library: _Library) -> Step:
    value = resolved[dimension]
    if part is None:
        return Step(dimension=dimension, value=value, by="nobody" if value == UNALLOCATED else "event")
    kind, document = library.source(part, dimension, resolved)
    document_id = part.id if document is None or isinstance(document, Organisation) else document.id
    return Step(
        dimension=dimension,
        value=value,
        by=part.by,
        kind=kind,
        id=document_id,
        document=None if document is None else body(document),
    )


class _Library:
    """The documents that hold at one instant."""

    __slots__ = ("_apps", "_at", "_keys", "_organisation", "_projects", "_rules", "_teams")

    def __init__(self, catalog: Catalog, at: int) -> None:
        self._at = at
        self._organisation = catalog.organisation
        self._keys = Register(catalog.keys)
        self._rules = Register(catalog.rules)
        self._apps = Register(catalog.apps)
        self._projects = Register(catalog.projects)
        self._teams = Register(catalog.teams)

    def source(self, part: Part, dimension: str, resolved: Mapping[str, str]) -> tuple[str, _Document | None]:
        """Return the kind and the document that gave `dimension`."""
        match part.by:
            case "key":
                return "key", self._keys.get(part.id, self._at)
            case "rule":
                return "rule", self._rules.get(part.id, self._at)
            case "default":
                return "organisation", self._organisation
            case "tree":
                return self._branch(dimension, resolved)

    def _branch(self, dimension: str, resolved: Mapping[str, str]) -> tuple[str, _Document | None]:
        app = self._apps.get(resolved["app"], self._at)
        project = self._projects.get(resolved["project"], self._at)
        if dimension in ("department", "business_unit"):
            return "team", self._teams.get(resolved["team"], self._at)
        if dimension == "use_case" or (dimension == "team" and project and project.team == resolved["team"]):
            return "project", project
        return "app", app


def _millisecond(at: datetime) -> int:
    """Return an event's time as the ledger keeps it: cut to the millisecond."""
    return first_millisecond(at.replace(microsecond=at.microsecond // 1000 * 1000))
