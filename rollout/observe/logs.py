"""Log lines of all processes: for people as text, for machines as JSON, and never a customer's words.

What a line may hold is decided here, not where it is written, because not every writer is ours:

* an exception shows its type and where it happened, not its message, which may quote what it failed on;
  only errors about the operator's own files, plans and disks show theirs;
* a message of somebody else's library shows where it was written, unless that library is known to be dull;
* addresses, long numbers and keys that got into a line all the same are masked.

A flood of lines is cut to a rate, and the next line says how many are missing.
"""

import io
import logging
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, NamedTuple

import orjson
import re2

from policies.problems import ManifestInvalid, PlanInvalid
from rollout.errors import (
    BackupDamaged,
    FolderInUse,
    JournalCorrupt,
    QueueFull,
    RecordError,
    UsageError,
)

FORMAT: Final = "RIDEALONG_LOG_FORMAT"
LEVEL: Final = "RIDEALONG_LOG_LEVEL"
ACCESS: Final = "RIDEALONG_ACCESS_LOG"
RATE: Final = "RIDEALONG_LOG_RATE"

ACCESS_LOGGER: Final = "ridealong.access"
_OURS: Final = ("agents", "dashboards", "experiments", "policies", "rollout", "ridealong", "__main__")
_DULL: Final = frozenset({"uvicorn", "uvicorn.error"})
"""Other people's loggers whose messages hold nothing of a request."""
_LONGEST: Final = 4000
_FRAMES: Final = 12
_TELLING: Final[frozenset[type[BaseException]]] = frozenset(
    {BackupDamaged, FolderInUse, JournalCorrupt, QueueFull, RecordError, UsageError}
    | {ManifestInvalid, PlanInvalid}
)
"""Errors about the operator's own things. Their subclasses may quote a caller, so each is named."""
_MASKED: Final = re2.compile(
    r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
    r"|\+?\b(?:\d[ -]?){8,}\d\b"
    r"|\b(?:rk|sk|pk)[_-][A-Za-z0-9_-]{12,}"
)


class LogSettings(NamedTuple):
    """How lines are written."""

    format: str = "text"
    """``text`` or ``json``."""
    level: str = "warning"
    access: str = "errors"
    """Requests that get a line: ``off``, ``errors`` (answered with 500 or more) or ``all``."""
    rate: float = 50.0
    """Lines per second of each process, requests and others apart; twice as many at once."""


_CHOICES: Final = {
    FORMAT: ("text", "json"),
    LEVEL: ("debug", "info", "warning", "error"),
    ACCESS: ("off", "errors", "all"),
}


def settings_from(environment: Mapping[str, str] = os.environ) -> LogSettings:
    """The settings that the environment asks for.

    Raises:
        UsageError: one of them is none there is.

    """
    usual = LogSettings()
    chosen = {
        name: environment.get(name, "").strip().lower() or default
        for name, default in ((FORMAT, usual.format), (LEVEL, usual.level), (ACCESS, usual.access))
    }
    for name, value in chosen.items():
        if value not in _CHOICES[name]:
            raise UsageError(f"{name}={value}: one of {', '.join(_CHOICES[name])}")
    text = environment.get(RATE, "").strip() or str(usual.rate)
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 100_000:
        raise UsageError(f"{RATE}={text}: lines per second, from 1 to 100000")
    return LogSettings(chosen[FORMAT], chosen[LEVEL], chosen[ACCESS], rate)


def set_up(process: str, *, quiet: bool = False) -> LogSettings:
    """Have this process write its lines to standard error as the environment asks.

    Args:
        process: its name in every line.
        quiet: drop what is printed around the log: in the agents' process it may hold texts.

    Raises:
        UsageError: see ``settings_from``.

    """
    settings = settings_from()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter_of(process, settings))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    least = root.level
    # A library may set a level of its own, and the root's says nothing to it.
    handler.addFilter(lambda record: record.levelno >= least or record.name.split(".")[0] in _OURS)
    handler.addFilter(Rated(settings.rate))
    logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    crashed = logging.getLogger("ridealong")
    sys.excepthook = lambda kind, error, trace: crashed.critical(
        "the process ends", exc_info=(kind, error, trace)
    )
    threading.excepthook = lambda failed: crashed.error("a thread ended", exc_info=failed.exc_value or True)
    if quiet:
        sys.stdout = sys.stderr = Dropped()
    return settings


