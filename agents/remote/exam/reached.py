"""Is somebody there, and do they speak the contract?"""

from typing import Final

from agents.remote import contract
from agents.remote.exam.probe import Check, Exchange, Finding, Probe, Status, judged, passed, shown

FORM: Final = (
    "answer with status 200 and one JSON object: contract, turn_id, action, and of a reply text, confidence "
    "and sources, of a hand-off reasons (docs/http-agent.md)"
)
_FIRST: Final = "the agent has to answer a plain question before anything else can be tried"


async def answers(probe: Probe) -> Finding:
    seen = await probe.ask()
    if seen.status == 200:
        return passed(f"status 200 after {seen.seconds:.2f} s")
    if 300 <= seen.status < 400:
        return Finding(
            Status.FAIL, f"status {seen.status}", "give the final address: redirects are not followed"
        )
    if seen.status in (401, 403):
        fix = "check that both sides hold the same secret, and that it signs SECONDS.BODY over the raw body"
        return Finding(Status.FAIL, f"status {seen.status} for a well signed request", fix)
    return Finding(Status.FAIL, seen.told(), _FIRST)


async def is_json(probe: Probe) -> Finding:
    seen = _first(probe)
    kind = seen.headers.get("content-type", "")
    if shown(seen.body) is None:
        return Finding(Status.FAIL, "the body is no JSON", FORM)
    if kind.split(";")[0].strip().lower() != "application/json":
        fix = "send Content-Type: application/json"
        return Finding(Status.WARN, f"content type {kind or 'missing'!r}", fix)
    return passed("application/json")


async def is_of_the_form(probe: Probe) -> Finding:
    answer, trouble = judged(_first(probe), FORM)
    if answer is None:
        return trouble
    return passed(f"{answer.action}, {len(answer.sources)} sources, confidence {_told(answer.confidence)}")


async def says_how_sure_it_is(probe: Probe) -> Finding:
    answer, trouble = judged(_first(probe), FORM)
    if answer is None:
        return trouble
    if answer.action == "reply" and answer.confidence is None:
        fix = (
            "send confidence, 0 to 1; what has none, or less than the manifest's threshold, goes to a person"
        )
        return Finding(Status.WARN, "a reply without a confidence would never be sent", fix)
    return passed(f"confidence {_told(answer.confidence)}")


async def names_its_sources(probe: Probe) -> Finding:
    answer, trouble = judged(_first(probe), FORM)
    if answer is None:
        return trouble
    if answer.action == "reply" and not answer.sources:
        fix = "send the passages as sources: prices, dates and links that stand in none of them are held back"
        return Finding(Status.WARN, "a reply without a source", fix)
    if any(one.relevance == 0 for one in answer.sources):
        fix = "send each source's relevance, 0 to 1; without it billing and legal topics go to people"
        return Finding(Status.WARN, "a source without a relevance", fix)
    return passed(f"{len(answer.sources)} sources")


async def ignores_what_it_does_not_know(probe: Probe) -> Finding:
    content = probe.request()
    content["something_new"] = {"nested": [1, 2, 3]}
    content["ticket"] = {**content["ticket"], "something_new": "x"}
    fix = "read the fields you know and leave the others alone: later versions of Ridealong send more"
    answer, trouble = judged(await probe.send(content), fix)
    return trouble if answer is None else passed("unknown fields of the request were ignored")


async def refuses_another_contract(probe: Probe) -> Finding:
    content = {**probe.request(), "contract": "ridealong-agent/999"}
    seen = await probe.send(content)
    if 400 <= seen.status < 500:
        return passed(f"status {seen.status}")
    fix = "answer 400 where 'contract' is none that you know, rather than guess what was meant"
    return Finding(Status.WARN, f"{seen.told()} to a request of {contract.CONTRACT[:-1]}999", fix)


async def refuses_garbage(probe: Probe) -> Finding:
    seen = await probe.send(b'{"contract": "ridealong-agent/1", "ticket": ')
    text = seen.body.decode("utf-8", "replace")
    if "Traceback (most recent call last)" in text or "\tat java." in text:
        return Finding(
            Status.FAIL, "the answer shows a stack trace", "turn off debug mode; answer 400 in a few words"
        )
    if 400 <= seen.status < 500:
        return passed(f"status {seen.status}")
    fix = "answer 400 to a body that is no JSON"
    return Finding(Status.WARN, f"{seen.told()} to half a JSON document", fix)


def _first(probe: Probe) -> Exchange:
    return probe.seen[0]


def _told(confidence: float | None) -> str:
    return "not given" if confidence is None else f"{confidence:.2f}"


CHECKS: Final = (
    Check("answers", "a plain question gets an answer", answers),
    Check("json", "the answer is JSON and says so", is_json),
    Check("form", "the answer is of the contract's form", is_of_the_form),
    Check("confidence", "a reply says how sure it is", says_how_sure_it_is),
    Check("sources", "a reply names what it rests on", names_its_sources),
    Check("unknown-fields", "unknown fields of a request are ignored", ignores_what_it_does_not_know),
    Check("other-contract", "a contract it does not know is refused", refuses_another_contract),
    Check("garbage", "what is no JSON is refused without showing its insides", refuses_garbage),
)
