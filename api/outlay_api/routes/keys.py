"""API keys: make, list, revoke. A secret is shown once, by the answer that makes it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from outlay_api.auth.dependencies import Caller, Provided, require
from outlay_api.auth.keyring import StoredKeys
from outlay_api.auth.keys import ApiKey, digest, new_secret, shown
from outlay_api.documents.operations import KeyList, KeyRequest, NewKey, shown_key
from outlay_api.http.openapi import problem
from outlay_api.http.problems import Problem

router = APIRouter(tags=["keys"])

Admin = Annotated[Caller, Depends(require("admin"))]


@router.get("/v1/keys", operation_id="listKeys")
def list_keys(services: Provided, caller: Admin) -> KeyList:
    """List the organisation's keys, oldest first, without their secrets."""
    keys = StoredKeys(services.catalog).api_keys(caller.org)
    return KeyList(data=[shown_key(key, services.keys.last_use(key.id)) for key in keys])


@router.post("/v1/keys", operation_id="createKey", status_code=201, responses=problem(409))
def create_key(request: KeyRequest, response: Response, services: Provided, caller: Admin) -> NewKey:
    """Make a key for the caller's organisation. Its secret is in this answer and nowhere else.

    The first key must have the scope `admin`: from then on every caller needs a key.
    """
    now, secret = services.clock.now(), new_secret()
    if request.expires is not None and request.expires <= now:
        raise Problem(422, "invalid-body", f"expires {request.expires.isoformat()} is past; name a later instant")
    key = ApiKey(
        id=f"key_{secrets.token_hex(8)}",
        name=request.name,
        org=caller.org,
        scopes=request.scopes,
        prefix=shown(secret),
        sha256=digest(secret),
        created=now,
        expires=request.expires,
    )
    stored = StoredKeys(services.catalog)
    _keep_an_admin([*stored.api_keys(caller.org), key], now)
    stored.put(key, actor=caller.name, at=now)
    services.keys.refresh(now)
    response.headers["Location"] = f"/v1/keys/{key.id}"
    return NewKey(**shown_key(key, None).model_dump(), secret=secret)


@router.delete("/v1/keys/{key_id}", operation_id="revokeKey", status_code=204, responses=problem(409))
def revoke_key(
    key_id: Annotated[str, Path(max_length=64, examples=["key_0f1e2d3c4b5a6978"])], services: Provided, caller: Admin
) -> None:
    """Revoke a key; it is refused from now on, by other servers of the same store within seconds."""
    now, stored = services.clock.now(), StoredKeys(services.catalog)
    keys = {key.id: key for key in stored.api_keys(caller.org)}
    key = keys.pop(key_id, None)
    if key is None:
        raise Problem(404, "unknown-key", f"there is no key {key_id!r}; list them with GET /v1/keys")
    _keep_an_admin(list(keys.values()), now)
    stored.delete(key, actor=caller.name, at=now)
    services.keys.refresh(now)


def _keep_an_admin(keys: Sequence[ApiKey], now: datetime) -> None:
    """Refuse to leave an organisation with keys of which none may administer."""
    if keys and not any("admin" in key.scopes and not key.expired(now) for key in keys):
        detail = "no key with the scope 'admin' would be left, so nobody could change keys again; make one first"
        raise Problem(409, "no-admin-key", detail)
