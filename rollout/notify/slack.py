"""Messages for Slack's incoming webhooks, in which nothing that anybody wrote can act.

Mentions, links, channels and emoji are made of a few characters, and Slack also makes links of bare
domains. Texts stand in ``plain_text`` objects, where markup is not read, and an invisible break after
each of these characters keeps the rest from being found.
"""

import re
import unicodedata
from typing import Any, Final

from rollout.notify.notice import Notice

_BREAK: Final = "\u200b"
_ACTIVE: Final = re.compile(r"([.:@#/!|])(?=\S)")
_LOOKALIKES: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆", "*": "∗", "_": "＿", "~": "∼", "`": "ˋ"})
_LONGEST: Final = 280
_MOST_REASONS: Final = 3


def inert(text: object, longest: int = _LONGEST) -> str:
    """A text with nothing in it that Slack would act on, on one line."""
    shown = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", str(text))
        # Control and format characters reorder or hide text; nobody needs them in a message.
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    shown = " ".join(shown.split())
    if len(shown) > longest:
        shown = shown[: longest - 1] + "…"
    return _ACTIVE.sub(rf"\1{_BREAK}", shown.translate(_LOOKALIKES))


def slack(notice: Notice) -> dict[str, Any]:
    """``{"text", "blocks"}``: the text is what notifications show."""
    title, lines = _told(notice)
    workflow = inert(notice.record.workflow or "all workflows", 64)
    return {
        "text": f"{title} · {workflow}: {inert(lines[0])}",
        "blocks": [
            {"type": "header", "text": _plain(f"{title} · {workflow}")},
            *({"type": "section", "text": _plain(inert(line))} for line in lines),
            {"type": "context", "elements": [_plain(_where(notice))]},
        ],
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _where(notice: Notice) -> str:
    record = notice.record
    moment = f"{record.occurred_at:%Y-%m-%d %H:%M} UTC"
    return f"{moment} · record {record.seq} · {inert(record.tenant, 64)} · {inert(record.actor, 80)}"


def _told(notice: Notice) -> tuple[str, list[str]]:
    """A title of our own words, and lines of anybody's."""
    data = notice.data
    if notice.event == "handoff":
        queue = f" for {data['queue']}" if data.get("queue") else ""
        lines = [f"ticket {data['ticket_id']}{queue}: {data['reason']}"]
        return "Hand-off", lines + ([f"“{data['subject']}”"] if data.get("subject") else [])
    if notice.event == "verdict":
        reasons = list(data.get("reasons") or [])[:_MOST_REASONS]
        return f"Verdict {data['decision']}", [f"{data['step']}: {data['reason']}", *reasons]
    if notice.event == "transition":
        return "Rollout", [f"{data['action']} ({data['track']}): {data['sentence']}"]
    if notice.event == "incident":
        what = data.get("title") or data.get("reason") or ""
        version = f" ({data['version']})" if data.get("version") else ""
        line = f"{data['incident_id']}{version}, {data['action']}: {what}"
        return f"Incident, severity {data['severity']}", [line]
    return "Ridealong", [str(data.get("message", notice.event))]
