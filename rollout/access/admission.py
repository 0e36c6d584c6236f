"""The question at the door: who is it, may it, whose data, and is there room."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, Protocol

from rollout.access.key_desk import KeyDesk
from rollout.access.keys import PREFIX
from rollout.access.limits import FairShare, Rates
from rollout.access.notes import Refusals
from rollout.access.principal import DEFAULT_TENANT, INSTALLATION, LOCAL, Method, Principal, is_tenant
from rollout.access.roles import Rule
from rollout.errors import NotAllowed, NotSignedIn, TooMany, UsageError

_BEARER_KEY: Final = f"Bearer {PREFIX}_".encode()
_BEARER_BYTES: Final = len("Bearer ")
_FAILURES: Final = 20.0
"""Wrong keys per second from one address."""
_NAME_ONE: Final = "you belong to no tenant: name the one you mean with ?tenant=NAME"
_MISSING: Final = (
    "this server has access keys: send yours as 'Authorization: Bearer KEY'. "
    "Whoever runs the server makes one with `ridealong keys create`"
)
_WRONG: Final = "this key or token opens nothing here: it is unknown, expired or revoked"


class SignIn(Protocol):
    """Tokens of somebody else's sign-in."""

    async def principal(self, token: str) -> Principal:
        """Who the token names.

        Raises:
            NotSignedIn: it is not to be trusted.

        """
        ...


class Admission:
    """Decides about every request. ``one_person`` while nobody has made a key and nobody can sign in."""

    def __init__(
        self,
        keys: KeyDesk,
        *,
        sign_in: SignIn | None = None,
        rates: Rates | None = None,
        room: FairShare | None = None,
    ) -> None:
        self.keys = keys
        self.refusals = Refusals()
        self._sign_in = sign_in
        self._rates = rates or Rates()
        self._failures = Rates(_FAILURES)
        self._room = room or FairShare()

    @property
    def one_person(self) -> bool:
        return self._sign_in is None and not self.keys

    async def identify(self, authorization: str | None, address: str = "") -> Principal:
        """Who sends this header.

        Raises:
            NotSignedIn: nobody who is known here.
            TooMany: this address has tried too many wrong ones.

        """
        if self.one_person:
            return LOCAL
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise self._unknown(_MISSING, address)
        if token.startswith(f"{PREFIX}_") or self._sign_in is None:
            principal = self.keys.verified(token)
            if principal is None:
                raise self._unknown(_WRONG, address)
            return principal
        try:
            return await self._sign_in.principal(token)
        except NotSignedIn as error:
            raise self._unknown(str(error), address) from None

    def known(self, authorization: bytes | None) -> Principal | None:
        """Who sends this header, where that is clear at once: the one person, or a key that opens."""
        if self.one_person:
            return LOCAL
        if authorization is None or not authorization.startswith(_BEARER_KEY):
            return None
        return self.keys.verified(authorization[_BEARER_BYTES:].decode("latin-1"))

    def permit(self, principal: Principal, rule: Rule | None) -> None:
        """Refuse what nobody granted, and what is asked too often.

        Raises:
            NotAllowed: no rule allows it.
            TooMany: the caller's rate is used up.

        """
        if principal.method is not Method.LOCAL:
            cost = rule.cost if rule is not None else 1.0
            wait = self._rates.take(principal.id, cost, monotonic(), principal.rate)
            if wait:
                raise TooMany(f"{principal.id} has used up its rate; try again in {wait:.1f} s", wait)
        if rule is None or rule.needs not in principal.permissions:
            held = ", ".join(sorted(role.value for role in principal.roles)) or "none"
            needs = rule.needs.value if rule is not None else "a rule that nobody has made"
            raise NotAllowed(f"this needs {needs}; your roles ({held}) do not have it")

    def tenant(self, principal: Principal, asked: str | None, *, needed: bool = True) -> str:
        """Whose data the request is about; the installation's where none is named nor ``needed``.

        Raises:
            NotAllowed: it asks for another tenant's.
            UsageError: somebody of no tenant has to name one, and has not.

        """
        if principal.tenant is not None:
            if asked not in (None, principal.tenant):
                raise NotAllowed(f"you belong to tenant {principal.tenant!r} and to no other")
            return principal.tenant
        if asked is None:
            if principal.method is Method.LOCAL:
                return DEFAULT_TENANT
            if needed:
                raise UsageError(_NAME_ONE)
            return INSTALLATION
        if asked != INSTALLATION and not is_tenant(asked):
            raise UsageError(f"tenant={asked!r} is no name of a tenant")
        return asked

    @contextmanager
    def inside(self, principal: Principal, tenant: str) -> Iterator[None]:
        """Room for one request.

        Raises:
            TooMany: the tenant has its fair share already.

        """
        if principal.method is Method.LOCAL:
            yield
            return
        if not self._room.enter(tenant):
            raise TooMany(f"tenant {tenant!r} has its share of the server already; try again in a second", 1)
        try:
            yield
        finally:
            self._room.leave(tenant)

    def _unknown(self, words: str, address: str) -> NotSignedIn | TooMany:
        wait = self._failures.take(address, 1.0, monotonic())
        if wait:
            return TooMany("too many wrong keys from this address", wait)
        return NotSignedIn(words)
