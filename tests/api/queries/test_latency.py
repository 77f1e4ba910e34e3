from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outlay_api.queries.latency import bucket_of, lower


@given(st.integers(0, 2**31 - 1))
def test_a_latency_lies_in_its_bucket(milliseconds: int) -> None:
    bucket = bucket_of(milliseconds)
    assert lower(bucket) <= milliseconds < lower(bucket + 1)
    assert lower(bucket + 1) - lower(bucket) <= max(1, 0.032 * milliseconds)
