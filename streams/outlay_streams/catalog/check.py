"""What a schema cannot see: references, repeated ids, dates, and rules that could never do anything.

The org tree has no cycles by its shape: an app names a project or team, a project a team, a team only texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice, pairwise

from outlay_schemas.budgets import SCOPED
from outlay_schemas.catalog import Catalog, DocumentKind, Project
from outlay_schemas.catalog_documents import SECTIONS, Dated, section
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.attribution.fields import FIELDS, TAG, Template, is_known
from outlay_streams.attribution.rules import WILD
from outlay_streams.attribution.timeline import Holding
from outlay_streams.catalog.problem import MOST_PROBLEMS, Problem, nearest, pointer

_Declared = Mapping[str, Collection[str]]
_REFERENCES = {"team": "teams", "project": "projects", "app": "apps"}
"""Dimensions whose values are ids of documents, once the catalog declares any."""


def check(catalog: Catalog, *, also_declared: Collection[tuple[str, str]] = ()) -> tuple[Problem, ...]:
    """Return what is wrong with `catalog`, the first 100 faults; `also_declared` are (section, id) that exist."""
    declared = {
        name: {document.id for document in section(catalog, kind)}
        | {known for where, known in also_declared if where == name}
        for kind, (name, _) in SECTIONS.items()
    }
    checks: tuple[Iterator[Problem], ...] = (
        *(_dates(catalog, kind) for kind in SECTIONS),
        _tree(catalog, declared),
        _values(catalog, declared),
        _rules(catalog),
        _prices(catalog),
        _budgets(catalog, declared),
    )
    return tuple(islice(chain.from_iterable(checks), MOST_PROBLEMS))


def _dates(catalog: Catalog, kind: DocumentKind) -> Iterator[Problem]:
    name = SECTIONS[kind][0]
    same_id: defaultdict[str, list[tuple[int, Holding[Dated]]]] = defaultdict(list)
    for position, document in enumerate(section(catalog, kind)):
        holding = Holding.of(document)
        same_id[document.id].append((position, holding))
        if holding.start >= holding.end:
            yield Problem(
                pointer(name, position, "to"), f"{kind} {document.id!r} ends before it begins; put 'to' after 'from'"
            )
    for document_id, holdings in same_id.items() if kind != "budget" else ():
        in_time = sorted(holdings, key=lambda entry: (entry[1].start, entry[0]))
        for (_, earlier), (position, later) in pairwise(in_time):
            if later.start < earlier.end:
                fix = "remove one, or give them dates that do not overlap"
                yield Problem(
                    pointer(name, position, "id"), f"{kind} {document_id!r} is there twice at the same time; {fix}"
                )


def _tree(catalog: Catalog, declared: _Declared) -> Iterator[Problem]:
    for position, project in enumerate(catalog.projects):
        yield from _reference("team", project.team, declared, pointer("projects", position, "team"))
    projects: defaultdict[str, list[Holding[Project]]] = defaultdict(list)
    for project in catalog.projects:
        projects[project.id].append(Holding.of(project))
    for position, app in enumerate(catalog.apps):
        if app.project is not None:
            yield from _reference("project", app.project, declared, pointer("apps", position, "project"))
        if app.team is not None:
            yield from _reference("team", app.team, declared, pointer("apps", position, "team"))
            span = Holding.of(app)
            for holding in projects.get(app.project or "", ()):
                meets = holding.start < span.end and span.start < holding.end
                if meets and holding.document.team != app.team:
                    yield Problem(
                        pointer("apps", position, "team"),
                        f"app {app.id!r} names team {app.team!r}, but its project {app.project!r} belongs to "
                        f"{holding.document.team!r}; leave the team out, it follows from the project",
                    )


def _values(catalog: Catalog, declared: _Declared) -> Iterator[Problem]:
    """Check the dimensions that defaults, keys and rules give, and their values."""
    yield from _given(catalog.organisation.defaults, declared, ("organisation", "defaults"), templates=False)
    for position, key in enumerate(catalog.keys):
        yield from _given(key.set, declared, ("keys", position, "set"), templates=False)
    for position, rule in enumerate(catalog.rules):
        yield from _given(rule.set, declared, ("rules", position, "set"), templates=True)
        yield from _given(rule.fill, declared, ("rules", position, "fill"), templates=True)


def _given(
    values: Mapping[str, str], declared: _Declared, place: tuple[str | int, ...], *, templates: bool
) -> Iterator[Problem]:
    for dimension, value in values.items():
        where = pointer(*place, dimension)
        template = Template(value)
        if dimension not in ATTRIBUTION:
            yield Problem(where, f"{dimension!r} is no attribution dimension{nearest(dimension, ATTRIBUTION)}")
        elif "${" in value:
            yield from _template(template, where) if templates else (_no_template(where),)
        elif dimension in _REFERENCES and value != UNALLOCATED:
            yield from _reference(dimension, value, declared, where)


def _no_template(where: str) -> Problem:
    return Problem(where, "only rules may copy a field with ${...}; write a plain value, or a rule")


def _template(template: Template, where: str) -> Iterator[Problem]:
    if template.is_malformed:
        yield Problem(where, f"{template.text!r} has a '${{' that is not closed; write for example ${{tags.squad}}")
    for name in template.references:
        if not is_known(name):
            yield Problem(where, f"{template.text!r} copies the unknown field {name!r}{_field_hint(name)}")


def _rules(catalog: Catalog) -> Iterator[Problem]:
    for position, rule in enumerate(catalog.rules):
        for name, condition in rule.match.items():
            if not is_known(name):
                yield Problem(pointer("rules", position, "match", name), f"unknown field {name!r}{_field_hint(name)}")
            if not condition:
                yield Problem(
                    pointer("rules", position, "match", name), "an empty list never matches; name at least one value"
                )
        if not rule.set and not rule.fill:
            yield Problem(
                pointer("rules", position), f"rule {rule.id!r} neither sets nor fills anything; give it 'set' or 'fill'"
            )
        for dimension in sorted(rule.set.keys() & rule.fill.keys()):
            yield Problem(
                pointer("rules", position, "fill", dimension),
                f"{dimension!r} is in 'set' as well, which wins; keep one",
            )


def _prices(catalog: Catalog) -> Iterator[Problem]:
    for position, price in enumerate(catalog.prices):
        if price.discount is None and not price.rates:
            yield Problem(
                pointer("prices", position), f"price {price.id!r} has neither 'discount' nor 'rates'; give it one"
            )
        if price.discount is None and price.discount_units:
            yield Problem(
                pointer("prices", position, "discount_units"), "units of a discount without 'discount'; give it one"
            )


def _budgets(catalog: Catalog, declared: _Declared) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for position, budget in enumerate(catalog.budgets):
        if first.setdefault(budget.id, position) != position:
            fix = "change its amount, or give the other an id of its own"
            yield Problem(pointer("budgets", position, "id"), f"budget {budget.id!r} is there twice; {fix}")
        for name, values in budget.conditions().items():
            where = pointer("budgets", position, "scope", name)
            if name not in SCOPED:
                yield Problem(where, f"a budget's scope cannot name {name!r}{nearest(name, SCOPED)}")
            elif not values:
                yield Problem(where, "an empty list never matches; name at least one value, or leave it out")
            elif name in _REFERENCES:
                for value in values:
                    if value != UNALLOCATED and not WILD.search(value):
                        yield from _reference(name, value, declared, where)


def _reference(dimension: str, value: str, declared: _Declared, where: str) -> Iterator[Problem]:
    """Check an id; while the catalog declares none of its kind, any will do in a rule, but not inside the tree."""
    name = _REFERENCES[dimension]
    inside_tree = where.startswith(("/projects/", "/apps/"))
    if value not in declared[name] and (declared[name] or inside_tree):
        hint = nearest(value, declared[name]) or f"; declare it under {name}"
        yield Problem(where, f"unknown {dimension} {value!r}{hint}")


def _field_hint(name: str) -> str:
    return (
        nearest(name, FIELDS)
        if "." in name or nearest(name, FIELDS).startswith("; did")
        else f"; a tag is written {TAG}{name}"
    )
