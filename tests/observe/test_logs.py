"""A log line tells an operator enough and a reader of logs nothing about a customer."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from rollout.errors import ConflictingEvent, RecordError, UsageError
from rollout.observe import logs
from rollout.observe.access_log import access_log
from rollout.observe.logs import Dropped, Json, LogSettings, Plain, Rated, masked, settings_from
from rollout.observe.requests import Request

SECRET = "Mrs-Smith's-words"


def record(message: Any, *args: Any, name: str = "rollout.router", **more: Any) -> logging.LogRecord:
    return logging.getLogger(name).makeRecord(
        name, logging.WARNING, __file__, 7, message, args, more.pop("exc_info", None), extra=more or None
    )


def lines(*records: logging.LogRecord) -> Iterator[str]:
    for each in records:
        yield Json("router").format(each)
        yield Plain("router").format(each)


def failed(error: Exception) -> Any:
    try:
        raise error
    except type(error):
        return sys.exc_info()


def test_an_error_shows_its_type_and_place_and_never_its_words() -> None:
    told = record("%s gave no answer", "bot@1", exc_info=failed(ValueError(SECRET)))
    line = orjson.loads(Json("agents").format(told))
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["at"][0].startswith("tests/observe/test_logs.py:")
    assert (line["process"], line["message"], line["level"]) == ("agents", "bot@1 gave no answer", "warning")
    assert all(SECRET not in one for one in lines(told))
    assert "ValueError at tests/observe/test_logs.py" in Plain("agents").format(told)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (RecordError("data: No space left"), "data: No space left"),
        (UsageError("port 8000 is in use"), "port 8000 is in use"),
        (ConflictingEvent(SECRET), "ConflictingEvent"),
        (ValueError(SECRET), "ValueError"),
        (OSError(28, "No space left on device", SECRET), "OSError: No space left on device"),
    ],
)
def test_an_error_in_a_message_has_words_only_where_they_are_the_operators(
    error: Exception, shown: str
) -> None:
    (line, plain) = lines(record("%s; the next round tries again", error))
    assert orjson.loads(line)["message"] == f"{shown}; the next round tries again"
    assert SECRET not in plain


def test_what_other_peoples_libraries_say_is_shown_only_by_its_place() -> None:
    told = record(f"prompt: {SECRET}", name="some_model_library.client")
    assert all(SECRET not in one for one in lines(told))
    assert "said by some_model_library.client at" in Plain("agents").format(told)
    dull = record("Started server process", name="uvicorn.error")
    assert orjson.loads(Json("router").format(dull))["message"] == "Started server process"


def test_a_task_that_nobody_waited_for_shows_no_words(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError(SECRET)

    async def forget() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0.01)
        del task

    asyncio.run(forget())
    assert caplog.records
    assert all(SECRET not in one for each in caplog.records for one in lines(each))


@pytest.mark.parametrize(
    "secret",
    ["ada.smith@example.com", "4111 1111 1111 1111", "+44 20 7946 0958", "rk_0123456789abcdef_secret"],
)
def test_what_looks_like_a_customer_or_a_key_is_masked(secret: str) -> None:
    assert masked(f"about {secret}, twice {secret}.") == "about [masked], twice [masked]."


def test_a_version_a_place_and_a_time_are_not_masked() -> None:
    for plain in ("bot@1.2.0", "rollout/api/door.py:120", "record 123456", "2026-09-01T12:00:00"):
        assert masked(plain) == plain


def test_a_line_is_one_line_of_bounded_length() -> None:
    (line, plain) = lines(record("a\nb" * 10_000))
    assert "\n" not in line + plain
    assert len(plain) < 8_000


def test_a_request_is_told_by_its_route_and_nothing_it_said(caplog: pytest.LogCaptureFixture) -> None:
    request = Request("POST /v1/route", "acme", 503, "busy", 0.0123, "ab12", "f" * 32)
    least, write = access_log(LogSettings(access="all"))
    logging.getLogger(logs.ACCESS_LOGGER).setLevel(logging.INFO)
    write(request)
    line = orjson.loads(Json("router").format(caplog.records[-1]))
    assert (least, line["route"], line["tenant"], line["status"]) == (0, "POST /v1/route", "acme", 503)
    assert (line["milliseconds"], line["request_id"], line["trace_id"]) == (12.3, "ab12", "f" * 32)
    assert [access_log(LogSettings(access=each))[0] for each in ("off", "errors")] == [600, 500]


def test_a_flood_is_cut_and_the_next_line_says_how_many_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(logs, "monotonic", lambda: now[0])
    rated = Rated(10)
    passed = [each for each in (record(str(n)) for n in range(500)) if rated.filter(each)]
    assert len(passed) == 20
    request = record("request", name=logs.ACCESS_LOGGER)
    assert rated.filter(request), "requests have room of their own"
    now[0] += 1
    late = record("late")
    assert rated.filter(late)
    assert orjson.loads(Json("router").format(late))["left_out"] == 480


@pytest.mark.parametrize(
    "wrong",
    [{logs.FORMAT: "xml"}, {logs.LEVEL: "loud"}, {logs.ACCESS: "some"}, {logs.RATE: "0"}, {logs.RATE: "nan"}],
)
def test_a_setting_that_is_none_is_refused_by_name(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        settings_from(wrong)


def test_nothing_said_means_text_for_people_and_failed_requests_only() -> None:
    assert settings_from({}) == LogSettings("text", "warning", "errors", 50.0)


def test_what_is_printed_is_dropped_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    dropped = Dropped()
    for _ in range(3):
        print(SECRET, file=dropped)
    assert len(caplog.records) == 1
    assert SECRET not in caplog.text


PROCESS = """
import logging, sys, threading, warnings
from rollout.observe import logs
logs.set_up("agents", quiet=True)
print("{secret}")
sys.stderr.write("{secret}\\n")
logging.getLogger("some.library").error("{secret}")
logging.getLogger("rollout.x").warning("kept")
warnings.warn("{secret}")
def fails(): raise ValueError("{secret}")
thread = threading.Thread(target=fails); thread.start(); thread.join()
logs.tell("agents", "told")
fails()
"""


def test_a_library_with_a_level_of_its_own_is_not_louder_than_was_asked_for() -> None:
    code = (
        "import logging\nfrom rollout.observe import logs\nlogs.set_up('agents')\n"
        "chatty = logging.getLogger('chatty')\nchatty.setLevel(logging.DEBUG)\n"
        "chatty.debug('x')\nchatty.warning('y')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    assert done.stderr.count("said by chatty") == 1


def test_a_whole_process_writes_json_lines_without_anybodys_words() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS.format(secret=SECRET.replace("'", ""))],
        capture_output=True,
        text=True,
        check=False,
        env={"RIDEALONG_LOG_FORMAT": "json", "PATH": ""},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Smith" not in done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in told if line["logger"] == "rollout.x"] == ["kept"]
    assert [line["error"]["type"] for line in told if "error" in line] == ["ValueError", "ValueError"]
    assert all(line["process"] == "agents" for line in told)
