"""What `import outlay` promises changes only on purpose."""

import inspect

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
        "UndeliveredError",
        "UsageEvent",
        "Verdict",
    ]


def test_everything_else_is_private() -> None:
    visible = {
        name
        for name, value in vars(outlay).items()
        if not name.startswith("_") and not (inspect.ismodule(value) and value.__name__.startswith("outlay."))
    }
    assert visible == set(outlay.__all__)


def test_everything_public_is_documented() -> None:
    assert [name for name in outlay.__all__ if not inspect.getdoc(getattr(outlay, name))] == []
