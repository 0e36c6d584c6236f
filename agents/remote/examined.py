"""The same last look at another's text that our own get: conduct, made-up specifics, leaks, language."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from agents.checks import validator
from agents.checks.conduct import Conduct, Context
from agents.checks.language import speaks
from agents.checks.leaks import leaks
from agents.checks.results import grounds_of
from agents.checks.violations import Outcome
from agents.contract import Source, Ticket
from agents.text import normalise

BLOCKED: Final = "reply-broke-a-rule"
WRONG_LANGUAGE: Final = "wrong-language"
LEAK: Final = "potential_pii_leakage"


class Verdict(NamedTuple):
    reasons: tuple[str, ...]
    """Why a person has to answer; none where the text may go."""
    violations: tuple[str, ...]
    """Codes of the rules it breaks, for the record."""
    text: str
    """What may be sent; empty where nothing may."""
    trace: Mapping[str, Any]
    """Rules and places, nobody's text."""


def examine(
    text: str,
    ticket: Ticket,
    sources: Sequence[Source],
    language: str,
    conduct: Conduct | None,
    results: Sequence[Mapping[str, Any]] = (),
) -> Verdict:
    """Examine a reply by a conduct policy, or by the common checks where there is none.

    What it may rest on are the conversation, what our tools answered to it, and the passages its agent says
    it used: those are taken on its word, so a made-up passage can carry a made-up price. People's reviews
    are what finds that.

    Args:
        text: for the customer, placeholders restored.
        ticket: with everything that was said.
        sources: what the agent names.
        language: primary subtag the reply has to be in.
        conduct: of the version's policy.
        results: of this answer's tool calls.

    """
    said = [ticket.subject, ticket.text, *(turn.text for turn in ticket.turns)]
    known = [f"{one.title}\n{one.passage}\n{one.url or ''}" for one in sources]
    looked_up = grounds_of(results)
    if not speaks(text, language):
        return Verdict((WRONG_LANGUAGE,), (), "", {"step": "examined", "outcome": WRONG_LANGUAGE})
    if conduct is None:
        grounds = [*said, *known, *looked_up]
        violations = validator.validate(text, grounds)
        if any(True for _ in leaks(normalise(text), grounds)):
            violations = (*violations, LEAK)
        outcome = Outcome.BLOCK if violations else Outcome.SEND
        trace: Mapping[str, Any] = {"step": "examined", "outcome": outcome.value}
    else:
        context = Context(tuple(said), tuple(known), looked_up, language=language)
        # Nobody rewrites for us, so what would be rewritten is left to a person.
        examined = conduct.examine(text, context, again=True)
        outcome, violations, trace = examined.outcome, examined.codes, examined.trace()
        text = examined.text
    if outcome in (Outcome.SEND, Outcome.REDACT):
        return Verdict((), (), text, trace)
    return Verdict((BLOCKED,), violations, "", trace)
