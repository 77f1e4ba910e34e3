"""The files of `infra/deploy`, read."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "infra" / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")

Document = dict[str, Any]


def documents() -> Iterator[tuple[Path, Document]]:
    """Yield every Kubernetes document with its file."""
    for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            yield path, document


def compose() -> Document:
    found: Document = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return found


def pods() -> Iterator[tuple[str, Document]]:
    """Yield the specification of every pod, with whose it is."""
    for _, document in documents():
        if template := document.get("spec", {}).get("template"):
            yield document["metadata"]["name"], template["spec"]


def containers() -> Iterator[Document]:
    for _, spec in pods():
        yield from itertools.chain(spec.get("initContainers", ()), spec["containers"])


def command_lines() -> Iterator[list[str]]:
    """Yield what every container of ours runs."""
    for container in containers():
        yield container["args"]
    for service in compose()["services"].values():
        if service.get("image") != "outlay:local":
            continue
        if "command" in service:
            yield service["command"]
        for line in re.findall(r"outlay ([^&]+)", " ".join(service.get("entrypoint", ()))):
            yield shlex.split(line)
    yield from ([*re.findall(r'"([^"]+)"', line)] for line in re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE))


def inside() -> Iterator[tuple[str, list[str]]]:
    """Yield what the documents run inside a pod: whose it is, and the command."""
    for name in ("README.md", "RUNBOOK.md"):
        text = (DEPLOY / name).read_text("utf-8")
        for workload, line in re.findall(r"kubectl -n outlay exec (\S+) -- outlay ([^\n`]+)", text):
            yield workload, shlex.split(line)


def variables() -> Iterator[str]:
    """Yield every setting that a manifest names."""
    for path in DEPLOY.rglob("*"):
        if path.suffix in {".yaml", ".py", ".json"} or path.name == "Dockerfile":
            yield from re.findall(r"\b(OUTLAY_[A-Z0-9_]+)(?=[=:\"']|\s|$)", path.read_text("utf-8"), re.MULTILINE)
