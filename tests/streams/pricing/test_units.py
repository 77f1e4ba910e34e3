"""The units of the public list and ours: one name each, the same place among the others."""

from __future__ import annotations

from genai_prices.data_units import unit_data

from outlay_schemas.units import CALLS, FREQUENT, LISTED, PLACED, UNIT_NAME, unit
from outlay_streams.pricing.listed import UNIT_OF_KEY


def test_every_unit_of_the_list_has_one_name_here() -> None:
    ours = {frozenset(each.dimensions.items()): name for name, each in LISTED.items()}
    theirs = {frozenset(raw["dimensions"].items()): key for key, raw in unit_data.items()}
    assert len(ours) == len(LISTED)
    assert ours.keys() == theirs.keys()
    assert len({name for name, _ in UNIT_OF_KEY.values()}) == len(unit_data) == len(UNIT_OF_KEY)


def test_names_are_names_of_units() -> None:
    assert all(UNIT_NAME.fullmatch(name) for name in PLACED)
    assert {*FREQUENT, CALLS} <= LISTED.keys()
    assert [LISTED[name].name for name in FREQUENT] == list(FREQUENT)


def test_a_unit_covers_what_is_more_special() -> None:
    assert unit("input_tokens").covers(unit("cached_input_audio_tokens"))
    assert unit("cache_write_tokens").covers(unit("cache_write_12h_tokens"))
    assert not unit("cached_input_tokens").covers(unit("input_audio_tokens"))
    assert not unit("input_tokens").covers(unit("output_tokens"))


def test_an_own_unit_stands_alone() -> None:
    assert unit("gpu_seconds").covers(unit("gpu_seconds"))
    assert not any(each.covers(unit("gpu_seconds")) or unit("gpu_seconds").covers(each) for each in PLACED.values())
