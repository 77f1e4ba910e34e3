"""Events as services send them: the demo company's traffic of the last hour, with realistic repetition of skus."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from outlay_api.demo.world import traffic
from tests.bench.load import MARK


def events(count: int) -> list[dict[str, Any]]:
    """Return `count` events of the last hour, in order of time."""
    now = datetime.now(UTC).replace(microsecond=0)
    return traffic().between(now - timedelta(hours=1), now, count)


def write_template(path: Path, *, count: int) -> None:
    """Write events one a line, with `MARK` where the id goes."""
    lines = (json.dumps(event | {"id": MARK.decode()}) for event in events(count))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
