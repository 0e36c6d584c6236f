"""An agent behind a URL that keeps the contract ``ridealong-agent/1``. Needs nothing but Python.

    export DESK_AGENT_SECRET=$(openssl rand -hex 32)
    python agent_server.py --port 8700 --secret-env DESK_AGENT_SECRET
    ridealong agent check http://127.0.0.1:8700/ --secret-env DESK_AGENT_SECRET

It answers from two articles by counting shared words, and looks up orders with the desk's tool where it is
given one. Put your own agent into ``Desk.answer``; what is around it (signatures, repeated turns, odd
requests) can stay. Behind a server of your own do the same.
"""
# ruff: noqa: INP001 - an example to copy, no package

import argparse
import hashlib
import hmac
import json
import os
import re
import threading
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTRACT = "ridealong-agent/1"
FRESH = 300
"""Seconds that a signature may be old, or ahead."""
MOST_BYTES = 2 * 1024 * 1024
KEPT_TURNS = 1000
"""Answers that are kept, in case a turn is asked again."""
ARTICLES = [
    {
        "id": "reset-password",
        "title": "Choose a new password",
        "text": "Open the sign in page and choose Forgot password. Enter your address and press Send. "
        "The message that comes holds a link on which you choose a new password.",
        "url": "https://help.example/reset-password",
    },
    {
        "id": "change-address",
        "title": "Change your address",
        "text": "Open your account, choose Personal details and press Edit beside your address.",
        "url": "https://help.example/change-address",
    },
]
ORDER = re.compile(r"\bORD-[0-9]{1,12}\b")
LOOK_UP = "get_order_status"
"""The desk's tool for orders, where the request names it."""
PERSON = re.compile(r"\b(human|person|real agent|somebody|someone|supervisor)\b", re.IGNORECASE)
COMMON = frozenset(
    {"a", "an", "and", "are", "can", "do", "for", "how", "i", "in", "is", "it", "me", "my", "of", "the", "to"}
)


class BadRequest(Exception):
    """What was sent is no request of the contract."""


class Desk:
    """The agent itself: a request in, an answer out."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        ticket, turns = request["ticket"], request.get("turns", [])
        said = [turn["text"] for turn in turns if turn.get("author") == "customer"]
        text = said[-1] if said else f"{ticket.get('subject', '')}\n{ticket.get('text', '')}"
        if (ticket.get("language") or "en").split("-")[0] != "en":
            return self.hand_off("language-unsupported")
        if PERSON.search(text):
            return self.hand_off("asked-for-human")
        order = ORDER.search(text)
        if order is not None and any(tool["name"] == LOOK_UP for tool in request.get("tools", [])):
            return self.about_order(order.group(0), request)
        best = max(ARTICLES, key=lambda article: self.fit(text, article))
        fit = self.fit(text, best)
        if fit < 0.5:
            return self.hand_off("low-confidence", tried="Looked through the articles; none is about this.")
        return {
            "action": "reply",
            "text": f"Hello,\n\n{best['text']}\n\nMore about it: {best['url']}",
            "confidence": round(min(0.5 + fit / 2, 0.99), 2),
            "sources": [{**best, "relevance": round(min(fit, 1.0), 2)}],
        }

    def about_order(self, order: str, request: dict[str, Any]) -> dict[str, Any]:
        """Have it looked up, then tell what came of it. Whose order it is, the desk sees to."""
        results = request.get("tool_results", [])
        found = next((one["result"] for one in results if one["outcome"] == "ok"), None)
        if isinstance(found, dict) and re.fullmatch(r"[a-z ]{1,40}", str(found.get("status"))):
            return {
                "action": "reply",
                "text": f"Hello,\n\nThe status of your order {order} is: {found['status']}.",
                "confidence": 0.95,
            }
        if not results and request.get("tool_calls_left", 0) > 0:
            call = {"name": LOOK_UP, "arguments": {"order_id": order}}
            return {"action": "call_tools", "tool_calls": [call]}
        return self.hand_off("no-such-order", tried=f"Looked up {order} without a status to tell.")

    @staticmethod
    def hand_off(reason: str, tried: str = "") -> dict[str, Any]:
        return {"action": "hand_off", "reasons": [reason], "confidence": None, "tried": tried}

    @staticmethod
    def fit(text: str, article: dict[str, str]) -> float:
        """Share of the title's telling words that the text has."""
        words = set(re.findall(r"[a-z]+", text.lower())) - COMMON
        telling = set(re.findall(r"[a-z]+", article["title"].lower())) - COMMON
        return len(words & telling) / len(telling)


