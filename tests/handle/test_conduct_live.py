"""What a host adds to a reply that a machine sends, and what it keeps of one that was not sent."""

import asyncio
import json
from typing import Any

from agent_cases import NOW, ticket, triaged, turns

from agents.contract import Action, Reply
from agents.tools import NO_TOOLS
from rollout.clock import SimulatedClock
from rollout.handle.assist import propose
from rollout.handle.attempt import defect
from rollout.handle.human import InMemoryDesk
from rollout.handle.live import HAND_OFF_MESSAGE, Handling, Live

NOTICE = "You are talking to a machine."
TRACE: tuple[dict[str, Any], ...] = ({"step": "conduct", "digest": "d" * 64, "violations": []},)


class Says:
    version = "a@1"

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def answer(self, *_: Any) -> Reply:
        return self._reply


def handled(reply: Reply, **changes: Any) -> Handling:
    live = Live(InMemoryDesk(), SimulatedClock(NOW), deadline=5)
    return asyncio.run(live.handle(Says(reply), ticket(**changes), triaged(), NO_TOOLS, lambda _: None))


def test_the_notice_goes_before_the_first_words_of_a_machine_and_not_twice() -> None:
    reply = Reply(Action.REPLY, text="Hello.", notices=(NOTICE,))
    assert handled(reply).message == f"{NOTICE}\n\nHello."
    again = Reply(Action.REPLY, text=f"Hi. {NOTICE.upper()}", notices=(NOTICE,))
    assert handled(again).message == again.text
    assert handled(reply, turns=turns("hi", "hello", "more")).message == "Hello."


def test_a_person_who_sends_a_draft_is_no_machine() -> None:
    reply = Reply(Action.REPLY, text="Hello.", notices=(NOTICE,))
    made = asyncio.run(propose(Says(reply), ticket(), triaged(), NO_TOOLS, deadline=5))
    assert made.text == "Hello."


def test_the_policys_words_stand_for_the_usual_ones_at_a_hand_off() -> None:
    assert handled(Reply(Action.HAND_OFF, reasons=("x",), meanwhile="At once.")).message == "At once."
    assert handled(Reply(Action.HAND_OFF, reasons=("x",))).message == HAND_OFF_MESSAGE


def test_the_record_names_the_policy_and_the_trace_is_kept() -> None:
    done = handled(Reply(Action.REPLY, text="Hello.", trace=TRACE))
    assert done.handled.conduct == "d" * 64
    assert json.loads(done.texts()["trace"]) == list(TRACE)
    assert handled(Reply(Action.REPLY, text="Hello.")).handled.conduct is None


def test_what_was_withheld_is_kept_without_what_identifies_people() -> None:
    done = handled(Reply(Action.REPLY, text="I'm just an AI, ask jane.doe@example.org"))
    assert done.message == HAND_OFF_MESSAGE
    assert "jane" not in done.texts()["withheld"]
    assert "I'm just an AI" in done.texts()["withheld"]


def test_notices_of_the_wrong_type_are_no_reply() -> None:
    assert defect(Reply(Action.REPLY, text="x", notices=(1,))) is not None  # type: ignore[arg-type]
    assert defect(Reply(Action.REPLY, text="x", meanwhile=None)) is not None  # type: ignore[arg-type]
