"""What can go wrong, as a tree. Each message names the place, the value and the remedy.

RidealongError
├── UsageError            the caller asked for something that cannot be; exit code 2
│   ├── UnknownWorkflow
│   ├── UnknownKey        an access key that is not there, or not yours to see
│   ├── UnknownTicket     a ticket that was never opened here, or not waiting for anybody
│   ├── UnknownApproval   a tool call that never waited for a person
│   └── FolderInUse       another process owns the data folder
├── RecordError           the journal or its view
│   ├── InvalidEvent      an event that cannot be written as it is
│   ├── ConflictingEvent  an event id that is already there with another body
│   ├── JournalCorrupt    bytes that do not verify
│   ├── BackupDamaged     a backup that is not what was written, or was never finished
│   └── QueueFull         more is offered than can be made durable; try again later
├── AccessError           somebody may not do what it asked for
│   ├── NotSignedIn       nobody knows who it is
│   ├── NotAllowed        it has no such permission, or the thing belongs to another tenant
│   └── TooMany           it asked more often than it may
├── BeingCounted          an answer that is still being made; ask again in a few seconds
├── TransitionRefused     a promotion, pause, resume or abort that the ladder does not allow; exit code 1
└── DeskRefused           a word or an act at the desk that what was said or done before does not allow
"""


class RidealongError(Exception):
    """Base of every error that a user can do something about."""


class UsageError(RidealongError):
    pass


class UnknownWorkflow(UsageError):
    pass


class UnknownKey(UsageError):
    pass


class UnknownTicket(UsageError):
    pass


class UnknownApproval(UsageError):
    pass


class FolderInUse(UsageError):
    pass


class RecordError(RidealongError):
    pass


class InvalidEvent(RecordError):
    pass


class ConflictingEvent(RecordError):
    pass


class JournalCorrupt(RecordError):
    pass


class BackupDamaged(RecordError):
    pass


class QueueFull(RecordError):
    pass


class AccessError(RidealongError):
    pass


class NotSignedIn(AccessError):
    pass


class NotAllowed(AccessError):
    pass


class TooMany(AccessError):
    """``wait`` is in seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class BeingCounted(RidealongError):
    pass


class TransitionRefused(RidealongError):
    pass


class DeskRefused(RidealongError):
    pass
