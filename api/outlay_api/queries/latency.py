"""Latency as the warehouse keeps it: buckets of milliseconds, at most 3.2 % wide.

Bucket b holds `lower(b) <= ms < lower(b + 1)`, where lower(b) is b below 64, else (32 + b % 32) << (b // 32 - 1).
"""

from __future__ import annotations

FINE = 64
_PER_DOUBLING = 32


def lower(bucket: int) -> int:
    """Return the least latency of a bucket, in milliseconds."""
    return bucket if bucket < FINE else (_PER_DOUBLING + bucket % _PER_DOUBLING) << (bucket // _PER_DOUBLING - 1)


def bucket_of(milliseconds: int) -> int:
    """Return the bucket a latency falls in."""
    if milliseconds < FINE:
        return milliseconds
    doublings = milliseconds.bit_length() - FINE.bit_length() + 1
    return doublings * _PER_DOUBLING + (milliseconds >> doublings)


def lower_bound(value: int, *, is_bucket: bool) -> int:
    """Return the least latency of the bucket that `value` is, or (in milliseconds) falls in.

    A quantile is one of the values, so cutting it to its bucket here gives what the kept buckets give.
    """
    return lower(value if is_bucket else bucket_of(value))
