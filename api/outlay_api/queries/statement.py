"""A SQL statement with its parameters: what every query value turns into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class InvalidQuery(ValueError):  # noqa: N818 - it names the fault of a request, not of the program
    """A request asks for something that has no answer; the caller should change `parameter` as `detail` says."""

    def __init__(self, parameter: str, detail: str) -> None:
        """Name the query parameter at fault and the fix."""
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with `{name:Type}` placeholders, and a value for each."""

    sql: str
    params: Mapping[str, Any]


@dataclass(slots=True)
class Binder:
    """Collects parameter values while a statement is written, and yields the placeholder of each."""

    params: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str, kind: str, value: Any) -> str:
        """Bind `value` under `name` and return its placeholder of ClickHouse type `kind`."""
        self.params[name] = value
        return f"{{{name}:{kind}}}"

    def any_of(self, expression: str, values: Sequence[str], *, negated: bool = False) -> str:
        """Return a condition that holds when `expression` is one of `values` (or none of them)."""
        name = f"f{sum(key.startswith('f') and key[1:].isdigit() for key in self.params)}"
        if len(values) == 1:
            return f"{expression} {'!=' if negated else '='} {self(name, 'String', values[0])}"
        return f"{expression} {'NOT IN' if negated else 'IN'} {self(name, 'Array(String)', list(values))}"
