"""Who stands behind a version: manifests, scripts, tools."""

import asyncio
from pathlib import Path

import pytest
from agent_cases import knowledge, ticket, triaged

from agents.contract import Action
from agents.models import ModelUnavailable
from agents.registry import AgentUnavailable, Registry, build
from agents.scripted import Line, ScriptedAgent, ScriptedFailure, lines
from agents.tools import NO_TOOLS, ReadOnly, Tools
from policies.load import load_manifest
from policies.manifest import AgentVersion

SCRIPT = {
    "name": "demo",
    "version": "1.0.0",
    "kind": "scripted",
    "deadline": "10s",
    "script": {
        "reply": "Done.",
        "hands_off": "20%",
        "violates": "5%",
        "fails": "10%",
        "latency": "0s",
        "cost_usd": 0.01,
    },
}
PIPELINE = {
    "name": "resolution",
    "version": "1.0.0",
    "kind": "pipeline",
    "deadline": "10s",
    "models": {"resolution": {"name": "extractive"}},
    "knowledge": {"source": "helpdesk"},
    "thresholds": {"confidence": 0.5, "abstain": 0.4},
}


def manifest(base: dict, **changes) -> AgentVersion:
    return AgentVersion.model_validate({**base, **changes})


def run(agent, number: int = 1):
    return asyncio.run(agent.answer(ticket(ticket_id=f"t-{number}"), triaged(), NO_TOOLS))


class TestRegistry:
    def test_an_agent_is_made_once_when_first_asked_for(self) -> None:
        made = []
        registry = Registry({"a@1": lambda: made.append(1) or ScriptedAgent("a@1", {})})
        assert not made
        assert registry.get("a@1") is registry.get("a@1")
        assert made == [1]

    def test_nothing_changes_under_a_version(self) -> None:
        registry = Registry({"a@1": lambda: ScriptedAgent("a@1", {})})
        with pytest.raises(ValueError, match="new version"):
            registry.register("a@1", lambda: ScriptedAgent("a@1", {}))
        with pytest.raises(ValueError, match="NAME@VERSION"):
            registry.register("a@", lambda: ScriptedAgent("a@", {}))

    def test_an_unknown_version_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(AgentUnavailable, match=r"did you mean agent@1\.2\?"):
            Registry({"agent@1.2": lambda: ScriptedAgent("agent@1.2", {})}).get("agent@1.3")


class TestManifests:
    def test_every_shipped_version_can_be_made_or_says_why_not(self) -> None:
        import policies

        folder = Path(policies.__file__).parent / "agents"
        for path in sorted(folder.glob("*@*.yaml")):
            described = load_manifest(path)
            sources = {described.knowledge.source: knowledge()} if described.knowledge else {}
            agent = build(described, folder, sources={str(name): base for name, base in sources.items()})
            assert agent.version == described.ref

    def test_a_pipeline_answers_from_the_source_bound_to_it_at_its_own_thresholds(self) -> None:
        agent = build(manifest(PIPELINE), Path(), sources={"helpdesk": knowledge()})
        assert run(agent).sources[0].source_id == "reset-password"
        strict = manifest(PIPELINE, thresholds={"confidence": 1.0, "abstain": 0.4})
        assert run(build(strict, Path(), sources={"helpdesk": knowledge()})).reasons == ("low-confidence",)

    def test_knowledge_in_a_folder_beside_the_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "kb").mkdir()
        (tmp_path / "kb" / "a.md").write_text(
            "# Reset the password\n\nOpen the page and reset the password of it."
        )
        agent = build(manifest(PIPELINE, knowledge={"path": "kb"}), tmp_path)
        assert run(agent).sources[0].source_id == "a"

    def test_a_source_that_nobody_bound_is_named(self) -> None:
        with pytest.raises(AgentUnavailable, match="'helpdesk' is not bound"):
            build(manifest(PIPELINE), Path())

    def test_a_hosted_model_without_a_provider_is_refused_with_the_remedy(self) -> None:
        hosted = manifest(PIPELINE, models={"resolution": {"name": "gpt-4o-2024-08-06"}})
        with pytest.raises(ModelUnavailable, match=r"write PROVIDER/MODEL, e\.g\. openai/gpt-4o-2024-08-06"):
            build(hosted, Path(), sources={"helpdesk": knowledge()})

    @pytest.mark.parametrize("factory", ["nowhere.to:be", "agents.tools:nothing"])
    def test_a_python_factory_that_is_not_there(self, factory: str) -> None:
        described = {
            "name": "x",
            "version": "1",
            "kind": "python",
            "deadline": "5s",
            "python": {"factory": factory},
        }
        with pytest.raises(AgentUnavailable, match="cannot be called"):
            build(manifest(described), Path())


class TestScripted:
    def test_shares_are_kept_and_the_same_ticket_gets_the_same_answer(self) -> None:
        script = lines(manifest(SCRIPT).script)

        def line(number: int) -> Line:
            return script(ticket(ticket_id=f"t-{number}"), triaged())

        seen = [line(number) for number in range(4000)]
        assert seen == [line(number) for number in range(4000)]
        failed = sum(one.error is not None for one in seen)
        handed_off = sum(one.reason is not None for one in seen)
        violated = sum(bool(one.violations) for one in seen)
        # Expected 400, 720 and 144; five standard deviations of a binomial either side.
        assert abs(failed - 400) < 95
        assert abs(handed_off - 720) < 122
        assert abs(violated - 144) < 60

    def test_what_a_line_says_is_what_the_agent_does(self) -> None:
        agent = ScriptedAgent(
            "a@1",
            {
                "t-1": Line("Yes.", violations=("rude",)),
                "t-2": Line(reason="bored"),
                "t-3": Line(error="broken"),
            },
        )
        assert (run(agent, 1).text, run(agent, 1).violations) == ("Yes.", ("rude",))
        assert (run(agent, 2).action, run(agent, 2).reasons) == (Action.HAND_OFF, ("bored",))
        with pytest.raises(ScriptedFailure, match="broken"):
            run(agent, 3)

    def test_it_waits_through_the_sleep_it_was_given(self) -> None:
        slept = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        agent = ScriptedAgent("a@1", {"t-1": Line("Yes.", seconds=3.5)}, sleep=sleep)
        assert run(agent).usage.seconds == 3.5
        assert slept == [3.5]


class Recorder:
    """A tool that counts its calls."""

    def __init__(self, name: str, writes: object) -> None:
        self.name, self.writes, self.calls = name, writes, 0

    async def __call__(self, arguments):
        self.calls += 1
        return dict(arguments)


class TestTools:
    @pytest.mark.parametrize("writes", [True, None, 1, "no"])
    def test_a_read_only_set_holds_nothing_that_might_write(self, writes: object) -> None:
        writer, reader = Recorder("credit", writes), Recorder("status", writes=False)
        tools = ReadOnly([writer, reader])
        assert tools.names() == ("status",)
        with pytest.raises(PermissionError, match="credit"):
            asyncio.run(tools.call("credit", {}))
        assert asyncio.run(tools.call("status", {"a": 1})) == {"a": 1}
        assert (writer.calls, reader.calls, tools.refused) == (0, 1, ["credit"])

    def test_two_tools_of_one_name_are_refused(self) -> None:
        with pytest.raises(ValueError, match="'a'"):
            Tools([Recorder("a", writes=False), Recorder("a", writes=False)])
