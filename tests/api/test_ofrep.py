"""What the flags say is what the router does, about this customer, for this caller; and leaves no trace."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contract import Ticket
from agents.roles.triage import triage
from policies.plan import Eligibility
from policies.vocabulary import Mode
from rollout.access.principal import Method, Principal
from rollout.access.roles import Role
from rollout.api.admit import Caller
from rollout.api.flags import Facet, Flag, find, flags_of
from rollout.api.ofrep import ATTRIBUTES, entity_tag
from rollout.assign.assigner import Assigner
from rollout.assign.bucket import bucket
from rollout.ladder import actions
from rollout.ladder.state import TrackName
from rollout.ladder.transition import Order

CONTRACT = json.loads((Path(__file__).parents[1] / "data" / "ofrep-contract.json").read_text())
ALL = "/ofrep/v1/evaluate/flags"
EASY = {"complexity": "simple", "urgency": "normal", "category": "billing"}
LIVE: dict[str, Any] = {
    "mode": Mode.LIVE,
    "weight": Decimal(50),
    "holdout": Decimal(10),
    "eligibility": {"complexity": ("simple",)},
}


@cache
def schema_of(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": CONTRACT["schemas"]})


def keeps_to_the_contract(answer: httpx.Response, template: str) -> None:
    """Every answer here is also held to the protocol's own description."""
    name = CONTRACT["paths"][template].get(str(answer.status_code), "")
    assert name != "", f"{answer.status_code} is no answer of the protocol"
    if name is None:
        assert answer.content == b""
        return
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    schema_of(name).validate(body)
    for flag in body.get("flags", [body]) if answer.status_code == 200 else []:
        assert flag["reason"] in CONTRACT["reasons"]
        assert type(flag["value"]) in (str, bool)
        assert flag["variant"]


def post(world: Any, path: str, body: Any, **options: Any) -> httpx.Response:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    headers = {"content-type": "application/json"} | options.pop("headers", {})
    answer = world.http.post(path, **sent, headers=headers, **options)
    keeps_to_the_contract(answer, ALL if path == ALL else f"{ALL}/{{key}}")
    return answer


def one(world: Any, ending: str = "", unit: str = "c-1", **context: Any) -> dict[str, Any]:
    """A flag of the plan's workflow."""
    key = world.plan.workflow + ending
    answer = post(world, f"{ALL}/{key}", {"context": {"targetingKey": unit} | context})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["key"] == key
    return found


def bulk(world: Any, tag: str | None = None, query: Any = None, **context: Any) -> httpx.Response:
    headers = {} if tag is None else {"if-none-match": tag}
    return post(
        world, ALL, {"context": {"targetingKey": "c-1"} | context}, headers=headers, params=query or {}
    )


def in_force(world: Any, **shares: Any) -> None:
    """Another split, by the way every split comes into force: a recorded transition."""

    def change(plan: Any, state: Any) -> Any:
        noted = actions.pause(plan, state, TrackName.LADDER, Order("ada", "look", world.clock.now()))
        return replace(noted, state=replace(state, shares=replace(state.shares, **shares)))

    world.standings.change("default", world.plan.workflow, change)


def unit_where(world: Any, wanted: Callable[[dict[str, Any]], bool], **context: Any) -> str:
    units = (f"c-{number}" for number in itertools.count())
    return next(unit for unit in units if wanted(one(world, unit=unit, **context)))


printable = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=60)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "complexity": st.sampled_from(["simple", "moderate", "complex", "unknown"]),
        "urgency": st.sampled_from(["critical", "high", "normal", "low"]),
        "category": st.sampled_from(["billing", "technical", "refunds of our own"]),
        "tier": st.sampled_from(["gold", "basic"]),
        "channel": st.sampled_from(["chat", "email"]),
        "language": st.sampled_from(["en", "de", "pt-BR"]),
        "region": st.sampled_from(["eu", "us"]),
        "a key of somebody else": st.integers() | st.lists(st.booleans(), max_size=2),
    },
)
splits = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(Mode),
        "weight": st.sampled_from([Decimal(text) for text in ("0", "0.5", "33.33", "90")]),
        "holdout": st.sampled_from([Decimal(0), Decimal(10)]),
        "canary": st.just("billing@2"),
        "canary_weight": st.sampled_from([Decimal(0), Decimal(40)]),
        "eligibility": st.sampled_from(
            [{}, {"complexity": ("simple", "moderate")}, {"tier": ("gold",), "language": ("en",)}]
        ),
    }
)


