"""Which column is which field."""

from __future__ import annotations

import pytest

from outlay_api.importing.errors import MappingError
from outlay_api.importing.mapping import Field, FieldMap

NEEDED = ("provider=openai", "model=gpt-4o")


def test_fields_are_named_as_in_the_event() -> None:
    assert Field.parse("time") == Field("", "time")
    assert Field.parse("quantities.gpu_seconds") == Field("quantities", "gpu_seconds")
    assert Field.parse("tags.cost center") == Field("tags", "cost center")
    assert Field.parse("input_tokens") == Field("quantities", "input_tokens")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("modle", "did you mean 'model'"),
        ("inputtokens", "did you mean 'quantities.input_tokens'"),
        ("xyz", "fields are id,"),
    ],
)
def test_a_field_that_is_none_is_named_with_a_way_out(name: str, hint: str) -> None:
    with pytest.raises(MappingError, match=hint):
        FieldMap.parse([f"{name}=column"], [])


@pytest.mark.parametrize("option", ["time", "=x", "time="])
def test_an_option_without_both_sides(option: str) -> None:
    with pytest.raises(MappingError, match="not of the form field=value"):
        FieldMap.parse([option], [])


def test_columns_that_carry_a_fields_name_need_no_mapping() -> None:
    fields = FieldMap.parse(["model=engine"], ["team=search"]).over(
        ["time", "engine", "model", "team", "output_tokens", "junk"]
    )
    assert fields.columns == {
        Field("", "time"): "time",
        Field("", "model"): "engine",
        Field("quantities", "output_tokens"): "output_tokens",
    }


def test_constants_are_typed_by_their_field() -> None:
    fields = FieldMap.parse([], ["quantities.seats=12.50", "estimated=True", "app=a=b", "latency_ms=5"])
    assert {str(field): text for field, text in fields.constants.items()} == {
        "quantities.seats": '"12.50"', "estimated": "true", "app": '"a=b"', "latency_ms": "5",
    }  # fmt: skip
    with pytest.raises(MappingError, match="is a number; 'many' is not one"):
        FieldMap.parse([], ["quantities.seats=many"])
    with pytest.raises(MappingError, match="true or false"):
        FieldMap.parse([], ["estimated=perhaps"])


def test_a_missing_column_is_named_with_those_there_are() -> None:
    fields = FieldMap.parse(["time=When"], NEEDED)
    with pytest.raises(MappingError, match=r"u\.csv has no column 'When' \(for time\); its columns are when, what"):
        fields.check(["when", "what"], "u.csv")


def test_a_required_field_that_nothing_gives_is_named() -> None:
    with pytest.raises(MappingError, match=r"nothing says what time is in u\.csv"):
        FieldMap.parse([], NEEDED).check([], "u.csv")


def test_a_default_gives_way_to_a_column_or_a_constant() -> None:
    source = Field("", "source")
    assert FieldMap.parse([], []).default(source, "import").over([]).constants[source] == '"import"'
    assert FieldMap.parse([], ["source=own"]).default(source, "import").over([]).constants[source] == '"own"'
    for mapping in (FieldMap.parse(["source=column"], []), FieldMap.parse([], []).over(["source"])):
        assert source not in mapping.default(source, "import").over(["source"]).constants
