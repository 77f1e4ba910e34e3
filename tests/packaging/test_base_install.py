"""`pip install outlay` is the SDK: it works alone, imports nothing heavy, and says what the rest needs."""

import json
import pkgutil
from importlib.metadata import version

import pytest

import outlay
import outlay_schemas

from .conftest import Environment

HEAVY = (
    "chdb", "clickhouse_connect", "confluent_kafka", "fastapi", "fastavro", "genai_prices", "numpy", "orjson", "pandas",
    "polars", "prometheus_client", "pyarrow", "rich", "structlog", "uvicorn", "xxhash",
)  # fmt: skip
NEEDS_MORE = {"arrow", "block", "codec", "identity"}


def test_imports_and_names_everything_it_promises(base_install: Environment) -> None:
    done = base_install.python(
        "import json, outlay, sys; print(json.dumps([sorted(outlay.__all__), sorted(sys.modules), outlay.__file__]));"
        "assert all(getattr(outlay, name) for name in outlay.__all__)"
    )
    assert done.returncode == 0, done.stderr
    public, modules, file = json.loads(done.stdout)
    assert public == sorted(outlay.__all__)
    assert not {name.partition(".")[0] for name in modules} & {*HEAVY, "outlay_api", "outlay_streams", "outlay_infra"}
    assert str(base_install.folder) in file


def test_every_schema_module_needs_pydantic_alone(base_install: Environment) -> None:
    names = {module.name for module in pkgutil.iter_modules(outlay_schemas.__path__)} - NEEDS_MORE
    assert {"usage", "entry", "sku", "topics", "avro_schema", "compat", "catalog", "money"} <= names
    imports = "; ".join(f"import outlay_schemas.{name}" for name in sorted(names))
    done = base_install.python(f"{imports}; from outlay_schemas.avro_schema import published; published('usage_event')")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(NEEDS_MORE))
def test_a_module_that_needs_more_is_not_importable_by_accident(name: str, base_install: Environment) -> None:
    assert "ModuleNotFoundError" in base_install.python(f"import outlay_schemas.{name}").stderr


@pytest.mark.parametrize("arguments", [(), ("serve",), ("--help",)])
def test_the_command_says_what_to_install(arguments: tuple[str, ...], base_install: Environment) -> None:
    done = base_install.outlay(*arguments)
    assert done.returncode != 0
    assert "outlay[embedded]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_has_one_source(base_install: Environment) -> None:
    done = base_install.python("from importlib.metadata import version; print(version('outlay'))")
    assert done.stdout.strip() == version("outlay")
