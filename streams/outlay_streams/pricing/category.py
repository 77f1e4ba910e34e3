"""The cost category of an event that does not say: by what it counts."""

from __future__ import annotations

from outlay_schemas.units import PLACED

MODEL_API = "model_api"

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
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
    return next((category for category, marks in _WORDS if words & set(marks)), MODEL_API)


def precedence(category: str) -> int:
    """Return how early a category decides an event that counts units of several: the lowest does."""
    return next((place for place, (name, _) in enumerate(_WORDS) if name == category), len(_WORDS))
