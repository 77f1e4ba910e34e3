"""Where an interrupted import stopped, so that it can go on.

A cursor lives beside what was written into and only while an import is unfinished: deleting the data deletes it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import xxhash


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows were read, and what became of them."""

    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    """Refused by the intake as invalid, or not readable as a row."""

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Keeps one file's progress under `folder`; `terms` is everything that decides what the rows become."""

    folder: Path
    digest: str
    terms: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> tuple[int, Tally]:
        """Return the number of the last row done and the tally up to it; zeros when no cursor can be read."""
        try:
            kept = json.loads(self._path.read_text())
            return int(kept["last"]), Tally(**kept["tally"])
        except (OSError, ValueError, TypeError, KeyError):
            return 0, Tally()

    def save(self, last: int, tally: Tally) -> None:
        """Remember what is done, replacing the last word at once."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"last": last, "tally": asdict(tally)}))
        draft.replace(self._path)

    def clear(self) -> None:
        """Forget it: the import is finished."""
        self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        terms = xxhash.xxh3_64_hexdigest(json.dumps(dict(self.terms), sort_keys=True).encode())
        return self.folder / f"{self.digest}-{terms}.json"
