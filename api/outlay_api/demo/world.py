"""Nimbus, the example company of `catalog.yaml`: three business units on three continents, and all they run on AI.

Most events name an app or a key and the catalog says whose it is. One model is in no price book and one app in no
catalog, as in any real company.
"""

from __future__ import annotations

from importlib.resources import files

from outlay_api.demo.rhythm import Market, Rhythm
from outlay_api.demo.shapes import Counted, Embedding, Measured, Text
from outlay_api.demo.traffic import Traffic
from outlay_api.demo.workload import Seats, Workload

EUROPE = Market("Europe", "Europe/Berlin")
AMERICAS = Market("Americas", "America/New_York")
INDIA = Market("India", "Asia/Kolkata")

UNKNOWN_MODEL = "nimbus-atlas-preview-2"
"""In no price book: its calls stay unpriced until somebody prices them."""


def catalog_text() -> str:
    """Return the catalog of the example company."""
    return files("outlay_api.demo").joinpath("catalog.yaml").read_text(encoding="utf-8")


def traffic(seed: int = 1) -> Traffic:
    """Return what Nimbus does all day."""
    return Traffic(workloads=(*_CONSUMER, *_ENTERPRISE, *_PLATFORM, *_STRAYS), seats=_SEATS, seed=seed)


_CONSUMER = (
    Workload(
        name="search-api",
        share=30,
        provider="openai",
        model="gpt-5-mini-2025-08-07",
        shape=Text(input=1_900, output=260, cached=0.8, reasoning=0.4),
        market=EUROPE,
        rhythm=Rhythm.CONSUMER,
        fields={"app": "search-api", "operation": "chat", "key": "openai-consumer"},
        tags=({"feature": "answers", "squad": "ranking"}, {"feature": "suggestions", "squad": "ranking"}),
        latency_ms=1_400,
    ),
    Workload(
        name="indexer",
        share=34,
        provider="openai",
        model="text-embedding-3-small",
        shape=Embedding(input=620),
        market=EUROPE,
        rhythm=Rhythm.NIGHTLY,
        fields={"app": "indexer", "operation": "embeddings", "service_tier": "batch"},
        tags=({"corpus": "products"}, {"corpus": "reviews"}, {"corpus": "help"}),
        latency_ms=220,
    ),
    Workload(
        name="assistant-web",
        share=22,
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        shape=Text(input=5_200, output=520, cached=0.85, written=0.3),
        market=EUROPE,
        rhythm=Rhythm.CONSUMER,
        fields={"app": "assistant-web", "operation": "chat"},
        tags=({"plan": "free"}, {"plan": "plus"}, {"plan": "family"}),
        users=180,
        latency_ms=4_200,
    ),
    Workload(
        name="assistant-mobile",
        share=26,
        provider="google",
        model="gemini-2.5-flash",
        shape=Text(input=2_400, output=300, reasoning=0.3),
        market=INDIA,
        rhythm=Rhythm.CONSUMER,
        fields={"app": "assistant-mobile", "operation": "chat"},
        tags=({"plan": "free"}, {"plan": "plus"}),
        users=240,
        latency_ms=1_900,
    ),
    Workload(
        name="voice-gateway",
        share=5,
        provider="groq",
        model="whisper-large-v3",
        shape=Measured(unit="audio_seconds", median=21),
        market=EUROPE,
        rhythm=Rhythm.CONSUMER,
        fields={"app": "voice-gateway", "operation": "transcription"},
        latency_ms=800,
    ),
    Workload(
        name="campaign-studio",
        share=4,
        provider="openai",
        model="gpt-5",
        shape=Text(input=3_100, output=1_500, cached=0.4, reasoning=1.1),
        market=INDIA,
        fields={"app": "campaign-studio-web", "operation": "chat"},
        tags=({"campaign": "winter"}, {"campaign": "diwali"}, {"campaign": "launch"}),
        users=24,
        latency_ms=9_500,
    ),
    Workload(
        name="image-forge",
        share=2,
        provider="nimbus-images",
        model="forge-xl",
        shape=Counted(unit="images", low=1, high=4),
        market=INDIA,
        fields={"app": "image-forge", "operation": "image_generation"},
        tags=({"campaign": "winter"}, {"campaign": "diwali"}),
        users=12,
        latency_ms=14_000,
    ),
    Workload(
        name="translator",
        share=8,
        provider="mistral",
        model="mistral-large-2512",
        shape=Text(input=900, output=980),
        market=INDIA,
        rhythm=Rhythm.NIGHTLY,
        fields={"app": "translator", "operation": "chat"},
        latency_ms=3_300,
    ),
)

