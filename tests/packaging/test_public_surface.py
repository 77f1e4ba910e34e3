"""What `import outlay` promises changes only on purpose."""

import inspect

import pytest

import outlay


def test_the_public_names_are_these() -> None:
    assert outlay.__all__ == sorted(outlay.__all__)
    assert outlay.__all__ == [
        "AsyncClient",
        "Client",
        "Outcome",
        "OutlayError",
        "RefusedError",
        "Retry",
        "SendResult",
        "Stats",
        "Transport",
        "UndeliveredError",
        "UsageEvent",
        "Verdict",
        "aflush",
        "asgi",
        "carry",
        "extract",
        "flush",
        "init",
        "instrument",
        "metered",
        "scope",
        "stats",
        "testing",
        "track",
        "track_response",
    ]


def test_everything_else_is_private() -> None:
    visible = {name for name in dir(outlay) if not name.startswith("_")} - {"TYPE_CHECKING"}
    assert visible == set(outlay.__all__)


def test_an_unknown_name_is_an_ordinary_mistake() -> None:
    with pytest.raises(AttributeError, match="module 'outlay' has no attribute 'trak'"):
        _ = outlay.trak


def test_everything_public_is_documented() -> None:
    assert [name for name in outlay.__all__ if not inspect.getdoc(getattr(outlay, name))] == []
