"""A check-up of a data folder: what is fine, what needs attention, what is broken, and what to do.

Takes no lock but to see whether somebody has it, and changes nothing that is recorded.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Final

from policies.plan import plan_from_json
from policies.problems import PolicyInvalid
from rollout.access import key_file, sign_in
from rollout.errors import JournalCorrupt, RidealongError
from rollout.record.audit import verify
from rollout.record.folder import RESTORING, DataFolder
from rollout.record.reader import JournalReader, durable_seq
from rollout.record.segments import lines, parsed
from rollout.records import Kind
from rollout.upkeep.findings import LAG as _LAG
from rollout.upkeep.findings import Finding, Level, Patient, Told
from rollout.upkeep.side_files import desk_list, kept_answers
from rollout.webhooks import settings as webhooks

_MIB: Final = 1 << 20
_LOW_DISK: Final = 1024 * _MIB
_NO_DISK: Final = 128 * _MIB
_LOW_MEMORY: Final = 1024 * _MIB
_CLOCKS_APART: Final = timedelta(seconds=5)
"""How far ahead a record may be: two machines' clocks are never the same."""
_KEY_ENDS: Final = timedelta(days=14)


def examine(patient: Patient) -> list[Finding]:
    """Run every check; one that cannot be carried out fails by itself and stops no other."""
    findings = []
    for name, check in _CHECKS.items():
        try:
            findings += [Finding(name, *told) for told in check(patient)]
        except (RidealongError, PolicyInvalid, OSError, ValueError) as error:
            findings.append(Finding(name, Level.FAIL, str(error), "mend what it says and run this again"))
    return findings


def _folder(patient: Patient) -> Iterator[Told]:
    data = patient.data
    if (data / RESTORING).exists():
        yield Level.FAIL, "a restore into it was interrupted", f"ridealong restore BACKUP --data {data}"
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield Level.FAIL, "this user cannot write there", f"chown -R the user that serves {data}"
        return
    loose = [path.name for path in (data, data / key_file.FOLDER) if path.exists() and _for_others(path)]
    if loose:
        yield Level.WARN, f"{', '.join(loose)} can be read by everybody", f"chmod -R o-rwx {data}"
    else:
        yield Level.OK, "readable and writable by its owner, closed to others", None


def _for_others(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o007)


def _disk(patient: Patient) -> Iterator[Told]:
    free = shutil.disk_usage(patient.data).free
    said = f"{free // _MIB:,} MiB free"
    level = Level.FAIL if free < _NO_DISK else Level.WARN if free < _LOW_DISK else Level.OK
    yield level, said, None if level is Level.OK else "make room; a full disk refuses tickets, it loses none"


def _temporary(_: Patient) -> Iterator[Told]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
        file.flush()
    yield Level.OK, f"{tempfile.gettempdir()} can be written", None


def _engine(_: Patient) -> Iterator[Told]:
    engine = version("duckdb")
    has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    said = f"DuckDB {engine}, {has // _MIB:,} MiB of memory"
    if has < _LOW_MEMORY:
        yield Level.WARN, said, "give the analyst 1 GiB; the view spills to disk with less"
    else:
        yield Level.OK, said, None


def _chain(patient: Patient) -> Iterator[Told]:
    audit = verify(patient.data, texts=False, progress=patient.progress)
    if audit.faults:
        yield Level.FAIL, audit.faults[0], "docs/operations.md, 'A flipped byte in the journal'"
    else:
        yield Level.OK, f"{audit.records:,} records verify; head {audit.head.seq} {audit.head.hash}", None


def _clock(patient: Patient) -> Iterator[Told]:
    head, now = JournalReader(patient.journal).head(), patient.clock.now()
    if not head.seq:
        yield Level.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC; nothing is recorded yet", None
        return
    (newest,) = islice(JournalReader(patient.journal).read(head.seq - 1), 1)
    ahead = newest.recorded_at - now
    if ahead > _CLOCKS_APART:
        yield (
            Level.FAIL,
            f"record {head.seq} was written {ahead} in the future: a clock is or was wrong",
            "set the clock (NTP) before serving: gates wait until time has caught up",
        )
    else:
        yield Level.OK, f"{now:%Y-%m-%d %H:%M:%S} UTC; the newest record is from before", None


def holder_of(lock: Path) -> dict[str, Any] | None:
    """Who holds a lock: what it says of itself, empty where it says nothing; None where nobody does."""
    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                try:
                    return dict(json.loads(file.read(4096)))
                except (ValueError, TypeError):
                    return {}
    except FileNotFoundError:
        pass
    return None


