"""What pages read, kept for a few seconds, and for one viewer only."""

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, cast

import streamlit as st

from dashboards.client import Client
from dashboards.desk_rows import ApprovalRow, ConversationRow, ItemRow, NextPairRow
from dashboards.quality_rows import AuditRow, KnowledgeRow, QualityRow
from dashboards.record_rows import StoryRow
from dashboards.rows import DeskRow, GateRow, IncidentRow, MeRow, Overview, PathRow, WhatIfRow

_SECONDS: Final = 5


@st.cache_data(ttl=_SECONDS, max_entries=256, show_spinner=False, hash_funcs={Client: attrgetter("identity")})
def _kept(client: Client, question: str, *asked: Any) -> Any:
    return getattr(client, question)(*asked)


class Reads:
    """The API's answers to one viewer. Raises ``ApiProblem``; a refusal is never kept."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def me(self) -> MeRow:
        return cast("MeRow", _kept(self.client, "me"))

    def workflows(self) -> list[DeskRow]:
        return cast("list[DeskRow]", _kept(self.client, "workflows"))

    def gate(self, name: str, track: str = "ladder") -> GateRow:
        return cast("GateRow", _kept(self.client, "gate", name, track))

    def path(self, name: str, track: str = "ladder") -> PathRow:
        return cast("PathRow", _kept(self.client, "path", name, track))

    def overview(self, name: str, period: str, filters: Mapping[str, str] | None = None) -> Overview:
        return cast("Overview", _kept(self.client, "overview", name, period, dict(filters or {})))

    def incidents(self, name: str = "") -> list[IncidentRow]:
        return cast("list[IncidentRow]", _kept(self.client, "incidents", name))

    def queue(self, name: str, state: str) -> list[ItemRow]:
        return cast("list[ItemRow]", _kept(self.client, "queue", name, state))

    def conversation(self, ticket_id: str) -> ConversationRow:
        return cast("ConversationRow", _kept(self.client, "conversation", ticket_id))

    def approvals(self, name: str) -> list[ApprovalRow]:
        return cast("list[ApprovalRow]", _kept(self.client, "approvals", name))

    def next_pair(self, name: str, actor: str | None) -> NextPairRow:
        return cast("NextPairRow", _kept(self.client, "next_pair", name, actor))

    def knowledge(self, name: str, period: str) -> KnowledgeRow:
        return cast("KnowledgeRow", _kept(self.client, "knowledge", name, period))

    def quality(self, name: str, period: str) -> QualityRow:
        return cast("QualityRow", _kept(self.client, "quality", name, period))

    def audit(self, what: str) -> AuditRow:
        return cast("AuditRow", _kept(self.client, "audit", what))

    def story(self, ticket_id: str) -> StoryRow:
        return cast("StoryRow", _kept(self.client, "story", ticket_id))

    def figures(self) -> str:
        return cast("str", _kept(self.client, "figures"))

    def what_if(self, name: str, changes: str) -> WhatIfRow:
        """``changes`` as JSON text."""
        return cast("WhatIfRow", _kept(self.client, "what_if", name, json.loads(changes)))
