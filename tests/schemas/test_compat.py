"""Each rule of schema evolution, judged by our check and, where Avro has the rule too, by Avro's own."""

import io
import json
import re
from copy import deepcopy
from typing import Any

import avro.compatibility
import avro.schema
import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay_schemas import avro_schema, compat

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "string", "bytes")


def record(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "namespace": "n", "fields": list(fields), **more}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


ID = field("id", "string")
NESTED = {"type": "array", "items": record(field("q", "int"), name="Q")}

RULES = [
    ("the same", record(ID), record(ID), None),
    ("a field added with a default", record(ID, field("a", "int", default=0)), record(ID), None),
    ("a field added without", record(ID, field("a", "int")), record(ID), "a: the writer has no such field"),
    ("a field removed", record(ID), record(ID, field("a", "int")), None),
    ("int to long", record(field("a", "long")), record(field("a", "int")), None),
    ("long to int", record(field("a", "int")), record(field("a", "long")), "a: the writer has long, the reader int"),
    ("to nullable", record(field("a", ["null", "long"])), record(field("a", "int")), None),
    ("from nullable", record(field("a", "long")), record(field("a", ["null", "long"])), "a: the writer has null"),
    ("a branch added", record(field("a", ["null", "long", "string"])), record(field("a", ["null", "long"])), None),
    ("a branch removed", record(field("a", ["null"])), record(field("a", ["null", "long"])), "a: the writer has long"),
    ("a field renamed by alias", record(field("b", "int", aliases=["a"])), record(field("a", "int")), None),
    ("a symbol added", record(field("e", enum("A", "B"))), record(field("e", enum("A"))), None),
    (
        "a symbol removed",
        record(field("e", enum("A"))),
        record(field("e", enum("A", "B"))),
        "e: the reader lacks the symbols B",
    ),
    (
        "a symbol removed with default",
        record(field("e", enum("A", default="A"))),
        record(field("e", enum("A", "B"))),
        None,
    ),
    (
        "fixed resized",
        {"type": "fixed", "name": "F", "size": 4},
        {"type": "fixed", "name": "F", "size": 8},
        "fixed size 8",
    ),
    (
        "array items narrowed",
        {"type": "array", "items": "int"},
        {"type": "array", "items": "long"},
        r"\[\]: the writer has long",
    ),
    ("map values widened", {"type": "map", "values": "double"}, {"type": "map", "values": "float"}, None),
    (
        "a nested field",
        record(field("l", NESTED)),
        record(field("l", {**NESTED, "items": record(name="Q")})),
        r"l\[\]\.q",
    ),
    (
        "another type",
        record(field("a", "string")),
        record(field("a", "int")),
        "a: the writer has int, the reader string",
    ),
]

OWN = [
    ("scale", decimal(38, 12), decimal(38, 6), "scale is 6 for the writer and 12 for the reader"),
    ("precision", decimal(38, 6), decimal(20, 6), "precision is 20"),
    ("decimal dropped", {"type": "bytes"}, decimal(38, 12), "logicalType is decimal"),
    ("nullable scale", ["null", decimal(38, 12)], ["null", decimal(38, 6)], "scale is 6"),
    (
        "unit of time",
        {"type": "long", "logicalType": "timestamp-micros"},
        {"type": "long", "logicalType": "timestamp-millis"},
        "logicalType is timestamp-millis",
    ),
    ("a plain int as an instant", {"type": "long", "logicalType": "timestamp-micros"}, "int", "logicalType is None"),
    ("a bare name", record(ID, namespace="n.v2"), record(ID), "n.R is not the reader's n.v2.R"),
]


