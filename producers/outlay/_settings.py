"""What the SDK runs with: one frozen value, from arguments, `OUTLAY_*` variables and defaults, in this order."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

Mode = Literal["on", "off", "test"]
"""`on` sends, `off` forgets everything, `test` keeps everything in memory and sends nothing."""

Way = Literal["http", "spool"]
"""`http` goes to the server, `spool` to disk alone, from where another process sends it on."""

LABELS = ("business_unit", "department", "team", "project", "app", "env", "key", "user", "use_case")
"""The attribution of an event; any other label is a tag."""

_log = logging.getLogger("outlay")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkSettings:
    """Where usage goes, whose it is, and how much may wait."""

    mode: Mode = "on"
    transport: Way = "http"
    server: str = "http://127.0.0.1:8321"
    api_key: str | None = field(default=None, repr=False)
    source: str = "urn:outlay:sdk"
    """What produces the events; an event's identity is its id within it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Attribution of everything this process tracks, below any scope."""
    spool: Path | None = None
    """Folder for events the server could not take; None keeps them in memory alone."""
    spool_bytes: int = 64 * 1024 * 1024
    """Most bytes in that folder, all processes together."""
    buffer_events: int = 10_000
    """Most events waiting in memory to be encoded; beyond it they are dropped and counted."""
    batch_events: int = 500
    """Most events in one request."""
    interval: float = 0.2
    """Longest wait for a fuller batch, in seconds."""
    timeout: float = 10.0
    """Longest wait for the server to answer, in seconds."""
    exit_seconds: float = 2.0
    """Longest the end of the process waits for the server; what is left then goes to disk."""

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode is {self.mode!r}; use one of {', '.join(get_args(Mode))}")
        if self.transport not in get_args(Way):
            raise ValueError(f"transport is {self.transport!r}; use one of {', '.join(get_args(Way))}")
        if self.transport == "spool" and self.spool is None:
            raise ValueError("transport is 'spool', and there is none; name a folder with spool or OUTLAY_SPOOL")

    def spool_folder(self) -> Path | None:
        """Return the folder of this server and key: what was meant for one is never sent to another."""
        whose = hashlib.sha256(f"{self.server}\n{self.api_key or ''}".encode()).hexdigest()[:16]
        return None if self.spool is None else self.spool / whose


def read_settings(environ: Mapping[str, str], **given: object) -> SdkSettings:
    """Return the settings in force; `given` wins over the environment, and None there says nothing.

    Raises `ValueError` and `TypeError` for what the caller gave. A variable that cannot be read is logged and passed
    over: a typing error in an environment must not stop a service.
    """
    values: dict[str, object] = {"spool": _state_folder(environ) / "outlay" / "spool"}
    for name, variable, convert in _VARIABLES:
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            values[name] = convert(text)
        except ValueError as error:
            _log.warning("%s is %r, which is not usable (%s); the default holds", variable, text, error)
    values["labels"] = {name: value for name in LABELS if (value := environ.get(_variable(name), ""))}
    told = {name: value for name, value in given.items() if value is not None}
    if "spool" in told:
        told["spool"] = _folder(str(told["spool"]))
    own = cast("dict[str, str | None]", told.pop("labels", {}))
    labels = cast("dict[str, str]", values["labels"]) | {name: text for name, text in own.items() if text is not None}
    values |= told
    values["labels"] = labels
    if "source" not in values and "app" in labels:
        values["source"] = f"urn:outlay:sdk:{labels['app']}"[:256]
    return SdkSettings(**values)  # type: ignore[arg-type]


def _variable(label: str) -> str:
    return "OUTLAY_PROVIDER_KEY" if label == "key" else f"OUTLAY_{label.upper()}"


def _state_folder(environ: Mapping[str, str]) -> Path:
    given = environ.get("XDG_STATE_HOME", "")
    return Path(given) if given else Path(environ.get("HOME", "/nonexistent")) / ".local" / "state"


def _mode(text: str) -> str:
    known = {"on": "on", "1": "on", "true": "on", "off": "off", "0": "off", "false": "off", "test": "test"}
    if text.lower() not in known:
        raise ValueError("use on, off or test")
    return known[text.lower()]


def _way(text: str) -> str:
    if text.lower() not in get_args(Way):
        raise ValueError(f"use one of {', '.join(get_args(Way))}")
    return text.lower()


def _folder(text: str) -> Path | None:
    return None if text.lower() in {"off", "none"} else Path(text)


def _positive(convert: Callable[[str], _T]) -> Callable[[str], _T]:
    def read(text: str) -> _T:
        number = convert(text)
        if not number > 0:  # type: ignore[operator]
            raise ValueError("use a number above 0")
        return number

    return read


_VARIABLES: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("mode", "OUTLAY_SDK", _mode),
    ("transport", "OUTLAY_TRANSPORT", _way),
    ("server", "OUTLAY_SERVER", str),
    ("api_key", "OUTLAY_KEY", str),
    ("source", "OUTLAY_SOURCE", str),
    ("spool", "OUTLAY_SPOOL", _folder),
    ("spool_bytes", "OUTLAY_SPOOL_BYTES", _positive(int)),
    ("buffer_events", "OUTLAY_BUFFER_EVENTS", _positive(int)),
    ("batch_events", "OUTLAY_BATCH_EVENTS", _positive(int)),
    ("interval", "OUTLAY_INTERVAL", _positive(float)),
    ("timeout", "OUTLAY_TIMEOUT", _positive(float)),
    ("exit_seconds", "OUTLAY_EXIT_SECONDS", _positive(float)),
)
