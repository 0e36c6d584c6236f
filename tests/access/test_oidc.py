"""Tokens of an issuer that runs here: what it signed lets in, everything else does not."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rollout.access import sign_in
from rollout.access.admission import Admission
from rollout.access.jwks import IssuerKeys
from rollout.access.key_desk import KeyDesk
from rollout.access.oidc import Oidc
from rollout.access.principal import Principal
from rollout.access.roles import Permission, Role, rule_of
from rollout.access.sign_in import SignInSettings
from rollout.errors import NotAllowed, NotSignedIn, UsageError
from rollout.serve import server

ISSUER, AUDIENCE = "https://login.example/desk", "ridealong"


@pytest.fixture(scope="module")
def rsa_key() -> Any:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def other_rsa() -> Any:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def published(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.RSAAlgorithm
        if hasattr(key, "private_numbers") and isinstance(key, rsa.RSAPrivateKey)
        else jwt.algorithms.ECAlgorithm
    )
    value: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return value | ({} if kid is None else {"kid": kid}) | more


class Issuer:
    """Publishes whatever ``keys`` holds; counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.answer: Any = None
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                if issuer.answer is not None:
                    issuer.answer(self)
                    return
                body = json.dumps({"keys": issuer.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer(rsa_key: Any) -> Iterator[Issuer]:
    found = Issuer()
    found.keys = [published(rsa_key, "one")]
    yield found
    found.close()


def settings(issuer: Issuer, **changes: Any) -> SignInSettings:
    return SignInSettings(
        **{
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "jwks_url": issuer.url,
            "algorithms": ["RS256", "ES256"],
            "roles": {"release": [Role.RELEASE_MANAGER], "desk": [Role.OPERATOR, Role.VIEWER]},
            "tenant_claim": "org.tenant",
            "all_tenants_for": ["platform"],
            **changes,
        }
    )


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "u-1",
        "iat": now,
        "exp": now + 300,
        "email": "ada@example.com",
        "groups": ["release", "everybody"],
        "org": {"tenant": "acme"},
    } | changes
    return {name: value for name, value in told.items() if value is not None}


def token(key: Any, kid: str | None = "one", algorithm: str = "RS256", **changes: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def who(oidc: Oidc, text: str) -> Principal:
    return asyncio.run(oidc.principal(text))


def test_a_signed_token_names_somebody_with_the_roles_of_the_table(issuer: Issuer, rsa_key: Any) -> None:
    found = who(Oidc(settings(issuer)), token(rsa_key))
    assert (found.id, found.name, found.tenant) == ("oidc:u-1", "ada@example.com", "acme")
    assert found.roles == {Role.RELEASE_MANAGER}
    assert found.actor == "ada@example.com (oidc:u-1)"


def test_both_kinds_of_key_are_taken(issuer: Issuer, ec_key: Any) -> None:
    issuer.keys.append(published(ec_key, "curve"))
    assert who(Oidc(settings(issuer)), token(ec_key, "curve", "ES256")).tenant == "acme"


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], secret: bytes | None, **changes: Any) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims(**changes)).encode())}"
    tag = b"" if secret is None else hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{b64(tag)}"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_is_not_signed_lets_nobody_in(issuer: Issuer, name: str) -> None:
    with pytest.raises(NotSignedIn, match=r"not allowed here|no token"):
        who(Oidc(settings(issuer)), by_hand({"alg": name, "kid": "one"}, None))


def test_the_public_key_is_no_secret_to_sign_with(issuer: Issuer, rsa_key: Any) -> None:
    public = rsa_key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, der, pem.strip(), json.dumps(issuer.keys[0]).encode()):
        for algorithm in ("HS256", "RS256"):
            with pytest.raises(NotSignedIn):
                who(Oidc(settings(issuer)), by_hand({"alg": algorithm, "kid": "one"}, secret))


