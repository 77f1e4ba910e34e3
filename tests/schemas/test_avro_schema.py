"""The shipped Avro schemas follow the models, are documented, and stay readable through their whole history."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import fastavro
import pytest
from pydantic import BaseModel, Field, create_model

from outlay_schemas import avro_schema, compat
from outlay_schemas.avro_schema import MODELS, derive, digest, published, text
from outlay_schemas.codec import schema_fingerprint
from outlay_schemas.units import FREQUENT

GOLDEN = Path(__file__).parents[1] / "golden" / "avro"
names = pytest.mark.parametrize("name", sorted(MODELS))


def history(name: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((GOLDEN / "published").glob(f"*-{name}.avsc"))]


@names
def test_the_shipped_schema_is_current(name: str) -> None:
    assert published(name) == text(derive(MODELS[name])), "run: python -m outlay_schemas.avro_schema"


@names
def test_the_digests_are_pinned(name: str) -> None:
    shipped = published(name)
    pinned = json.loads((GOLDEN / "digests.json").read_text(encoding="utf-8"))[name]
    assert pinned == {"sha256": digest(shipped), "crc64_avro": schema_fingerprint(shipped).hex()}, (
        "a published schema changed: add it to tests/golden/avro/published under the next number, then pin its digests"
    )


@names
def test_the_newest_published_schema_is_the_shipped_one(name: str) -> None:
    assert history(name)[-1] == published(name)


@names
def test_every_version_reads_every_other(name: str) -> None:
    assert compat.breaks([json.loads(schema) for schema in history(name)]) == []


@names
def test_every_field_is_documented(name: str) -> None:
    schema = json.loads(published(name))
    assert [field["name"] for field in schema["fields"] if not field["doc"]] == []
    assert schema["doc"]


@names
def test_a_field_is_nullable_exactly_when_null_is_its_default(name: str) -> None:
    for field in json.loads(published(name))["fields"]:
        nullable = isinstance(field["type"], list)
        assert nullable is ("default" in field and field["default"] is None), field["name"]
        if nullable:
            assert field["type"][0] == "null"


def test_frequent_units_are_longs_and_the_rest_an_open_list() -> None:
    fields = {field["name"]: field["type"] for field in json.loads(published("usage_event"))["fields"]}
    assert {name: fields[name] for name in FREQUENT} == {name: ["null", "long"] for name in FREQUENT}
    assert fields["quantities"]["items"]["fields"][1]["type"] == "string"
    assert fields["amount"] == ["null", "string"]
    assert fields["time"] == {"type": "long", "logicalType": "timestamp-micros"}


@names
def test_a_record_of_required_fields_alone_is_read_with_every_default(name: str) -> None:
    reader = json.loads(published(name))
    required = [field for field in reader["fields"] if "default" not in field]
    sample = {"string": "x", "long": 1, "int": 1, "boolean": True}
    record: dict[str, Any] = {
        field["name"]: datetime(2026, 1, 1, tzinfo=UTC) if isinstance(field["type"], dict) else sample[field["type"]]
        for field in required
    }
    out = io.BytesIO()
    fastavro.schemaless_writer(out, {**reader, "fields": required}, record)
    read = fastavro.schemaless_reader(io.BytesIO(out.getvalue()), {**reader, "fields": required}, reader)
    assert read == {field["name"]: field.get("default") for field in reader["fields"]} | record


def test_main_writes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(avro_schema, "__file__", str(tmp_path / "avro_schema.py"))
    avro_schema.main()
    assert {path.name for path in (tmp_path / "avro").iterdir()} == {f"{name}.avsc" for name in MODELS}
    assert (tmp_path / "avro" / "usage_event.avsc").read_text(encoding="utf-8") == published("usage_event")
    assert "usage_event.avsc" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "long"),
        (Annotated[int, Field(le=2**31 - 1)], "int"),
        (Annotated[int, Field(le=2**31)], "long"),
        (Annotated[Decimal, Field(decimal_places=4)], "string"),
        (Decimal | None, ["null", "string"]),
        (dict[str, int], {"type": "map", "values": "long"}),
    ],
)
def test_types_map(annotation: Any, expected: Any) -> None:
    assert derive(create_model("Sample", value=(annotation, ...)))["fields"][0]["type"] == expected


@pytest.mark.parametrize("annotation", [float, bytes])
def test_a_type_without_an_exact_mapping_is_refused(annotation: Any) -> None:
    model: type[BaseModel] = create_model("Sample", value=(annotation, ...))
    with pytest.raises(TypeError, match="field 'value': no Avro type"):
        derive(model)
