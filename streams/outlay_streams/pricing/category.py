"""The cost category of an event that does not say: by what it counts."""

from __future__ import annotations

from collections.abc import Iterable

from outlay_schemas.units import PLACED

MODEL_API = "model_api"

_PATTERNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("compute", ("gpu", "cpu", "vcpu", "tpu", "accelerator", "node", "instance", "compute", "replica")),
    ("tooling", ("seat", "seats", "license", "licenses", "licence", "licences", "subscription", "subscriptions")),
    ("data", ("storage", "gb", "gib", "tb", "tib", "bytes", "egress", "vectors", "rows", "labels", "annotations")),
    ("personnel", ("person", "people", "staff", "labour", "labor", "fte", "contractor")),
    ("governance", ("guardrail", "guardrails", "moderations", "audits", "evaluations", "redactions")),
)


def category_of_unit(name: str) -> str:
    """Return the category of one unit, by the words of its name; `model_api` for every listed unit and any other."""
    if name in PLACED:
        return MODEL_API
    words = set(name.split("_"))
    return next((category for category, marks in _PATTERNS if words & set(marks)), MODEL_API)


def category_of_units(names: Iterable[str]) -> str:
    """Return the category of an event that counts `names`: the first of them, by name, that is not a model's own."""
    return next((each for name in sorted(names) if (each := category_of_unit(name)) != MODEL_API), MODEL_API)
