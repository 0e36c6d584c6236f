"""The roles, what each may do, and what every route and command asks for. One table, with reasons.

What is not in a table is denied, to everybody: a new route works only when somebody has decided here
who may use it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    RELEASE_MANAGER = "release_manager"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    AGENT = "agent"
    ADMIN = "admin"


class Permission(StrEnum):
    ROUTE = "tickets:route"
    HANDLE = "tickets:handle"
    WORK = "queue:work"
    APPROVE = "tools:approve"
    REPORT = "outcomes:report"
    EVALUATE = "flags:evaluate"
    REVIEW = "replies:review"
    READ = "rollouts:read"
    PLAN = "rollouts:plan"
    STOP = "rollouts:stop"
    PROMOTE = "rollouts:promote"
    EXPORT = "record:export"
    INCIDENTS = "incidents:open"
    KEYS = "keys:manage"
    IDENTITY = "identity:read"


class Open(StrEnum):
    """Ways in that ask for no role."""

    ANYBODY = "anybody"
    """Nothing is told that belongs to a tenant."""
    RUN = "run"
    """Only this run's own processes, by the token they share."""
    SIGNED = "signed"
    """Whoever can sign the body; the handler verifies it and finds the tenant by the secret."""


class Grant(NamedTuple):
    """What a role may do, and why."""

    permissions: frozenset[Permission]
    why: str


class Rule(NamedTuple):
    """What a route asks for, and why."""

    needs: Permission | Open
    why: str
    cost: float = 1.0
    """Tokens of the caller's rate that one request takes."""
    of_tenant: bool = True
    """Whether it is about one tenant's data, so that those of no tenant have to name one."""


_SEES: Final = (Permission.READ, Permission.EVALUATE, Permission.IDENTITY)


def _may(why: str, *permissions: Permission) -> Grant:
    return Grant(frozenset({*permissions, Permission.IDENTITY}), why)


GRANTS: Final[Mapping[Role, Grant]] = {
    Role.VIEWER: _may("looks and changes nothing", *_SEES),
    Role.OPERATOR: _may(
        "the desk and its helpdesk: asks where tickets go and reports what became of them",
        *(*_SEES, Permission.ROUTE, Permission.HANDLE, Permission.WORK, Permission.REPORT),
        *(Permission.APPROVE, Permission.INCIDENTS),
    ),
    Role.REVIEWER: _may(
        "judges replies; sees the rollouts that the judgements decide",
        *(*_SEES, Permission.REVIEW, Permission.INCIDENTS),
    ),
    Role.RELEASE_MANAGER: _may(
        "moves versions up and down; does not write the evidence that decides",
        *(*_SEES, Permission.PROMOTE, Permission.STOP, Permission.PLAN, Permission.INCIDENTS),
        Permission.APPROVE,
    ),
    Role.ENGINEER: _may(
        "writes plans and may always take traffic away; somebody else promotes",
        *(*_SEES, Permission.PLAN, Permission.STOP, Permission.INCIDENTS),
    ),
    Role.AUDITOR: _may(
        "reads the whole record of its tenant, refusals included; changes nothing",
        *(*_SEES, Permission.EXPORT),
    ),
    Role.AGENT: _may(
        "an AI agent's own identity: learns where a ticket goes, and can neither report outcomes nor move "
        "a rollout, so that it cannot grade or promote itself",
        *(Permission.ROUTE, Permission.EVALUATE),
    ),
    Role.ADMIN: _may("everything, the keys of others included; every use is recorded", *Permission),
}

RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("POST", "/v1/route"): Rule(Permission.ROUTE, "decides a ticket and records it"),
    ("POST", "/v1/tickets"): Rule(Permission.HANDLE, "has an agent answer a customer", 5.0),
    ("POST", "/v1/outcomes"): Rule(Permission.REPORT, "is the evidence that gates judge by", 2.0),
    ("POST", "/v1/conversations/{ticket_id}/turns"): Rule(
        Permission.HANDLE, "has an agent answer a customer", 5.0
    ),
    ("GET", "/v1/conversations/{ticket_id}"): Rule(
        Permission.HANDLE, "shows what a customer and the desk said", 2.0
    ),
    ("GET", "/v1/queue"): Rule(Permission.WORK, "shows what waits for people, with its texts", 2.0),
    ("POST", "/v1/queue/{ticket_id}/claim"): Rule(Permission.WORK, "says who looks after a ticket", 2.0),
    ("POST", "/v1/queue/{ticket_id}/release"): Rule(Permission.WORK, "says that nobody looks after it", 2.0),
    ("POST", "/v1/queue/{ticket_id}/answer"): Rule(Permission.WORK, "speaks to a customer for the desk", 2.0),
    ("POST", "/v1/queue/{ticket_id}/draft"): Rule(
        Permission.WORK, "speaks to a customer, and is the evidence about drafts", 2.0
    ),
    ("POST", "/v1/queue/{ticket_id}/correction"): Rule(
        Permission.WORK, "says that the machine was wrong", 2.0
    ),
    ("GET", "/v1/approvals"): Rule(Permission.APPROVE, "shows what agents want to change, for whom", 2.0),
    ("POST", "/v1/approvals/{approval_id}/approve"): Rule(
        Permission.APPROVE, "has a tool change something", 5.0
    ),
    ("POST", "/v1/approvals/{approval_id}/deny"): Rule(Permission.APPROVE, "only takes authority away", 2.0),
    ("POST", "/v1/reviews"): Rule(
        Permission.REVIEW, "people's labels decide whether a shadow may go live", 2.0
    ),
    ("GET", "/v1/reviews/next"): Rule(Permission.REVIEW, "shows two replies, not saying whose is whose", 2.0),
    ("GET", "/v1/workflows"): Rule(Permission.READ, "shows every rollout of the tenant", 5.0),
    ("GET", "/v1/workflows/{workflow}"): Rule(Permission.READ, "shows a rollout", 5.0),
    ("GET", "/v1/workflows/{workflow}/gate"): Rule(Permission.READ, "shows the evidence", 10.0),
    ("POST", "/v1/workflows/{workflow}/promote"): Rule(Permission.PROMOTE, "gives an agent traffic", 20.0),
    ("POST", "/v1/workflows/{workflow}/resume"): Rule(Permission.PROMOTE, "lets a rollout climb again", 20.0),
    ("POST", "/v1/workflows/{workflow}/pause"): Rule(Permission.STOP, "only takes authority away", 20.0),
    ("POST", "/v1/workflows/{workflow}/abort"): Rule(Permission.STOP, "only takes traffic away", 20.0),
    ("GET", "/v1/workflows/{workflow}/path"): Rule(
        Permission.READ, "shows how the evidence came about", 10.0
    ),
    ("POST", "/v1/plans/what-if"): Rule(
        Permission.READ, "forecasts on paper; records and moves nothing", 20.0
    ),
    ("POST", "/v1/plans/backtest"): Rule(
        Permission.READ, "holds a plan against what is recorded; records and moves nothing", 20.0
    ),
    ("GET", "/v1/tickets/{ticket_id}/story"): Rule(
        Permission.READ, "tells who decided what of a ticket, without its texts or its customer", 5.0
    ),
    ("GET", "/v1/metrics/overview"): Rule(Permission.READ, "shows the headlines", 10.0),
    ("GET", "/v1/knowledge"): Rule(Permission.READ, "shows what agents do not know", 10.0),
    ("GET", "/v1/quality"): Rule(Permission.READ, "shows how agents work, and drift", 10.0),
    ("GET", "/v1/report"): Rule(Permission.READ, "shows what a week comes to", 20.0),
    ("GET", "/v1/audit"): Rule(Permission.EXPORT, "tells who did what, refusals included", 10.0),
    ("GET", "/v1/usage"): Rule(
        Permission.READ, "shows what was used; everybody's to those of no tenant", 10.0, of_tenant=False
    ),
    ("GET", "/v1/export"): Rule(Permission.EXPORT, "names customers, and who did what", 10.0),
    ("GET", "/v1/incidents"): Rule(Permission.READ, "shows what holds a rollout", 5.0),
    ("POST", "/v1/incidents"): Rule(Permission.INCIDENTS, "only takes authority away", 20.0),
    ("POST", "/v1/incidents/{incident_id}/acknowledge"): Rule(
        Permission.INCIDENTS, "says who looks after it", 20.0
    ),
    ("POST", "/v1/incidents/{incident_id}/grade"): Rule(
        Permission.PROMOTE, "may let a rollout climb again", 20.0
    ),
    ("POST", "/v1/incidents/{incident_id}/close"): Rule(
        Permission.PROMOTE, "lets a rollout climb again", 20.0
    ),
    ("GET", "/v1/me"): Rule(Permission.IDENTITY, "tells a caller who it is", of_tenant=False),
    ("GET", "/v1/keys"): Rule(Permission.KEYS, "tells who has access", 5.0, of_tenant=False),
    ("POST", "/v1/keys"): Rule(Permission.KEYS, "gives access", 20.0, of_tenant=False),
    ("POST", "/v1/keys/{key_id}/revoke"): Rule(Permission.KEYS, "takes access away", 20.0, of_tenant=False),
    ("POST", "/v1/keys/{key_id}/rotate"): Rule(Permission.KEYS, "gives a new secret", 20.0, of_tenant=False),
    ("POST", "/ofrep/v1/evaluate/flags/{key}"): Rule(
        Permission.EVALUATE, "tells where a customer would go; records nothing"
    ),
    ("POST", "/ofrep/v1/evaluate/flags"): Rule(
        Permission.EVALUATE, "tells it for every workflow; records nothing", 2.0
    ),
    ("POST", "/webhooks/generic/{name}"): Rule(Open.SIGNED, "a help desk signs what it reports"),
    ("POST", "/webhooks/zendesk"): Rule(Open.SIGNED, "Zendesk signs what it reports"),
    ("POST", "/webhooks/intercom"): Rule(Open.SIGNED, "Intercom signs what it reports"),
    ("POST", "/internal/transitions"): Rule(Open.RUN, "the controller's decisions"),
    ("GET", "/"): Rule(Open.ANYBODY, "says where the doors are"),
    ("GET", "/openapi.json"): Rule(Open.ANYBODY, "describes the doors"),
    ("GET", "/healthz"): Rule(Open.ANYBODY, "says that the process lives"),
    ("GET", "/readyz"): Rule(Open.ANYBODY, "says ready or not; the checks only to who may read rollouts"),
    ("GET", "/metrics"): Rule(
        Permission.READ, "counts the tenant's decisions; all tenants' for those of none", of_tenant=False
    ),
}
"""By method and path as the door registers it; an action of a workflow stands by its own name."""

COMMANDS: Final[Mapping[str, Rule]] = {
    "start": Rule(Permission.PLAN, "puts a plan in force"),
    "promote": Rule(Permission.PROMOTE, "gives an agent traffic"),
    "resume": Rule(Permission.PROMOTE, "lets a rollout climb again"),
    "readmit": Rule(Permission.PROMOTE, "lets a version back in that was taken out"),
    "pause": Rule(Permission.STOP, "only takes authority away"),
    "abort": Rule(Permission.STOP, "only takes traffic away"),
    "incident open": Rule(Permission.INCIDENTS, "only takes authority away"),
    "incident acknowledge": Rule(Permission.INCIDENTS, "says who looks after it"),
    "incident grade": Rule(Permission.PROMOTE, "may let a rollout climb again"),
    "incident close": Rule(Permission.PROMOTE, "lets a rollout climb again"),
}
"""Commands that move a rollout, in a folder that has keys and no server."""


def rule_of(method: str, path: str) -> Rule | None:
    """What a route asks for; None where nobody has decided, which denies it to everybody."""
    return RULES.get((method, path))


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that somebody with these roles may do."""
    return frozenset().union(*(GRANTS[role].permissions for role in roles))
