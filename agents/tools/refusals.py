"""Why a call came to nothing. Each carries a machine code and never a text of the conversation.

ToolRefused           it may not; a PermissionError, as every toolset raises
└── ApprovalNeeded    a person has to agree first
ToolFailed            it was tried, and nothing has changed
OutcomeUnknown        it was tried, and nobody knows what it did: it is never tried again by itself
"""

from typing import Final

UNKNOWN_TOOL: Final = "unknown-tool"
NOT_GRANTED: Final = "not-granted"
DENIED: Final = "denied"
WRITES_OFF: Final = "writes-off"
ARGUMENTS: Final = "arguments"
OTHER_CUSTOMER: Final = "other-customer"
OVER_LIMIT: Final = "over-limit"
TOO_MANY_CALLS: Final = "too-many-calls"
APPROVAL: Final = "tool-approval-needed"
APPROVAL_DENIED: Final = "approval-denied"
APPROVAL_EXPIRED: Final = "approval-expired"
UNKNOWN: Final = "tool-outcome-unknown"


class ToolRefused(PermissionError):
    """A call that is not made. ``reason`` is one of the codes above, ``detail`` says it in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class ApprovalNeeded(ToolRefused):
    """A call that waits for a person. The agent goes on without it."""

    def __init__(self, approval_id: str, detail: str) -> None:
        super().__init__(APPROVAL, detail)
        self.approval_id = approval_id


class ToolFailed(RuntimeError):
    """A call that was made and changed nothing."""


class OutcomeUnknown(RuntimeError):
    """A call that may have changed something."""
