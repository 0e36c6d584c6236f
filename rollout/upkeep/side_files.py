"""The files beside the record: each sound, damaged or behind, with the next step."""

from collections.abc import Iterator

from rollout.record.reader import JournalReader
from rollout.upkeep.findings import LAG, Level, Patient, Told


def desk_list(patient: Patient) -> Iterator[Told]:
    """The list of what waits for people, held against the journal."""
    from rollout.queue.register import NAME
    from rollout.upkeep.desk_list import examined

    path = patient.data / NAME
    if not path.exists():
        yield Level.OK, "there is none yet; it is made from the journal when somebody asks", None
        return
    head = JournalReader(patient.journal).head().seq
    found = examined(patient.data)
    if found.problem is not None:
        remedy = f"stop the server, delete {path}, start it: the list is made anew from the journal"
        yield Level.FAIL, found.problem, remedy
        return
    lag = head - found.seq
    said = f"as the journal says, up to record {found.seq:,} of {head:,}"
    behind = f"{said}: {lag:,} behind"
    remedy = "it follows by itself while a server runs; what it says in its log keeps it from it"
    yield (Level.WARN, behind, remedy) if lag > LAG else (Level.OK, said, None)


def kept_answers(patient: Patient) -> Iterator[Told]:
    """The answers by idempotency key, every one held against its seal."""
    from rollout.api import kept_file

    path = patient.data / kept_file.NAME
    if not path.exists():
        yield Level.OK, "no request has come with an idempotency key yet", None
        return
    found = kept_file.examined(path)
    if found.problem is not None:
        remedy = "restart the server; docs/operations.md, 'The idempotency keys are damaged'"
        yield Level.FAIL, found.problem, remedy
    else:
        yield Level.OK, f"{found.rows:,} answers are what was written", None
