"""Bearer tokens of an OpenID provider: verified against its published keys, then read as a principal.

The algorithm is chosen by the key, never by the token: a token that asks for ``none``, or for an HMAC
with the public key as its secret, finds no key of that kind.
"""

import hashlib
from collections import OrderedDict
from time import monotonic, time
from typing import Any, Final, NamedTuple

import jwt

from rollout.access.jwks import IssuerKeys
from rollout.access.principal import Principal
from rollout.access.sign_in import SignInSettings, principal_of
from rollout.errors import NotSignedIn

_LONGEST: Final = 16 * 1024
_REMEMBERED: Final = 60.0
"""Seconds for which a token is not verified again: a withdrawn key closes within that time."""
_MOST_REMEMBERED: Final = 4096
_CLAIMS: Final = ["exp", "iat", "iss", "aud", "sub"]
_WHY: Final[dict[type[jwt.PyJWTError], str]] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.InvalidIssuerError: "it is from another issuer",
    jwt.MissingRequiredClaimError: "it lacks a claim that is needed",
}


class _Known(NamedTuple):
    principal: Principal
    until: float


class Oidc:
    """Signs people in by their tokens. One per server."""

    def __init__(self, settings: SignInSettings, keys: IssuerKeys | None = None) -> None:
        self._settings = settings
        self._keys = keys or IssuerKeys(settings.jwks_url, settings.algorithms)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Who the token names.

        Raises:
            NotSignedIn: it is not to be trusted; says why, not by which key.

        """
        if len(token) > _LONGEST or not token.isascii():
            raise NotSignedIn("this is no token")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and monotonic() < known.until:
            return known.principal
        claims = await self._verified(token)
        principal = principal_of(claims, self._settings)
        left = float(claims["exp"]) + self._settings.leeway_seconds - time()
        self._known[digest] = _Known(principal, monotonic() + min(left, _REMEMBERED))
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise NotSignedIn("this is no token") from None
        if header.get("alg") not in self._settings.algorithms or "crit" in header:
            raise NotSignedIn("the token is signed in a way that is not allowed here")
        key = await self._keys.find(header.get("kid"))
        if key.algorithm_name != header["alg"]:
            raise NotSignedIn("the token is not signed the way its key is for")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds,
                options={"require": _CLAIMS},
            )
        except jwt.PyJWTError as error:
            why = _WHY.get(type(error), "it does not verify")
            raise NotSignedIn(f"this token is not to be trusted: {why}") from None
        return claims