@pytest.mark.parametrize(("reader", "writer", "problem"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_the_rules_of_avro(reader: Any, writer: Any, problem: str | None) -> None:
    found = compat.unreadable(reader=reader, writer=writer)
    assert bool(found) is bool(problem)
    assert avro_reads(reader, writer) is not bool(problem)
    assert problem is None or re.search(problem, found[0])


@pytest.mark.parametrize(("reader", "writer", "problem"), [rule[1:] for rule in OWN], ids=[rule[0] for rule in OWN])
def test_what_avro_leaves_silent_is_a_break(reader: Any, writer: Any, problem: str) -> None:
    for wrapped in (lambda kind: kind, lambda kind: {"type": "array", "items": kind}):
        (found,) = compat.unreadable(reader=wrapped(reader), writer=wrapped(writer))
        assert problem in found
        assert avro_reads(wrapped(reader), wrapped(writer))


def avro_reads(reader: Any, writer: Any) -> bool:
    """Ask Avro's own library."""
    pair = [avro.schema.parse(json.dumps(schema)) for schema in (reader, writer)]
    result = avro.compatibility.ReaderWriterCompatibilityChecker().get_compatibility(*pair)
    return bool(result.compatibility is avro.compatibility.SchemaCompatibilityType.compatible)


primitive = st.sampled_from(PRIMITIVES)
kinds = st.recursive(
    primitive,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda values: {"type": "map", "values": values}, inner)
        | st.lists(primitive, min_size=1, max_size=4, unique=True)
    ),
    max_leaves=4,
)


@given(reader=kinds, writer=kinds, default=st.booleans(), present=st.booleans())
def test_agrees_with_avro_on_generated_schemas(reader: Any, writer: Any, default: bool, present: bool) -> None:
    more = {"default": None} if default else {}
    ours = record(ID, field("a", ["null", "int"] if default else reader, **more))
    theirs = record(ID, *([field("a", writer)] if present else []))
    assert (compat.unreadable(reader=ours, writer=theirs) == []) is avro_reads(ours, theirs)
    assert (compat.unreadable(reader=reader, writer=writer) == []) is avro_reads(reader, writer)


def test_what_is_called_readable_is_read() -> None:
    old = record(ID, field("a", "int"), field("e", enum("A", "B")))
    new = record(
        ID,
        field("b", ["null", "long"], aliases=["a"]),
        field("e", enum("A", default="A")),
        field("c", "int", default=7),
    )
    assert compat.unreadable(reader=new, writer=old) == []
    out = io.BytesIO()
    fastavro.schemaless_writer(out, old, {"id": "x", "a": 5, "e": "B"})
    out.seek(0)
    assert fastavro.schemaless_reader(out, old, new) == {"id": "x", "b": 5, "e": "A", "c": 7}


def test_a_recursive_schema_ends() -> None:
    tree = record(field("children", {"type": "array", "items": "n.R"}), field("weight", "long"))
    narrow = deepcopy(tree)
    narrow["fields"][1]["type"] = "int"
    assert compat.unreadable(reader=tree, writer=narrow) == []
    assert compat.unreadable(reader=narrow, writer=tree) == ["weight: the writer has long, the reader int"]


def test_history_is_checked_both_ways_across_every_pair() -> None:
    first = record(ID)
    second = record(ID, field("a", "int", default=0))
    third = record(ID, field("a", "string", default=""))
    assert compat.breaks([first, second]) == []
    assert compat.breaks([first, third]) == []
    assert compat.breaks([first, second, third]) == [
        "version 3 cannot read version 2: a: the writer has int, the reader string",
        "version 2 cannot read version 3: a: the writer has string, the reader int",
    ]


@pytest.mark.parametrize(
    "bend",
    [
        lambda schema: schema["fields"].append(field("new", "string")),
        lambda schema: schema["fields"].pop(0),
        lambda schema: schema["fields"][-1].update(type=["null", decimal(38, 9)]),
        lambda schema: schema["fields"][2].update(type={"type": "long", "logicalType": "timestamp-millis"}),
        lambda schema: schema.update(namespace="dev.outlay.v2"),
        lambda schema: next(f for f in schema["fields"] if f["name"] == "input_tokens").update(type=["null", "int"]),
        lambda schema: next(f for f in schema["fields"] if f["name"] == "team").update(type="string", default=""),
    ],
    ids=["required field", "field lost", "scale", "unit of time", "namespace", "narrowed", "no longer nullable"],
)
def test_a_breaking_change_of_the_usage_event_is_found(bend: Any) -> None:
    shipped = json.loads(avro_schema.published("usage_event"))
    bent = deepcopy(shipped)
    bend(bent)
    assert compat.breaks([shipped, bent]) != []


def test_an_added_optional_field_is_no_break() -> None:
    shipped = json.loads(avro_schema.published("usage_event"))
    grown = deepcopy(shipped)
    grown["fields"].append(field("session", ["null", "string"], default=None))
    assert compat.breaks([shipped, grown]) == []