@pytest.fixture(scope="module")
def asked(refusing: Any) -> Any:
    """A world for the whole file, whose split tests may change."""
    in_force(refusing, **LIVE)
    return refusing


@settings(max_examples=30)
@given(split=splits, customers=st.lists(st.tuples(printable, contexts), min_size=1, max_size=4))
def test_a_flag_is_the_decision_of_the_assigner_and_of_nothing_else(
    asked: Any, split: dict[str, Any], customers: list[tuple[str, dict[str, Any]]]
) -> None:
    in_force(asked, **split)
    assigner = Assigner(asked.router.split("default", asked.plan.workflow))
    for unit, context in customers:
        known = {key: value for key, value in context.items() if key in ATTRIBUTES}
        read = triage(Ticket("any", unit, asked.clock.now(), "default", asked.plan.workflow, **known))
        attributes = known | {key: getattr(read, key) for key in ("complexity", "urgency", "category")}
        expected = assigner.assign("any", unit, attributes, asked.clock.now())
        told = one(asked, unit=unit, **context)
        assert told["value"] == told["metadata"]["arm"] == expected.arm
        assert told["metadata"]["bucket"] == str(bucket(assigner.split.salt, unit)) == str(expected.bucket)
        assert told["metadata"]["reason"] == expected.reason
        assert told["metadata"].get("version") == expected.version
        assert one(asked, ".version", unit, **context)["value"] == (expected.version or "")
        answers = expected.arm in ("agent", "canary") and split["mode"] is Mode.LIVE
        assert one(asked, ".agent", unit, **context)["value"] is answers


@pytest.mark.parametrize("key", ATTRIBUTES)
def test_each_attribute_that_a_plan_can_admit_by_is_read(asked: Any, key: str) -> None:
    words = {"complexity": ("simple", "complex"), "urgency": ("low", "critical")}.get(key, ("a", "b"))
    in_force(asked, **LIVE | {"eligibility": {key: words[:1]}})
    eligible = [one(asked, **{key: word})["metadata"]["eligible"] for word in words]
    assert eligible == [True, False]


def test_the_attributes_are_those_that_plans_admit_by() -> None:
    assert set(ATTRIBUTES) == set(Eligibility.model_fields)


def test_a_ticket_goes_where_the_flag_said(world: Any) -> None:
    in_force(world, **LIVE, canary="billing@2", canary_weight=Decimal(50))
    arms = set()
    for number in range(40):
        told = one(world, unit=f"c-{number}", **EASY)
        routed = world.http.post("/v1/route", json=world.ticket(number, **EASY)).json()
        common = told["metadata"].keys() & routed.keys()
        assert {key: told["metadata"][key] for key in common} == {key: routed[key] for key in common}
        assert told["value"] == routed["arm"]
        arms.add(routed["arm"])
    assert arms == {"human", "agent", "canary"}


def test_an_evaluation_is_no_exposure_and_leaves_no_trace(world: Any) -> None:
    in_force(world, **LIVE)
    before = world.folder.journal.head()
    for number in range(30):
        one(world, unit=f"c-{number}", **EASY)
        bulk(world, targetingKey=f"c-{number}", ticket_id=f"t-{number}", **EASY)
    assert world.folder.journal.head() == before
    assert world.http.get("/metrics").text.count("ridealong_decisions_total{") == 0


def test_more_weight_never_takes_a_customer_from_the_agent(world: Any) -> None:
    served: set[str] = set()
    for weight in (5, 25, 60, 90):
        in_force(world, **LIVE | {"weight": Decimal(weight)})
        now = {unit for unit in map(str, range(30)) if one(world, ".agent", unit, **EASY)["value"]}
        assert served <= now
        served = now
    assert served


