"""The doors for access keys. The secret is in one answer only, and that answer is not to be cached."""

import asyncio
from datetime import timedelta
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from rollout.access.admission import Admission
from rollout.access.keys import Issued
from rollout.access.notes import Author
from rollout.access.principal import INSTALLATION
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.inputs import KEY, KEY_CHANGE
from rollout.errors import NotAllowed, UsageError

_PRIVATE: Final = {"Cache-Control": "no-store"}


class Keyed(Protocol):
    """What these routes need of a door."""

    access: Admission


def _shown(door: Keyed, made: Issued) -> dict[str, Any]:
    return {**door.access.keys.row(made.key), "key": made.clear}


def _author(caller: Caller, typed: str | None) -> Author:
    return caller.author(caller.actor(typed))


def _within(caller: Caller, request: Request) -> str | None:
    """The tenant whose keys may be touched; None: all, for those of the whole installation."""
    return caller.known.tenant or request.query_params.get("tenant")


async def list_keys(door: Keyed, request: Request, caller: Caller) -> Response:
    """The keys of the caller's tenant; of all for those of the whole installation who name none."""
    return as_json({"keys": door.access.keys.rows(_within(caller, request))})


async def create_key(door: Keyed, request: Request, caller: Caller) -> Response:
    """Make a key for a tenant.

    Raises:
        NotAllowed: somebody of one tenant wants a key to all.
        UsageError: it is not said whose key it is.

    """
    asked = KEY.validate_json(await request.body())
    if asked.all_tenants and caller.known.tenant is not None:
        raise NotAllowed("only somebody of the whole installation makes keys to all of it")
    if caller.tenant == INSTALLATION and not asked.all_tenants:
        raise UsageError("whose key is it? Name a tenant with ?tenant=NAME, or say all_tenants")
    made = await asyncio.to_thread(
        door.access.keys.create,
        _author(caller, asked.actor),
        caller.route,
        asked.role,
        None if asked.all_tenants else caller.tenant,
        name=asked.name,
        expires_at=asked.expires_at,
        rate=asked.rate,
    )
    return as_json(_shown(door, made), 201, _PRIVATE)


async def rotate_key(door: Keyed, request: Request, caller: Caller) -> Response:
    """Give a key a new secret."""
    asked = KEY_CHANGE.validate_json(await request.body())
    made = await asyncio.to_thread(
        door.access.keys.rotate,
        _author(caller, asked.actor),
        caller.route,
        request.path_params["key_id"],
        _within(caller, request),
        timedelta(seconds=asked.overlap_seconds),
    )
    return as_json(_shown(door, made), headers=_PRIVATE)


async def revoke_key(door: Keyed, request: Request, caller: Caller) -> Response:
    """Close a key."""
    asked = KEY_CHANGE.validate_json(await request.body())
    key = await asyncio.to_thread(
        door.access.keys.revoke,
        _author(caller, asked.actor),
        caller.route,
        request.path_params["key_id"],
        _within(caller, request),
    )
    return as_json(door.access.keys.row(key))
