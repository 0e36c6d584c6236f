"""Every refusal as RFC 9457 problem details: what happened, in whose words, what to do."""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rollout.errors import (
    BeingCounted,
    ConflictingEvent,
    DeskRefused,
    FolderInUse,
    NotAllowed,
    NotSignedIn,
    QueueFull,
    RecordError,
    RidealongError,
    TooMany,
    TransitionRefused,
    UnknownKey,
    UnknownTicket,
    UnknownWorkflow,
    UsageError,
)
from rollout.observe.requests import PROBLEM

MEDIA_TYPE: Final = "application/problem+json"
_TITLES: Final[dict[str, tuple[int, str]]] = {
    "malformed": (400, "The body is not JSON"),
    "not-found": (404, "Not found"),
    "unknown-workflow": (404, "No such workflow"),
    "method-not-allowed": (405, "Method not allowed"),
    "conflict": (409, "Already recorded with other content"),
    "refused": (409, "The ladder does not allow this"),
    "desk-refused": (409, "What was said or done before does not allow this"),
    "key-reused": (409, "The idempotency key belongs to another request"),
    "in-progress": (409, "The first request with this key is being answered"),
    "in-doubt": (409, "Nobody can say again what the first answer was"),
    "too-slow": (408, "The request took too long to arrive"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "Send JSON"),
    "misdirected": (421, "Not the host this server answers for"),
    "unauthenticated": (401, "Nobody knows who you are"),
    "forbidden": (403, "Not allowed"),
    "unknown-key": (404, "No such key"),
    "headers-too-large": (431, "Too many or too large headers"),
    "too-many": (429, "More than you may ask"),
    "invalid": (422, "The request does not hold to the contract"),
    "internal": (500, "An error of the server"),
    "busy": (503, "More is offered than can be made durable"),
    "being-counted": (503, "Being counted"),
    "unavailable": (503, "Reads are not available right now"),
    "not-recording": (503, "Nothing can be recorded right now"),
}
_ERRORS: Final[tuple[tuple[type[RidealongError], str], ...]] = (
    (UnknownWorkflow, "unknown-workflow"),
    (UnknownKey, "unknown-key"),
    (UnknownTicket, "not-found"),
    (NotSignedIn, "unauthenticated"),
    (NotAllowed, "forbidden"),
    (TooMany, "too-many"),
    (ConflictingEvent, "conflict"),
    (TransitionRefused, "refused"),
    (DeskRefused, "desk-refused"),
    (QueueFull, "busy"),
    (BeingCounted, "being-counted"),
    (FolderInUse, "not-recording"),
    (RecordError, "not-recording"),
    (UsageError, "invalid"),
)
_RETRY_AFTER: Final[dict[str, str]] = {
    "in-progress": "1",
    "busy": "1",
    "being-counted": "5",
    "unavailable": "5",
    "not-recording": "5",
}
_BY_STATUS: Final = {
    400: "malformed",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    503: "unavailable",
}


class Refused(Exception):
    """A refusal raised inside a door, already worded."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code, self.detail, self.extra = code, detail, extra


class _Problem(Response):
    """Notes its code for whoever counts refusals."""

    code = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROBLEM] = self.code
        await super().__call__(scope, receive, send)


def problem(
    code: str,
    detail: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """The response for one refusal; ``code`` is stable and meant for machines."""
    standard, title = _TITLES[code]
    status = status or standard
    body = {
        "type": f"urn:ridealong:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **extra,
    }
    sent = dict(headers or {})
    if code in _RETRY_AFTER:
        sent["Retry-After"] = _RETRY_AFTER[code]
    response = _Problem(orjson.dumps(body), status, sent, MEDIA_TYPE)
    response.code = code
    return response


def of_error(error: RidealongError) -> Response:
    """An expected error of the house, in the status its kind deserves."""
    code = next((code for kind, code in _ERRORS if isinstance(error, kind)), "internal")
    return problem(code, str(error), headers=_headers(error))


def _headers(error: RidealongError) -> dict[str, str]:
    if isinstance(error, TooMany):
        return {"Retry-After": str(ceil(error.wait))}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedIn) else {}


def of_validation(error: ValidationError | RequestValidationError) -> Response:
    """What is wrong where. Values are not echoed: a ticket's text may be among them."""
    found = (
        error.errors(include_url=False, include_input=False)
        if isinstance(error, ValidationError)
        else (error.errors())
    )
    if any(item["type"] == "json_invalid" for item in found):
        return problem("malformed", str(found[0]["msg"]))
    errors = [
        {"pointer": "#/" + "/".join(str(part) for part in item["loc"]), "detail": str(item["msg"])}
        for item in found
    ]
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem("invalid", f"{first['pointer']}: {first['detail']}{more}", errors=errors[:20])


def answer_to(error: Refused | RidealongError | ValidationError) -> Response:
    """The response that ``install`` makes of an expected error."""
    if isinstance(error, Refused):
        return problem(error.code, error.detail, **error.extra)
    return of_validation(error) if isinstance(error, ValidationError) else of_error(error)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as problem details."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return problem(error.code, error.detail, **error.extra)

    async def house(_: Request, error: Exception) -> Response:
        assert isinstance(error, RidealongError)
        return of_error(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, ValidationError | RequestValidationError)
        return of_validation(error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "invalid")
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return problem(code, detail, status=error.status_code, headers=error.headers)

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # to nobody: whoever asked has left in the middle of the body

    async def unforeseen(request: Request, _: Exception) -> Response:
        return problem(
            "internal", f"{request.method} {request.url.path} failed; the server's log has the cause"
        )

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RidealongError, house)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unforeseen)
