"""A hosted model and the tools of its run: rounds of calls, then an answer, all within one deadline.

The model asks and the session calls. What came of a call goes back as JSON in a message of its own, so
that nothing in it can pass for an instruction of ours.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
import re2
from pydantic import BaseModel

from agents.models.exchange import NO_OFFER, Message, Offer, ToolCall
from agents.models.failure import CallsNoEnd, Unusable
from agents.models.hosted import HostedModel
from agents.models.run import Run
from agents.tools.session import Made, Session

Output = TypeVar("Output", bound=BaseModel)
_LONGEST_ECHO: Final = 4_000
"""Characters of arguments that a model is reminded of; nobody's schema takes more."""
_LONGEST_GARBAGE: Final = 2_000
_NAME: Final = re2.compile(r"^[A-Za-z0-9_-]{1,64}$")
"""What every provider takes for the name of a function."""
_NO_NAME: Final = "unknown"


async def answered(
    model: HostedModel, run: Run, session: Session, told: Sequence[Message], output: type[Output]
) -> Output | None:
    """What the model answers after the calls it wanted; ``None`` where they left something to a person.

    Args:
        model: which is asked, every round anew: each has its place in the budget and in the trace.
        run: whose deadline all rounds share.
        session: through which calls are made.
        told: the conversation so far, redacted.
        output: what the answer has to be.

    Raises:
        ModelFailure: no answer that can be used; ``CallsNoEnd`` where it only wants more calls.

    """
    spoken: list[Message] = list(told)
    while True:
        said = await model.turn(run, spoken, output, _offer(session, named=len(spoken) > len(told)))
        if not isinstance(said, tuple):
            return said
        more = session.left > 0
        session.rounds += 1
        spoken.append(_asked(said))
        for call in said:
            made = await session.call(call.name, _arguments(call))
            if session.reasons:
                return None
            spoken.append(_came_of(call, session, made))
        if not session.named:
            raise Unusable("it calls tools, and was offered none")
        if not more:
            raise CallsNoEnd("it goes on calling tools where it has to answer")


def _offer(session: Session, *, named: bool) -> Offer:
    """The tools of the run as functions; told without leave where earlier messages name them."""
    if session.left > 0:
        return Offer(_functions(session))
    return Offer(_functions(session), standing=False) if named else NO_OFFER


def _functions(session: Session) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool["name"],
                "description": tool.get("description", ""),
                "parameters": tool.get("arguments", {"type": "object"}),
            },
        }
        for tool in session.named
    ]


def _arguments(call: ToolCall) -> object:
    """The arguments as JSON; of what is none a piece of the text, which every gate refuses."""
    try:
        return orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return ascii(call.arguments[:_LONGEST_GARBAGE])


def _asked(calls: Sequence[ToolCall]) -> Message:
    """The model's own message again. Providers check it, so what none of them takes is left out."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call.call_id,
                "type": "function",
                "function": {
                    "name": call.name if _NAME.match(call.name) else _NO_NAME,
                    "arguments": _echoed(call),
                },
            }
            for call in calls
        ],
    }


def _echoed(call: ToolCall) -> str:
    sound = len(call.arguments) <= _LONGEST_ECHO and isinstance(_arguments(call), dict)
    return call.arguments if sound else "{}"


def _came_of(call: ToolCall, session: Session, made: Made) -> Message:
    content = json.dumps(session.shown(made), ensure_ascii=False, default=str)
    return {"role": "tool", "tool_call_id": call.call_id, "content": content}
