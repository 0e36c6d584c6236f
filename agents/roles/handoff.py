"""The hand-off role: what a human gets, short enough to be read before the customer gives up.

Six parts and at most 200 words together, enforced here and not asked of a model. Read top to bottom,
the first action and the tone come first: 200 words take most people close to a minute.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from agents.contract import Packet, Source, Ticket, Triage
from agents.roles.triage import read_sentiment
from agents.text import normalise, sentences
from policies.vocabulary import Sentiment

MAX_WORDS: Final = 200
FIRST_WORDS: Final = 80
"""The first action and the tone stand within this many words of the rendered packet."""

_LIMITS: Final[Mapping[str, int]] = {
    "next_step": 30,
    "tone": 20,
    "customer": 28,
    "issue": 56,
    "tried": 30,
    "knowledge": 30,
}
"""Words of each part, in reading order; with one word of label each they add up to 200."""
_LONGEST_WORD: Final = 60

_NEXT_STEPS: Final[Mapping[str, str]] = {
    "safety-concern": "Contact the customer now and follow the safety procedure.",
    "security-concern": "Secure the account first, then answer; verify who is asking.",
    "legal-language-detected": "Do not discuss liability; pass to the legal contact before replying.",
    "regulatory-reference": "Log the request with its date; deadlines may apply.",
    "asked-for-human": "Take over by name and say that a person has read the request.",
    "sensitive-topic": "Take over at once; the policy keeps this topic with people.",
    "billing-specialist": "Settle the dispute; the amount is above what others may decide.",
    "grave-conduct-breach": "Answer it yourself; what the agent wrote must not be sent.",
    "reply-broke-a-rule": "Write the answer yourself; the agent's broke a rule of conduct.",
    "kept-by-routes": "Answer it personally: the route table keeps tickets like this with people.",
    "uncalibrated-triage": "Read it closely: it is urgent and the triage could not tell what it takes.",
    "tier-policy": "Handle personally: this tier and topic are kept with people.",
    "sentiment-degradation": "Acknowledge what went wrong before anything else, then solve it.",
    "max-turns-reached": "Read the turns and give one complete answer.",
    "tool-outcome-unknown": "Look up what the last call did before anything else; do not repeat it blindly.",
    "tool-approval-needed": "Decide on the call that waits among the approvals, then tell the customer.",
    "other-customer": "Answer it yourself; the agent asked for somebody else's data.",
    "too-many-calls": "Answer it yourself; the agent called tools without coming to an end.",
    "language-unsupported": "Answer in the customer's language, or find somebody who can.",
    "low-retrieval-confidence-sensitive-topic": "Check the policy itself; the knowledge base is thin here.",
    "low-retrieval-confidence": "Answer from experience; the knowledge base has nothing close. Note the gap.",
    "model-unavailable": "Answer from the articles below; the model could not be reached.",
    "model-refused": "Answer from the articles below; the model took no requests.",
    "model-deadline": "Answer from the articles below; the model was too slow.",
    "budget-exhausted": "Answer from the articles below; the model's budget is used up.",
    "another-model-answered": "Answer from the articles below; a model nobody examined had answered.",
    "unusable-model-output": "Answer from the articles below; the model's answer could not be used.",
    "triage-found-more": "Read it closely: a second reading found it graver than it looks.",
    "model-handed-over": "Answer from experience; the articles did not suffice for an answer.",
    "low-confidence": "Check the articles below against the question before using them.",
}
_DEGRADED: Final = "sentiment-degradation"
_TONES: Final[Mapping[Sentiment, str]] = {
    Sentiment.ANGRY: "Angry. Apologise once, plainly; no templates, say what happens next and when.",
    Sentiment.FRUSTRATED: "Frustrated. Acknowledge the effort already made; be concrete.",
    Sentiment.NEUTRAL: "Neutral. Direct and friendly.",
    Sentiment.POSITIVE: "Friendly. Keep it warm and brief.",
}


def packet(
    ticket: Ticket,
    triage: Triage,
    *,
    reasons: Sequence[str],
    sources: Sequence[Source] = (),
    tried: Sequence[str] = (),
) -> Packet:
    """The six parts for whoever takes over. Every part has something to say, an empty one would be a riddle.

    Args:
        ticket: the conversation so far.
        triage: its reading.
        reasons: why it is handed off, most severe first; the first decides the next step.
        sources: what was retrieved; stale and undated ones are marked.
        tried: what was done so far and why it did not suffice, in words.

    """
    leading = reasons[0] if reasons else ""
    answers = sum(turn.author == "agent" for turn in ticket.turns)
    before = [f"The agent answered {answers} times before."] if answers else []
    spoken = [f"No answer was given: {', '.join(reasons)}."] if reasons else []
    return Packet(
        customer=_clip("customer", _customer(ticket, triage)),
        issue=_clip("issue", _issue(ticket)),
        tried=_clip("tried", " ".join([*before, *tried, *spoken]) or "Nothing yet."),
        knowledge=_clip("knowledge", "; ".join(map(_cite, sources)) or "Nothing relevant found."),
        next_step=_clip("next_step", _NEXT_STEPS.get(leading, "Read the request and answer it personally.")),
        tone=_clip("tone", _TONES[_mood(ticket, triage, reasons)]),
    )


def clipped(packet: Packet) -> Packet:
    """The packet with every part cut to its words, whoever wrote it."""
    return Packet(**{part: _clip(part, normalise(getattr(packet, part))) for part in _LIMITS})


def render(packet: Packet) -> str:
    """The packet as bullets, in reading order: what to do, in which tone, then why."""
    return "\n".join(f"- {part.replace('_', '-')}: {getattr(packet, part)}" for part in _LIMITS)


def word_count(packet: Packet) -> int:
    """Words a reader meets: those of the six parts and their labels."""
    return sum(1 + len(getattr(packet, part).split()) for part in _LIMITS)


def _customer(ticket: Ticket, triage: Triage) -> str:
    before = sum(turn.author == "customer" for turn in ticket.turns)
    facts = [
        f"{ticket.customer_id}, tier {ticket.tier or 'unknown'}",
        f"{triage.category}, urgency {triage.urgency}, {triage.complexity}",
        f"{before} earlier messages in this conversation" if before else "first message",
        f"language {ticket.language}" if ticket.language else "",
    ]
    return "; ".join(fact for fact in facts if fact) + "."


def _mood(ticket: Ticket, triage: Triage, reasons: Sequence[str]) -> Sentiment:
    """How the customer sounds now: in the newest message, and no better than why it is handed over."""
    said = [turn.text for turn in ticket.turns if turn.author == "customer"]
    newest = read_sentiment(said[-1]) if said else triage.sentiment
    calm = newest in (Sentiment.NEUTRAL, Sentiment.POSITIVE)
    return Sentiment.FRUSTRATED if calm and _DEGRADED in reasons else newest


def _issue(ticket: Ticket) -> str:
    said = [turn.text for turn in ticket.turns if turn.author == "customer"]
    newest = normalise(said[-1] if said else ticket.text)
    quoted = " ".join(sentences(newest)) or "(no text)"
    return f'{normalise(ticket.subject)}: "{quoted}"' if ticket.subject.strip() else f'"{quoted}"'


def _cite(source: Source) -> str:
    age = "age unknown" if source.age_days is None else f"{source.age_days:.0f} days old"
    return f"{source.title} ({source.relevance:.2f}, {age}{', STALE' if source.stale else ''})"


def _clip(part: str, text: str) -> str:
    """At most the part's words, none of them longer than a line; what was cut shows as an ellipsis."""
    words = [word if len(word) <= _LONGEST_WORD else word[:_LONGEST_WORD] + "…" for word in text.split()]
    limit = _LIMITS[part]
    return " ".join(words) if len(words) <= limit else " ".join(words[:limit]) + "…"
