"""Breakers, budgets and settings by themselves, on clocks of ours."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.models import ModelUnavailable
from agents.models.access import ModelAccess
from agents.models.breaker import Breaker, Provider, State
from agents.models.budget import Ledger, Scope, Spent
from agents.models.exchange import Answer, Request
from agents.models.failure import BudgetExhausted, CircuitOpen, Late, Unavailable, Unusable
from agents.models.gateway import LiteLLM
from agents.models.settings import ProviderSettings
from agents.models.spend_book import SpendBook
from policies.manifest import AgentVersion, Budget

SCOPE = Scope("default", "desk@1", "t-1")


class Clock:
    moment = 0.0

    def __call__(self) -> float:
        return self.moment


class TestBreaker:
    def broken(self, clock: Clock) -> Breaker:
        breaker = Breaker(failures=2, pause=5.0, longest=8.0, timer=clock)
        for _ in range(2):
            breaker.failed(breaker.enter())
        return breaker

    def test_successes_between_failures_keep_it_closed(self) -> None:
        breaker = Breaker(failures=2)
        for _ in range(5):
            breaker.failed(breaker.enter())
            breaker.succeeded(breaker.enter())
        assert breaker.state is State.CLOSED

    def test_half_open_it_lets_one_through_and_no_second(self) -> None:
        clock = Clock()
        breaker = self.broken(clock)
        with pytest.raises(CircuitOpen):
            breaker.enter()
        clock.moment = 5.0
        trial = breaker.enter()
        with pytest.raises(CircuitOpen):
            breaker.enter()
        breaker.succeeded(trial)
        assert breaker.state is State.CLOSED

    def test_each_failed_trial_doubles_the_pause_up_to_the_longest(self) -> None:
        clock = Clock()
        breaker = self.broken(clock)
        for pause in (5.0, 8.0, 8.0):
            clock.moment += pause - 0.1
            assert breaker.state is State.OPEN
            clock.moment += 0.1
            breaker.failed(breaker.enter())

    def test_a_trial_that_is_abandoned_frees_the_way_for_the_next(self) -> None:
        clock = Clock()
        breaker = self.broken(clock)
        clock.moment = 5.0
        breaker.left(breaker.enter())
        breaker.succeeded(breaker.enter())
        assert breaker.state is State.CLOSED

    def test_what_began_before_it_opened_does_not_count(self) -> None:
        clock = Clock()
        breaker = Breaker(failures=2, pause=5.0, timer=clock)
        early = [breaker.enter() for _ in range(4)]
        for era in early:
            breaker.failed(era)
        clock.moment = 5.0
        trial = breaker.enter()
        breaker.succeeded(early[0])
        assert breaker.state is State.HALF_OPEN
        breaker.succeeded(trial)
        breaker.failed(early[1])
        assert breaker.state is State.CLOSED


class TestProvider:
    def test_more_calls_than_places_wait_and_too_long_a_wait_is_late(self) -> None:
        async def crowd() -> tuple[int, list[str]]:
            provider, inside, most = Provider("p", most=2), 0, 0
            go = asyncio.Event()

            async def send() -> str:
                nonlocal inside, most
                inside += 1
                most = max(most, inside)
                await go.wait()
                inside -= 1
                return "done"

            asked = [asyncio.ensure_future(provider.call(send, seconds=30)) for _ in range(5)]
            await asyncio.sleep(0)
            with pytest.raises(Late) as late:
                await provider.call(send, seconds=0.05)
            assert not late.value.broken, "a full house says nothing about the provider"
            go.set()
            return most, await asyncio.gather(*asked)

        most, answers = asyncio.run(crowd())
        assert (most, answers) == (2, ["done"] * 5)

    def test_a_caller_who_leaves_gives_the_place_back(self) -> None:
        async def leave() -> str:
            provider = Provider("p", most=1)

            async def hang() -> str:
                await asyncio.Event().wait()
                return "never"

            async def answer() -> str:
                return "done"

            asked = asyncio.ensure_future(provider.call(hang, seconds=30))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            return await provider.call(answer, seconds=30)

        assert asyncio.run(leave()) == "done"


class TestLedger:
    @given(
        st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400), st.booleans()), max_size=30),
        st.integers(100, 2000),
    )
    @settings(max_examples=60)
    def test_what_is_spent_never_passes_the_budget(
        self, calls: list[tuple[int, int, bool]], limit: int
    ) -> None:
        """However calls overlap, as long as none comes to more than was set aside for it."""
        ledger, budget = Ledger(), Budget(tokens_per_day=limit)
        spent, under_way = 0, []
        for most, share, wait in calls:
            try:
                under_way.append((ledger.reserve(SCOPE, budget, Spent(most)), min(share, most)))
            except BudgetExhausted:
                continue
            if not wait:
                for held, tokens in under_way:
                    ledger.settle(held, Spent(tokens))
                    spent += tokens
                under_way = []
            assert spent + sum(held.held.tokens for held, _ in under_way) <= limit
        for held, tokens in under_way:
            ledger.settle(held, Spent(tokens))
            spent += tokens
        assert ledger.spent(SCOPE)["version"].tokens == spent

    def test_settling_twice_is_settling_once(self) -> None:
        ledger = Ledger()
        held = ledger.reserve(SCOPE, Budget(), Spent(100, 1.0))
        for _ in range(2):
            ledger.settle(held, Spent(10, 0.1))
        assert ledger.spent(SCOPE)["tenant"] == Spent(10, 0.1)

    def test_a_tenants_budget_counts_all_its_versions_and_nobody_elses(self) -> None:
        ledger, budget = Ledger(), Budget(tokens_per_tenant_day=100)
        ledger.settle(ledger.reserve(SCOPE, budget, Spent(90)), Spent(90))
        with pytest.raises(BudgetExhausted, match="tenant"):
            ledger.reserve(Scope("default", "other@2", "t-2"), budget, Spent(20))
        ledger.reserve(Scope("elsewhere", "desk@1", "t-3"), budget, Spent(20))

    def test_a_new_day_has_a_new_budget_and_a_ticket_keeps_its_own(self) -> None:
        now = datetime(2025, 6, 1, 23, 59, tzinfo=UTC)
        ledger = Ledger(now=lambda: now)
        budget = Budget(tokens_per_day=100, tokens_per_ticket=150)
        ledger.settle(ledger.reserve(SCOPE, budget, Spent(100)), Spent(100))
        with pytest.raises(BudgetExhausted, match="version"):
            ledger.reserve(SCOPE, budget, Spent(40))
        now = datetime(2025, 6, 2, 0, 1, tzinfo=UTC)
        with pytest.raises(BudgetExhausted, match="ticket"):
            ledger.reserve(SCOPE, budget, Spent(60))
        ledger.reserve(SCOPE, budget, Spent(50))


class TestSpendBook:
    def test_a_restart_and_another_process_know_what_was_spent(self, tmp_path: Path) -> None:
        first, second = (Ledger(SpendBook(tmp_path / "spending")) for _ in range(2))
        first.settle(first.reserve(SCOPE, Budget(), Spent(70, 0.5)), Spent(70, 0.5))
        second.settle(second.reserve(SCOPE, Budget(), Spent(20)), Spent(20, 0.25))
        for ledger in (first, second, Ledger(SpendBook(tmp_path / "spending"))):
            assert ledger.spent(SCOPE)["version"] == Spent(90, 0.75)
            with pytest.raises(BudgetExhausted):
                ledger.reserve(SCOPE, Budget(tokens_per_day=100), Spent(11))

    def test_a_torn_line_costs_only_itself(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        book = SpendBook(tmp_path)
        book.add("2025-06-01", SCOPE, Spent(10))
        with (tmp_path / "spent-2025-06-01.jsonl").open("ab") as file:
            file.write(b'{"tenant": "def')
        book.add("2025-06-01", SCOPE, Spent(5))
        assert SpendBook(tmp_path).totals("2025-06-01")["version", "desk@1"] == Spent(15)
        assert "left out" in caplog.text

    def test_a_disk_that_takes_nothing_is_said_and_the_budget_still_held(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "spending").write_text("a file in the way")
        ledger = Ledger(SpendBook(tmp_path / "spending"))
        ledger.settle(ledger.reserve(SCOPE, Budget(), Spent(90)), Spent(90))
        assert "not on disk" in caplog.text
        with pytest.raises(BudgetExhausted):
            ledger.reserve(SCOPE, Budget(tokens_per_day=100), Spent(20))


class Silent:
    """A gateway that is never asked and knows no price."""

    async def send(self, request: Request) -> Answer:
        raise AssertionError(request.model)

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        return None


class TestAccess:
    def manifest(self, **changes: object) -> AgentVersion:
        base = {
            "name": "a",
            "version": "1",
            "kind": "pipeline",
            "deadline": "5s",
            "models": {"resolution": {"name": "openai/m-2025-01-01"}},
        }
        return AgentVersion.model_validate({**base, **changes})

    def test_dollars_that_nobody_can_count_are_refused_when_the_agent_is_made(self) -> None:
        manifest = self.manifest(budget={"usd_per_day": 5.0})
        assert manifest.models is not None
        with pytest.raises(ModelUnavailable, match=r"nobody knows what .* costs.*add price"):
            ModelAccess(Silent()).hosted(manifest, "resolution", manifest.models.resolution)

    def test_versions_share_the_breaker_of_their_provider(self) -> None:
        access, manifest = ModelAccess(Silent()), self.manifest()
        assert manifest.models is not None
        made = [
            access.hosted(manifest, role, manifest.models.resolution) for role in ("triage", "resolution")
        ]
        assert made[0].provider is made[1].provider

    def test_without_the_library_the_remedy_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "litellm", None)
        with pytest.raises(ModelUnavailable, match=r"ridealong\[llm\]"):
            LiteLLM()


class TestSettings:
    def test_a_providers_own_settings_come_before_those_of_all(self) -> None:
        told = {
            "RIDEALONG_MODEL_BASE_URL": "http://all",
            "RIDEALONG_MODEL_BASE_URL_AZURE_AI": "http://own",
            "RIDEALONG_MODEL_API_KEY": "sk-1",
            "RIDEALONG_MODEL_CONCURRENCY": "3",
        }
        own = ProviderSettings.of("azure_ai", told)
        assert (own.base_url, own.api_key, own.concurrency) == ("http://own", "sk-1", 3)
        assert ProviderSettings.of("openai", told).base_url == "http://all"
        assert "sk-1" not in repr(own)

    @pytest.mark.parametrize("most", ["0", "-1", "many"])
    def test_a_concurrency_that_is_none_is_refused(self, most: str) -> None:
        with pytest.raises(ValueError, match="CONCURRENCY"):
            ProviderSettings.of("openai", {"RIDEALONG_MODEL_CONCURRENCY": most})


def test_failures_say_what_they_mean() -> None:
    assert Unavailable("x").billed is False
    assert Late("x").billed is None
    assert (Unusable("x").broken, Late("x").broken, Unavailable("x").broken) == (False, True, True)