class Door:
    """Everything around the agent."""

    def __init__(self, desk: Desk, secrets: list[bytes]) -> None:
        self.desk = desk
        self.secrets = secrets
        """The one in force, and the former one while you exchange it. None: nothing is checked."""
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def handle(self, body: bytes, signature: str) -> tuple[int, bytes]:
        if self.secrets and not self.is_signed(body, signature):
            return 401, b'{"error": "the signature is missing, wrong or old"}'
        try:
            request = self.read(body)
        except BadRequest as error:
            return 400, json.dumps({"error": str(error)}).encode()
        turn = request["turn_id"]
        with self._lock:
            known = self._answers.get(turn)
        if known is not None:
            return 200, known
        answer = {"contract": CONTRACT, "turn_id": turn, **self.desk.answer(request)}
        encoded = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        with self._lock:
            self._answers[turn] = encoded
            while len(self._answers) > KEPT_TURNS:
                self._answers.popitem(last=False)
        return 200, encoded

    def is_signed(self, body: bytes, header: str) -> bool:
        """Whether a holder of a secret signed this body in the last minutes."""
        parts = [part.partition("=") for part in header.split(",")]
        seconds = next((value for name, _, value in parts if name == "t"), "")
        given = [value for name, _, value in parts if name == "v1"]
        if not re.fullmatch(r"[0-9]{1,11}", seconds) or abs(time.time() - int(seconds)) > FRESH:
            return False
        wanted = [
            hmac.digest(secret, seconds.encode() + b"." + body, hashlib.sha256).hex()
            for secret in self.secrets
        ]
        return any(hmac.compare_digest(one.encode(), other.encode()) for one in wanted for other in given)

    @staticmethod
    def read(body: bytes) -> dict[str, Any]:
        """The request. Fields that are not known here are left alone: there will be more."""
        try:
            request = json.loads(body)
        except ValueError:
            raise BadRequest("the body is no JSON") from None
        if not isinstance(request, dict) or request.get("contract") != CONTRACT:
            raise BadRequest(f"this agent speaks {CONTRACT}")
        if not isinstance(request.get("turn_id"), str) or not isinstance(request.get("ticket"), dict):
            raise BadRequest("turn_id and ticket are needed")
        return request


def server(door: Door, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server that is not running yet; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                self.close_connection = True
                self.reply(413, b'{"error": "too long, or its length is not told"}')
                return
            body = self.rfile.read(int(length))
            try:
                status, answer = door.handle(body, self.headers.get("Ridealong-Signature", ""))
            except Exception:  # noqa: BLE001 - whatever it is, the next request is served
                # What went wrong belongs into your log, never into an answer.
                self.log_error("the agent failed")
                status, answer = 500, b'{"error": "failed"}'
            self.reply(status, answer)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing per request: an address may hold what is nobody's business."""

    return ThreadingHTTPServer((host, port), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--secret-env", metavar="NAME", help="variable that holds the secret")
    told = parser.parse_args()
    secret = os.environ.get(told.secret_env or "", "")
    if told.secret_env and not secret:
        parser.error(f"the variable {told.secret_env} is not set")
    with server(Door(Desk(), [secret.encode()] if secret else []), told.port) as running:
        print(f"http://127.0.0.1:{running.server_port}/")  # noqa: T201 - for whoever started it
        running.serve_forever()


if __name__ == "__main__":
    main()