def tell(process: str, line: str) -> None:
    """Tell the person, or the machine, at the other end of standard error what happens to a process."""
    if settings_from().format == "text":
        sys.stderr.write(f"ridealong: {line}\n")
    else:
        record = logging.LogRecord("ridealong", logging.INFO, "", 0, "%s", (line,), None)
        sys.stderr.write(Json(process).format(record) + "\n")
    sys.stderr.flush()


def formatter_of(process: str, settings: LogSettings) -> logging.Formatter:
    return Json(process) if settings.format == "json" else Plain(process)


class Plain(logging.Formatter):
    """A line for people."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        told = content_of(record)
        at, more = told.pop("error", None), {**told}
        del more["message"]
        words = [f"{_time(record)} {self._process} {record.levelname} {told['message']}"]
        words += [f"{name}={value}" for name, value in more.items()]
        if at is not None:
            words.append(f"({at['type']} at {' < '.join(at['at'])})")
        return " ".join(words).replace("\n", " | ")


class Json(logging.Formatter):
    """A line for machines: one JSON object."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
        }
        return orjson.dumps(head | content_of(record), default=str).decode()


def content_of(record: logging.LogRecord) -> dict[str, Any]:
    """What may be told of a record: its message, an error's type and places, the fields it brings."""
    told: dict[str, Any] = {"message": _message(record)}
    if record.exc_info and record.exc_info[1] is not None:
        told["error"] = error_of(record.exc_info[1], record.exc_info[2])
    told |= getattr(record, "told", {})
    if missing := getattr(record, "left_out", 0):
        told["left_out"] = missing
    return told


def error_of(error: BaseException, trace: TracebackType | None) -> dict[str, Any]:
    """Type and places of an error, innermost first; not its message."""
    places = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}" for frame, line in walk_tb(trace)
    ]
    return {"type": type(error).__name__, "at": places[::-1][:_FRAMES]}


def _message(record: logging.LogRecord) -> str:
    name = record.name.split(".")[0]
    if name not in _OURS and record.name not in _DULL:
        return f"said by {record.name} at {_short(record.pathname)}:{record.lineno}"
    args: Any = record.args
    if isinstance(args, tuple):
        args = tuple(_safe(each) for each in args)
    message = str(record.msg if not isinstance(record.msg, BaseException) else _safe(record.msg))
    return masked(message % args if args else message)[:_LONGEST]


def _safe(value: Any) -> Any:
    """An error among a message's arguments: its words only where they are about the operator's things."""
    if not isinstance(value, BaseException):
        return value
    if isinstance(value, OSError):
        return f"{type(value).__name__}: {value.strerror}"
    return str(value) if type(value) in _TELLING else type(value).__name__


def masked(text: str) -> str:
    """``text`` without mail addresses, long numbers and keys."""
    return str(_MASKED.sub("[masked]", text))


class Rated(logging.Filter):
    """Lets so many lines a second pass, requests and others apart; the next one says how many are missing."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate
        self._room = {True: (2 * rate, 0.0), False: (2 * rate, 0.0)}
        self._missing = {True: 0, False: 0}

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = record.name == ACCESS_LOGGER, monotonic()
        room, at = self._room[kind]
        room = min(room + (now - at) * self._rate, 2 * self._rate) if at else room
        if room < 1:
            self._room[kind] = (room, now)
            self._missing[kind] += 1
            return False
        self._room[kind] = (room - 1, now)
        record.left_out, self._missing[kind] = self._missing[kind], 0
        return True


class Dropped(io.TextIOBase):
    """Where prints go that nobody may read; says once that there are some."""

    def __init__(self) -> None:
        self._told = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text.strip() and not self._told:
            self._told = True
            logging.getLogger("ridealong").warning(
                "something here prints; what is printed may hold customers' words and is dropped"
            )
        return len(text)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _short(path: str) -> str:
    """The last three parts of a file's path: enough to find it, nothing of the machine."""
    return "/".join(Path(path).parts[-3:])
