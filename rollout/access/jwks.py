"""The issuer's public keys: fetched with a deadline, kept, and fetched again when one is not known."""

import asyncio
import logging
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any, Final

import httpx
import jwt
import orjson

from rollout.errors import NotSignedIn

_DEADLINE: Final = 5.0
_LARGEST: Final = 256 * 1024
_FRESH: Final = 3600.0
"""Seconds after which keys are fetched again, so that a withdrawn one does not live on here."""
_STALE: Final = 86400.0
"""How long keys that could not be fetched again are trusted."""
_PAUSE: Final = 10.0
"""Seconds between two attempts: tokens with invented key ids must not become requests to the issuer."""
_SMALLEST_RSA: Final = 2048

_log = logging.getLogger(__name__)


class IssuerKeys:
    """Keys by id. Only asymmetric ones of the algorithms that are allowed."""

    def __init__(
        self, url: str, algorithms: Collection[str], *, now: Callable[[], float] = monotonic
    ) -> None:
        self._url = url
        self._algorithms = frozenset(algorithms)
        self._now = now
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching = asyncio.Lock()

    async def find(self, kid: str | None) -> jwt.PyJWK:
        """The key of an id; of a token that names none, the only one there is.

        Raises:
            NotSignedIn: there is no such key, or the issuer does not answer.

        """
        if not self._known(kid) or self._age() > _FRESH:
            await self._refresh(kid)
        if self._age() > _STALE:
            raise NotSignedIn("the issuer's keys cannot be fetched; access keys work all the same")
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid is None or kid not in self._keys:
            raise NotSignedIn("the token is signed with a key that its issuer does not publish")
        return self._keys[kid]

    def _known(self, kid: str | None) -> bool:
        return bool(self._keys) if kid is None else kid in self._keys

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._now() - self._fetched

    async def _refresh(self, kid: str | None) -> None:
        async with self._fetching:
            waited = self._tried is None or self._now() - self._tried >= _PAUSE
            if not waited or (self._known(kid) and self._age() <= _FRESH):
                return
            self._tried = self._now()
            try:
                async with asyncio.timeout(_DEADLINE):
                    keys = self._read(await self._fetch())
            except (TimeoutError, httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
                _log.warning("%s: %s: %s", self._url, type(error).__name__, error)
                return
            self._keys, self._fetched = keys, self._now()

    async def _fetch(self) -> bytes:
        taken = b""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=_DEADLINE) as http,
            http.stream("GET", self._url) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                taken += part
                if len(taken) > _LARGEST:
                    raise ValueError("more than a set of keys can be")
        return taken

    def _read(self, text: bytes) -> dict[str | None, jwt.PyJWK]:
        found = orjson.loads(text)
        values = found.get("keys") if isinstance(found, dict) else None
        if not isinstance(values, list):
            raise ValueError("no set of keys")  # noqa: TRY004 - the answer is wrong, not the program
        keys: dict[str | None, jwt.PyJWK] = {}
        for value in values:
            key = self._usable(value) if isinstance(value, dict) else None
            if key is not None:
                keys[value.get("kid")] = key
        if not keys:
            raise ValueError("no key that can verify anything here")
        return keys

    def _usable(self, value: Any) -> jwt.PyJWK | None:
        if value.get("kty") not in ("RSA", "EC") or value.get("use", "sig") != "sig":
            return None
        if not isinstance(value.get("kid", ""), str):
            return None
        try:
            key = jwt.PyJWK.from_dict(value)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        weak = value["kty"] == "RSA" and key.key.key_size < _SMALLEST_RSA
        return None if weak or key.algorithm_name not in self._algorithms else key
