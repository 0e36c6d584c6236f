"""What hosted models may cost: per ticket, and per day of a version and of a tenant.

The most a call can come to is set aside before it is sent, so that calls at the same time cannot
overdraw together; afterwards what it really came to takes its place. A call that failed and may be
billed keeps what was set aside.
"""

from collections import Counter, OrderedDict, defaultdict
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


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose account a call goes."""

    tenant: str
    version: str
    ticket_id: str


Account = tuple[str, ...]


class Book(Protocol):
    """Where what days came to is kept."""

    def totals(self, day: str) -> Mapping[Account, Spent]:
        """What was spent on a day, by account."""
        ...

    def add(self, day: str, scope: Scope, spent: Spent) -> None: ...


class Memory:
    """A book that ends with its process."""

    def __init__(self) -> None:
        self._day = ""
        self._totals: dict[Account, Spent] = {}

    def totals(self, day: str) -> Mapping[Account, Spent]:
        if day != self._day:
            self._day, self._totals = day, {}
        return self._totals

    def add(self, day: str, scope: Scope, spent: Spent) -> None:
        if day == self._day:
            for account in day_accounts(scope):
                self._totals[account] = self._totals.get(account, Spent()).plus(spent)


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
        self, book: Book | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._book = book or Memory()
        self._now = now
        self._held: Counter[Account] = Counter()
        self._held_usd: defaultdict[Account, float] = defaultdict(float)
        self._tickets: OrderedDict[Account, Spent] = OrderedDict()

    def reserve(self, scope: Scope, budget: Budget, most: Spent) -> Reservation:
        """Set ``most`` aside.

        Raises:
            BudgetExhausted: it does not fit into what is left; says into which budget.

        """
        spent = self.spent(scope)
        for what, tokens, usd in _limits(budget):
            after = spent[what].plus(most)
            over_tokens = tokens is not None and after.tokens > tokens
            if over_tokens or (usd is not None and after.usd > usd):
                unit = "tokens" if over_tokens else "US dollars"
                raise BudgetExhausted(f"{scope.version}: the {unit} of the {what} are used up")
        self._hold(scope, most, 1)
        return Reservation(scope, self._today(), most)

    def settle(self, reservation: Reservation, spent: Spent) -> None:
        """Put what a call came to in the place of what was set aside for it."""
        if not reservation.open:
            return
        reservation.open = False
        scope = reservation.scope
        self._hold(scope, reservation.held, -1)
        if spent == Spent():
            return
        ticket = _ticket(scope)
        self._tickets[ticket] = self._tickets.get(ticket, Spent()).plus(spent)
        self._tickets.move_to_end(ticket)
        while len(self._tickets) > _TICKETS_KEPT:
            self._tickets.popitem(last=False)
        self._book.add(reservation.day, scope, spent)

    def spent(self, scope: Scope) -> Mapping[str, Spent]:
        """What stands on each account now, with what is set aside: ``ticket``, ``version``, ``tenant``."""
        totals = self._book.totals(self._today())
        accounts = (_ticket(scope), *day_accounts(scope))
        known = (self._tickets.get(accounts[0]), *(totals.get(account) for account in accounts[1:]))
        return {
            account[0]: (one or Spent()).plus(Spent(self._held[account], self._held_usd.get(account, 0.0)))
            for account, one in zip(accounts, known, strict=True)
        }

    def _hold(self, scope: Scope, spent: Spent, sign: int) -> None:
        for account in (_ticket(scope), *day_accounts(scope)):
            self._held[account] += sign * spent.tokens
            self._held_usd[account] += sign * spent.usd
            if not self._held[account]:
                del self._held[account], self._held_usd[account]

    def _today(self) -> str:
        return self._now().date().isoformat()


def day_accounts(scope: Scope) -> tuple[Account, ...]:
    """The accounts of a call that a day closes."""
    return ("version", scope.version), ("tenant", scope.tenant)


def _ticket(scope: Scope) -> Account:
    return "ticket", scope.tenant, scope.version, scope.ticket_id


def _limits(budget: Budget) -> Iterator[tuple[str, int | None, float | None]]:
    yield "ticket", budget.tokens_per_ticket, budget.usd_per_ticket
    yield "version", budget.tokens_per_day, budget.usd_per_day
    yield "tenant", budget.tokens_per_tenant_day, budget.usd_per_tenant_day
