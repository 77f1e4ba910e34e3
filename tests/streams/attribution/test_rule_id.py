"""The text that says what attributed an entry reads back as it was written."""

from __future__ import annotations

import pytest

from outlay_streams.attribution import Part, format_rule_id, parse_rule_id

PARTS = (
    Part("key", "prod/key:1 a@b", ("project",)),
    Part("rule", "crawler", ("team", "env")),
    Part("tree", "", ("business_unit", "department")),
    Part("default", "", ("use_case",)),
)
TEXT = "key:prod/key:1 a@b=project,rule:crawler=team+env,tree=business_unit+department,default=use_case"


def test_parts_are_written_in_order() -> None:
    assert format_rule_id(PARTS) == TEXT


def test_text_reads_back() -> None:
    assert parse_rule_id(TEXT) == PARTS
    assert parse_rule_id("") == ()


@pytest.mark.parametrize(
    "text", ["crawler", "rule:crawler", "rule:=team", "tree:x=team", "wind=team", "tree=team,", "key=team"]
)
def test_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected for example 'rule:crawler=team'"):
        parse_rule_id(text)