def test_a_ticket_that_was_routed_keeps_its_assignment(world: Any) -> None:
    in_force(world, **LIVE)
    unit = unit_where(world, lambda flag: flag["value"] == "agent", **EASY)
    ticket = world.ticket(1, customer_id=unit, **EASY)
    routed = world.http.post("/v1/route", json=ticket).json()
    in_force(world, weight=Decimal(0))
    kept = one(world, unit=unit, ticket_id="t-1", **EASY)
    assert (kept["value"], kept["reason"], kept["metadata"]["recorded"]) == ("agent", "SPLIT", True)
    assert kept["metadata"]["position"] == routed["position"]
    fresh = one(world, unit=unit, ticket_id="t-unknown", **EASY)
    assert (fresh["value"], fresh["reason"], fresh["metadata"]["recorded"]) == ("human", "DISABLED", False)
    in_bulk = {flag["key"]: flag for flag in bulk(world, targetingKey=unit, ticket_id="t-1").json()["flags"]}
    assert in_bulk[world.plan.workflow] == kept


def test_a_ticket_of_another_customer_tells_nothing(world: Any) -> None:
    world.http.post("/v1/route", json=world.ticket(1))
    for path in (ALL, f"{ALL}/{world.plan.workflow}"):
        answer = post(world, path, {"context": {"targetingKey": "c-2", "ticket_id": "t-1"}})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_CONTEXT")
        assert "c-1" not in answer.text


def test_a_conversation_whose_version_was_withdrawn_is_a_humans(world: Any) -> None:
    in_force(world, **LIVE, open_conversations="release")
    unit = unit_where(world, lambda flag: flag["value"] == "agent", **EASY)
    world.http.post("/v1/route", json=world.ticket(1, customer_id=unit, **EASY))
    assert one(world, unit=unit, ticket_id="t-1")["value"] == "agent"
    plan = world.plan
    released = plan.model_copy(update={"open_conversations": "release"})
    order = Order("ada", "stop", world.clock.now())
    world.standings.change(
        "default",
        plan.workflow,
        lambda _, state: actions.abort(released, state, TrackName.LADDER, order),
    )
    told = one(world, unit=unit, ticket_id="t-1")
    assert (told["value"], told["reason"]) == ("human", "DISABLED")
    assert (told["metadata"]["reason"], told["metadata"]["recorded"]) == ("RELEASED", True)
    assert one(world, ".agent", unit, ticket_id="t-1")["value"] is False
    assert one(world, ".version", unit, ticket_id="t-1")["value"] == ""


@pytest.mark.parametrize(
    ("shares", "context", "ours", "standard"),
    [
        ({"mode": Mode.SHADOW}, EASY, {"SHADOW"}, "STATIC"),
        ({"holdout": Decimal(0)}, EASY | {"complexity": "complex"}, {"NOT_ELIGIBLE"}, "TARGETING_MATCH"),
        ({}, EASY, {"SPLIT"}, "SPLIT"),
        ({}, EASY, {"HOLDOUT"}, "SPLIT"),
        (
            {"weight": Decimal(90), "canary": "b@2", "canary_weight": Decimal(100)},
            EASY,
            {"CANARY_SPLIT"},
            "SPLIT",
        ),
        ({"weight": Decimal(0)}, EASY, {"SPLIT", "HOLDOUT"}, "DISABLED"),
    ],
    ids=["shadow", "not-eligible", "split", "held-out", "canary", "no-share"],
)
def test_each_of_our_reasons_has_a_standard_one(
    world: Any, shares: Any, context: Any, ours: set[str], standard: str
) -> None:
    in_force(world, **LIVE | shares)
    unit = unit_where(world, lambda flag: flag["metadata"]["reason"] in ours, **context)
    told = one(world, unit=unit, **context)
    assert told["reason"] == standard
    if told["metadata"]["reason"] == "NOT_ELIGIBLE":
        assert "complexity is complex" in told["metadata"]["detail"]


def test_without_a_safe_state_it_is_a_human_by_default(world: Any) -> None:
    world.router._positions.clear()
    told = one(world, **EASY)
    assert (told["value"], told["reason"]) == ("human", "DEFAULT")
    assert told["metadata"]["reason"] == "NO_SAFE_STATE"
    assert one(world, ".agent", **EASY)["value"] is False


