"""The rows about knowledge, quality and the audit trail, as the dashboard reads them; see ``rows``."""

from typing import Literal, TypedDict


class GapRow(TypedDict):
    """Tickets of one category that show one kind of gap; ``usd`` None where no wage is known."""

    category: str
    kind: Literal["withheld", "unsure", "unanswered"]
    mode: Literal["live", "shadow"]
    tickets: int
    usd: float | None
    minutes: float | None
    examples: list[str]


class ArticleRow(TypedDict):
    """An article in use; ``exact`` says whether its age is known or only how old it can be."""

    article: str
    replies: int
    handed_off: int
    newest: str
    age_days: float | None
    exact: bool
    examples: list[str]


class KnowledgeRow(TypedDict):
    workflow: str
    as_of: str
    since: str | None
    gaps: list[GapRow]
    articles: list[ArticleRow]
    stale: list[ArticleRow]
    stale_days: int
    unsure_below: float
    sentence: str
    sql: dict[str, str]


class BrokenRow(TypedDict):
    """How often one version broke one rule from ``at`` on, of ``replies`` it gave."""

    at: str
    version: str
    mode: str
    rule: str
    n: int
    replies: int
    examples: list[str]


class LatencyRow(TypedDict):
    version: str
    mode: str
    n: int
    p50: float
    p95: float
    p99: float


class CostDayRow(TypedDict):
    at: str
    version: str
    replies: int
    usd: float | None
    unknown: int


class BrokenRows(TypedDict):
    rows: list[BrokenRow]
    sentence: str
    sql: str


class LatencyRows(TypedDict):
    rows: list[LatencyRow]
    sentence: str
    sql: str


class CostRows(TypedDict):
    rows: list[CostDayRow]
    sentence: str
    sql: str


class ShareRow(TypedDict):
    value: str
    then: float
    now: float


class MixRow(TypedDict):
    dimension: str
    psi: float
    by_chance: float
    drifted: bool
    shares: list[ShareRow]


class ChangeRow(TypedDict):
    """A change of quality taken apart: ``now - then == mix + quality``."""

    metric: str
    title: str
    unit: str
    arm: str
    n: int
    then: float
    now: float
    mix: float
    quality: float
    lower: float
    upper: float
    covered: float


class DriftRow(TypedDict):
    before: str
    since: str
    mix: list[MixRow]
    quality: list[ChangeRow]
    sentence: str
    sql: str


class QualityRow(TypedDict):
    workflow: str
    as_of: str
    since: str | None
    violations: BrokenRows
    latency: LatencyRows
    cost: CostRows
    drift: DriftRow | None


class DeedRow(TypedDict):
    seq: int
    at: str
    kind: str
    actor: str | None
    workflow: str | None
    action: str
    about: str
    detail: str
    count: int


class RefusalRow(TypedDict):
    route: str
    code: str
    n: int
    newest: str


class VerifiedRow(TypedDict):
    """What a look at the newest records of the chain found."""

    at: str
    sound: bool
    fault: str | None
    whole: bool
    records: int
    first: int
    head: int
    hash: str


class AuditRow(TypedDict):
    known: list[str]
    """What the rows may be narrowed to."""
    rows: list[DeedRow]
    refusals: list[RefusalRow]
    since: str
    verified: VerifiedRow
