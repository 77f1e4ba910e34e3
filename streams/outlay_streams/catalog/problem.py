"""What is wrong with a catalog, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

MOST_PROBLEMS = 100
"""As many as a reader can use at once; the rest show when these are mended."""
_MOST_COMPARED = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: `pointer` (RFC 6901) into the catalog, `line` in the file (1 is the first) where known."""

    pointer: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.pointer or "the catalog"
        return f"line {self.line}: {place}: {self.message}" if self.line else f"{place}: {self.message}"


class CatalogError(ValueError):
    """The catalog cannot be used; mend every one of `problems` and send it again."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def pointer(*parts: str | int) -> str:
    """Write a JSON pointer."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that offers the closest known name, or what there is when it is little."""
    names = list(known)
    close = get_close_matches(name, names, n=1) if len(names) <= _MOST_COMPARED else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(names))}" if 0 < len(names) <= 20 else ""
