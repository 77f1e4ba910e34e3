"""Alerts and the dashboard ask for metrics that the roles export, by labels that these have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry

from outlay_infra.kafka.delivery import DeliveryStats
from outlay_infra.metrics import Metrics
from outlay_streams.runtime.faust_budgets.metrics import BudgetsMetrics
from outlay_streams.runtime.kafka_meter.metrics import MeterMetrics
from outlay_streams.runtime.loader.metrics import LoaderMetrics
from tests.deploy.manifests import DEPLOY

RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text("utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
BOARD = json.loads((DEPLOY / "grafana" / "outlay.json").read_text("utf-8"))
QUESTIONS = {
    **{rule["alert"]: rule["expr"] for rule in ALERTS},
    **{
        f"{panel['title']}-{target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in BOARD["panels"]
        for target in panel.get("targets", ())
    },
}
SCRAPED = {"job", "instance", "le"}
"""Labels that come with scraping, or with a histogram."""


def registries() -> Iterator[CollectorRegistry]:
    api, meter, loader, budgets = (CollectorRegistry() for _ in range(4))
    Metrics(api, "1").watch_publisher(lambda: asdict(DeliveryStats()))
    MeterMetrics(meter)
    LoaderMetrics(loader)
    BudgetsMetrics(budgets)
    yield from (api, meter, loader, budgets)


def exported() -> dict[str, set[str]]:
    """Return every sample's name with its labels, and of those that are known from the start the values."""
    found: dict[str, set[str]] = {"up": set()}
    for registry in registries():
        for collector in list(registry._collector_to_names):
            names = set(getattr(collector, "_labelnames", ()))
            for family in collector.collect():
                kinds = ("_bucket", "_count", "_sum") if family.type == "histogram" else ("",)
                if family.type == "counter":
                    kinds = ("_total",)
                for kind in kinds:
                    found.setdefault(family.name + kind, set()).update(names)
                for sample in family.samples:
                    found.setdefault(sample.name, set()).update(f"{k}={v}" for k, v in sample.labels.items())
    return found


EXPORTED = exported()


@pytest.mark.parametrize("question", list(QUESTIONS), ids=str)
def test_every_question_is_about_what_the_roles_export(question: str) -> None:
    text = QUESTIONS[question]
    promql_parser.parse(text)
    names = set(re.findall(r"\b(?:outlay|process)_\w+|\bup\b", text))
    assert names
    assert names <= EXPORTED.keys()
    known = set().union(*(EXPORTED[name] for name in names)) | SCRAPED
    for labels in re.findall(r"\bby \(([^)]*)\)", text):
        assert {label.strip() for label in labels.split(",")} <= known
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", text):
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert label in EXPORTED[name] | SCRAPED
            if label not in SCRAPED and any(pair.startswith(f"{label}=") for pair in EXPORTED[name]):
                assert {f"{label}={value}" for value in values.split("|")} <= EXPORTED[name]


def test_every_metric_of_a_stage_is_on_the_dashboard() -> None:
    asked = " ".join(target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ()))
    stages = {name for name in EXPORTED if re.match(r"outlay_(meter|loader|budgets)_", name)}
    shown = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in re.findall(r"outlay_\w+", asked)}
    unseen = {re.sub(r"_(bucket|count|sum|total|created)$", "", name) for name in stages} - shown
    assert unseen <= {"outlay_meter_block_bytes", "outlay_loader_partitions", "outlay_loader_waiting_bytes"}


def test_every_alert_says_how_urgent_it_is_and_what_happened() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


def test_the_runbook_has_every_alert_and_no_other() -> None:
    headings = re.findall(r"^### (Outlay\w+)$", (DEPLOY / "RUNBOOK.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in ALERTS)


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    identities = [panel["id"] for panel in BOARD["panels"]]
    assert len(identities) == len(set(identities))
