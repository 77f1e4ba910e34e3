"""Rows that were refused, one JSON object a line, so that they can be corrected and imported alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

SHOWN = 5
"""Refusals kept to be shown."""


class RejectsFile:
    """Writes refusals to `path`, which is not created before the first; without a path it only keeps the first few."""

    def __init__(self, path: Path | None, *, again: bool = False) -> None:
        """Continue the file when `again`, else replace what an earlier import left there."""
        self.path = path
        self.first: list[Mapping[str, Any]] = []
        self._mode = "a" if again else "w"
        self._file: IO[str] | None = None

    def write(self, refusal: Mapping[str, Any]) -> None:
        """Add one refusal."""
        if len(self.first) < SHOWN:
            self.first.append(refusal)
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open(self._mode, encoding="utf-8")
        self._file.write(json.dumps(refusal, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Make what was written visible."""
        if self._file is not None:
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
