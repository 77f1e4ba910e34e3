"""What the enterprise unit runs on AI: documents, support, sales."""

from __future__ import annotations

from outlay_api.demo.rhythm import Rhythm
from outlay_api.demo.shapes import Counted, Text, Together
from outlay_api.demo.workload import Workload
from outlay_api.demo.world.places import AMERICAS, INDIA

ENTERPRISE = (
    Workload(
        name="contract-reviewer",
        share=4,
        provider="anthropic",
        model="claude-opus-4-1-20250805",
        shape=Text(input=46_000, output=1_900, cached=0.7, kept=0.6, spread=0.7),
        market=AMERICAS,
        fields={"key": "anthropic-documents", "app": "contract-reviewer", "operation": "chat"},
        tags=({"client": "meridian"}, {"client": "halcyon"}, {"client": "osprey"}, {"client": "tern"}),
        users=40,
        latency_ms=21_000,
    ),
    Workload(
        name="contract-archive",
        share=3,
        provider="anthropic",
        model="claude-sonnet-4-5",
        shape=Text(input=150_000, output=2_600, spread=0.6),
        market=AMERICAS,
        rhythm=Rhythm.NIGHTLY,
        fields={"app": "contract-archive", "operation": "chat", "service_tier": "batch"},
        tags=({"client": "meridian"}, {"client": "osprey"}),
    ),
    Workload(
        name="invoice-reader",
        share=9,
        provider="azure",
        model="gpt-4o",
        shape=Text(input=6_500, output=420, cached=0.3),
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
        shape=Text(input=2_200, output=110, cached=0.6),
        market=INDIA,
        rhythm=Rhythm.STEADY,
        fields={"key": "bedrock-enterprise", "app": "triage-worker", "operation": "chat", "region": "ap-south-1"},
        tags=({"queue": "billing"}, {"queue": "technical"}, {"queue": "accounts"}),
        latency_ms=1_100,
    ),
    Workload(
        name="draft-writer",
        share=10,
        provider="openai",
        model="gpt-4o-2024-08-06",
        shape=Text(input=13_000, output=650, cached=0.5),
        market=INDIA,
        fields={"app": "draft-writer", "operation": "chat"},
        tags=({"queue": "technical"}, {"queue": "billing"}),
        users=65,
        latency_ms=3_900,
    ),
    Workload(
        name="account-scout",
        share=4,
        provider="google",
        model="gemini-2.5-pro",
        shape=Together(
            Text(input=90_000, output=2_100, reasoning=0.9, spread=1.1), Counted(unit="web_searches", low=0, high=5)
        ),
        market=AMERICAS,
        fields={"app": "account-scout", "operation": "chat"},
        users=30,
        latency_ms=26_000,
    ),
)
