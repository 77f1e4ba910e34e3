"""Differences of topics, to read and as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

if TYPE_CHECKING:
    from outlay_infra.kafka.plan import TopicChange

_MARKS = {"create": ("+", "green"), "set": ("~", "yellow"), "raise": ("~", "yellow"), "impossible": ("!", "red")}


def rows(changes: Sequence[TopicChange]) -> list[dict[str, Any]]:
    """Return one flat row a difference."""
    return [asdict(change) for change in changes]


def shown(changes: Sequence[TopicChange]) -> RenderableType:
    """Return one line a difference, and what to know about it below."""
    lines = []
    for change in changes:
        mark, style = _MARKS[change.action]
        what = "" if change.before is None else f" {change.what}: {change.before} ->"
        lines.append(Text(f"{mark} {change.topic}{what} {change.after}", style=style))
        if change.note:
            lines.append(Text(f"    {change.note}", style="dim"))
    return Group(*lines)
