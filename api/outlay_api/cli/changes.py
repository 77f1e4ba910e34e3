"""How changes of the catalog read: what was added, changed and removed, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

_MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}

Change = Mapping[str, Any]


def rows(changes: Sequence[Change], **more: Any) -> list[dict[str, Any]]:
    """Return one flat row for each field that differs, and one for each document without fields."""
    return [
        {**more, "kind": change["kind"], "key": change["key"], "change": change["change"], **field}
        for change in changes
        for field in change["fields"] or [{}]
    ]


def shown(changes: Sequence[Change]) -> RenderableType:
    """Return the changes to read, those of one kind together."""
    return Group(*_lines(changes))


def summary(changes: Sequence[Change]) -> str:
    """Count the changes: `3 added, 1 changed`."""
    counts = {word: sum(change["change"] == word for change in changes) for word in _MARKS}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no changes"


def _lines(changes: Sequence[Change]) -> Iterator[Text]:
    for change in changes:
        mark, style = _MARKS[change["change"]]
        yield Text(f"{mark} {change['kind']} {change['key']}", style=style)
        if change["change"] == "changed":
            for field in change["fields"]:
                yield Text(f"    {field['field']}: {_value(field['before'])} -> {_value(field['after'])}")


def _value(value: object) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)