def _holder(patient: Patient) -> Iterator[Told]:
    about = holder_of(patient.data / "owner.lock")
    if about is None:
        yield Level.OK, "nobody has the folder", None
        return
    said = f"`{about.get('holder', '?')}` has it (process {about.get('pid', '?')})"
    url = about.get("url")
    status = _readiness(url) if url else None
    if url and status != "ready":
        yield (
            Level.FAIL,
            f"{said}; {url}/readyz says {status or 'nothing'}",
            "look at its messages; restart it",
        )
    else:
        yield Level.OK, f"{said}; {url}/readyz says ready" if url else said, None


def _readiness(url: str) -> str | None:
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=3.0) as http:
            return str(http.get(f"{url}/readyz").json().get("status"))
    except (httpx.HTTPError, ValueError):
        return None


def _view(patient: Patient) -> Iterator[Told]:
    data, head = patient.data, JournalReader(patient.journal).head().seq
    if holder_of(data / "view.lock") is not None:
        yield Level.OK, "in use by a running process; its lag is `view_lag_records` at /metrics", None
        return
    if not (data / "view.duckdb").exists():
        yield Level.WARN, "there is none yet", f"it is built when it is needed, or by `{_rebuild(data)}`"
        return
    from rollout.record.view import View

    try:
        # Not by the folder's own way of opening it, which builds a damaged one anew: this only looks.
        with (
            DataFolder.open(data, holder="ridealong doctor", parts=("view",), create=False),
            View(data / "view.duckdb") as view,
        ):
            position = view.position
    except JournalCorrupt:
        raise
    except Exception as error:  # noqa: BLE001 - DuckDB has many ways to say that a file is none
        yield Level.FAIL, f"it cannot be opened: {str(error).splitlines()[0]}", _rebuild(data)
        return
    lag = head - position
    said = f"at record {position:,} of {head:,}"
    yield (Level.WARN, f"{said}: {lag:,} behind", _rebuild(data)) if lag > _LAG else (Level.OK, said, None)


def _rebuild(data: Path) -> str:
    return f"ridealong rebuild --data {data}"


def _plans(patient: Patient) -> Iterator[Told]:
    count = 0
    for line in lines(patient.journal, 0, durable_seq(patient.journal)):
        if b'"kind":"config"' not in line.raw:
            continue
        entry = parsed(line)
        if entry["kind"] == Kind.CONFIG and "plan" in entry["payload"]:
            count += 1
            try:
                plan_from_json(entry["payload"]["plan"])
            except ValueError as error:
                reason = str(error).splitlines()[0]
                yield (
                    Level.FAIL,
                    f"record {entry['seq']} ({entry['workflow']}): this version refuses the plan: {reason}",
                    "go back to the version that pinned it, or adopt a new revision",
                )
    yield Level.OK, f"{count} pinned plans can be read", None


def _keys(patient: Patient) -> Iterator[Told]:
    ring, _ = key_file.load(patient.data)
    now = patient.clock.now()
    active = [key for key in ring.keys if key.status(now) == "active"]
    people = sign_in.load(patient.data)
    if not ring.entries and people is None:
        yield (
            Level.WARN,
            "there are none: one-person mode, on this machine only",
            "ridealong keys create --role admin --all-tenants, before others are to reach it",
        )
        return
    if not active and people is None:
        yield Level.FAIL, "no key opens any more", "ridealong keys create --role admin --all-tenants"
        return
    yield Level.OK, f"{len(active)} active" + (", and people sign in" if people else ""), None
    for key in active:
        if key.expires_at is not None and key.expires_at - now < _KEY_ENDS:
            yield (
                Level.WARN,
                f"key {key.id} ({key.name or key.role}) ends {key.expires_at:%Y-%m-%d %H:%M} UTC",
                "make a new one and hand it over before",
            )


def _settings(patient: Patient) -> Iterator[Told]:
    path = webhooks.settings_file(patient.data)
    if path.exists():
        found = webhooks.load(path)
        yield Level.OK, f"{path.name} is in order: {len(found.out)} subscribers", None
    else:
        yield Level.OK, "no webhooks are set up", None


_CHECKS: Final[dict[str, Callable[[Patient], Iterator[Told]]]] = {
    "folder": _folder,
    "disk": _disk,
    "temporary files": _temporary,
    "engine": _engine,
    "journal": _chain,
    "clock": _clock,
    "in use": _holder,
    "view": _view,
    "desk's list": desk_list,
    "idempotency keys": kept_answers,
    "plans": _plans,
    "keys": _keys,
    "settings": _settings,
}
