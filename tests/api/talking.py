"""A ticket and its conversation, with a scripted agent at the other end."""

from collections.abc import Callable
from typing import Any

from agents.contract import Ticket
from agents.roles.triage import detect
from agents.scripted import Line, ScriptedAgent
from policies.plan import Plan, plan_from_json, plan_to_json
from rollout.api.desk import Desk
from rollout.api.inputs import ROUTE
from rollout.conversations.answering import Terms
from rollout.conversations.book import Word
from rollout.ticketing import TicketDesk

VERSION = "resolution@1.2.0"


def only(plan: Plan, mode: str) -> Plan:
    """The plan with one step that gives every customer to the agent, and to nobody after an abort."""
    whole = plan_to_json(plan) | {"holdout": "0", "canary": None}
    step = {"name": mode, "mode": mode, "set_weight": "100", "min_duration": "14d"}
    return plan_from_json(whole | {"steps": [step], "freeze": [], "open_conversations": "release"})


def echo(ticket: Ticket, _: Any = None) -> Line:
    """Says what it was asked, and hands off where the customer asks for a person."""
    newest = [turn.text for turn in ticket.turns if turn.author == "customer"][-1:] or [ticket.text]
    if "asks-for-human" in detect(newest[0]):
        return Line(reason="asked-for-human")
    return Line(f"Thank you. You wrote: {newest[0]}")


class Talk:
    """One ticket of a world whose agent is scripted."""

    def __init__(
        self,
        world: Any,
        line: Callable[..., Line] = echo,
        max_turns: int = 100,
        most: int = 64,
        seconds: float = 5.0,
    ) -> None:
        self.world = world
        self.seconds = seconds
        self.made = self.desk_of(lambda _: ScriptedAgent(VERSION, line), max_turns, most)

    def desk_of(self, agent_of: Callable[[str], Any], max_turns: int = 100, most: int = 64) -> TicketDesk:
        """A ticket desk over the world as it is, with an agent of one's own."""
        made = TicketDesk(
            Desk(self.world.router, self.world.folder.journal),
            self.world.folder.journal,
            self.world.folder.content,
            agent_of,
            self.world.clock,
            terms=Terms(lambda _: self.seconds, lambda _: max_turns),
            most=most,
        )
        made.heed(self.world.door.queue)
        self.world.door.tickets = made
        return made

    async def open(self, number: int = 1, text: str = "Where is my invoice?") -> Any:
        """Have a ticket opened and answered, as the door does."""
        return await self.made.handle(self.ticket(number, text))

    def ticket(self, number: int, text: str = "Where is my invoice?") -> Ticket:
        """A ticket as the door reads it."""
        body = self.world.ticket(number, text=text)
        return ROUTE.validate_python(body, strict=False).ticket("default")

    async def say(self, turn_id: str, text: str = "And now?", author: Any = "customer") -> Any:
        _, said, given = await self.made.turn("default", "t-1", Word(turn_id, author, text, "ada"))
        return said, given

    async def thread(self) -> Any:
        return await self.made.book.thread("default", "t-1")

    def post(self, turn_id: str, text: str = "And now?", author: str = "customer", **more: Any) -> Any:
        body = {"turn_id": turn_id, "author": author, "text": text} | more
        return self.world.http.post("/v1/conversations/t-1/turns", json=body)

    def desk(self, what: str, ticket: str = "t-1", **body: Any) -> Any:
        """What a person asks for at the desk."""
        return self.world.http.post(f"/v1/queue/{ticket}/{what}", json={"actor": "ada"} | body)

    def queue(self, **asked: Any) -> list[dict[str, Any]]:
        answer = self.world.http.get("/v1/queue", params=asked)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def told(self) -> dict[str, Any]:
        return dict(self.world.http.get("/v1/conversations/t-1").json())

    def records(self, kind: str) -> list[Any]:
        return [record for record in self.world.folder.journal.read() if record.kind == kind]
