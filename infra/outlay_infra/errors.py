"""What can go wrong with the store, as callers see it.

StoreError
├── StoreUnavailable   the store does not answer; try again later
│   └── StoreInUse     another process holds this data directory or writes to this store
├── StoreFull          no space is left; free some, nothing was lost
├── StoreReadOnly      the store may be read but not written
├── SchemaError        the database and this version of Outlay do not fit
│   └── NewerSchema    the database is ahead: this process goes on, a new one needs the newer version
└── QueryError         the caller's query is wrong or asks for too much
    └── QueryLimit     it ran into a time, memory or row limit

A message names the thing, the value and the fix, and never carries the engine's own stack or version text.
"""

from __future__ import annotations


class StoreError(Exception):
    """The store failed in a way no other class names; report it with the message, the data are as they were."""


class StoreUnavailable(StoreError):  # noqa: N818  (named as the caller meets it)
    """The store cannot be reached or is too busy; retry with a pause, no write was acknowledged."""


class StoreInUse(StoreUnavailable):
    """Another process, or another directory in this process, has the engine or the store; stop it or choose another."""


class StoreFull(StoreError):  # noqa: N818  (named as the caller meets it)
    """The disk is full; free space and retry, acknowledged data are safe."""


class StoreReadOnly(StoreError):  # noqa: N818  (named as the caller meets it)
    """The directory, disk or account may not be written; grant the right or open for reading only."""


class SchemaError(StoreError):
    """The migrations applied to the database are not those of this version; the message says which way to go."""


class NewerSchema(SchemaError):  # noqa: N818  (named as the caller meets it)
    """The database has migrations of a newer version; they only add, so go on, and install that version to start."""


class QueryError(StoreError):
    """The statement or one of its values is wrong; correct it, a retry fails the same way."""


class QueryLimit(QueryError):  # noqa: N818  (named as the caller meets it)
    """The query exceeded its time, memory or row limit; narrow the range or group by less."""


__all__ = [
    "NewerSchema",
    "QueryError",
    "QueryLimit",
    "SchemaError",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreReadOnly",
    "StoreUnavailable",
]
