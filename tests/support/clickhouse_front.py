"""A loopback HTTP server that speaks ClickHouse's protocol in front of the embedded engine.

It lets the ordinary HTTP client be tested against the real engine where no server can be had: statements, parameters in
the address or as form fields, settings, inserted bodies, compressed bodies, error codes. A request has an engine handle
of its own; sessions and external tables are not offered. A connection can be lost at any statement, as networks do.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame
from backports import zstd

_TRANSPORT = frozenset(
    {"query", "database", "default_format", "query_id", "compress", "decompress", "buffer_size", "wait_end_of_query"}
    | {"client_protocol_version", "enable_http_compression", "send_progress_in_http_headers", "role"}
    | {"http_headers_progress_interval_ms", "session_id", "user", "password"}
)
"""What a real server takes from the address besides settings and `param_*`."""

_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\b(?:(?!\bSELECT\b|\bVALUES\b).)*?\bFORMAT\s+(\w+)[ \t]*\r?\n?", re.IGNORECASE | re.DOTALL
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")
_STATUS = {404: {46, 47, 50, 60, 63, 81}, 400: {6, 26, 27, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 386, 457}}
_UNKNOWN_ERROR = 1002


Loses = Callable[[str, Callable[[], object]], bool]
"""Told a statement and how to run it, returns whether the connection is lost before the answer; it may run it."""


def _never(_sql: str, _run: Callable[[], object]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Request:
    """What one request asks: statement, inserted bytes when it is an insert, and how to run it."""

    sql: str
    data: bytes | None
    insert_format: str
    database: str | None
    output_format: str
    settings: dict[str, str]
    parameters: dict[str, str]


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def serve(path: str, port: int = 0, loses: Loses = _never) -> Iterator[int]:
    """Serve the engine at `path` (this process's one engine) and yield the port, a free one unless it is given."""

    class Handler(_Handler):
        engine_path = path
        connection_lost = staticmethod(loses)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    with closing(chdb.connect(path)):  # keeps the engine open between requests
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    engine_path = ":memory:"
    connection_lost: Loses = staticmethod(_never)
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement

    def do_GET(self) -> None:
        self._answer(_Answer(HTTPStatus.OK, b"Ok.\n") if self.path.startswith("/ping") else self._run(b""))

    def do_POST(self) -> None:
        body = (
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self._chunked
            else b"".join(self._chunks())
        )
        self._answer(self._run(body))

    def log_message(self, *_: object) -> None:
        """Stay silent: tests read the answers."""

    @property
    def _chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "")

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _run(self, body: bytes) -> _Answer | None:
        try:
            request = _parse(self.path, dict(self.headers.items()), body)
            if self.connection_lost(request.sql, lambda: self._executed(request)):
                return None
            return self._executed(request)
        except Exception as failure:  # noqa: BLE001  (every failure is an answer, as a server gives it)
            return _refusal(str(failure))

    def _executed(self, request: _Request) -> _Answer:
        with closing(chdb.connect(self.engine_path)) as handle:
            return _execute(handle, request)

    def _answer(self, answer: _Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        answer.headers.setdefault("X-ClickHouse-Query-Id", str(uuid.uuid4()))
        for name, value in {
            **answer.headers,
            "X-ClickHouse-Timezone": "UTC",
            "Content-Length": str(len(answer.body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)


def _parse(target: str, headers: dict[str, str], body: bytes) -> _Request:
    arguments = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    lower = {name.lower(): value for name, value in headers.items()}
    body = _decompressed(body, lower.get("content-encoding", ""))
    if lower.get("content-type", "").startswith("multipart/form-data"):
        arguments |= _form(lower["content-type"], body)
        body = b""
    statement = b"\n".join(part for part in (arguments.get("query", "").encode(), body) if part)
    insert = _INSERT.match(statement)
    head = re.sub(rb"\bFORMAT\s+\w+\s*$", b"", insert[0], flags=re.IGNORECASE) if insert else statement
    return _Request(
        sql=head.decode(),
        data=statement[insert.end() :] if insert else None,
        insert_format=insert[1].decode() if insert else "",
        database=arguments.get("database") or lower.get("x-clickhouse-database"),
        output_format=arguments.get("default_format") or lower.get("x-clickhouse-format") or "TabSeparated",
        settings={k: v for k, v in arguments.items() if k not in _TRANSPORT and not k.startswith("param_")},
        parameters={k.removeprefix("param_"): v for k, v in arguments.items() if k.startswith("param_")},
    )


def _form(content_type: str, body: bytes) -> dict[str, str]:
    message: Any = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.get_payload()
    }


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstd.decompress(body)
    if encoding != "lz4":
        return body
    whole = b""
    while body:  # the client sends a frame for each block
        frame = lz4.frame.LZ4FrameDecompressor()
        whole, body = whole + frame.decompress(body), frame.unused_data or b""
    return whole


def _execute(handle: Any, request: _Request) -> _Answer:
    if request.database:
        handle.query(f"USE {_quoted(request.database, '`')}")
    for name, value in request.settings.items():
        handle.query(f"SET {_quoted(name, '`')} = {_quoted(value)}")
    if request.data is not None:
        # Bytes inside the statement's text would be cut at NULs: hand them to the parser as they are.
        with handle.send_insert(request.sql, request.insert_format) as insert:
            if request.data:
                insert.append(request.data)
            done = insert.finish()
        return _Answer(
            HTTPStatus.OK, b"", {"X-ClickHouse-Summary": json.dumps({"written_rows": str(done.rows_written)})}
        )
    result = handle.query(request.sql, request.output_format, params=request.parameters)
    body = result.bytes() or b""
    named = _FORMAT.search(request.sql)
    headers = {"X-ClickHouse-Summary": json.dumps({"read_rows": str(result.storage_rows_read())})}
    if body or request.sql.lstrip()[:6].upper() in {"SELECT", "WITH"}:
        headers["X-ClickHouse-Format"] = named[1] if named else request.output_format
    return _Answer(HTTPStatus.OK, body, headers)


def _refusal(text: str) -> _Answer:
    told = text[max(text.find("Code: "), 0) :].strip()
    found = _CODE.search(told)
    code = int(found[1]) if found else _UNKNOWN_ERROR
    status = next((status for status, codes in _STATUS.items() if code in codes), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _Answer(status, f"{told}\n".encode(), {"X-ClickHouse-Exception-Code": str(code)})


def _quoted(text: str, mark: str = "'") -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
