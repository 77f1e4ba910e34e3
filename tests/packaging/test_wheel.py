"""The wheel holds the five packages with their data, and nothing of the repository around them."""

import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "outlay": "producers",
    "outlay_api": "api",
    "outlay_infra": "infra",
    "outlay_schemas": "schemas",
    "outlay_streams": "streams",
}


@pytest.fixture(scope="session")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_holds_the_five_packages_and_nothing_else(contents: set[str]) -> None:
    tops = {name.partition("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_holds_every_file_of_a_package(package: str, contents: set[str]) -> None:
    source = ROOT / PACKAGES[package]
    files = {
        path
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    assert {path.relative_to(source).as_posix() for path in files} <= contents
    assert f"{package}/py.typed" in contents


def test_holds_schemas_and_migrations(contents: set[str]) -> None:
    assert "outlay_schemas/avro/usage_event.avsc" in contents
    assert "outlay_infra/warehouse/ddl/0001_ledger.sql" in contents


def test_holds_only_what_the_packages_need(contents: set[str]) -> None:
    kinds = {Path(name).suffix for name in contents if ".dist-info/" not in name}
    assert kinds <= {".py", ".typed", ".avsc", ".sql", ".css", ".html", ".js", ".json", ".yaml", ".yml", ".svg"}


def test_the_metadata_says_what_a_registry_shows(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    assert str(metadata.get_payload()).strip()
