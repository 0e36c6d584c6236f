"""What a judge is shown: a request and two replies to it."""

from dataclasses import dataclass

HANDED_OVER = "(No answer: the ticket was passed to a person.)"


@dataclass(frozen=True, slots=True)
class Answered:
    """One side's reply; an empty ``text`` with ``escalated`` is a hand-off."""

    text: str
    escalated: bool = False

    def shown(self) -> str:
        """The text, with the hand-off where there was one."""
        if not self.text.strip():
            return HANDED_OVER
        return f"{self.text}\n{HANDED_OVER}" if self.escalated else self.text


@dataclass(frozen=True, slots=True)
class Pair:
    """An agent's reply and a person's, to the same words of a customer."""

    ticket_id: str
    question: str
    """Subject and text of the ticket."""
    agent: Answered
    human: Answered
    passages: tuple[str, ...] = ()
    """Of articles that bear on it."""
    tenant: str = "default"
    version: str = ""
    """Of the agent, for the record; a judge is not told."""
