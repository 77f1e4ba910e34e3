"""A schema registry on loopback: the part of Confluent's REST interface that Outlay uses, in memory.

    with SchemaRegistryServer() as registry:
        ...  # registry.url, registry.keep(7, schema)

Like the real ones it answers by error codes, gives one id to one schema, and takes a user and password if told to.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_BY_ID = re.compile(r"/schemas/ids/(\d+)")
_VERSIONS = re.compile(r"/subjects/([^/]+)/versions")
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class SchemaRegistryServer:
    def __init__(self, *, user: str | None = None, password: str = "") -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self._authorization = (
            None if user is None else "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        )
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._login = "" if user is None else f"{user}:{password}@"

    @property
    def url(self) -> str:
        return f"http://{self._login}127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def keep(self, schema_id: int, schema: str) -> None:
        """Know a schema under an id, as if somebody else had registered it."""
        with self._lock:
            self.schemas[schema_id] = schema

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        with self._lock:
            self.asked.append(f"{method} {path}")
            if (found := _BY_ID.fullmatch(path)) and method == "GET":
                schema = self.schemas.get(int(found[1]))
                if schema is None:
                    return HTTPStatus.NOT_FOUND, {"error_code": 40403, "message": "Schema not found"}
                return HTTPStatus.OK, {"schema": schema}
            if (found := _VERSIONS.fullmatch(path)) and method == "POST":
                schema_id = self._registered(json.loads(body)["schema"])
                versions = self.subjects.setdefault(found[1], [])
                if schema_id not in versions:
                    versions.append(schema_id)
                return HTTPStatus.OK, {"id": schema_id}
            return HTTPStatus.NOT_FOUND, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _registered(self, schema: str) -> int:
        for schema_id, known in self.schemas.items():
            if known == schema:
                return schema_id
        schema_id = max(self.schemas, default=0) + 1
        self.schemas[schema_id] = schema
        return schema_id

    def _handler(registry) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                """Stay silent."""

            def _answer(self, body: bytes) -> None:
                wanted = registry._authorization
                if wanted is not None and self.headers.get("Authorization") != wanted:
                    status, document = HTTPStatus.UNAUTHORIZED, {"error_code": 40101, "message": "Unauthorized"}
                else:
                    status, document = registry.answer(self.command, self.path, body)
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", _MEDIA_TYPE)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        return Handler
