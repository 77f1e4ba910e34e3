"""The shape of API keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outlay_api.auth.keys import digest, new_secret, shown, well_formed


def test_new_keys_differ_and_are_well_formed() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(well_formed(secret) and len(secret) == 58 for secret in secrets)


@given(st.text())
def test_other_texts_are_no_keys(text: str) -> None:
    assert not well_formed(text)
    assert not well_formed(f"out_live_{text}")


@given(st.integers(0, 57), st.sampled_from("0aZ!é"))
def test_one_wrong_character_is_noticed(place: int, other: str) -> None:
    secret = new_secret()
    wrong = secret[:place] + other + secret[place + 1 :]
    assert well_formed(wrong) is (wrong == secret)


def test_what_is_kept_and_shown_does_not_give_the_key_away() -> None:
    secret = new_secret()
    assert digest(secret) != secret
    assert len(digest(secret)) == 64
    assert shown(secret) == secret[:15]
