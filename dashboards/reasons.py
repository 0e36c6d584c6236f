"""Why an agent did not answer, in words: the codes on record are for machines."""

from typing import Final

from dashboards import format as fmt

REASONS: Final = {
    "safety-concern": "Somebody's safety may be at stake",
    "security-concern": "An account or data may be in danger",
    "legal-language-detected": "The customer speaks of lawyers or courts",
    "regulatory-reference": "The customer refers to a law or an authority",
    "human-arm": "The ticket is a person's from the start",
    "asked-for-human": "The customer asked for a person",
    "sensitive-topic": "The topic is kept with people",
    "grave-conduct-breach": "What the agent would have said breaks a grave rule",
    "billing-specialist": "It takes a specialist for bills",
    "tier-policy": "Customers of this tier are served by people in such matters",
    "sentiment-degradation": "The customer's mood got worse during the conversation",
    "max-turns-reached": "The agent has replied as often as it may",
    "language-unsupported": "The agent does not know the language well enough",
    "uncalibrated-triage": "It seems urgent, and could not be read for certain",
    "low-retrieval-confidence-sensitive-topic": "A sensitive topic, and nothing in the articles fits well",
    "low-retrieval-confidence": "Nothing in the articles fits well",
    "low-confidence": "The agent was not sure enough of its answer",
    "model-unavailable": "The model could not be reached",
    "model-refused": "The model took no requests",
    "model-deadline": "The model was too slow",
    "model-handed-over": "The model itself wants a person to answer",
    "budget-exhausted": "The budget for the model is used up",
    "another-model-answered": "Another model than the examined one answered",
    "unusable-model-output": "What the model wrote could not be used",
    "triage-found-more": "A second reading found it graver than it looked",
    "reply-broke-a-rule": "What the agent would have said breaks a rule",
    "kept-by-routes": "The route table keeps such tickets with people",
    "version-released": "The agent version was taken out of service",
    "agent-failed": "The agent failed",
    "too-many-calls": "The agent called tools without coming to an end",
    "other-customer": "The agent asked for somebody else's data",
    "tool-outcome-unknown": "Nobody knows what a tool call did",
    "tool-approval-needed": "A tool call waits for a person's word",
    "draft-rejected": "A person rejected the agent's draft",
    "customer-replied": "The customer has written again",
    "specialist-needed": "It takes a specialist",
}
SEVERITY: Final = ("Grave", "Serious", "Usual")
"""By the queue's number: 0 is a hard trigger or critical."""


def in_words(code: str) -> str:
    """A reason as people say it; codes nobody has put into words are spelt out."""
    return REASONS.get(code, fmt.words(code))


def severity(number: int) -> str:
    return SEVERITY[min(max(number, 0), len(SEVERITY) - 1)]
