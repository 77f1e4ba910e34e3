"""Compressed bodies come out whole or not at all, and never larger than allowed."""

from __future__ import annotations

import gzip

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_streams.decode import MalformedBody, TooLarge, UnsupportedContent, decompress

PACK = {"gzip": gzip.compress, "zstd": zstd.compress, "identity": bytes}
LIMIT = 1000


@settings(deadline=None)
@given(st.binary(max_size=LIMIT), st.sampled_from(sorted(PACK)))
def test_what_was_packed_comes_back(content: bytes, encoding: str) -> None:
    assert decompress(PACK[encoding](content), encoding=encoding, limit=LIMIT) == content


def test_no_encoding_is_the_body_as_it_is() -> None:
    assert decompress(b"x", encoding="", limit=1) == b"x"


def test_encodings_are_undone_last_first() -> None:
    assert decompress(zstd.compress(gzip.compress(b"x")), encoding="gzip, ZSTD", limit=LIMIT) == b"x"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_frames_may_follow_each_other(encoding: str) -> None:
    pack = PACK[encoding]
    assert decompress(pack(b"a") + pack(b"") + pack(b"b"), encoding=encoding, limit=2) == b"ab"
    with pytest.raises(TooLarge):
        decompress(pack(b"a") + pack(b"bc"), encoding=encoding, limit=2)
    with pytest.raises(MalformedBody, match="more than 64 frames"):
        decompress(pack(b"") * 65, encoding=encoding, limit=2)


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
def test_the_limit_is_exact(encoding: str, size: int, *, fits: bool) -> None:
    packed = PACK[encoding](b"0" * size)
    if fits:
        assert len(decompress(packed, encoding=encoding, limit=LIMIT)) == size
    else:
        with pytest.raises(TooLarge, match=f"larger than {LIMIT} bytes"):
            decompress(packed, encoding=encoding, limit=LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_stopped_at_the_limit(encoding: str) -> None:
    bomb = PACK[encoding](bytes(64 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        decompress(bomb, encoding=encoding, limit=1024)
    nested = PACK[encoding](bomb)
    with pytest.raises(TooLarge):
        decompress(nested, encoding=f"{encoding}, {encoding}", limit=100_000)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@settings(deadline=None)
@given(cut=st.integers(0, 30), noise=st.binary(max_size=40))
def test_broken_streams_are_malformed(encoding: str, cut: int, noise: bytes) -> None:
    whole = PACK[encoding](b"something longer than a header")
    with pytest.raises(MalformedBody):
        decompress(whole[: min(cut, len(whole) - 1)], encoding=encoding, limit=LIMIT)
    try:
        decompress(noise, encoding=encoding, limit=LIMIT)
    except (MalformedBody, TooLarge):
        return


def test_a_frame_that_wants_a_huge_window_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=options)
    packed = compressor.compress(bytes(100)) + compressor.flush()
    with pytest.raises(MalformedBody, match="zstd"):
        decompress(packed, encoding="zstd", limit=LIMIT)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, br", "x" * 500, "gzip,gzip,gzip,gzip"])
def test_other_encodings_are_named(encoding: str) -> None:
    with pytest.raises(UnsupportedContent, match="gzip, zstd or none"):
        decompress(gzip.compress(b"x"), encoding=encoding, limit=LIMIT)
