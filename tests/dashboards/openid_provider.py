"""An OpenID provider on a loopback port: people, their claims, and a page on which one says who one is.

As strict with the dashboard as a provider is: a code opens once, to the client that asked, with the secret
and the verifier of the code's challenge.
"""

import base64
import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "dashboard", "the client's secret"
LASTS = 3600


@dataclass
class Provider:
    """The people are by the name of their link; each has the claims that go into their id tokens."""

    url: str
    people: dict[str, dict[str, Any]]
    issuer: str = ""
    """What it calls itself; a test may have it call itself otherwise."""
    ended: list[str] = field(default_factory=list)
    """The id tokens of those who signed out here."""
    _codes: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    _key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def token(self, person: str, **claims: Any) -> str:
        """An id token of this person's."""
        now = int(time.time())
        told = {"iss": self.issuer, "azp": CLIENT, "iat": now, "exp": now + LASTS}
        told |= {**self.people[person], **claims}
        return jwt.encode(told, self._key, algorithm="RS256", headers={"kid": "one"})

    async def metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "end_session_endpoint": f"{self.url}/end",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _: Request) -> Response:
        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return JSONResponse({"keys": [public | {"kid": "one", "alg": "RS256", "use": "sig"}]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT or "openid" not in asked.get("scope", "").split():
            return Response("no such client", 400)
        links = "".join(
            f'<p><a href="/chosen?{escape(urlencode(asked | {"person": name}))}">{name}</a></p>'
            for name in self.people
        )
        return HTMLResponse(f"<!doctype html><title>Who are you?</title><h1>Who are you?</h1>{links}")

    async def chosen(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_hex(8)
        self._codes[code] = asked["person"], asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 302)

    async def exchange(self, request: Request) -> Response:
        sent = dict(parse_qsl((await request.body()).decode()))
        person, asked = self._codes.pop(sent.get("code", ""), ("", {}))
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        kept = (asked.get("code_challenge"), asked.get("redirect_uri"), _basic(CLIENT, SECRET))
        if not person or kept != (
            challenge,
            sent.get("redirect_uri"),
            request.headers.get("authorization"),
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.token(person, nonce=asked["nonce"])
        return JSONResponse(
            {"access_token": "opaque", "id_token": token, "token_type": "Bearer", "expires_in": LASTS}
        )

    async def end(self, request: Request) -> Response:
        self.ended.append(request.query_params["id_token_hint"])
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.metadata),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/chosen", self.chosen),
            Route("/token", self.exchange, methods=["POST"]),
            Route("/end", self.end),
        ]


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def claims(token: str) -> dict[str, Any]:
    """What a token says; nobody asks here whether it is true."""
    body = token.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return told


@contextmanager
def running(people: dict[str, dict[str, Any]]) -> Iterator[Provider]:
    """A provider that answers, until the block ends."""
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    provider = Provider(url, people, issuer=url)
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=provider.routes()), log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield provider
    server.should_exit = True
    thread.join(10)
    door.close()
