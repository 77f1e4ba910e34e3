"""What the platform unit runs on AI, what it pays by the seat, and what nobody has claimed yet."""

from __future__ import annotations

from outlay_api.demo.rhythm import Rhythm
from outlay_api.demo.shapes import Counted, Text
from outlay_api.demo.workload import Seats, Workload
from outlay_api.demo.world.places import AMERICAS, EUROPE, INDIA

PLATFORM = (
    Workload(
        name="eval-runner",
        share=12,
        provider="openai",
        model="gpt-5-nano",
        shape=Text(input=1_500, output=420, reasoning=0.6),
        market=EUROPE,
        rhythm=Rhythm.NIGHTLY,
        fields={"key": "eval-sandbox", "operation": "chat", "service_tier": "flex"},
        tags=({"suite": "regression"}, {"suite": "safety"}),
        latency_ms=2_900,
    ),
    Workload(
        name="load-tests",
        share=3,
        provider="openai",
        model="gpt-5-mini",
        shape=Text(input=700, output=120),
        market=EUROPE,
        rhythm=Rhythm.NIGHTLY,
        fields={"app": "search-api", "operation": "chat"},
        tags=({"run": "load-weekly"}, {"run": "load-release"}),
        latency_ms=1_700,
    ),
    Workload(
        name="gpu-cluster",
        share=2.5,
        provider="nimbus-gpu",
        model="h200",
        shape=Counted(unit="gpu_seconds", low=300, high=1_200, step=300),
        market=EUROPE,
        rhythm=Rhythm.STEADY,
        fields={"operation": "training"},
        tags=({"node": "gpu-a"}, {"node": "gpu-b"}),
    ),
    Workload(
        name="code-review-bot",
        share=10,
        provider="anthropic",
        model="claude-sonnet-4-5",
        shape=Text(input=26_000, output=900, cached=0.8, written=0.4, spread=1.0),
        market=INDIA,
        fields={"app": "code-review-bot", "operation": "chat"},
        tags=({"repo": "storefront"}, {"repo": "platform"}, {"repo": "mobile"}),
        users=90,
        latency_ms=11_000,
    ),
    Workload(
        name="coding-agent",
        share=18,
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        shape=Text(input=85_000, output=1_100, cached=0.95, hits=0.93, kept=0.5, spread=0.8),
        market=INDIA,
        fields={"app": "coding-agent", "operation": "chat"},
        tags=({"repo": "storefront"}, {"repo": "platform"}, {"repo": "mobile"}),
        users=90,
        latency_ms=16_000,
    ),
)

UNKNOWN_MODEL = "nimbus-atlas-preview-2"
"""In no price book: its calls stay unpriced until somebody prices them."""

STRAYS = (
    Workload(
        name="atlas-preview",
        share=2,
        provider="openai",
        model=UNKNOWN_MODEL,
        shape=Text(input=2_000, output=400),
        market=EUROPE,
        fields={"app": "assistant-web", "operation": "chat"},
        tags=({"plan": "plus"},),
        latency_ms=3_000,
    ),
    Workload(
        name="hackathon",
        share=3,
        provider="anthropic",
        model="claude-sonnet-4-5",
        shape=Text(input=18_000, output=1_200),
        market=AMERICAS,
        fields={"operation": "chat"},
        users=9,
        latency_ms=7_500,
    ),
)

SEATS = (
    Seats(name="copilot", provider="github", model="copilot-business", per_thousand=0.16, least=1),
    Seats(name="cursor", provider="cursor", model="teams", per_thousand=0.05),
)
