"""What is deployed is what there is: schemas, settings, commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import compose_spec
import kubernetes_validate
import pytest
import yaml
from pydantic import BaseModel

from outlay_api.cli.app import build
from outlay_api.cluster import Role
from outlay_infra.secret_files import PREFIX
from outlay_infra.settings import Settings
from tests.deploy.manifests import (
    DEPLOY,
    DOCKERFILE,
    ROOT,
    command_lines,
    compose,
    containers,
    documents,
    inside,
    pods,
    variables,
)

KUBERNETES = "1.34"
CUSTOM = {"Kustomization", "ScaledObject", "TriggerAuthentication", "PodMonitor"}
NAMED = {path.name for path in DEPLOY.rglob("*")}


def settings(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> set[str]:
    """Every variable that sets something, those of secret files included."""
    found = set()
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= settings(field.annotation, f"{variable}__")
        else:
            found.add(variable)
            if model is Settings:
                found.add(f"{variable}_FILE")
    return found


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(document, id=f"{path.name}-{document['kind']}")
        for path, document in documents()
        if document["kind"] not in CUSTOM
    ],
)
def test_kubernetes_takes_every_document(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_every_kustomization_lists_files_that_are_there_and_all_of_them() -> None:
    for path in sorted(DEPLOY.rglob("kustomization.yaml")):
        kustomization = yaml.safe_load(path.read_text("utf-8"))
        files = [file for maps in kustomization.get("configMapGenerator", ()) for file in maps["files"]]
        listed = [*kustomization.get("resources", ()), *files]
        assert [name for name in listed if not (path.parent / name).exists()] == []
        if "kubernetes" in path.parts:
            beside = {each.name for each in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
            assert beside <= set(listed)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_puts_everything_together() -> None:
    built = subprocess.run(["kubectl", "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(built.stdout))
    names = {(document["kind"], document["metadata"]["name"]) for document in found}
    assert {("StatefulSet", "meter"), ("ConfigMap", "outlay-rules"), ("ConfigMap", "outlay-dashboard")} <= names
    assert {document["metadata"].get("namespace") for document in found if document["kind"] != "Namespace"} == {
        "outlay"
    }
    assert re.findall(r"image: (\S+)", built.stdout) == ["registry.example.com/outlay:0.1.0"] * 6


def test_scaled_objects_scale_what_there_is_by_the_groups_and_topics_there_are() -> None:
    workloads = {
        (document["kind"], document["metadata"]["name"]) for _, document in documents() if "metadata" in document
    }
    triggers = set()
    for _, document in documents():
        if document["kind"] == "ScaledObject":
            target = document["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in workloads
            (trigger,) = document["spec"]["triggers"]
            assert trigger["authenticationRef"]["name"] in {
                other["metadata"]["name"] for _, other in documents() if other["kind"] == "TriggerAuthentication"
            }
            triggers.add((trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"]))
    assert {
        ("outlay.meter", "outlay.usage"),
        ("outlay.loader", "outlay.spend"),
        ("outlay.budgets", "outlay.spend.cells"),
    } == triggers


def test_pods_have_no_rights_they_do_not_need() -> None:
    for name, spec in pods():
        context = spec["securityContext"]
        assert context["runAsNonRoot"], name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_every_role_has_probes_and_a_disruption_budget() -> None:
    budgets = {
        document["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        for _, document in documents()
        if document["kind"] == "PodDisruptionBudget"
    }
    roles = {name for name, _ in pods()} - {"setup"}
    assert roles == budgets
    for container in containers():
        if container["args"][0] == "run":
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


def test_compose_takes_its_file() -> None:
    compose_spec.PyCompose.from_yaml(yaml.safe_dump(compose())).validate()
    volumes = {
        str(volume).partition(":")[0] for each in compose()["services"].values() for volume in each.get("volumes", ())
    }
    assert {name for name in volumes if name.isidentifier()} == set(compose()["volumes"])


def test_both_run_every_role_with_an_image_of_the_same_user() -> None:
    by_compose = {
        tuple(each["command"]) for each in compose()["services"].values() if each.get("command", [""])[0] == "run"
    }
    by_kubernetes = {tuple(container["args"]) for container in containers() if container["args"][0] == "run"}
    assert by_compose == by_kubernetes
    assert {role for _, role in by_compose} == set(get_args(Role))
    assert "USER 10001:10001" in DOCKERFILE
    assert {spec["securityContext"]["runAsUser"] for _, spec in pods()} == {10001}


@pytest.mark.parametrize("line", list(command_lines()), ids=" ".join)
def test_every_command_exists(line: list[str]) -> None:
    build(line).parse_args(line, exit_on_error=False)


def test_what_is_run_inside_a_pod_makes_the_first_key_and_waits_for_none() -> None:
    deployments = {f"deploy/{each['metadata']['name']}" for _, each in documents() if each["kind"] == "Deployment"}
    lines = list(inside())
    assert ["keys", "create", "admin", "--scope", "admin"] in [line for _, line in lines]
    for workload, line in lines:
        build(line).parse_args(line, exit_on_error=False)
        assert workload in deployments - {"deploy/api"}, "the API's pods run only once there is a key"


def test_every_variable_is_a_setting() -> None:
    interpolated = {"OUTLAY_STORE_PASSWORD"}
    named = set(variables())
    assert {"OUTLAY_STORE_FILE", "OUTLAY_METER__INSTANCE", "OUTLAY_KAFKA__BOOTSTRAP"} <= named
    assert named - settings() - interpolated == set()


def test_the_settings_on_kubernetes_hold_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data,) = [document["data"] for _, document in documents() if document["kind"] == "ConfigMap"]
    (tmp_path / "store").write_text("clickhouses://outlay:secret@store:8443\n")
    (tmp_path / "kafka-password").write_text("secret\n")
    for name, value in data.items():
        monkeypatch.setenv(name, value.replace("/run/secrets/outlay", str(tmp_path)))
    found = Settings.load()
    assert found.clustered
    assert found.kafka.sasl_password is not None
    assert found.kafka.sasl_password.get_secret_value() == "secret"


def test_the_image_is_built_from_what_there_is() -> None:
    copied = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    assert copied
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
    lock = (ROOT / "pyproject.toml").read_text("utf-8")
    assert "--extra cluster" in DOCKERFILE
    assert "\ncluster = [" in lock