_ENTERPRISE = (
    Workload(
        name="contract-reviewer",
        share=3,
        provider="anthropic",
        model="claude-opus-4-1-20250805",
        shape=Text(input=38_000, output=1_900, cached=0.5, written=0.5, spread=0.7),
        market=AMERICAS,
        fields={"key": "anthropic-documents", "app": "contract-reviewer", "operation": "chat"},
        tags=({"client": "meridian"}, {"client": "halcyon"}, {"client": "osprey"}, {"client": "tern"}),
        users=40,
        latency_ms=21_000,
    ),
    Workload(
        name="invoice-reader",
        share=9,
        provider="azure",
        model="gpt-4o",
        shape=Text(input=2_800, output=240, cached=0.3),
        market=AMERICAS,
        fields={"app": "invoice-reader", "operation": "chat", "region": "eastus2"},
        latency_ms=2_600,
    ),
    Workload(
        name="invoice-pages",
        share=3,
        provider="mistral",
        model="mistral-ocr-2512",
        shape=Counted(unit="input_document_pages", low=1, high=24),
        market=AMERICAS,
        fields={"app": "invoice-reader", "operation": "ocr"},
        latency_ms=5_100,
    ),
    Workload(
        name="triage-worker",
        share=16,
        provider="aws",
        model="anthropic.claude-haiku-4-5-20251001-v1:0",
        shape=Text(input=1_300, output=90, cached=0.6),
        market=INDIA,
        rhythm=Rhythm.STEADY,
        fields={"key": "bedrock-enterprise", "app": "triage-worker", "operation": "chat", "region": "ap-south-1"},
        tags=({"queue": "billing"}, {"queue": "technical"}, {"queue": "accounts"}),
        latency_ms=1_100,
    ),
    Workload(
        name="draft-writer",
        share=7,
        provider="openai",
        model="gpt-4o-2024-08-06",
        shape=Text(input=2_200, output=340, cached=0.5),
        market=INDIA,
        fields={"app": "draft-writer", "operation": "chat"},
        tags=({"queue": "technical"}, {"queue": "billing"}),
        users=65,
        latency_ms=3_900,
    ),
    Workload(
        name="account-scout",
        share=2,
        provider="google",
        model="gemini-2.5-pro",
        shape=Text(input=64_000, output=2_100, reasoning=0.9, spread=1.2),
        market=AMERICAS,
        fields={"app": "account-scout", "operation": "chat"},
        users=30,
        latency_ms=26_000,
    ),
)

_PLATFORM = (
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
        share=5,
        provider="nimbus-gpu",
        model="h200",
        shape=Counted(unit="gpu_seconds", low=300, high=2_400, step=300),
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
        shape=Text(input=14_000, output=900, cached=0.8, written=0.4, spread=1.0),
        market=INDIA,
        fields={"app": "code-review-bot", "operation": "chat"},
        tags=({"repo": "storefront"}, {"repo": "platform"}, {"repo": "mobile"}),
        users=90,
        latency_ms=11_000,
    ),
)

_STRAYS = (
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
        share=1.5,
        provider="openai",
        model="gpt-4o-mini",
        shape=Text(input=800, output=350),
        market=AMERICAS,
        fields={"operation": "chat"},
        users=9,
        latency_ms=1_500,
    ),
)

_SEATS = (
    Seats(name="copilot", provider="github", model="copilot-business", seats=24),
    Seats(name="cursor", provider="cursor", model="teams", seats=8),
)
