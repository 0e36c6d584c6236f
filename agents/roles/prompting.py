"""What a hosted model is told: the desk's instructions on one side, everything from outside on the other.

The material is one JSON object, so that no customer and no article can write their way out of it: a
quotation mark in a text stays a quotation mark in a text.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from agents.contract import Source, Ticket, Triage, Turn
from agents.pii import Vault
from policies.digest import PROMPTS

_LONGEST_TEXT: Final = 12_000
"""Characters of one message; of a longer one both ends, people write before and after the log they paste."""
_MOST_TURNS: Final = 20


@cache
def built_in(role: str) -> str:
    """The prompt that comes with the product; its file is part of the digest of versions that use it."""
    return (PROMPTS / f"{role}.md").read_text(encoding="utf-8")


def messages(
    instructions: str, output: type[BaseModel], material: Mapping[str, Any], acting: str = ""
) -> Sequence[Mapping[str, str]]:
    """The two messages of a call: rules, task and form; then the material.

    ``acting`` are the rules for tools, where there are any.
    """
    form = json.dumps(output.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
    parts = (instructions, built_in("common"), acting, f"JSON schema of the form:\n{form}")
    system = "\n\n".join(part.strip() for part in parts if part)
    user = json.dumps(material, ensure_ascii=False, indent=1)
    return ({"role": "system", "content": system}, {"role": "user", "content": user})


def conversation(ticket: Ticket, vault: Vault) -> Sequence[Mapping[str, str]]:
    """What was said, oldest first, without what identifies anybody."""
    opening = [Turn("customer", text, ticket.opened_at) for text in (ticket.subject, ticket.text) if text]
    kept = [*opening, *ticket.turns[-_MOST_TURNS:]]
    for turn in kept:  # somebody may sign only at the end
        vault.learn(_ends(turn.text))
    return [{"author": turn.author, "text": vault.redact(_ends(turn.text))} for turn in kept]


def passages(sources: Sequence[Source]) -> Sequence[Mapping[str, Any]]:
    """Passages as a model cites them: by id."""
    return [
        {
            "id": source.source_id,
            "title": source.title,
            "text": source.passage,
            "url": source.url,
            "age_days": None if source.age_days is None else round(source.age_days),
            "stale": source.stale,
        }
        for source in sources
    ]


def reading(ticket: Ticket, triage: Triage) -> Mapping[str, Any]:
    """What is known of the ticket. The customer's id is nobody's business but ours."""
    return {
        "category": triage.category,
        "urgency": triage.urgency,
        "sentiment": triage.sentiment,
        "complexity": triage.complexity,
        "signals": list(triage.signals),
        "tier": ticket.tier,
        "channel": ticket.channel,
    }


def _ends(text: str) -> str:
    half = _LONGEST_TEXT // 2
    return text if len(text) <= _LONGEST_TEXT else f"{text[:half]}\n[…]\n{text[-half:]}"
