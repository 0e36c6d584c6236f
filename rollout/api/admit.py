"""Every route behind the same question. A route that nobody made a rule for lets nobody in."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from rollout.access.admission import Admission
from rollout.access.notes import Author
from rollout.access.principal import INSTALLATION, Method, Principal
from rollout.access.roles import Open, Permission, Rule, rule_of
from rollout.api.once import Once
from rollout.api.problems import Refused, of_error
from rollout.api.soundness import require_sound
from rollout.clock import Clock
from rollout.errors import AccessError, NotAllowed, NotSignedIn, RecordError, RidealongError, TooMany
from rollout.observe.requests import ROUTE, TENANT
from rollout.records import Event

_log = logging.getLogger(__name__)
_OWN_ERRORS: Final = "/ofrep/"
"""Doors of a protocol that has its own words for a body nobody can read."""
_CODES: Final[dict[type[AccessError], str]] = {
    NotSignedIn: "unauthenticated",
    NotAllowed: "forbidden",
    TooMany: "too-many",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and whose data it is about. Made by the door, never by the request's body."""

    principal: Principal | None
    """None where the route asks nobody who they are."""
    tenant: str
    route: str
    """``POST /v1/route``: the template, without anybody's ids."""

    def may(self, permission: Permission) -> bool:
        return self.principal is not None and self.principal.may(permission)

    @property
    def known(self) -> Principal:
        """The principal of a route that lets only known ones in."""
        assert self.principal is not None
        return self.principal

    def actor(self, typed: str | None) -> str:
        """Who it is for the record; only the one person of a local server says so itself.

        Raises:
            Refused: it does not.

        """
        if self.known.method is not Method.LOCAL:
            return self.known.actor
        if typed is None:
            raise Refused("invalid", "#/actor: without access keys nobody knows who you are; say so")
        return typed

    def author(self, typed: str | None = None) -> Author:
        return Author.of(self.known, typed if self.known.method is Method.LOCAL else None)


class Admits(Protocol):
    """What a door needs for its routes to be guarded."""

    access: Admission
    clock: Clock
    once: Once

    def take_note(self, events: Sequence[Event]) -> None:
        """Have events recorded without waiting for it."""
        ...


Handler = Callable[[Any, Request, Caller], Awaitable[Response]]


def guarded(
    door: Admits, path: str, method: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    """``handler`` behind the rule of its route."""
    route = f"{method} {path}"
    rule = rule_of(method, path)
    if rule is not None and isinstance(rule.needs, Open):
        return _open(door, route, rule.needs, handler)

    reads_itself = path.startswith(_OWN_ERRORS)

    async def handle(request: Request) -> Response:
        principal: Principal | None = None
        access, scope = door.access, request.scope
        scope[ROUTE] = route
        try:
            address = request.client.host if request.client is not None else ""
            principal = await access.identify(request.headers.get("authorization"), address)
            scope[TENANT] = principal.tenant or ""
            needed = rule or _rule_of_action(method, path, request.path_params)
            access.permit(principal, needed)
            asked = request.query_params.get("tenant") if scope["query_string"] else None
            tenant = access.tenant(principal, asked, needed=needed is None or needed.of_tenant)
            scope[TENANT] = tenant
            with access.inside(principal, tenant):
                if method == "POST" and not reads_itself and (body := await request.body()):
                    require_sound(body)
                caller = Caller(principal, tenant, route)
                return await door.once.answer(request, tenant, lambda: handler(door, request, caller))
        except AccessError as error:
            code = _CODES[type(error)]
            _refusal(door, principal, route, code)
            return of_error(error)
        except Refused as refusal:
            if refusal.code == "forbidden":
                _refusal(door, principal, route, refusal.code)
            raise

    return handle


def _rule_of_action(method: str, path: str, params: Mapping[str, str]) -> Rule | None:
    """The rule of one action of a route that serves several.

    Raises:
        Refused: there is no such action.

    """
    action = params.get("action")
    if action is None:
        return None
    rule = rule_of(method, path.replace("{action}", action))
    if rule is None or "/" in action:
        raise Refused("not-found", f"there is no action {action!r}")
    return rule


def _open(door: Admits, route: str, way: Open, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A route without a role. Who shows a key that opens is known all the same."""

    async def handle(request: Request) -> Response:
        request.scope[ROUTE] = route
        try:
            caller = await _recognised(door.access, request, route) if way is Open.ANYBODY else None
            return await handler(door, request, caller or Caller(None, INSTALLATION, route))
        except Refused as refusal:
            if refusal.code == "forbidden":
                _refusal(door, None, route, refusal.code)
            raise

    return handle


async def _recognised(access: Admission, request: Request, route: str) -> Caller | None:
    header = request.headers.get("authorization")
    if header is None and not access.one_person:
        return None
    try:
        principal = await access.identify(header)
        asked = request.query_params.get("tenant")
        return Caller(principal, access.tenant(principal, asked, needed=False), route)
    except RidealongError:
        return None


def _refusal(door: Admits, who: Principal | None, route: str, code: str) -> None:
    events = door.access.refusals.note(who, route, code, door.clock.now())
    if events:
        try:
            door.take_note(events)
        except RecordError as error:
            _log.warning("a refusal (%s, %s) could not be recorded: %s", route, code, error)