def test_a_shared_secret_among_the_published_keys_is_not_used(issuer: Issuer) -> None:
    issuer.keys.append({"kty": "oct", "kid": "shared", "k": b64(b"x" * 32), "alg": "HS256"})
    with pytest.raises(NotSignedIn):
        who(Oidc(settings(issuer)), by_hand({"alg": "HS256", "kid": "shared"}, b"x" * 32))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"aud": "another"}, "audience"),
        ({"aud": None}, "lacks"),
        ({"iss": "https://login.example/other"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": None}, "lacks"),
        ({"iat": None}, "lacks"),
        ({"sub": None}, "lacks"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"iat": int(time.time()) + 3600}, "not valid yet"),
        ({"sub": ""}, "subject"),
        ({"sub": "a\nb"}, "subject"),
        ({"sub": "x" * 201}, "subject"),
        ({"org": {}}, "tenant"),
        ({"org": {"tenant": "../other"}}, "tenant"),
        ({"org": {"tenant": ["acme"]}}, "tenant"),
        ({"org": {"tenant": "_installation"}}, "tenant"),
    ],
)
def test_a_token_that_says_anything_wrong_lets_nobody_in(
    issuer: Issuer, rsa_key: Any, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(NotSignedIn, match=told):
        who(Oidc(settings(issuer)), token(rsa_key, **changes))


def test_small_differences_of_clocks_are_forgiven(issuer: Issuer, rsa_key: Any) -> None:
    now = int(time.time())
    for changes in ({"exp": now - 30}, {"nbf": now + 30}, {"iat": now + 30}):
        assert who(Oidc(settings(issuer)), token(rsa_key, **changes)).id == "oidc:u-1"
        with pytest.raises(NotSignedIn):
            who(Oidc(settings(issuer, leeway_seconds=0.0)), token(rsa_key, **changes))


def test_a_changed_body_or_signature_lets_nobody_in(issuer: Issuer, rsa_key: Any, other_rsa: Any) -> None:
    head, _, tag = token(rsa_key).split(".")
    forged = f"{head}.{b64(json.dumps(claims(groups=['platform'])).encode())}.{tag}"
    for text in (forged, token(other_rsa), head, "", "a.b.c", "é" * 10, "x" * 20_000):
        with pytest.raises(NotSignedIn):
            who(Oidc(settings(issuer)), text)


def test_keys_that_the_token_brings_along_are_not_looked_at(issuer: Issuer, other_rsa: Any) -> None:
    for brought in (
        {"jwk": published(other_rsa, "mine")},
        {"jku": issuer.url},
        {"x5u": issuer.url},
    ):
        text = jwt.encode(claims(), other_rsa, algorithm="RS256", headers={"kid": "one"} | brought)
        with pytest.raises(NotSignedIn):
            who(Oidc(settings(issuer)), text)
    critical = jwt.encode(claims(), other_rsa, algorithm="RS256", headers={"kid": "one", "crit": ["x"]})
    with pytest.raises(NotSignedIn, match=r"not allowed|no token"):
        who(Oidc(settings(issuer)), critical)


def test_an_algorithm_that_is_not_allowed_here_lets_nobody_in(issuer: Issuer, ec_key: Any) -> None:
    issuer.keys.append(published(ec_key, "curve"))
    with pytest.raises(NotSignedIn, match="not allowed"):
        who(Oidc(settings(issuer, algorithms=["RS256"])), token(ec_key, "curve", "ES256"))


def test_a_weak_key_is_as_if_it_were_not_published(issuer: Issuer) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    issuer.keys.append(published(weak, "weak"))
    text = by_hand({"alg": "RS256", "kid": "weak"}, b"")
    with pytest.raises(NotSignedIn, match="does not publish"):
        who(Oidc(settings(issuer)), text)


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def turning(issuer: Issuer) -> tuple[Oidc, Hands]:
    clock = Hands()
    oidc = Oidc(settings(issuer), IssuerKeys(issuer.url, ["RS256", "ES256"], now=clock))
    return oidc, clock


def test_a_new_key_is_found_when_it_is_first_used_and_a_withdrawn_one_dies(
    issuer: Issuer, rsa_key: Any, other_rsa: Any
) -> None:
    oidc, clock = turning(issuer)
    assert who(oidc, token(rsa_key)).id == "oidc:u-1"
    issuer.keys = [published(other_rsa, "two")]
    clock.at += 60
    assert who(oidc, token(other_rsa, "two")).id == "oidc:u-1"
    assert issuer.asked == 2
    with pytest.raises(NotSignedIn, match="does not publish"):
        who(oidc, token(rsa_key, sub="u-2"))


def test_keys_are_fetched_again_in_time_even_where_nothing_new_is_asked_for(
    issuer: Issuer, rsa_key: Any, other_rsa: Any
) -> None:
    oidc, clock = turning(issuer)
    who(oidc, token(rsa_key))
    issuer.keys = [published(other_rsa, "two")]
    clock.at += 3601
    with pytest.raises(NotSignedIn, match="does not publish"):
        who(oidc, token(rsa_key, sub="u-2"))


def test_invented_key_ids_do_not_become_requests_to_the_issuer(issuer: Issuer, rsa_key: Any) -> None:
    oidc, clock = turning(issuer)
    for number in range(200):
        with pytest.raises(NotSignedIn):
            who(oidc, token(rsa_key, f"invented {number}"))
    assert issuer.asked == 1
    clock.at += 11
    with pytest.raises(NotSignedIn):
        who(oidc, token(rsa_key, "invented"))
    assert issuer.asked == 2


def test_known_keys_outlive_an_issuer_that_is_away_but_not_for_ever(issuer: Issuer, rsa_key: Any) -> None:
    oidc, clock = turning(issuer)
    who(oidc, token(rsa_key))
    issuer.answer = lambda handler: handler.send_error(500)
    clock.at += 7200
    assert who(oidc, token(rsa_key, sub="u-2")).id == "oidc:u-2"
    clock.at += 86400
    with pytest.raises(NotSignedIn, match="cannot be fetched"):
        who(oidc, token(rsa_key, sub="u-3"))


def test_an_issuer_that_drips_or_floods_holds_nobody_up(
    issuer: Issuer, rsa_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, drops = threading.Event(), []

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not released.wait(0.05):
            try:
                handler.wfile.write(b" ")
                drops.append(1)
            except OSError:
                return

    def flood(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(1000):
                handler.wfile.write(b" " * 10_000)
        except OSError:
            return

    monkeypatch.setattr("rollout.access.jwks._DEADLINE", 0.3)
    for answer in (drip, flood, lambda handler: handler.send_error(404)):
        issuer.answer = answer
        with pytest.raises(NotSignedIn, match="cannot be fetched"):
            who(Oidc(settings(issuer)), token(rsa_key))
        assert len(drops) < 60, "every drop came in time, and it was given up all the same"
    released.set()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b"<html>",
        b'{"keys": [{"kty": "RSA", "kid": []}, {"kty": "EC", "crv": 1}]}',
    ],
)
def test_what_is_no_set_of_keys_is_none(issuer: Issuer, rsa_key: Any, body: bytes) -> None:
    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    issuer.answer = answer
    with pytest.raises(NotSignedIn, match="cannot be fetched"):
        who(Oidc(settings(issuer)), token(rsa_key))


def test_a_verified_token_is_remembered_only_as_long_as_it_holds(issuer: Issuer, rsa_key: Any) -> None:
    oidc = Oidc(settings(issuer, leeway_seconds=0.0))
    text = token(rsa_key, exp=int(time.time()) + 2)
    assert who(oidc, text) is who(oidc, text)
    time.sleep(2.1)
    with pytest.raises(NotSignedIn, match="expired"):
        who(oidc, text)


def test_roles_come_from_the_table_and_from_nothing_the_token_says(issuer: Issuer, rsa_key: Any) -> None:
    oidc = Oidc(settings(issuer))
    nobody = who(oidc, token(rsa_key, groups=["admin", "everybody"], role="admin", roles=["admin"]))
    assert nobody.roles == set()
    both = who(oidc, token(rsa_key, groups=["desk", "release"]))
    assert both.roles == {Role.OPERATOR, Role.VIEWER, Role.RELEASE_MANAGER}
    assert who(oidc, token(rsa_key, groups="release")).roles == {Role.RELEASE_MANAGER}
    assert who(oidc, token(rsa_key, groups={"release": 1})).roles == set()
    assert who(oidc, token(rsa_key, groups=["platform", "desk"])).tenant is None


def test_a_name_cannot_pass_for_somebody_elses_id(issuer: Issuer, rsa_key: Any) -> None:
    found = who(Oidc(settings(issuer)), token(rsa_key, email="root (key:1)\n"))
    assert found.actor == "root key:1 (oidc:u-1)"


def test_who_has_signed_in_without_a_role_may_nothing(issuer: Issuer, rsa_key: Any, tmp_path: Path) -> None:
    access = Admission(KeyDesk(tmp_path, list), sign_in=Oidc(settings(issuer)))
    assert not access.one_person, "there are no keys, and the door is closed all the same"

    def ask(text: str) -> Principal:
        return asyncio.run(access.identify(f"Bearer {text}"))

    nobody = ask(token(rsa_key, groups=[]))
    with pytest.raises(NotAllowed):
        access.permit(nobody, rule_of("GET", "/v1/me"))
    assert ask(token(rsa_key)).may(Permission.PROMOTE)
    for text in ("rk_1_x", "", "nonsense"):
        with pytest.raises(NotSignedIn):
            ask(text)


GOOD = f"""
issuer = "{ISSUER}"
audience = "ridealong"
jwks_url = "https://login.example/keys"
tenant = "acme"
[roles]
release = ["release_manager"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = sign_in.path_of(tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return tmp_path


def test_the_settings_are_read_as_written(tmp_path: Path) -> None:
    assert sign_in.load(tmp_path) is None
    found = sign_in.load(written(tmp_path, GOOD))
    assert found is not None
    assert (found.algorithms, found.roles) == (["RS256"], {"release": [Role.RELEASE_MANAGER]})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("https://login.example/keys", "http://login.example/keys", "https"),
        ("audience", "audiense", "audiense"),
        ('"release_manager"', '"boss"', "roles.release"),
        ("release = [", "other = 1 #", "roles.other"),
        ('tenant = "acme"', "", "either tenant"),
        ('tenant = "acme"', 'tenant = "a b"', "no name"),
        ('tenant = "acme"', 'tenant = "acme"\ntenant_claim = "t"', "either"),
        ('tenant = "acme"', 'tenant = "acme"\nalgorithms = ["HS256"]', "algorithms"),
        ('tenant = "acme"', 'tenant = "acme"\nalgorithms = ["none"]', "algorithms"),
        ('tenant = "acme"', 'tenant = "acme"\ntenant = "b"', "oidc.toml"),
    ],
)
def test_settings_that_are_not_sound_keep_the_server_from_starting(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    assert before in GOOD
    with pytest.raises(UsageError, match=told):
        sign_in.load(written(tmp_path, GOOD.replace(before, after)))


@pytest.mark.slow
def test_a_running_server_lets_in_who_its_issuer_signed_for(
    tmp_path: Path, issuer: Issuer, rsa_key: Any, other_rsa: Any
) -> None:
    text = GOOD.replace("https://login.example/keys", issuer.url)
    with server.running(written(tmp_path / "data", text), host="0.0.0.0", port=0) as (supervisor, url):
        server.wait_until_ready(supervisor, url)

        def ask(path: str, bearer: str | None) -> httpx.Response:
            headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
            return httpx.get(url + path, headers=headers, trust_env=False, timeout=20.0)

        assert ask("/v1/me", None).status_code == 401
        assert ask("/v1/me", token(other_rsa)).status_code == 401
        told = ask("/v1/me", token(rsa_key)).json()
        assert (told["id"], told["tenant"], told["roles"]) == ("oidc:u-1", "acme", ["release_manager"])
        assert ask("/v1/keys", token(rsa_key)).status_code == 403
        assert ask("/v1/workflows", token(rsa_key)).json() == {"workflows": []}
