"""What hosted models may cost: per ticket, and per day of a version and of a tenant.

The most a call can come to is set aside before it is sent, so that calls at the same time cannot
overdraw together; afterwards what it really came to takes its place. A call that failed and may be
billed keeps what was set aside.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from agents.models.failure import BudgetExhausted
from policies.manifest import Budget

_TICKETS_KEPT: Final = 20_000
"""Tickets whose spending is remembered; an older conversation begins anew."""


class Spent(NamedTuple):
    """Tokens of both directions, and US dollars."""

    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Spent") -> "Spent":
        return Spent(self.tokens + other.tokens, self.usd + other.usd)

    def minus(self, other: "Spent") -> "Spent":
        return Spent(max(self.tokens - other.tokens, 0), max(self.usd - other.usd, 0.0))


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose account a call goes."""

    tenant: str
    version: str
    ticket_id: str


class Book(Protocol):
    """Where spending outlives the process."""

    def today(self, day: str) -> Mapping[tuple[str, ...], Spent]:
        """What was spent on a day, by account."""
        ...

    def add(self, day: str, scope: Scope, spent: Spent) -> None: ...


@dataclass(slots=True)
class Reservation:
    """Set aside for one call; settled once."""

    scope: Scope
    day: str
    held: Spent
    open: bool = True


class Ledger:
    """What was spent, by ticket, version and day, tenant and day. Days are UTC's.

    Belongs to one process and its event loop: nothing here waits.
    """

    def __init__(
        self, *, book: Book | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._book = book
        self._now = now
        self._day = ""
        self._days: dict[tuple[str, ...], Spent] = {}
        self._tickets: OrderedDict[tuple[str, ...], Spent] = OrderedDict()

    def reserve(self, scope: Scope, budget: Budget, most: Spent) -> Reservation:
        """Set ``most`` aside.

        Raises:
            BudgetExhausted: it does not fit into what is left; says into which budget.

        """
        self._turn_to(self._now().date().isoformat())
        for what, account, tokens, usd in _limits(scope, budget):
            after = self._of(account).plus(most)
            over_tokens = tokens is not None and after.tokens > tokens
            if over_tokens or (usd is not None and after.usd > usd):
                unit = "tokens" if over_tokens else "US dollars"
                raise BudgetExhausted(f"{scope.version}: the {unit} of the {what} are used up")
        self._book_in(scope, most)
        return Reservation(scope, self._day, most)

    def settle(self, reservation: Reservation, spent: Spent) -> None:
        """Put what a call came to in the place of what was set aside for it."""
        if not reservation.open:
            return
        reservation.open = False
        for account in _accounts(reservation.scope):
            if account[0] == "ticket" or reservation.day == self._day:
                self._put(account, self._of(account).minus(reservation.held).plus(spent))
        if self._book is not None and spent != Spent():
            self._book.add(reservation.day, reservation.scope, spent)

    def spent(self, scope: Scope) -> Mapping[str, Spent]:
        """What stands on each account now, reservations included."""
        self._turn_to(self._now().date().isoformat())
        return {account[0]: self._of(account) for account in _accounts(scope)}

    def _turn_to(self, day: str) -> None:
        if day != self._day:
            self._day = day
            self._days = dict(self._book.today(day)) if self._book is not None else {}

    def _book_in(self, scope: Scope, spent: Spent) -> None:
        for account in _accounts(scope):
            self._put(account, self._of(account).plus(spent))

    def _of(self, account: tuple[str, ...]) -> Spent:
        return (self._tickets if account[0] == "ticket" else self._days).get(account, Spent())

    def _put(self, account: tuple[str, ...], spent: Spent) -> None:
        if account[0] != "ticket":
            self._days[account] = spent
            return
        self._tickets[account] = spent
        self._tickets.move_to_end(account)
        while len(self._tickets) > _TICKETS_KEPT:
            self._tickets.popitem(last=False)


def _accounts(scope: Scope) -> tuple[tuple[str, ...], ...]:
    return (
        ("ticket", scope.tenant, scope.version, scope.ticket_id),
        ("version", scope.version),
        ("tenant", scope.tenant),
    )


def _limits(scope: Scope, budget: Budget) -> Iterator[tuple[str, tuple[str, ...], int | None, float | None]]:
    ticket, version, tenant = _accounts(scope)
    yield "ticket", ticket, budget.tokens_per_ticket, budget.usd_per_ticket
    yield "version's day", version, budget.tokens_per_day, budget.usd_per_day
    yield "tenant's day", tenant, budget.tokens_per_tenant_day, budget.usd_per_tenant_day
