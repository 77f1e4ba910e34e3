"""The catalog: read it, replace it, see who changed what."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from outlay_api.auth.dependencies import Caller, Provided, require
from outlay_api.documents.catalog import REQUEST_BODY, Applied, CurrentCatalog, History, changes, revision
from outlay_api.http.openapi import problem
from outlay_api.http.problems import Fault, Problem
from outlay_streams.catalog import CatalogError, read_catalog

MAX_VERSION = 2**32 - 1
_READ = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "application/json", ""})

router = APIRouter(tags=["catalog"])

Reader = Annotated[Caller, Depends(require("read"))]
Admin = Annotated[Caller, Depends(require("admin"))]


async def catalog_text(request: Request) -> bytes:
    """Return the body; raise a 415 problem when it is neither YAML nor JSON."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _READ:
        detail = f"Content-Type {media[:80]!r} is not read here; send application/yaml or application/json"
        raise Problem(415, "unsupported-content", detail)
    return await request.body()


@router.get("/v1/catalog", operation_id="getCatalog", response_model=CurrentCatalog, responses=problem(404))
def get_catalog(
    services: Provided,
    caller: Reader,
    version: Annotated[
        int | None, Query(ge=0, le=MAX_VERSION, description="An older version; newest if absent.")
    ] = None,
) -> Response:
    """Return the organisation's catalog, the newest or as it was at a version."""
    newest = services.catalog.version(caller.org)
    if version is not None and version > newest:
        raise Problem(404, "unknown-version", f"the newest catalog version is {newest}, so there is no {version}")
    shown = newest if version is None else version
    catalog = services.catalog.at_version(caller.org, shown)
    document = {"version": shown, "catalog": catalog.model_dump(mode="json", by_alias=True, exclude_none=True)}
    return Response(orjson.dumps(document), headers=_tag(shown), media_type="application/json")


@router.put(
    "/v1/catalog",
    operation_id="applyCatalog",
    response_model=Applied,
    responses=problem(412),
    openapi_extra={"requestBody": REQUEST_BODY},
)
def apply_catalog(
    services: Provided,
    caller: Admin,
    text: Annotated[bytes, Depends(catalog_text)],
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
    if_match: Annotated[
        str | None, Header(max_length=64, description="Apply only over this version: the ETag of what was read.")
    ] = None,
) -> Response:
    """Make the body the organisation's catalog; events from now on are metered by it, older entries stay as they are.

    The same body again changes nothing. With `If-Match` a change by somebody else in between is a 412, not overwritten.
    """
    expected = _expected(if_match)
    try:
        catalog = read_catalog(text)
    except CatalogError as error:
        faults = [Fault(_with_line(found.message, found.line), pointer=f"#{found.pointer}") for found in error.problems]
        detail = f"the catalog has {len(faults)} fault(s); nothing was applied"
        raise Problem(422, "invalid-catalog", detail, faults=faults) from None
    result = services.catalog.apply(
        caller.org,
        catalog,
        actor=caller.name,
        at=services.clock.now(),
        expected_version=expected,
        dry_run=dry_run,
    )
    if not dry_run:  # without a change too: what an earlier try left undone is done now
        services.reload(caller.org)
    document = Applied(version=result.version, dry_run=dry_run, changes=changes(result.diff))
    return Response(document.model_dump_json(), headers=_tag(result.version), media_type="application/json")


@router.get("/v1/catalog/history", operation_id="getCatalogHistory")
def history(
    services: Provided,
    caller: Reader,
    limit: Annotated[int, Query(ge=1, le=500, description="Most revisions returned.")] = 50,
) -> History:
    """Return who changed the catalog, when, and what, newest first."""
    return History(data=[revision(made) for made in services.catalog.history(caller.org, limit)])


def _tag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def _expected(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        detail = f'If-Match {if_match!r} is no catalog version; send the ETag that was read, for example "3"'
        raise Problem(400, "invalid-request", detail, faults=[Fault(detail, parameter="If-Match")])
    return int(text)


def _with_line(message: str, line: int | None) -> str:
    return message if line is None else f"line {line}: {message}"