def test_who_drafts_for_a_person_does_not_answer_the_customer(world: Any) -> None:
    in_force(world, **LIVE | {"mode": Mode.ASSIST, "weight": Decimal(90), "holdout": Decimal(0)})
    unit = unit_where(world, lambda flag: flag["value"] == "agent", **EASY)
    assert one(world, unit=unit, **EASY)["metadata"]["mode"] == "assist"
    assert one(world, ".agent", unit, **EASY)["value"] is False
    assert one(world, ".version", unit, **EASY)["value"] == world.plan.agent


def test_an_order_is_seen_by_the_next_evaluation(world: Any) -> None:
    in_force(world, **LIVE)
    unit = unit_where(world, lambda flag: flag["value"] == "agent", **EASY)
    tag = bulk(world, targetingKey=unit, **EASY).headers["etag"]
    assert world.order("abort").status_code == 200
    assert one(world, unit=unit, **EASY)["reason"] == "DISABLED"
    assert bulk(world, tag, targetingKey=unit, **EASY).status_code == 200


NOT_EVALUATED: list[tuple[Any, str]] = [
    (b"", "PARSE_ERROR"),
    (b"{", "PARSE_ERROR"),
    (b'{"context": {"targetingKey": "c", "x": NaN}}', "PARSE_ERROR"),
    (b'{"context": {"targetingKey": "\\ud800"}}', "PARSE_ERROR"),
    (b"[" * 5000, "PARSE_ERROR"),
    ([], "PARSE_ERROR"),
    ({}, "TARGETING_KEY_MISSING"),
    ({"context": None}, "TARGETING_KEY_MISSING"),
    ({"context": {}}, "TARGETING_KEY_MISSING"),
    ({"context": {"targetingKey": ""}}, "TARGETING_KEY_MISSING"),
    ({"context": {"targetingKey": None}}, "TARGETING_KEY_MISSING"),
    ({"context": {"targeting_key": "c"}}, "TARGETING_KEY_MISSING"),
    ({"context": []}, "INVALID_CONTEXT"),
    ({"context": "c"}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": 7}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c\n"}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c" * 201}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c", "complexity": "easy"}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c", "urgency": 1}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c", "tier": True}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c", "region": ["eu"]}}, "INVALID_CONTEXT"),
    ({"context": {"targetingKey": "c", "ticket_id": 12}}, "INVALID_CONTEXT"),
]


@pytest.mark.parametrize(("body", "code"), NOT_EVALUATED)
def test_what_cannot_be_evaluated_says_why_and_never_guesses(asked: Any, body: Any, code: str) -> None:
    for path in (ALL, f"{ALL}/{asked.plan.workflow}"):
        answer = post(asked, path, body)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
        assert answer.json()["errorDetails"]


def test_the_message_names_the_key_of_the_context_and_not_its_value(asked: Any) -> None:
    body = {"context": {"targetingKey": "c", "tier": {"name": "a secret"}}}
    answer = post(asked, f"{ALL}/{asked.plan.workflow}", body).json()
    assert answer["errorDetails"].startswith("context.tier: ")
    assert "secret" not in answer["errorDetails"]


@pytest.mark.parametrize(
    "key", ["nope", "nope.agent", "tier1-support.weight", "tier1-support.", ".agent", "%00"]
)
def test_a_flag_that_is_not_there_is_not_found(asked: Any, key: str) -> None:
    answer = post(asked, f"{ALL}/{key}", {"context": {"targetingKey": "c"}})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


def test_where_nothing_was_started_there_are_no_flags(empty_world: Any) -> None:
    assert bulk(empty_world).json() == {"flags": []}
    answer = post(empty_world, f"{ALL}/{empty_world.plan.workflow}", {"context": {"targetingKey": "c"}})
    assert answer.status_code == 404


