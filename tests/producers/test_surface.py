"""What `import outlay` offers, and what it must not bring along."""

from __future__ import annotations

import subprocess
import sys

import outlay

HEAVY = (
    "pyarrow",
    "polars",
    "numpy",
    "chdb",
    "clickhouse_connect",
    "fastapi",
    "genai_prices",
    "cyclopts",
    "rich",
    "confluent_kafka",
)


def test_the_surface_is_what_it_says() -> None:
    assert sorted(outlay.__all__) == [
        "AsyncClient", "Client", "Outcome", "OutlayError", "RefusedError", "Retry", "SendResult", "UndeliveredError",
        "UsageEvent", "Verdict",
    ]  # fmt: skip
    assert all(hasattr(outlay, name) for name in outlay.__all__)


def test_it_brings_nothing_heavy() -> None:
    script = f"import outlay, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