def test_another_tenants_flags_are_not_there(world: Any) -> None:
    query = {"tenant": "globex"}
    assert bulk(world, query=query).json() == {"flags": []}
    path = f"{ALL}/{world.plan.workflow}"
    answer = post(world, path, {"context": {"targetingKey": "c"}}, params=query)
    assert answer.json()["errorCode"] == "FLAG_NOT_FOUND"


def test_the_answer_to_all_is_the_answer_to_each(world: Any) -> None:
    in_force(world, **LIVE)
    answer = bulk(world, **EASY)
    assert [flag["key"] for flag in answer.json()["flags"]] == [
        world.plan.workflow + ending for ending in ("", ".agent", ".version")
    ]
    for flag in answer.json()["flags"]:
        assert flag == one(world, flag["key"].removeprefix(world.plan.workflow), **EASY)
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"].lower() == "authorization"


def test_who_has_the_answer_is_not_sent_it_again(world: Any) -> None:
    tag = bulk(world, **EASY).headers["etag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}'):
        again = bulk(world, held, **dict(reversed(EASY.items())))
        assert (again.status_code, again.headers["etag"]) == (304, tag)
    for held in ('"other"', "*", "", tag.strip('"')):
        assert bulk(world, held, **EASY).status_code == 200


def test_a_tag_holds_for_one_context_as_a_whole(world: Any) -> None:
    """Also in keys that no flag reads: a cache may not know which those are."""
    contexts: list[dict[str, Any]] = [
        {},
        EASY,
        {"targetingKey": "c-2"},
        {"ticket_id": "t-1"},
        {"plan": "gold"},
        {"plan": "basic"},
        {"plan": {"name": "gold"}},
        {"targetingKey": "c-2", "plan": "gold"},
        *({key: "complex" if key == "complexity" else "low"} for key in ATTRIBUTES if key != "complexity"),
    ]
    tags = [bulk(world, **context).headers["etag"] for context in contexts]
    assert len(set(tags)) == len(tags)


def test_a_tag_ends_with_the_configuration_it_was_made_under(world: Any) -> None:
    tag = bulk(world, **EASY).headers["etag"]
    in_force(world)  # the same shares, but another position
    changed = bulk(world, tag, **EASY)
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


def test_a_tag_ends_when_its_ticket_is_routed(world: Any) -> None:
    tag = bulk(world, ticket_id="t-1").headers["etag"]
    assert bulk(world, tag, ticket_id="t-1").status_code == 304
    world.http.post("/v1/route", json=world.ticket(1))
    assert bulk(world, tag, ticket_id="t-1").status_code == 200


def test_a_tag_is_of_one_tenant_and_one_set_of_roles() -> None:
    callers = [
        Caller(Principal("key:1", None, frozenset(roles), Method.KEY), tenant, "POST " + ALL)
        for tenant in ("acme", "globex")
        for roles in ([Role.AGENT], [Role.VIEWER], [Role.AGENT, Role.VIEWER])
    ]
    tags = {entity_tag(caller, {"targetingKey": "c"}, b"{}") for caller in callers}
    assert len(tags) == len(callers)
    twin = Caller(Principal("key:2", "acme", frozenset([Role.AGENT]), Method.KEY), "acme", "POST " + ALL)
    assert entity_tag(twin, {"targetingKey": "c"}, b"{}") in tags


def test_a_workflows_own_name_wins_over_what_an_ending_makes_of_another() -> None:
    workflows = {"billing", "billing.agent"}
    assert find("billing.agent", workflows) == Flag("billing.agent", Facet.ARM)
    assert find("billing.agent.agent", workflows) == Flag("billing.agent", Facet.AGENT)
    assert [flag.key for flag in flags_of("billing", workflows)] == ["billing", "billing.version"]


@given(st.sets(st.from_regex(r"[a-b]{1,2}(\.(agent|version)){0,3}", fullmatch=True), max_size=8))
def test_every_flag_is_found_by_its_key_and_by_no_other(workflows: set[str]) -> None:
    flags = [flag for workflow in workflows for flag in flags_of(workflow, workflows)]
    assert all(find(flag.key, workflows) == flag for flag in flags)
    assert len({flag.key for flag in flags}) == len(flags)
    assert {flag.key for flag in flags} >= workflows
